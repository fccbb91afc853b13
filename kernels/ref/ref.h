/* SPDX-License-Identifier: MIT
 * The oracle: every kernel as plain loops in float64, for tests only. Same arguments as the table's, with double for
 * float. */
#ifndef KERNELS_REF_REF_H
#define KERNELS_REF_REF_H

#include "kernels/backend.h"

#define real double
#define KM_KERNEL(name, args) void km_ref_##name args;
#include "kernels/kernels.def"
#undef KM_KERNEL
#undef real

/* While it is set these loops are a naive composition in bfloat16 instead: what would be an array between two plain
 * operations (products, sums, an activation, softmax, a norm) is rounded; sums and results are not. */
extern bool km_ref_naive;
/* x rounded to bfloat16's eight bits, and the same in a naive composition only. */
double km_ref_bf16(double x);
double km_ref_stored(double x);

#endif
