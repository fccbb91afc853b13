/* SPDX-License-Identifier: MIT
 * Attention among the atoms of a frame, within windows. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct window_attention_state {
    const km_tensor *q, *k, *v, *g, *bias;
    const float *mask;
    km_dim Q, K;
    km_tensor *y;
} window_attention_state;

static void window_attention_backward(km_ctx *cx, void *state)
{
    window_attention_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim H = km_size(s->bias, 0);
    km_be(cx, s->q)->window_attention_bwd(&cx->ex, km_grad(cx, s->q), km_grad(cx, s->k), km_grad(cx, s->v),
                                          km_grad(cx, s->g), km_grad(cx, s->bias), km_grad(cx, s->y), s->q->data,
                                          s->k->data, s->v->data, s->g ? s->g->data : NULL, s->bias->data,
                                          km_floats(cx, s->mask, km_size(s->q, -2)), km_rows(s->q, 2),
                                          km_size(s->q, -2), H, km_size(s->q, -1) / H, s->Q, s->K);
}

km_tensor *km_window_attention(km_ctx *cx, const km_tensor *q, const km_tensor *k, const km_tensor *v,
                               const km_tensor *opt_g, const km_tensor *bias, const float *atom_mask, km_dim Q,
                               km_dim K)
{
    km_dim H = km_size(bias, 0), A = km_size(q, -2), C = km_size(q, -1), n = km_numel(q);
    KM_ASSERT(km_numel(k) == n && km_numel(v) == n && (!opt_g || km_numel(opt_g) == n));
    KM_ASSERT(km_alike(q, k) && km_alike(q, v) && km_alike(q, opt_g) && km_alike(q, bias));
    KM_ASSERT(Q >= 1 && K >= Q && C % H == 0 && km_numel(bias) == H * ((A + Q - 1) / Q) * Q * K);
    km_tensor *y = km_tensor_like(cx, q);
    km_be(cx, q)->window_attention_fwd(&cx->ex, y->data, q->data, k->data, v->data, opt_g ? opt_g->data : NULL,
                                       bias->data, km_floats(cx, atom_mask, A), km_rows(q, 2), A, H, C / H, Q, K);
    if (KM_RECORDING(cx, q, k, v, opt_g, bias)) {
        window_attention_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (window_attention_state){q, k, v, opt_g, bias, atom_mask, Q, K, y};
        km_record(cx, y, window_attention_backward, s);
    }
    return y;
}
