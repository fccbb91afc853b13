/* SPDX-License-Identifier: MIT */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct average_state {
    const km_tensor *v, *g, *logits;
    const float *opt_mask;
    km_tensor *y;
} average_state;

static void average_backward(km_ctx *cx, void *state)
{
    average_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim H = km_size(s->logits, 0);
    km_be(cx, s->v)->pair_average_bwd(&cx->ex, km_grad(cx, s->v), km_grad(cx, s->g), km_grad(cx, s->logits),
                                      km_grad(cx, s->y), s->v->data, s->g->data, s->logits->data,
                                      km_floats(cx, s->opt_mask, km_size(s->v, 1)), km_size(s->v, 0), km_size(s->g, 1),
                                      km_size(s->v, 1), H, km_size(s->v, 2) / H);
}

km_tensor *km_pair_average(km_ctx *cx, const km_tensor *v, const km_tensor *g, const km_tensor *logits,
                           const float *opt_mask)
{
    km_dim S = km_size(v, 0), Nq = km_size(g, 1), N = km_size(v, 1), H = km_size(logits, 0);
    KM_ASSERT(km_alike(v, g) && km_alike(v, logits));
    KM_ASSERT(v->nd == 3 && km_size(v, 2) % H == 0 && km_numel(g) == S * Nq * km_size(v, 2));
    KM_ASSERT(km_numel(logits) == H * Nq * N);
    km_tensor *y = km_tensor_like(cx, g);
    km_be(cx, v)->pair_average_fwd(&cx->ex, y->data, v->data, g->data, logits->data, km_floats(cx, opt_mask, N), S, Nq,
                                   N, H, km_size(v, 2) / H);
    if (KM_RECORDING(cx, v, g, logits)) {
        average_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (average_state){v, g, logits, opt_mask, y};
        km_record(cx, y, average_backward, s);
    }
    return y;
}
