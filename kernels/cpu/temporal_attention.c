/* SPDX-License-Identifier: MIT
 * Attention across frames. The decay -max(exp(log_lambda) |dt|^beta, least) is the same for every token: it is
 * tabulated once for each head and entry and takes the place of a bias, with -1e30 at keys that lie in a causal query's
 * future. */
#include "kernels/cpu/attention_bwd.h"

static float power_of(float dt, float beta)
{
    if (beta == 1.0f) return dt;
    if (beta == 0.5f) return sqrtf(dt);
    if (beta == 0.25f) return sqrtf(sqrtf(dt));
    return dt > 0 ? powf(dt, beta) : 0.0f;
}

/* [B, H, Tq, Tk] */
static const float *decays(const float *log_lambda, const float *time_q, const float *time_k, float beta, float least,
                           bool causal, km_dim B, km_dim Tq, km_dim Tk, km_dim H)
{
    float *table = km_scratch(KM_SCRATCH_SHARED, (size_t)(B * H * Tq * Tk));
    for (km_dim b = 0; b < B; b++)
        for (km_dim i = 0; i < Tq; i++)
            for (km_dim j = 0; j < Tk; j++) {
                float past = power_of(fabsf(time_q[b * Tq + i] - time_k[b * Tk + j]), beta);
                bool future = causal && j > i + Tk - Tq;
                for (km_dim h = 0; h < H; h++)
                    table[((b * H + h) * Tq + i) * Tk + j] =
                        future ? -1e30f : -fmaxf(expf(log_lambda[h]) * past, least);
            }
    return table;
}

void KM_CPU(temporal_attention_fwd)(const km_exec *ex, float *y, const float *q, const float *k, const float *v,
                                    const float *opt_g, const float *log_lambda, const float *time_q,
                                    const float *time_k, float beta, float least, bool causal, km_dim B, km_dim Tq,
                                    km_dim Tk, km_dim N, km_dim H, km_dim D)
{
    const km_dim C = H * D, ldk = padded(Tk), ldd = padded(D);
    const float *table = decays(log_lambda, time_q, time_k, beta, least, causal, B, Tq, Tk, H);
    KM_PARALLEL_FOR (ex, B * N * Tq * Tk * C / 8, i, B * N) {
        km_dim e = i / N, n = i % N;
        float *kt = km_scratch(KM_SCRATCH_OWN, (size_t)(D * ldk + Tk * ldd + attn_fwd_scratch(Tk, D)));
        float *vr = kt + D * ldk;
        for (km_dim h = 0; h < H; h++) {
            km_dim keys = (e * Tk * N + n) * C + h * D;
            pack_columns(kt, ldk, k + keys, N * C, Tk, D);
            pack_rows(vr, ldd, v + keys, N * C, Tk, D);
            for (km_dim t = 0; t < Tq; t += ATTN_ROWS) {
                km_dim at = ((e * Tq + t) * N + n) * C + h * D;
                attn_block b = {q + at,
                                moved_const(opt_g, at),
                                N * C,
                                Tq - t < ATTN_ROWS ? Tq - t : ATTN_ROWS,
                                Tk,
                                D,
                                kt,
                                vr,
                                ldk,
                                ldd,
                                table + ((e * H + h) * Tq + t) * Tk,
                                Tk,
                                NULL};
                attn_fwd(y + at, &b, vr + Tk * ldd);
            }
        }
    }
}

/* sum ds o decay: what comes back to log_lambda, as each decay above the least is proportional to exp(log_lambda) */
static double decay_bwd(const attn_block *b, const float *ds, float least)
{
    double sum = 0;
    for (km_dim i = 0; i < b->nq; i++) {
        const float *restrict sr = ds + i * padded(b->nk), *restrict br = b->bias + i * b->bias_stride;
        float row = 0;
#pragma omp simd reduction(+ : row)
        for (km_dim j = 0; j < b->nk; j++) row += br[j] < -least ? sr[j] * br[j] : 0;
        sum += row;
    }
    return sum;
}

void KM_CPU(temporal_attention_bwd)(const km_exec *ex, float *dq, float *dk, float *dv, float *dg, float *dlog_lambda,
                                    const float *dy, const float *q, const float *k, const float *v, const float *opt_g,
                                    const float *log_lambda, const float *time_q, const float *time_k, float beta,
                                    float least, bool causal, km_dim B, km_dim Tq, km_dim Tk, km_dim N, km_dim H,
                                    km_dim D)
{
    const km_dim C = H * D;
    const float *table = decays(log_lambda, time_q, time_k, beta, least, causal, B, Tq, Tk, H);
    /* A head's sum over entries and tokens belongs to one thread, so its order is fixed. */
    KM_PARALLEL_FOR (ex, B * N * Tq * Tk * C / 8, h, H) {
        double sum = 0;
        for (km_dim i = 0; i < B * N; i++) {
            km_dim e = i / N, n = i % N, keys = (e * Tk * N + n) * C + h * D;
            attn_packs p = attn_pack(k + keys, v + keys, N * C, Tk, D, attn_bwd_scratch(Tk, D));
            for (km_dim t = 0; t < Tq; t += ATTN_ROWS) {
                km_dim at = ((e * Tq + t) * N + n) * C + h * D;
                attn_block b = {q + at, moved_const(opt_g, at), N * C, Tq - t < ATTN_ROWS ? Tq - t : ATTN_ROWS, Tk, D,
                                p.kt, p.v, p.ldk, p.ldd, table + ((e * H + h) * Tq + t) * Tk, Tk, NULL};
                attn_grads g = {dy + at, p.k, p.vt, moved(dq, at), moved(dg, at), dk ? p.dk : NULL, dv ? p.dv : NULL};
                sum += decay_bwd(&b, attn_bwd(&b, &g, p.rest), least);
            }
            attn_unpack(&p, moved(dk, keys), moved(dv, keys), N * C, Tk, D);
        }
        if (dlog_lambda) dlog_lambda[h] += (float)sum;
    }
}
