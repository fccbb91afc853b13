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

/* Four matrices [8, 8] of shared memory, turned: lane l says where row l % 8 of matrix l / 8 begins (16 bytes in line)
 * and gets of each matrix column g of rows 2t, 2t + 1. */
__device__ static inline void load_turned(uint32_t r[4], const bf16 *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"((uint32_t)__cvta_generic_to_shared(row))
                 : "memory");
}
#else
static inline void mma(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1) { emulate::mma(c, a, b0, b1); }
static inline void load_turned(uint32_t r[4], const bf16 *row) { emulate::load_turned(r, &row->bits); }
#endif

enum { PADDING = 8 }; /* numbers behind a row of a tile, so that rows begin in different banks */

/* high x padded (a multiple of 8) numbers from a matrix whose rows are `stride` apart into shared memory with rows `ld`
 * apart, zeros around the rows x columns that there are; by `count` threads, this one being number n. Inlined: the case
 * of whole 16 bytes is decided once. */
__device__ static inline void stage(bf16 *to, int ld, int high, int padded, const bf16 *from, km_dim stride,
                                    km_dim rows, km_dim columns, int n, int count)
{
    const bool in_line = stride % 8 == 0 && columns % 8 == 0 && (size_t)from % 16 == 0;
    for (int i = n; i < high * padded / 8; i += count) {
        int r = i / (padded / 8), c = i % (padded / 8) * 8;
        uint4 eight = {0, 0, 0, 0};
        if (in_line && r < rows && c < columns) eight = *(const uint4 *)(from + r * stride + c);
        *(uint4 *)(to + r * ld + c) = eight;
        for (int e = 0; e < 8 && !in_line && r < rows && c + e < columns; e++)
            to[r * ld + c + e] = from[r * stride + c + e];
    }
}

__device__ static inline uint32_t pair_of(bf16 low, bf16 high) { return low.bits | (uint32_t)high.bits << 16; }
/* Two neighbours in memory, at a multiple of 4 bytes. */
__device__ static inline uint32_t pair_at(const bf16 *p) { return *(const uint32_t *)p; }

#endif
