/* SPDX-License-Identifier: MIT
 * Whole vectors of the instruction set at hand, and sums and maxima across them as trees: a compiler that may not
 * reorder additions takes one lane after the other, which for short rows costs more than all the rest. The order
 * follows from the length alone. */
#ifndef KERNELS_CPU_VEC_H
#define KERNELS_CPU_VEC_H

#include <stdint.h>
#include <string.h>

#include "kernels/cpu/cpu.h"

#if defined __AVX512F__
enum { VW = 16 };
#elif defined __AVX2__
enum { VW = 8 };
#else
enum { VW = 4 };
#endif

typedef float vec __attribute__((vector_size(VW * sizeof(float))));
typedef float vec4 __attribute__((vector_size(16)));
typedef float vec8 __attribute__((vector_size(32)));
typedef int32_t index4 __attribute__((vector_size(16)));

static inline vec vec_load(const float *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void vec_store(float *p, vec v) { memcpy(p, &v, sizeof v); }

/* n rounded up to whole vectors */
static inline km_dim padded(km_dim n) { return (n + VW - 1) / VW * VW; }

/* Halves upon each other until four lanes are left. */
#define VEC_HALVES_16(v, op)                                                                                           \
    vec8 v##8 = op(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7),                                              \
                   __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));                                       \
    vec4 v##4 = op(__builtin_shufflevector(v##8, v##8, 0, 1, 2, 3), __builtin_shufflevector(v##8, v##8, 4, 5, 6, 7))
#define VEC_HALVES_8(v, op)                                                                                            \
    vec4 v##4 = op(__builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7))
#define VEC_HALVES_4(v, op) vec4 v##4 = v
#if defined __AVX512F__
#define VEC_HALVES VEC_HALVES_16
#elif defined __AVX2__
#define VEC_HALVES VEC_HALVES_8
#else
#define VEC_HALVES VEC_HALVES_4
#endif

static inline float vec_sum(vec v)
{
#define VEC_PLUS(a, b) ((a) + (b))
    VEC_HALVES(v, VEC_PLUS);
    return (v4[0] + v4[2]) + (v4[1] + v4[3]);
}

/* the larger of two vectors, lane by lane */
#define VEC_LARGER(a, b)                                                                                               \
    ({                                                                                                                 \
        __typeof__(a) a_ = (a), b_ = (b);                                                                              \
        __typeof__(a_ > b_) more_ = a_ > b_;                                                                           \
        (__typeof__(a))((more_ & (__typeof__(more_))a_) | (~more_ & (__typeof__(more_))b_));                           \
    })

static inline float vec_max(vec v)
{
    VEC_HALVES(v, VEC_LARGER);
    float a = v4[0] > v4[2] ? v4[0] : v4[2], b = v4[1] > v4[3] ? v4[1] : v4[3];
    return a > b ? a : b;
}

#endif
