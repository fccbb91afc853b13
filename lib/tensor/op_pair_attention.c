/* SPDX-License-Identifier: MIT
 * Attention among the tokens of a frame, with a bias from their pairs. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct pair_attention_state {
    const km_tensor *q, *k, *v, *g, *bias;
    const float *mask;
    km_tensor *y;
} pair_attention_state;

static void pair_attention_backward(km_ctx *cx, void *state)
{
    pair_attention_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim H = km_size(s->bias, 0), N = km_size(s->k, -2);
    km_be(cx, s->q)->pair_attention_bwd(
        &cx->ex, km_grad(cx, s->q), km_grad(cx, s->k), km_grad(cx, s->v), km_grad(cx, s->g), km_grad(cx, s->bias),
        km_grad(cx, s->y), s->q->data, s->k->data, s->v->data, s->g ? s->g->data : NULL, s->bias->data,
        km_floats(cx, s->mask, N), km_rows(s->q, 2), km_size(s->q, -2), N, H, km_size(s->q, -1) / H);
}

km_tensor *km_pair_attention(km_ctx *cx, const km_tensor *q, const km_tensor *k, const km_tensor *v,
                             const km_tensor *opt_g, const km_tensor *bias, const float *opt_mask)
{
    km_dim H = km_size(bias, 0), Nq = km_size(q, -2), N = km_size(k, -2), C = km_size(q, -1), F = km_rows(q, 2);
    KM_ASSERT(km_numel(k) == F * N * C && km_numel(v) == F * N * C && (!opt_g || km_numel(opt_g) == km_numel(q)));
    KM_ASSERT(C % H == 0 && km_numel(bias) == H * Nq * N);
    KM_ASSERT(km_alike(q, k) && km_alike(q, v) && km_alike(q, opt_g) && km_alike(q, bias));
    km_tensor *y = km_tensor_like(cx, q);
    km_be(cx, q)->pair_attention_fwd(&cx->ex, y->data, q->data, k->data, v->data, opt_g ? opt_g->data : NULL,
                                     bias->data, km_floats(cx, opt_mask, N), F, Nq, N, H, C / H);
    if (KM_RECORDING(cx, q, k, v, opt_g, bias)) {
        pair_attention_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (pair_attention_state){q, k, v, opt_g, bias, opt_mask, y};
        km_record(cx, y, pair_attention_backward, s);
    }
    return y;
}
