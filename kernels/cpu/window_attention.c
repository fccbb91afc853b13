/* SPDX-License-Identifier: MIT
 * Attention among the atoms of a frame within windows: a head's keys are packed once, a window is a run of them. A
 * thread takes whole heads of frames forward, heads with all their frames backward (see pair_attention.c). */
#include "kernels/cpu/attention_bwd.h"

/* Window w looks at keys lo .. lo + n - 1, which begin at slot `slot` of its biases; n is 0 when all of them are
 * masked. */
typedef struct window {
    km_dim first, queries, lo, n, slot;
} window;

static window window_of(km_dim w, const float *atom_mask, km_dim A, km_dim Q, km_dim K)
{
    km_dim start = Q * w + Q / 2 - K / 2, lo = start < 0 ? 0 : start, hi = start + K > A ? A : start + K;
    bool any = false;
    for (km_dim a = lo; a < hi && !any; a++) any = atom_mask[a] != 0;
    return (window){Q * w, A - Q * w < Q ? A - Q * w : Q, lo, any ? hi - lo : 0, lo - start};
}

/* [A] to add to the logits: 0 or -1e6 */
static const float *masked_logits(const float *atom_mask, km_dim A)
{
    float *added = km_scratch(KM_SCRATCH_SHARED, (size_t)A);
    for (km_dim a = 0; a < A; a++) added[a] = (1.0f - atom_mask[a]) * -1e6f;
    return added;
}

void KM_CPU(window_attention_fwd)(const km_exec *ex, float *y, const float *q, const float *k, const float *v,
                                  const float *opt_g, const float *bias, const float *atom_mask, km_dim F, km_dim A,
                                  km_dim H, km_dim D, km_dim Q, km_dim K)
{
    const km_dim C = H * D, W = (A + Q - 1) / Q, ldk = padded(A) + VW, ldd = padded(D);
    const float *masked = masked_logits(atom_mask, A);
    KM_PARALLEL_FOR (ex, F * H * A * K * D / 8, i, F * H) {
        km_dim h = i % H, head = i / H * A * C + h * D;
        float *kt = km_scratch(KM_SCRATCH_OWN, (size_t)(D * ldk + A * ldd + attn_fwd_scratch(K, D)));
        float *vr = kt + D * ldk;
        pack_columns(kt, ldk, k + head, C, A, D);
        pack_rows(vr, ldd, v + head, C, A, D);
        for (km_dim w = 0; w < W; w++) {
            window s = window_of(w, atom_mask, A, Q, K);
            for (km_dim n = 0; n < s.queries; n += ATTN_ROWS) {
                km_dim at = head + (s.first + n) * C, nq = s.queries - n < ATTN_ROWS ? s.queries - n : ATTN_ROWS;
                attn_block b = {q + at, moved_const(opt_g, at), C, nq, s.n, D, kt + s.lo, vr + s.lo * ldd, ldk, ldd,
                                bias + ((h * W + w) * Q + n) * K + s.slot, K, masked + s.lo};
                if (s.n)
                    attn_fwd(y + at, &b, vr + A * ldd);
                else
                    for (km_dim j = 0; j < nq; j++) memset(y + at + j * C, 0, (size_t)D * sizeof *y);
            }
        }
    }
}

void KM_CPU(window_attention_bwd)(const km_exec *ex, float *dq, float *dk, float *dv, float *dg, float *dbias,
                                  const float *dy, const float *q, const float *k, const float *v, const float *opt_g,
                                  const float *bias, const float *atom_mask, km_dim F, km_dim A, km_dim H, km_dim D,
                                  km_dim Q, km_dim K)
{
    const km_dim C = H * D, W = (A + Q - 1) / Q;
    const float *masked = masked_logits(atom_mask, A);
    KM_PARALLEL_FOR (ex, F * H * A * K * D / 8, h, H)
        for (km_dim f = 0; f < F; f++) {
            km_dim head = f * A * C + h * D;
            attn_packs p = attn_pack(k + head, v + head, C, A, D, attn_bwd_scratch(K, D));
            for (km_dim w = 0; w < W; w++) {
                window s = window_of(w, atom_mask, A, Q, K);
                for (km_dim n = 0; n < s.queries && s.n; n += ATTN_ROWS) {
                    km_dim at = head + (s.first + n) * C, row = ((h * W + w) * Q + n) * K + s.slot, run = s.lo * p.ldd;
                    attn_block b = {q + at,
                                    moved_const(opt_g, at),
                                    C,
                                    s.queries - n < ATTN_ROWS ? s.queries - n : ATTN_ROWS,
                                    s.n,
                                    D,
                                    p.kt + s.lo,
                                    p.v + run,
                                    p.ldk,
                                    p.ldd,
                                    bias + row,
                                    K,
                                    masked + s.lo};
                    attn_grads g = {dy + at, p.k + run, p.vt + s.lo, moved(dq, at), moved(dg, at),
                                    dk ? p.dk + run : NULL, dv ? p.dv + run : NULL};
                    const float *ds = attn_bwd(&b, &g, p.rest);
                    if (dbias) add_rows(dbias + row, K, ds, padded(s.n), 1, b.nq, s.n);
                }
            }
            attn_unpack(&p, moved(dk, head), moved(dv, head), C, A, D);
        }
}
