/* SPDX-License-Identifier: MIT
 * Sums over the rows of a matrix: blocks of 32 columns, and slabs of rows whose sums meet in atomic additions, so that
 * the gradients of small parameters differ in their last bits from run to run. */
#ifndef KERNELS_CUDA_COLUMNS_CUH
#define KERNELS_CUDA_COLUMNS_CUH

#include "kernels/cuda/cuda.cuh"

enum { COLUMNS = 32, COLUMN_ROWS = 8, SLAB = 512 };

/* opt_a [C] += the sums of term(m, c).x over rows m, opt_b those of .y */
template <class Term>
__device__ static void add_columns(float *opt_a, float *opt_b, const Term &term, km_dim M, km_dim C)
{
    __shared__ float2 part[COLUMN_ROWS][COLUMNS];
    km_dim c = blockIdx.x * (km_dim)COLUMNS + threadIdx.x;
    float2 sum = {0, 0};
    for (km_dim m = blockIdx.y * (km_dim)COLUMN_ROWS + threadIdx.y; m < M && c < C;
         m += (km_dim)gridDim.y * COLUMN_ROWS) {
        float2 t = term(m, c);
        sum.x += t.x, sum.y += t.y;
    }
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y || c >= C) return;
    for (int r = 1; r < COLUMN_ROWS; r++) sum.x += part[r][threadIdx.x].x, sum.y += part[r][threadIdx.x].y;
    if (opt_a) atomicAdd(&opt_a[c], sum.x);
    if (opt_b) atomicAdd(&opt_b[c], sum.y);
}

static inline unsigned km_slabs(km_dim M)
{
    km_dim slabs = (M + SLAB - 1) / SLAB;
    return (unsigned)(slabs < 1024 ? slabs : 1024);
}

#define KM_COLUMNS_LAUNCH(kernel, M, C, ...)                                                                           \
    do {                                                                                                               \
        if ((M) > 0 && (C) > 0)                                                                                        \
            km_launch(kernel, dim3((unsigned)(((C) + COLUMNS - 1) / COLUMNS), km_slabs(M)),                            \
                      dim3(COLUMNS, COLUMN_ROWS), 0, __VA_ARGS__);                                                     \
    } while (0)

#endif
