/* SPDX-License-Identifier: MIT
 * Mean and deviation of a row, by a warp. */
#ifndef KERNELS_CUDA_NORM_CUH
#define KERNELS_CUDA_NORM_CUH

#include "kernels/cuda/several.cuh"

struct moments {
    float mean, rstd;
};

/* Elements of a row, W at a time, by a warp. */
#define KM_EACH_OF_ROW(c, C, W) for (int c = (W)*lane_of(); c < (C); c += (W)*KM_WARP)

template <int W, class V> __device__ static inline moments moments_of(const V *x, int C)
{
    float sum = 0, square = 0;
    KM_EACH_OF_ROW(c, C, W)
    {
        const several<W> some = get_several<W>(x + c);
        KM_UNROLL
        for (int e = 0; e < W; e++) sum += some.v[e];
    }
    const float mean = warp_sum(sum) / (float)C;
    KM_EACH_OF_ROW(c, C, W)
    {
        const several<W> some = get_several<W>(x + c);
        KM_UNROLL
        for (int e = 0; e < W; e++) square += (some.v[e] - mean) * (some.v[e] - mean);
    }
    return moments{mean, rsqrtf(warp_sum(square) / (float)C + 1e-5f)};
}

#endif
