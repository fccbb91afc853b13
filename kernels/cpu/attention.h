/* SPDX-License-Identifier: MIT
 * One head of any attention, for a block of queries against one run of keys. Three products carry the work, all through
 * km_mm: scores = q k^T, output = weights v, and in backward the same with the parts exchanged. Keys are packed as
 * columns [D, ldk] for the scores and values as rows [n, ldd] for the output, so that the inner loops run along
 * vectors; ldk and ldd are whole vectors, the rest zero. Scores of a block are kept whole (ATTN_ROWS rows of ldk): no
 * running softmax is needed.
 *
 * Every sum has a fixed order: over keys or channels from the first to the last. */
#ifndef KERNELS_CPU_ATTENTION_H
#define KERNELS_CPU_ATTENTION_H

#include <math.h>

#include "kernels/cpu/vec.h"
#include "kernels/cpu/vmath.h"
#include "kernels/scratch.h"

#if defined __AVX512F__
enum { MM_ROWS = 8 };
#else
enum { MM_ROWS = 4 };
#endif
enum { MM_WIDTH = 3, ATTN_ROWS = 32 };

/* A pointer that may be NULL, moved on by n. */
static inline float *moved(float *opt_p, km_dim n) { return opt_p ? opt_p + n : NULL; }
static inline const float *moved_const(const float *opt_p, km_dim n) { return opt_p ? opt_p + n : NULL; }

/* The operands of c (+)= a b: c [M, N] rows ldc apart, a [M, K] at a[i a_row + k a_col], b [K, N] rows ldb apart; N a
 * multiple of VW. */
typedef struct km_product {
    float *c;
    const float *a, *b;
    km_dim ldc, a_row, a_col, ldb, M, N, K;
    bool add;
} km_product;

/* R rows and W vectors of c, held in registers; R and W are constants where this is inlined. */
static inline __attribute__((always_inline)) void mm_tile(const km_product *p, km_dim i, km_dim j, int R, int W)
{
    vec c[MM_ROWS][MM_WIDTH];
    const float *a = p->a + i * p->a_row, *b = p->b + j;
    float *out = p->c + i * p->ldc + j;
    const km_dim a_row = p->a_row, a_col = p->a_col, ldb = p->ldb, ldc = p->ldc, K = p->K;
    const bool add = p->add;
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 3
        for (int w = 0; w < W; w++) c[r][w] = add ? vec_load(out + r * ldc + w * VW) : (vec){0};
    for (km_dim k = 0; k < K; k++) {
        vec bw[MM_WIDTH];
#pragma GCC unroll 3
        for (int w = 0; w < W; w++) bw[w] = vec_load(b + k * ldb + w * VW);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++)
#pragma GCC unroll 3
            for (int w = 0; w < W; w++) c[r][w] += a[r * a_row + k * a_col] * bw[w];
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 3
        for (int w = 0; w < W; w++) vec_store(out + r * ldc + w * VW, c[r][w]);
}

static inline void mm_rows(const km_product *p, km_dim i, km_dim j, int R, km_dim W)
{
#define MM_CASE(r, w) case (r) * 4 + (w): mm_tile(p, i, j, r, w); break
    switch (R * 4 + (int)W) {
        MM_CASE(1, 1); MM_CASE(1, 2); MM_CASE(1, 3);
        MM_CASE(2, 1); MM_CASE(2, 2); MM_CASE(2, 3);
        MM_CASE(4, 1); MM_CASE(4, 2); MM_CASE(4, 3);
#if defined __AVX512F__
        MM_CASE(8, 1); MM_CASE(8, 2); MM_CASE(8, 3);
#endif
    }
#undef MM_CASE
}

static inline void km_mm(km_product p)
{
    km_dim vectors = p.N / VW, W;
    for (km_dim v = 0; v < vectors; v += W) {
        km_dim parts = (vectors - v + MM_WIDTH - 1) / MM_WIDTH;
        W = (vectors - v + parts - 1) / parts; /* as even as can be: narrow tiles are slow */
        int R = MM_ROWS;
        for (km_dim i = 0; i < p.M; i += R) {
            while (R > p.M - i) R /= 2;
            mm_rows(&p, i, v * VW, R, W);
        }
    }
}

/* out [n, ld] = x [n, D] (rows `stride` apart), zero beyond D */
static inline void pack_rows(float *restrict out, km_dim ld, const float *restrict x, km_dim stride, km_dim n, km_dim D)
{
    for (km_dim j = 0; j < n; j++) {
        for (km_dim d = 0; d < D; d++) out[j * ld + d] = x[j * stride + d];
        for (km_dim d = D; d < ld; d++) out[j * ld + d] = 0;
    }
}

/* out (rows ld apart) = the 4 x 4 block x (rows `stride` apart) transposed */
static inline void transpose4(float *restrict out, km_dim ld, const float *restrict x, km_dim stride)
{
    vec4 r[4];
    for (int i = 0; i < 4; i++) memcpy(&r[i], x + i * stride, sizeof r[i]);
    vec4 a = __builtin_shuffle(r[0], r[1], (index4){0, 4, 1, 5}),
         b = __builtin_shuffle(r[2], r[3], (index4){0, 4, 1, 5});
    vec4 c = __builtin_shuffle(r[0], r[1], (index4){2, 6, 3, 7}),
         d = __builtin_shuffle(r[2], r[3], (index4){2, 6, 3, 7});
    r[0] = __builtin_shuffle(a, b, (index4){0, 1, 4, 5});
    r[1] = __builtin_shuffle(a, b, (index4){2, 3, 6, 7});
    r[2] = __builtin_shuffle(c, d, (index4){0, 1, 4, 5});
    r[3] = __builtin_shuffle(c, d, (index4){2, 3, 6, 7});
    for (int i = 0; i < 4; i++) memcpy(out + i * ld, &r[i], sizeof r[i]);
}

/* out [D, ld] = x [n, D] (rows `stride` apart) transposed, zero beyond n */
static inline void pack_columns(float *restrict out, km_dim ld, const float *restrict x, km_dim stride, km_dim n,
                                km_dim D)
{
    const km_dim n4 = n / 4 * 4, D4 = D / 4 * 4;
    for (km_dim j = 0; j < n4; j += 4) {
        for (km_dim d = 0; d < D4; d += 4) transpose4(out + d * ld + j, ld, x + j * stride + d, stride);
        for (km_dim d = D4; d < D; d++)
            for (km_dim i = j; i < j + 4; i++) out[d * ld + i] = x[i * stride + d];
    }
    for (km_dim d = 0; d < D; d++) {
        for (km_dim j = n4; j < n; j++) out[d * ld + j] = x[j * stride + d];
        memset(out + d * ld + n, 0, (size_t)(ld - n) * sizeof *out);
    }
}

/* x += factor * y [n, ld] (rows of x `stride` apart) */
static inline void add_rows(float *restrict x, km_dim stride, const float *restrict y, km_dim ld, float factor,
                            km_dim n, km_dim D)
{
    for (km_dim j = 0; j < n; j++)
        for (km_dim d = 0; d < D; d++) x[j * stride + d] += factor * y[j * ld + d];
}

/* A block of queries of one head and the keys they look at. */
typedef struct attn_block {
    const float *q, *g;       /* first query's channels; g NULL: no gate */
    km_dim stride;            /* from one query to the next */
    km_dim nq, nk, D;         /* nq <= ATTN_ROWS */
    const float *kt;          /* [D, ldk], first key's column */
    const float *v;           /* [nk, ldd], first key's row */
    km_dim ldk, ldd;
    const float *bias;        /* row of the first query; what is added to the logits; -1e30: the key takes no part */
    km_dim bias_stride;
    const float *opt_masked;  /* [nk], added to every row */
} attn_block;

/* Over n > 0 numbers, whole vectors */
static inline float row_max(const float *x, km_dim n)
{
    vec m = vec_load(x);
    for (km_dim j = VW; j < n; j += VW) m = VEC_LARGER(m, vec_load(x + j));
    return vec_max(m);
}

static inline float row_sum(const float *x, km_dim n)
{
    vec s = vec_load(x);
    for (km_dim j = VW; j < n; j += VW) s += vec_load(x + j);
    return vec_sum(s);
}

/* s [n] = exp(s factor + bias + masked - the largest); returns the sum. Far below the largest is 0. s is zero from n to
 * its pad. */
static inline float exp_row(float *restrict s, const float *restrict bias, const float *restrict opt_masked,
                            float factor, km_dim n)
{
    const km_dim whole = padded(n);
    if (opt_masked)
        for (km_dim j = 0; j < n; j++) s[j] = s[j] * factor + bias[j] + opt_masked[j];
    else
        for (km_dim j = 0; j < n; j++) s[j] = s[j] * factor + bias[j];
    for (km_dim j = n; j < whole; j++) s[j] = -INFINITY;
    const float max = row_max(s, whole);
#pragma omp simd
    for (km_dim j = 0; j < whole; j++) {
        float x = s[j] - max, e = km_expf(x);
        s[j] = x < -87.0f ? 0.0f : e;
    }
    return row_sum(s, whole);
}

/* s [nq, padded nk] = the weights before their division by sum [nq] */
static inline void attn_weights(float *s, float *sum, const attn_block *b)
{
    km_dim lds = padded(b->nk);
    km_mm((km_product){s, b->q, b->kt, lds, b->stride, 1, b->ldk, b->nq, lds, b->D, false});
    float factor = 1.0f / sqrtf((float)b->D);
    for (km_dim i = 0; i < b->nq; i++)
        sum[i] = exp_row(s + i * lds, b->bias + i * b->bias_stride, b->opt_masked, factor, b->nk);
}

static inline km_dim attn_fwd_scratch(km_dim nk, km_dim D) { return ATTN_ROWS * (padded(nk) + padded(D)); }

/* y (rows b->stride apart) = sg(g) softmax v; scratch [attn_fwd_scratch] */
static inline void attn_fwd(float *y, const attn_block *b, float *scratch)
{
    float *s = scratch, *o = s + ATTN_ROWS * padded(b->nk), sum[ATTN_ROWS];
    attn_weights(s, sum, b);
    km_mm((km_product){o, s, b->v, b->ldd, padded(b->nk), 1, b->ldd, b->nq, b->ldd, b->nk, false});
    for (km_dim i = 0; i < b->nq; i++) {
        float r = 1.0f / sum[i], *restrict yr = y + i * b->stride;
        const float *restrict or = o + i * b->ldd, *restrict gr = moved_const(b->g, i * b->stride);
        if (gr)
#pragma omp simd
            for (km_dim d = 0; d < b->D; d++) yr[d] = or[d] * r * km_sigmoidf(gr[d]);
        else
            for (km_dim d = 0; d < b->D; d++) yr[d] = or[d] * r;
    }
}

#endif
