/* SPDX-License-Identifier: MIT
 * The mean over the alignment's rows of outer products: one product over the rows for all pairs, [count C, N D], and
 * its blocks put in the pairs' places. */
#include "kernels/cuda/cuda.cuh"

/* y [count, N, C, D] = blocks of p [count, C, N, D] scaled */
__global__ static void place_kernel(T *y, const float *p, const float *opt_scale, km_dim first, km_dim count, km_dim N,
                                    km_dim C, km_dim D)
{
    KM_EACH(at, count * N * C * D)
    {
        km_dim d = at % D, c = at / D % C, j = at / D / C % N, i = at / D / C / N;
        put(&y[at], p[((i * C + c) * N + j) * D + d] * (opt_scale ? opt_scale[(first + i) * N + j] : 1));
    }
}

__global__ static void gather_kernel(T *p, const float *dy, const float *opt_scale, km_dim first, km_dim count,
                                     km_dim N, km_dim C, km_dim D)
{
    KM_EACH(at, count * N * C * D)
    {
        km_dim d = at % D, c = at / D % C, j = at / D / C % N, i = at / D / C / N;
        put(&p[((i * C + c) * N + j) * D + d], dy[at] * (opt_scale ? opt_scale[(first + i) * N + j] : 1));
    }
}

static km_matrix stored(const void *p, km_dim ld, bool transpose)
{
    return km_matrix{(void *)p, ld, 0, sizeof(T) == 2, transpose};
}

void KM_CUDA(outer_products_fwd)(const km_exec *, float *y, const float *a, const float *b, const float *opt_scale,
                                 km_dim first, km_dim count, km_dim S, km_dim N, km_dim C, km_dim D)
{
    if (count * N * C * D == 0) return;
    float *p = (float *)km_cuda_scratch(0, (size_t)(count * C * N * D) * sizeof(float));
    km_cuda_gemm(km_matrix{p, N * D, 0, 0, 0}, stored(act(a) + first * C, N * C, true), stored(b, N * D, false),
                 count * C, N * D, S, 1, 0, {});
    KM_EACH_LAUNCH(place_kernel, count * N * C * D, act(y), p, opt_scale, first, count, N, C, D);
}

void KM_CUDA(outer_products_bwd)(const km_exec *, float *opt_da, float *opt_db, const float *dy, const float *a,
                                 const float *b, const float *opt_scale, km_dim first, km_dim count, km_dim S, km_dim N,
                                 km_dim C, km_dim D)
{
    if (count * N * C * D * S == 0) return;
    T *p = (T *)km_cuda_scratch(0, (size_t)(count * C * N * D) * sizeof(T));
    KM_EACH_LAUNCH(gather_kernel, count * N * C * D, p, dy, opt_scale, first, count, N, C, D);
    if (opt_da)
        km_cuda_gemm(km_matrix{opt_da + first * C, N * C, 0, 0, 0}, stored(b, N * D, false), stored(p, N * D, true), S,
                     count * C, N * D, 1, 1, {});
    if (opt_db)
        km_cuda_gemm(km_matrix{opt_db, N * D, 0, 0, 0}, stored(act(a) + first * C, N * C, false),
                     stored(p, N * D, false), S, N * D, count * C, 1, 1, {});
}
