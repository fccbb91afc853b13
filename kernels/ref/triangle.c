/* SPDX-License-Identifier: MIT */
#include "kernels/ref/ref.h"

/* Where a(i, k), or b(j, k), of channel c lies in ab. */
static km_dim at(bool incoming, km_dim N, km_dim C, km_dim i, km_dim k, km_dim c)
{
    return (incoming ? k * N + i : i * N + k) * 2 * C + c;
}

void km_ref_triangle_multiply_fwd(const km_exec *ex, double *y, const double *ab, const double *mask, bool incoming,
                                  km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; i < N; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = 0; c < C; c++) {
                double sum = 0;
                for (km_dim k = 0; k < N; k++) {
                    km_dim a = at(incoming, N, C, i, k, c), b = at(incoming, N, C, j, k, C + c);
                    sum += ab[a] * mask[a / (2 * C)] * ab[b] * mask[b / (2 * C)];
                }
                y[(i * N + j) * C + c] = sum;
            }
}

void km_ref_triangle_multiply_bwd(const km_exec *ex, double *dab, const double *dy, const double *ab,
                                  const double *mask, bool incoming, km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; dab && i < N; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim k = 0; k < N; k++)
                for (km_dim c = 0; c < C; c++) {
                    km_dim a = at(incoming, N, C, i, k, c), b = at(incoming, N, C, j, k, C + c);
                    double d = dy[(i * N + j) * C + c] * mask[a / (2 * C)] * mask[b / (2 * C)];
                    dab[a] += d * ab[b];
                    dab[b] += d * ab[a];
                }
}
