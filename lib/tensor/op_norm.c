/* SPDX-License-Identifier: MIT
 * Layer norm and adaptive layer norm. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct layer_norm_state {
    const km_tensor *x, *w, *b;
    km_tensor *y;
} layer_norm_state;

static void layer_norm_backward(km_ctx *cx, void *state)
{
    layer_norm_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim C = km_size(s->x, -1);
    km_be(cx, s->x)->layer_norm_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->w), km_grad(cx, s->b), km_grad(cx, s->y),
                                    s->x->data, s->w ? s->w->data : NULL, km_numel(s->x) / C, C);
}

km_tensor *km_layer_norm(km_ctx *cx, const km_tensor *x, const km_tensor *opt_w, const km_tensor *opt_b)
{
    km_dim C = km_size(x, -1);
    KM_ASSERT((!opt_w || km_numel(opt_w) == C) && (!opt_b || km_numel(opt_b) == C));
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->layer_norm_fwd(&cx->ex, y->data, x->data, opt_w ? opt_w->data : NULL, opt_b ? opt_b->data : NULL,
                                 km_numel(x) / C, C);
    if (KM_RECORDING(cx, x, opt_w, opt_b)) {
        layer_norm_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (layer_norm_state){x, opt_w, opt_b, y};
        km_record(cx, y, layer_norm_backward, s);
    }
    return y;
}

typedef struct adaln_state {
    const km_tensor *x, *scale, *shift;
    const int32_t *level;
    km_tensor *y;
} adaln_state;

static void adaln_backward(km_ctx *cx, void *state)
{
    adaln_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->adaln_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->scale), km_grad(cx, s->shift),
                               km_grad(cx, s->y), s->x->data, s->scale->data, km_ints(cx, s->level, km_rows(s->x, 2)),
                               km_rows(s->x, 2), km_size(s->scale, 0), km_size(s->x, -2), km_size(s->x, -1));
}

km_tensor *km_adaln(km_ctx *cx, const km_tensor *x, const km_tensor *scale, const km_tensor *shift,
                    const int32_t *level)
{
    km_dim N = km_size(x, -2), C = km_size(x, -1), L = km_size(scale, 0);
    KM_ASSERT(km_numel(scale) == L * N * C && km_numel(shift) == L * N * C && km_alike(x, scale) && km_alike(x, shift));
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->adaln_fwd(&cx->ex, y->data, x->data, scale->data, shift->data, km_ints(cx, level, km_rows(x, 2)),
                            km_rows(x, 2), L, N, C);
    if (KM_RECORDING(cx, x, scale, shift)) {
        adaln_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (adaln_state){x, scale, shift, level, y};
        km_record(cx, y, adaln_backward, s);
    }
    return y;
}
