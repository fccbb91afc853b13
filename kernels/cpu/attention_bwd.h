/* SPDX-License-Identifier: MIT
 * Backward of one head of any attention, for a block of queries: the weights p are made anew (attention.h), then
 *   do = sg(g) dy,  dp = do v^T,  ds = p (dp - sum_j p dp),  dq = ds k,  dk = ds^T q,  dv = p^T do,  dg = dy o sg(g) (1
 * - sg(g)). */
#ifndef KERNELS_CPU_ATTENTION_BWD_H
#define KERNELS_CPU_ATTENTION_BWD_H

#include "kernels/cpu/attention.h"

/* What backward needs and gives besides; k vt packed as v kt are in attn_block. */
typedef struct attn_grads {
    const float *dy;         /* rows as q's */
    const float *k, *vt;     /* [nk, ldd], [D, ldk] */
    float *dq, *dg;          /* rows as q's; added to; may be NULL */
    float *dk, *dv;          /* [nk, ldd]; added to, dk without the factor 1 / sqrt D; may be NULL */
} attn_grads;

static inline km_dim attn_bwd_scratch(km_dim nk, km_dim D) { return ATTN_ROWS * 2 * (padded(nk) + padded(D)); }

/* dou [nq, ldd] = sg(g) dy, zero beyond D */
static inline void gated(float *restrict dou, const attn_block *b, const float *dy)
{
    for (km_dim i = 0; i < b->nq; i++) {
        const float *restrict dr = dy + i * b->stride, *restrict gr = moved_const(b->g, i * b->stride);
        float *restrict or = dou + i * b->ldd;
        if (gr)
#pragma omp simd
            for (km_dim d = 0; d < b->D; d++) or[d] = dr[d] * km_sigmoidf(gr[d]);
        else
            for (km_dim d = 0; d < b->D; d++) or[d] = dr[d];
        for (km_dim d = b->D; d < b->ldd; d++) or[d] = 0;
    }
}

/* dg += dy o sg(g) (1 - sg(g)), o [nq, ldd] the output before the gate; dou = sg(g) dy */
static inline void gate_bwd(float *dg, const attn_block *b, const float *dou, const float *o)
{
    for (km_dim i = 0; i < b->nq; i++) {
        const float *restrict dr = dou + i * b->ldd, *restrict or = o + i * b->ldd, *restrict gr = b->g + i * b->stride;
        float *restrict out = dg + i * b->stride;
#pragma omp simd
        for (km_dim d = 0; d < b->D; d++) out[d] += dr[d] * or[d] * km_sigmoidf(-gr[d]);
    }
}

/* dp becomes ds = p (dp - sum_j p dp); p becomes the weights themselves; n: whole vectors */
static inline void softmax_bwd(float *restrict dp, float *restrict p, float sum, km_dim n)
{
    const float r = 1.0f / sum;
    vec dots = {0};
    for (km_dim j = 0; j < n; j += VW) {
        vec weights = vec_load(p + j) * r;
        vec_store(p + j, weights);
        dots += weights * vec_load(dp + j);
    }
    const float delta = vec_sum(dots);
#pragma omp simd
    for (km_dim j = 0; j < n; j++) dp[j] = p[j] * (dp[j] - delta);
}

/* Returns ds [nq, padded nk], the gradient at what was added to the logits, in scratch [attn_bwd_scratch]. */
static inline const float *attn_bwd(const attn_block *b, const attn_grads *g, float *scratch)
{
    km_dim lds = padded(b->nk), ldd = b->ldd, nq = b->nq, nk = b->nk;
    float *p = scratch, *ds = p + ATTN_ROWS * lds, *dou = ds + ATTN_ROWS * lds, *t = dou + ATTN_ROWS * ldd;
    float sum[ATTN_ROWS], factor = 1.0f / sqrtf((float)b->D);
    attn_weights(p, sum, b);
    gated(dou, b, g->dy);
    km_mm((km_product){ds, dou, g->vt, lds, ldd, 1, b->ldk, nq, lds, b->D, false});
    for (km_dim i = 0; i < nq; i++) softmax_bwd(ds + i * lds, p + i * lds, sum[i], lds);
    if (g->dg && b->g) {
        km_mm((km_product){t, p, b->v, ldd, lds, 1, ldd, nq, ldd, nk, false});
        gate_bwd(g->dg, b, dou, t);
    }
    if (g->dv) km_mm((km_product){g->dv, p, dou, ldd, 1, lds, ldd, nk, ldd, nq, true});
    if (g->dq) {
        km_mm((km_product){t, ds, g->k, ldd, lds, 1, ldd, nq, ldd, nk, false});
        add_rows(g->dq, b->stride, t, ldd, factor, nq, b->D);
    }
    if (g->dk) {
        pack_rows(t, ldd, b->q, b->stride, nq, b->D);
        km_mm((km_product){g->dk, ds, t, ldd, 1, lds, ldd, nk, ldd, nq, true});
    }
    return ds;
}

/* A head's keys and values [n, D] in the forms that backward wants, zeroed gradients beside them, and `rest` floats
 * more, all in the thread's own scratch. ldk is a vector longer than n needs, for runs of keys that start anywhere. */
typedef struct attn_packs {
    float *kt, *vt;          /* [D, ldk] */
    float *k, *v, *dk, *dv;  /* [n, ldd] */
    float *rest;
    km_dim ldk, ldd;
} attn_packs;

static inline attn_packs attn_pack(const float *k, const float *v, km_dim stride, km_dim n, km_dim D, km_dim rest)
{
    km_dim ldk = padded(n) + VW, ldd = padded(D), columns = D * ldk, rows = n * ldd;
    float *m = km_scratch(KM_SCRATCH_OWN, (size_t)(2 * columns + 4 * rows + rest));
    attn_packs p = {m, m + columns, m + 2 * columns, m + 2 * columns + rows, m + 2 * columns + 2 * rows,
                    m + 2 * columns + 3 * rows, m + 2 * columns + 4 * rows, ldk, ldd};
    pack_columns(p.kt, ldk, k, stride, n, D);
    pack_columns(p.vt, ldk, v, stride, n, D);
    pack_rows(p.k, ldd, k, stride, n, D);
    pack_rows(p.v, ldd, v, stride, n, D);
    memset(p.dk, 0, (size_t)(2 * rows) * sizeof *p.dk);
    return p;
}

/* Hand the gathered gradients to dk dv (rows `stride` apart, may be NULL). */
static inline void attn_unpack(const attn_packs *p, float *dk, float *dv, km_dim stride, km_dim n, km_dim D)
{
    if (dk) add_rows(dk, stride, p->dk, p->ldd, 1.0f / sqrtf((float)D), n, D);
    if (dv) add_rows(dv, stride, p->dv, p->ldd, 1, n, D);
}

#endif
