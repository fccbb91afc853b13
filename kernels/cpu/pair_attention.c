/* SPDX-License-Identifier: MIT
 * Attention among the tokens of a frame: a thread takes whole heads of frames forward; backward it takes heads with all
 * their frames, so that the bias's gradient is summed in the order of the frames. */
#include "kernels/cpu/attention_bwd.h"

/* [N] to add to the logits, or NULL: 0 or -1e6. With every key masked the shift is the same for all and falls out. */
static const float *masked_logits(const float *opt_mask, km_dim N)
{
    if (!opt_mask) return NULL;
    float *added = km_scratch(KM_SCRATCH_SHARED, (size_t)N);
    bool some = false, all = true;
    for (km_dim j = 0; j < N; j++) {
        added[j] = (1.0f - opt_mask[j]) * -1e6f;
        some = some || added[j] != 0;
        all = all && added[j] != 0;
    }
    return some && !all ? added : NULL;
}

void KM_CPU(pair_attention_fwd)(const km_exec *ex, float *y, const float *q, const float *k, const float *v,
                                const float *opt_g, const float *bias, const float *opt_mask, km_dim F, km_dim Nq,
                                km_dim N, km_dim H, km_dim D)
{
    const km_dim ldk = padded(N), ldd = padded(D);
    const float *masked = masked_logits(opt_mask, N);
    KM_PARALLEL_FOR (ex, F * H * Nq * N * D / 8, i, F * H) {
        km_dim h = i % H, head = i / H * N * H * D + h * D, queries = i / H * Nq * H * D + h * D;
        float *kt = km_scratch(KM_SCRATCH_OWN, (size_t)(D * ldk + N * ldd + attn_fwd_scratch(N, D)));
        float *vr = kt + D * ldk;
        pack_columns(kt, ldk, k + head, H * D, N, D);
        pack_rows(vr, ldd, v + head, H * D, N, D);
        for (km_dim n = 0; n < Nq; n += ATTN_ROWS) {
            km_dim at = queries + n * H * D;
            const km_dim nq = Nq - n < ATTN_ROWS ? Nq - n : ATTN_ROWS;
            attn_block b = {q + at, moved_const(opt_g, at), H * D, nq, N, D, kt, vr,
                            ldk, ldd, bias + (h * Nq + n) * N, N, masked};
            attn_fwd(y + at, &b, vr + N * ldd);
        }
    }
}

void KM_CPU(pair_attention_bwd)(const km_exec *ex, float *dq, float *dk, float *dv, float *dg, float *dbias,
                                const float *dy, const float *q, const float *k, const float *v, const float *opt_g,
                                const float *bias, const float *opt_mask, km_dim F, km_dim Nq, km_dim N, km_dim H,
                                km_dim D)
{
    const km_dim C = H * D;
    const float *masked = masked_logits(opt_mask, N);
    KM_PARALLEL_FOR (ex, F * H * Nq * N * D / 8, h, H)
        for (km_dim f = 0; f < F; f++) {
            km_dim head = f * N * C + h * D, queries = f * Nq * C + h * D;
            attn_packs p = attn_pack(k + head, v + head, C, N, D, attn_bwd_scratch(N, D));
            for (km_dim n = 0; n < Nq; n += ATTN_ROWS) {
                km_dim at = queries + n * C;
                attn_block b = {q + at,
                                moved_const(opt_g, at),
                                C,
                                Nq - n < ATTN_ROWS ? Nq - n : ATTN_ROWS,
                                N,
                                D,
                                p.kt,
                                p.v,
                                p.ldk,
                                p.ldd,
                                bias + (h * Nq + n) * N,
                                N,
                                masked};
                attn_grads g = {dy + at, p.k, p.vt, moved(dq, at), moved(dg, at), dk ? p.dk : NULL, dv ? p.dv : NULL};
                const float *ds = attn_bwd(&b, &g, p.rest);
                if (dbias) add_rows(dbias + (h * Nq + n) * N, N, ds, padded(N), 1, b.nq, N);
            }
            attn_unpack(&p, moved(dk, head), moved(dv, head), C, N, D);
        }
}
