/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "kernels/ref/ref.h"
#include "lib/base/rng.h"

void km_ref_add_noise_fwd(const km_exec *ex, double *y, const double *x, const int32_t *keys, const double *scale,
                          km_dim F, km_dim A)
{
    (void)ex;
    for (km_dim i = 0; i < F * A; i++) {
        km_rng r;
        float draw[3];
        memcpy(&r, keys + 4 * (i / A), sizeof r);
        km_rng_normal3(&r, (uint32_t)(i % A), draw);
        for (int c = 0; c < 3; c++) y[3 * i + c] = x[3 * i + c] + scale[i / A] * draw[c];
    }
}

void km_ref_sampler_move_fwd(const km_exec *ex, double *y, const double *x, const double *u, const double *d,
                             const double *factor, km_dim F, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < F * n; i++) y[i] = factor[i / n] == 0 ? x[i] : u[i] + factor[i / n] * (u[i] - d[i]);
}

static double determinant(const double *a, const double *b, const double *c)
{
    return a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
}

void km_ref_hold_hands_fwd(const km_exec *ex, double *y, const double *x, const int32_t *centres, const int32_t *held,
                           km_dim S, km_dim F, km_dim A)
{
    (void)ex;
    memcpy(y, x, (size_t)(F * A * 3) * sizeof *y);
    for (km_dim i = 0; i < F * S; i++) {
        const int32_t *at = centres + 4 * (i % S);
        double *c = y + (i / S * A + at[0]) * 3, edge[3][3], to[2][3], normal[3], along = 0, square = 0;
        const double *a = y + (i / S * A + at[1]) * 3;
        for (int k = 0; k < 9; k++) edge[k / 3][k % 3] = y[(i / S * A + at[1 + k / 3]) * 3 + k % 3] - c[k % 3];
        if (!held[i / S] || !(determinant(edge[0], edge[1], edge[2]) < 0)) continue;
        for (int k = 0; k < 6; k++) to[k / 3][k % 3] = y[(i / S * A + at[2 + k / 3]) * 3 + k % 3] - a[k % 3];
        for (int k = 0; k < 3; k++) {
            normal[k] = to[0][(k + 1) % 3] * to[1][(k + 2) % 3] - to[0][(k + 2) % 3] * to[1][(k + 1) % 3];
            along += (c[k] - a[k]) * normal[k], square += normal[k] * normal[k];
        }
        for (int k = 0; k < 3 && square > 0; k++) c[k] -= 2 * along / square * normal[k];
    }
}
