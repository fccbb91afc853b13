/* SPDX-License-Identifier: MIT
 * W neighbours at once: one access to memory where they lie in line. */
#ifndef KERNELS_CUDA_SEVERAL_CUH
#define KERNELS_CUDA_SEVERAL_CUH

#include "kernels/cuda/cuda.cuh"

template <int W> struct several {
    float v[W];
};

template <int W> __device__ static inline several<W> get_several(const float *p)
{
    if constexpr (W == 4) {
        const float4 x = *(const float4 *)p;
        return {{x.x, x.y, x.z, x.w}};
    } else {
        return {{*p}};
    }
}

template <int W> __device__ static inline several<W> get_several(const bf16 *p)
{
    if constexpr (W == 4) {
        const uint2 x = *(const uint2 *)p;
        return {{low_of(x.x), high_of(x.x), low_of(x.y), high_of(x.y)}};
    } else {
        return {{get(*p)}};
    }
}

template <int W> __device__ static inline void put_several(float *p, const several<W> &x)
{
    if constexpr (W == 4) *(float4 *)p = float4{x.v[0], x.v[1], x.v[2], x.v[3]};
    else *p = x.v[0];
}

template <int W> __device__ static inline void put_several(bf16 *p, const several<W> &x)
{
    if constexpr (W == 4) *(uint2 *)p = uint2{pair_of(x.v[0], x.v[1]), pair_of(x.v[2], x.v[3])};
    else put(p, x.v[0]);
}

/* y [W] = f(e) of each */
template <int W, class Y, class F> __device__ static inline void put_each(Y *y, const F &f)
{
    several<W> all;
    KM_UNROLL
    for (int e = 0; e < W; e++) all.v[e] = f(e);
    put_several<W>(y, all);
}

/* Can arrays whose rows are n long be taken by fours? */
template <class... P> static bool in_fours(km_dim n, const P *...p)
{
    return n % 4 == 0 && (((size_t)p | ...) % 16) == 0;
}

/* kernel<4> or kernel<1> of a thread for as many of n elements */
#define KM_SEVERAL_LAUNCH(kernel, fours, n, ...)                                                                       \
    do {                                                                                                               \
        if (fours) KM_EACH_LAUNCH(kernel<4>, (n) / 4, __VA_ARGS__);                                                    \
        else KM_EACH_LAUNCH(kernel<1>, n, __VA_ARGS__);                                                                \
    } while (0)

#endif
