/* SPDX-License-Identifier: MIT
 * What the CUDA kernels share. Every family is compiled twice: with KM_CUDA_BF16 activations are stored as bfloat16,
 * without it as float32. Parameters, gradients, coordinates, masks and times are float32 in both, and so is all
 * arithmetic. The host's signatures (kernels.def) say float for activations too; act() makes the stored type of them.
 *
 * tests/emulate compiles the same sources with g++ (its emulate.h goes in front). */
#ifndef KERNELS_CUDA_CUDA_CUH
#define KERNELS_CUDA_CUDA_CUH

#include <math.h>

#include "kernels/cuda/device.h"
#include "kernels/kernel.h"

struct bf16 {
    uint16_t bits;
};

#ifdef KM_CUDA_BF16
typedef bf16 T;
#define KM_CUDA(name) km_cuda_bf16_##name
#else
typedef float T;
#define KM_CUDA(name) km_cuda_f32_##name
#endif

static inline T *act(float *p) { return (T *)p; }
static inline const T *act(const float *p) { return (const T *)p; }

/* With arguments of the kernel's own types, which is what their addresses must be of. */
template <class... P> static void km_launch_as(void (*kernel)(P...), dim3 grid, dim3 threads, size_t shared, P... a)
{
    void *at[] = {(void *)&a...};
    km_cuda_asked((int)cudaLaunchKernel(kernel, grid, threads, at, shared, (cudaStream_t)km_cuda_stream()),
                  "a kernel's launch");
}

/* One launch on the device's stream; what it says at once is fatal there. */
template <class... P, class... A>
static void km_launch(void (*kernel)(P...), dim3 grid, dim3 threads, size_t shared, A... a)
{
    if (km_left_out(kernel, grid, threads, shared, (P)a...)) return;
    if (shared > 48 << 10)
        km_cuda_check((int)cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared),
                      "shared memory");
    km_launch_as(kernel, grid, threads, shared, (P)a...);
}

#ifdef __CUDACC__
#define KM_UNROLL _Pragma("unroll") /* arrays in registers have no indices */
#define KM_SHARED(type, name)                                                                                          \
    extern __shared__ __align__(16) unsigned char km_shared[];                                                         \
    type *name = (type *)km_shared
#else
#define KM_UNROLL
#define KM_SHARED(type, name) type *name = (type *)emulate::here.shared
#endif

__device__ static inline float get(float x) { return x; }
__device__ static inline float get(bf16 x) { return __uint_as_float((unsigned)x.bits << 16); }
__device__ static inline void put(float *p, float x) { *p = x; }
/* to the nearest, halves to even; NaN stays one */
#ifdef __CUDACC__
__device__ static inline void put(bf16 *p, float x) { asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(p->bits) : "f"(x)); }
/* low and high side by side */
__device__ static inline uint32_t pair_of(float low, float high)
{
    uint32_t two;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(two) : "f"(high), "f"(low));
    return two;
}
#else
static inline void put(bf16 *p, float x)
{
    unsigned u = __float_as_uint(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) u |= 0x400000u;
    else u += 0x7fffu + (u >> 16 & 1);
    p->bits = (uint16_t)(u >> 16);
}
static inline uint32_t pair_of(float low, float high)
{
    bf16 two[2];
    put(&two[0], low), put(&two[1], high);
    return two[0].bits | (uint32_t)two[1].bits << 16;
}
#endif
__device__ static inline float low_of(uint32_t two) { return __uint_as_float(two << 16); }
__device__ static inline float high_of(uint32_t two) { return __uint_as_float(two & 0xffff0000u); }

/* Rounded to bfloat16 in the end, so that a few units in the last place of float32 are nothing. */
#ifdef KM_CUDA_BF16
__device__ static inline float sigmoid(float x) { return __fdividef(1, 1 + __expf(-x)); }
#else
__device__ static inline float sigmoid(float x) { return 1 / (1 + expf(-x)); }
#endif

/* Loops of a grid over n elements, as many as there are, with each(). */
#define KM_EACH(i, n)                                                                                                  \
    for (km_dim i = blockIdx.x * (km_dim)blockDim.x + threadIdx.x; i < (n); i += (km_dim)gridDim.x * blockDim.x)

enum { KM_WARP = 32, KM_BLOCK = 256 };

static inline unsigned km_blocks(km_dim n, km_dim per_block)
{
    km_dim blocks = (n + per_block - 1) / per_block;
    return (unsigned)(blocks < 1 << 20 ? blocks : 1 << 20);
}

/* kernel(a...) with a thread for each of n elements; nothing when there are none */
#define KM_EACH_LAUNCH(kernel, n, ...)                                                                                 \
    do {                                                                                                               \
        if ((n) > 0) km_launch(kernel, dim3(km_blocks((n), KM_BLOCK)), dim3(KM_BLOCK), 0, __VA_ARGS__);                \
    } while (0)

/* Warps as workers: this one's number in the grid, and how many there are. */
__device__ static inline km_dim warp_number() { return (blockIdx.x * (km_dim)blockDim.x + threadIdx.x) / KM_WARP; }
__device__ static inline km_dim warp_count() { return (km_dim)gridDim.x * blockDim.x / KM_WARP; }
#define KM_EACH_WARP(i, n) for (km_dim i = warp_number(); i < (n); i += warp_count())
#define KM_WARP_LAUNCH(kernel, n, ...)                                                                                 \
    do {                                                                                                               \
        if ((n) > 0) km_launch(kernel, dim3(km_blocks((n), KM_BLOCK / KM_WARP)), dim3(KM_BLOCK), 0, __VA_ARGS__);      \
    } while (0)

template <class V> __device__ static inline V warp_sum(V x)
{
    for (int mask = KM_WARP / 2; mask > 0; mask /= 2) x += __shfl_xor_sync(0xffffffffu, x, mask);
    return x;
}
__device__ static inline float warp_max(float x)
{
    for (int mask = KM_WARP / 2; mask > 0; mask /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, mask));
    return x;
}
__device__ static inline int lane_of() { return (int)(threadIdx.x % KM_WARP); }

#endif
