/* SPDX-License-Identifier: MIT
 * Attention across frames, with a decay in time. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct temporal_attention_state {
    const km_tensor *q, *k, *v, *g, *log_lambda;
    const float *time_q, *time_k;
    float beta, least;
    bool causal;
    km_tensor *y;
} temporal_attention_state;

static void temporal_attention_backward(km_ctx *cx, void *state)
{
    temporal_attention_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim H = km_numel(s->log_lambda);
    km_be(cx, s->q)->temporal_attention_bwd(
        &cx->ex, km_grad(cx, s->q), km_grad(cx, s->k), km_grad(cx, s->v), km_grad(cx, s->g), km_grad(cx, s->log_lambda),
        km_grad(cx, s->y), s->q->data, s->k->data, s->v->data, s->g ? s->g->data : NULL, s->log_lambda->data,
        km_floats(cx, s->time_q, km_rows(s->q, 2)), km_floats(cx, s->time_k, km_rows(s->k, 2)), s->beta, s->least,
        s->causal, km_size(s->q, 0), km_size(s->q, 1), km_size(s->k, 1), km_size(s->q, 2), H, km_size(s->q, 3) / H);
}

km_tensor *km_temporal_attention(km_ctx *cx, const km_tensor *q, const km_tensor *k, const km_tensor *v,
                                 const km_tensor *opt_g, const km_tensor *log_lambda, const float *time_q,
                                 const float *time_k, float beta, float least, bool causal)
{
    KM_ASSERT(km_alike(q, k) && km_alike(q, v) && km_alike(q, opt_g));
    KM_ASSERT(q->nd == 4 && k->nd == 4 && km_numel(v) == km_numel(k) && (!opt_g || km_numel(opt_g) == km_numel(q)));
    km_dim B = km_size(q, 0), Tq = km_size(q, 1), Tk = km_size(k, 1), N = km_size(q, 2), C = km_size(q, 3);
    km_dim H = km_numel(log_lambda);
    KM_ASSERT(km_numel(k) == B * Tk * N * C && C % H == 0 && (!causal || Tk >= Tq));
    km_tensor *y = km_tensor_like(cx, q);
    km_be(cx, q)->temporal_attention_fwd(&cx->ex, y->data, q->data, k->data, v->data, opt_g ? opt_g->data : NULL,
                                         log_lambda->data, km_floats(cx, time_q, B * Tq), km_floats(cx, time_k, B * Tk),
                                         beta, least, causal, B, Tq, Tk, N, H, C / H);
    if (KM_RECORDING(cx, q, k, v, opt_g, log_lambda)) {
        temporal_attention_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (temporal_attention_state){q, k, v, opt_g, log_lambda, time_q, time_k, beta, least, causal, y};
        km_record(cx, y, temporal_attention_backward, s);
    }
    return y;
}
