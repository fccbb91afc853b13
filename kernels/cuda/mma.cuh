/* SPDX-License-Identifier: MIT
 * Products of small matrices by a warp on tensor cores, bfloat16 in and float32 summed (PTX: mma.m16n8k16, ldmatrix).
 * Lane l has g = l / 4 and t = l % 4; of
 *     a [16, 16]  rows g and g + 8 of columns 2t, 2t + 1, then of columns 2t + 8, 2t + 9, a pair in a word;
 *     b [16, 8]   column g of rows 2t, 2t + 1, then of rows 2t + 8, 2t + 9;
 *     c [16, 8]   columns 2t, 2t + 1 of row g, then of row g + 8. */
#ifndef KERNELS_CUDA_MMA_CUH
#define KERNELS_CUDA_MMA_CUH

#include "kernels/cuda/cuda.cuh"

#ifdef __CUDACC__
/* c += a b */
__device__ static inline void mma(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* Four matrices [8, 8] of shared memory: lane l says where row l % 8 of matrix l / 8 begins (16 bytes in line) and gets
 * of each columns 2t, 2t + 1 of row g; turned: column g of rows 2t, 2t + 1. */
#define KM_LDMATRIX(how)                                                                                               \
    asm volatile("ldmatrix.sync.aligned.m8n8.x4" how ".shared.b16 {%0, %1, %2, %3}, [%4];"                             \
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])                                                      \
                 : "r"((uint32_t)__cvta_generic_to_shared(row))                                                        \
                 : "memory")
__device__ static inline void load_straight(uint32_t r[4], const bf16 *row) { KM_LDMATRIX(""); }
__device__ static inline void load_turned(uint32_t r[4], const bf16 *row) { KM_LDMATRIX(".trans"); }
#undef KM_LDMATRIX

/* 16 or 4 bytes of global memory (zeros where !there) into shared memory, beside what follows; all that a thread asked
 * for has arrived after copies_arrive(), for the others after a barrier too. */
__device__ static inline void copy_16(void *to, const void *from, bool there)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
                 "l"(from), "r"(there ? 16 : 0)
                 : "memory");
}
__device__ static inline void copy_4(void *to, const void *from, bool there)
{
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"((uint32_t)__cvta_generic_to_shared(to)),
                 "l"(from), "r"(there ? 4 : 0)
                 : "memory");
}
__device__ static inline void copies_arrive() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/* 2 to the power of x, and the power that gives x, to 2^-22; what is below the least normal number is 0. */
__device__ static inline float two_to(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
__device__ static inline float power_of_two(float x)
{
    float y;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
#else
static inline void mma(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1) { emulate::mma(c, a, b0, b1); }
static inline void load_straight(uint32_t r[4], const bf16 *row) { emulate::load_straight(r, &row->bits); }
static inline void load_turned(uint32_t r[4], const bf16 *row) { emulate::load_turned(r, &row->bits); }
static inline void copy_16(void *to, const void *from, bool there) { emulate::copy_late(to, there ? from : NULL, 16); }
static inline void copy_4(void *to, const void *from, bool there) { emulate::copy_late(to, there ? from : NULL, 4); }
static inline void copies_arrive() { emulate::copies_arrive(); }
static inline float two_to(float x) { return exp2f(x); }
static inline float power_of_two(float x) { return log2f(x); }
#endif

enum { PADDING = 8 }; /* numbers behind a row of a tile, so that rows begin in different banks */

/* high x padded (a multiple of 8) numbers from a matrix whose rows are `stride` apart into shared memory with rows `ld`
 * apart, zeros around the rows x columns that there are; by `count` threads, this one being number n. They are late
 * (copies_arrive). Rows begin at multiples of 16 bytes, and columns are a multiple of 8. */
__device__ static inline void stage(bf16 *to, int ld, int high, int padded, const bf16 *from, km_dim stride, int rows,
                                    int columns, int n, int count)
{
    const int across = padded / 8;
    if (count % across == 0) { /* a thread stays in its column */
        const int first = n / across, c = n % across * 8;
        const bf16 *at = from + first * stride + c;
        KM_UNROLL
        for (int r = 0; r < high; r += count / across, at += count / across * stride)
            copy_16(to + (first + r) * ld + c, at, first + r < rows && c < columns);
        return;
    }
    KM_UNROLL
    for (int i = 0; i < high * across; i += count) {
        int r = (i + n) / across, c = (i + n) % across * 8;
        copy_16(to + r * ld + c, from + r * stride + c, r < rows && c < columns);
    }
}
static inline bool lies_in_line(const void *p) { return (size_t)p % 16 == 0; }

/* Two neighbours in memory, at a multiple of 4 bytes. */
__device__ static inline uint32_t pair_at(const bf16 *p) { return *(const uint32_t *)p; }

#endif
