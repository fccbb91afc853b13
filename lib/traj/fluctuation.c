/* SPDX-License-Identifier: MIT */
#include "lib/traj/fluctuation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"

km_fluctuation km_fluctuation_of(int32_t A)
{
    size_t n = (size_t)A;
    return (km_fluctuation){.A = A,
                            .first = KM_NEWN(float, 3 * n),
                            .x = KM_NEWN(float, 3 * n),
                            .sum = KM_NEWN(double, 3 * n),
                            .square = KM_NEWN(double, n)};
}

void km_fluctuation_add(km_fluctuation *u, const float *x)
{
    double rot[9], from[3], to[3];
    if (u->F++ == 0) memcpy(u->first, x, (size_t)u->A * 3 * sizeof *x);
    km_superpose(x, u->first, NULL, u->A, rot, from, to);
    km_superpose_apply(x, u->A, rot, from, to, u->x);
    for (int32_t a = 0; a < u->A; a++)
        for (int k = 0; k < 3; k++) {
            double d = (double)u->x[3 * a + k] - u->first[3 * a + k];
            u->sum[3 * a + k] += d, u->square[a] += d * d;
        }
}

void km_fluctuation_rms(const km_fluctuation *u, double *out)
{
    double F = (double)u->F;
    for (int32_t a = 0; a < u->A; a++) {
        double v = u->square[a] / F;
        for (int k = 0; k < 3; k++) v -= u->sum[3 * a + k] / F * (u->sum[3 * a + k] / F);
        out[a] = sqrt(fmax(v, 0));
    }
}

void km_fluctuation_clear(km_fluctuation *u)
{
    free(u->first), free(u->x), free(u->sum), free(u->square);
    *u = (km_fluctuation){0};
}
