/* SPDX-License-Identifier: MIT */
#include "kernels/ref/ref.h"

void km_ref_outer_products_fwd(const km_exec *ex, double *y, const double *a, const double *b, const double *scale,
                               km_dim first, km_dim count, km_dim S, km_dim N, km_dim C, km_dim D)
{
    (void)ex;
    for (km_dim i = 0; i < count; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = 0; c < C; c++)
                for (km_dim d = 0; d < D; d++) {
                    double sum = 0;
                    for (km_dim s = 0; s < S; s++) sum += a[(s * N + first + i) * C + c] * b[(s * N + j) * D + d];
                    y[((i * N + j) * C + c) * D + d] = km_ref_stored(sum) * (scale ? scale[(first + i) * N + j] : 1);
                }
}

void km_ref_outer_products_bwd(const km_exec *ex, double *da, double *db, const double *dy, const double *a,
                               const double *b, const double *scale, km_dim first, km_dim count, km_dim S, km_dim N,
                               km_dim C, km_dim D)
{
    (void)ex;
    for (km_dim i = 0; i < count; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = 0; c < C; c++)
                for (km_dim d = 0; d < D; d++) {
                    double g = dy[((i * N + j) * C + c) * D + d];
                    if (scale) g = km_ref_stored(g * scale[(first + i) * N + j]);
                    for (km_dim s = 0; s < S; s++) {
                        km_dim at_a = (s * N + first + i) * C + c, at_b = (s * N + j) * D + d;
                        if (da) da[at_a] += g * b[at_b];
                        if (db) db[at_b] += g * a[at_a];
                    }
                }
}
