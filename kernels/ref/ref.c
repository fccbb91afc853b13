/* SPDX-License-Identifier: MIT */
#include "kernels/ref/ref.h"

#include <math.h>

bool km_ref_naive;

double km_ref_bf16(double x)
{
    int exponent;
    double fraction = frexp(x, &exponent);
    return ldexp(rint(ldexp(fraction, 8)), exponent - 8);
}

double km_ref_stored(double x) { return km_ref_naive ? km_ref_bf16(x) : x; }
