/* SPDX-License-Identifier: MIT
 * CUDA C++ on the processor: kernels/cuda/<family>.cu compiled by g++ with this file in front. A block's threads run
 * one after another as fibers; __syncthreads and warp shuffles are meeting points, and a meeting that some thread of
 * the block or warp never comes to ends the program with a message. Device memory is out of the host's reach except
 * while a kernel runs or a copy is made, starts as NaN, and every pointer that a kernel is given must lie in it.
 * kernels/cuda/README.md says what this proves and what it does not. */
#ifndef TESTS_EMULATE_EMULATE_H
#define TESTS_EMULATE_EMULATE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <functional>
#include <type_traits>

#define __global__ __attribute__((flatten)) /* -fsanitize=thread does not see where a call puts a struct */
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct __align__(8) float2 {
    float x, y;
};
struct __align__(8) uint2 { unsigned x, y; };
struct __align__(16) uint4 { unsigned x, y, z, w; };
struct __align__(16) float4 { float x, y, z, w; };

namespace emulate
{

struct place {
    dim3 thread, block, block_dim, grid_dim;
    unsigned char *shared; /* the block's dynamic shared memory */
};
extern place here;

/* All who meet must do so at one line. */
void meet_block(int line);
void meet_warp(int line);
/* Give 8 bytes to the warp and take those of its lane `of`. */
uint64_t exchange(uint64_t mine, int of, int line);
/* Of a warp on tensor cores, as kernels/cuda/mma.cuh says. */
void mma(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1);
void load_straight(uint32_t r[4], const uint16_t *row);
void load_turned(uint32_t r[4], const uint16_t *row);
/* A copy (of zeros, from NULL) that is made when its thread waits for it, as late as a device may. */
void copy_late(void *to, const void *opt_from, size_t bytes);
void copies_arrive();
/* Of the lanes for which it is so, a bit each. */
unsigned ballot(bool so, int line);
float add(float *p, float v); /* returns what was there */
void run(const void *kernel, dim3 grid, dim3 block, size_t shared, const std::function<void()> &body);
void check_pointer(const void *p); /* within device memory that is there, or NULL */

enum : size_t { REGION = (size_t)24 << 30 }; /* addresses of device memory */
bool is_of_device(const void *p);
char *carve(size_t bytes);                  /* some of it that never was in use, or NULL */
void open_memory(bool open);                /* to the host */

template <class V> inline V exchange_as(V v, int of, int line)
{
    static_assert(sizeof(V) <= 8, "one word");
    uint64_t word = 0;
    memcpy(&word, &v, sizeof v);
    word = exchange(word, of, line);
    memcpy(&v, &word, sizeof v);
    return v;
}

template <class A> inline void check_argument(A a)
{
    if constexpr (std::is_pointer<A>::value) check_pointer((const void *)a);
}

} // namespace emulate

#define threadIdx emulate::here.thread
#define blockIdx emulate::here.block
#define blockDim emulate::here.block_dim
#define gridDim emulate::here.grid_dim

inline void __syncthreads(int line = __builtin_LINE()) { emulate::meet_block(line); }
inline void __syncwarp(unsigned = ~0u, int line = __builtin_LINE()) { emulate::meet_warp(line); }
inline int emulate_lane() { return (int)((threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32); }
template <class V> inline V __shfl_xor_sync(unsigned, V v, int mask, int line = __builtin_LINE())
{
    return emulate::exchange_as(v, emulate_lane() ^ mask, line);
}
template <class V> inline V __shfl_sync(unsigned, V v, int lane, int line = __builtin_LINE())
{
    return emulate::exchange_as(v, lane, line);
}

inline unsigned __ballot_sync(unsigned, bool so, int line = __builtin_LINE()) { return emulate::ballot(so, line); }

inline float atomicAdd(float *p, float v) { return emulate::add(p, v); }
inline float __uint_as_float(unsigned u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
inline unsigned __float_as_uint(float f)
{
    unsigned u;
    memcpy(&u, &f, sizeof u);
    return u;
}
inline float __expf(float x) { return expf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float cospif(float x) { return (float)cos(M_PI * (double)x); }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }

#include "tests/emulate/include/cuda_runtime.h"

#endif
