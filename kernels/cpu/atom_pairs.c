/* SPDX-License-Identifier: MIT
 * Pair features of atom windows. The projections' weights are turned first, [5, C] for x, y, z, distance and flag, so
 * that the inner loops run along channels. In backward a window owns its queries, an atom its key's sums, a token its
 * rows of zp: each sum has one owner and a fixed order. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/scratch.h"

enum { FEATURES = 5 };

/* The molecule, as both directions see it. */
typedef struct pairs {
    const float *ref_pos, *atom_mask;
    const int32_t *uid, *atom_token;
    km_dim A, N, Q, K, C;
} pairs;

static inline bool present(const pairs *p, km_dim a) { return a >= 0 && a < p->A; }

static inline km_dim first_key(const pairs *p, km_dim w) { return w * p->Q + p->Q / 2 - p->K / 2; }

/* Do these atoms, which may be missing, belong to one conformer? Then f [5] is what the weights multiply. */
static inline bool pair_features(const pairs *p, km_dim q, km_dim k, float f[FEATURES])
{
    if (!present(p, q) || !present(p, k) || p->uid[q] != p->uid[k]) return false;
    if (p->atom_mask[q] == 0 || p->atom_mask[k] == 0) return false;
    float square = 0;
    for (int d = 0; d < 3; d++) {
        f[d] = p->ref_pos[k * 3 + d] - p->ref_pos[q * 3 + d];
        square += f[d] * f[d];
    }
    f[3] = 1.0f / (1.0f + square);
    f[4] = 1.0f;
    return true;
}

/* The row of zp that belongs to the pair, or -1. */
static inline km_dim zp_row(const pairs *p, km_dim q, km_dim k)
{
    if (!present(p, q) || !present(p, k) || p->atom_token[q] < 0 || p->atom_token[k] < 0) return -1;
    return p->atom_token[q] * p->N + p->atom_token[k];
}

static inline void add_to(float *restrict y, const float *restrict x, km_dim C)
{
    for (km_dim c = 0; c < C; c++) y[c] += x[c];
}

static inline void pair_row(float *restrict y, const float *restrict w, const float f[FEATURES], km_dim C)
{
    const float x = f[0], yy = f[1], z = f[2], d = f[3];
    for (km_dim c = 0; c < C; c++)
        y[c] += w[c] * x + w[C + c] * yy + w[2 * C + c] * z + w[3 * C + c] * d + w[4 * C + c];
}

void KM_CPU(atom_pairs_fwd)(const km_exec *ex, float *y, const float *w_pos, const float *w_dist, const float *w_mask,
                            const float *ref_pos, const int32_t *uid, const float *atom_mask, const float *zp,
                            const int32_t *atom_token, const float *u, const float *v, km_dim A, km_dim N, km_dim Q,
                            km_dim K, km_dim C)
{
    const pairs p = {ref_pos, atom_mask, uid, atom_token, A, N, Q, K, C};
    km_dim rows = (A + Q - 1) / Q * Q;
    float *w = km_scratch(KM_SCRATCH_SHARED, (size_t)(FEATURES * C));
    for (km_dim c = 0; c < C; c++) {
        for (int d = 0; d < 3; d++) w[d * C + c] = w_pos[c * 3 + d];
        w[3 * C + c] = w_dist[c];
        w[4 * C + c] = w_mask[c];
    }
    KM_PARALLEL_FOR (ex, rows * K * C * 8, q, rows) {
        km_dim k0 = first_key(&p, q / Q);
        for (km_dim i = 0; i < K; i++) {
            float *yr = y + (q * K + i) * C, f[FEATURES];
            km_dim k = k0 + i, row = zp ? zp_row(&p, q, k) : -1;
            if (q < A) memcpy(yr, u + q * C, (size_t)C * sizeof *yr);
            else memset(yr, 0, (size_t)C * sizeof *yr);
            if (present(&p, k)) add_to(yr, v + k * C, C);
            if (row >= 0) add_to(yr, zp + row * C, C);
            if (pair_features(&p, q, k, f)) pair_row(yr, w, f, C);
        }
    }
}

/* dw [5, C] = the sums over one window; du of the window's queries is added to */
static inline void window_bwd(float *restrict dw, float *opt_du, const float *dy, const pairs *p, km_dim w)
{
    const km_dim C = p->C, k0 = first_key(p, w);
    memset(dw, 0, (size_t)(FEATURES * C) * sizeof *dw);
    for (km_dim q = w * p->Q; q < (w + 1) * p->Q && q < p->A; q++)
        for (km_dim i = 0; i < p->K; i++) {
            const float *restrict dr = dy + (q * p->K + i) * C;
            float f[FEATURES];
            if (opt_du) add_to(opt_du + q * C, dr, C);
            if (!pair_features(p, q, k0 + i, f)) continue;
            for (int d = 0; d < FEATURES; d++)
                for (km_dim c = 0; c < C; c++) dw[d * C + c] += f[d] * dr[c];
        }
}

/* dv [C] of atom k += its sums over all windows that have it among their keys */
static inline void key_bwd(float *restrict dv, const float *dy, const pairs *p, km_dim k)
{
    km_dim W = (p->A + p->Q - 1) / p->Q;
    for (km_dim w = 0; w < W; w++) {
        km_dim i = k - first_key(p, w);
        if (i < 0 || i >= p->K) continue;
        for (km_dim q = w * p->Q; q < (w + 1) * p->Q; q++) add_to(dv, dy + (q * p->K + i) * p->C, p->C);
    }
}

/* dzp [N, N, C]: the rows of token n += the pairs whose query belongs to it */
static inline void token_bwd(float *dzp, const float *dy, const pairs *p, km_dim n)
{
    for (km_dim q = 0; q < p->A; q++) {
        if (p->atom_token[q] != n) continue;
        for (km_dim i = 0; i < p->K; i++) {
            km_dim row = zp_row(p, q, first_key(p, q / p->Q) + i);
            if (row >= 0) add_to(dzp + row * p->C, dy + (q * p->K + i) * p->C, p->C);
        }
    }
}

void KM_CPU(atom_pairs_bwd)(const km_exec *ex, float *dw_pos, float *dw_dist, float *dw_mask, float *dzp, float *du,
                            float *dv, const float *dy, const float *ref_pos, const int32_t *uid,
                            const float *atom_mask, const int32_t *atom_token, km_dim A, km_dim N, km_dim Q, km_dim K,
                            km_dim C)
{
    const pairs p = {ref_pos, atom_mask, uid, atom_token, A, N, Q, K, C};
    km_dim W = (A + Q - 1) / Q, work = W * Q * K * C * 4;
    float *parts = km_scratch(KM_SCRATCH_SHARED, (size_t)(W * FEATURES * C));
    KM_PARALLEL_FOR (ex, work, w, W)
        window_bwd(parts + w * FEATURES * C, du, dy, &p, w);
    for (km_dim w = 0; w < W; w++) {
        const float *part = parts + w * FEATURES * C;
        for (km_dim c = 0; c < C; c++) {
            for (int d = 0; d < 3 && dw_pos; d++) dw_pos[c * 3 + d] += part[d * C + c];
            if (dw_dist) dw_dist[c] += part[3 * C + c];
            if (dw_mask) dw_mask[c] += part[4 * C + c];
        }
    }
    if (dv)
        KM_PARALLEL_FOR (ex, work, k, A)
            key_bwd(dv + k * C, dy, &p, k);
    if (dzp)
        KM_PARALLEL_FOR (ex, work, n, N)
            token_bwd(dzp, dy, &p, n);
}
