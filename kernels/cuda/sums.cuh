/* SPDX-License-Identifier: MIT
 * Numbers that losses are: sums over many terms in float64, two at once, parts in a fixed order. A kernel's block
 * leaves its part in `parts`; finish_kernel adds them up. */
#ifndef KERNELS_CUDA_SUMS_CUH
#define KERNELS_CUDA_SUMS_CUH

#include "kernels/cuda/cuda.cuh"

enum { SUM_BLOCKS = 256 };

struct sums {
    double a, b;
};

/* *to = the sum over the block's threads */
__device__ static inline void block_sum(sums *to, double a, double b)
{
    __shared__ sums warps[KM_BLOCK / KM_WARP];
    a = warp_sum(a), b = warp_sum(b);
    if (lane_of() == 0) warps[threadIdx.x / KM_WARP] = sums{a, b};
    __syncthreads();
    if (threadIdx.x) return;
    sums all = {0, 0};
    for (int w = 0; w < KM_BLOCK / KM_WARP; w++) all.a += warps[w].a, all.b += warps[w].b;
    *to = all;
}

/* A part for each block; how many blocks there are stands behind the parts. */
__device__ static inline void leave_part(sums *parts, double a, double b)
{
    block_sum(&parts[blockIdx.x], a, b);
    if (blockIdx.x == 0 && threadIdx.x == 0) parts[SUM_BLOCKS].a = gridDim.x;
}

__device__ static inline sums total(const sums *parts)
{
    sums all = {0, 0};
    for (int i = 0; i < (int)parts[SUM_BLOCKS].a; i++) all.a += parts[i].a, all.b += parts[i].b;
    return all;
}

/* How many of the n numbers (all, when there are none to look at) are not 0; by one thread, for short arrays. */
__device__ static inline float count_of(const float *opt_x, km_dim n)
{
    if (!opt_x) return (float)n;
    float c = 0;
    for (km_dim i = 0; i < n; i++) c += opt_x[i] != 0;
    return c;
}

static inline sums *new_parts(int slot) { return (sums *)km_cuda_scratch(slot, (SUM_BLOCKS + 1) * sizeof(sums)); }
/* Blocks for the terms of `work` threads. */
static inline dim3 sum_blocks(km_dim work)
{
    unsigned blocks = km_blocks(work + 1, KM_BLOCK);
    return dim3(blocks < SUM_BLOCKS ? blocks : (unsigned)SUM_BLOCKS);
}
#define KM_SUM_LAUNCH(kernel, work, ...) km_launch(kernel, sum_blocks(work), dim3(KM_BLOCK), 0, __VA_ARGS__)
#define KM_ONE_LAUNCH(kernel, ...) km_launch(kernel, dim3(1), dim3(1), 0, __VA_ARGS__)

/* d = a - b; returns its length */
__device__ static inline float distance(float d[3], const float *a, const float *b)
{
    for (int k = 0; k < 3; k++) d[k] = a[k] - b[k];
    return sqrtf(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

#endif
