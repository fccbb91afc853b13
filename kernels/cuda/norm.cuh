/* SPDX-License-Identifier: MIT
 * Mean and deviation of a row, by a warp. */
#ifndef KERNELS_CUDA_NORM_CUH
#define KERNELS_CUDA_NORM_CUH

#include "kernels/cuda/cuda.cuh"

struct moments {
    float mean, rstd;
};

template <class V> __device__ static moments moments_of(const V *x, km_dim C)
{
    float sum = 0, square = 0;
    for (km_dim c = lane_of(); c < C; c += KM_WARP) sum += get(x[c]);
    float mean = warp_sum(sum) / (float)C;
    for (km_dim c = lane_of(); c < C; c += KM_WARP) square += (get(x[c]) - mean) * (get(x[c]) - mean);
    return moments{mean, rsqrtf(warp_sum(square) / (float)C + 1e-5f)};
}

#endif
