/* SPDX-License-Identifier: MIT
 * Sums, scalings and reshapings, element by element. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/tensor/ops.h"

/* What these operations keep: inputs, the result, and numbers that are not differentiated. */
typedef struct simple_state {
    const km_tensor *a, *b;
    km_tensor *y;
    float factor;
    const float *ca, *cb; // [F] each
} simple_state;

static void record(km_ctx *cx, km_backward *backward, simple_state state)
{
    if (!KM_RECORDING(cx, state.a, state.b)) return;
    simple_state *s = km_arena_get(cx->arena, sizeof *s);
    *s = state;
    km_record(cx, s->y, backward, s);
}

static void add_backward(km_ctx *cx, void *state)
{
    simple_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->add_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->b), km_grad(cx, s->y), km_numel(s->a),
                             km_numel(s->b));
}

km_tensor *km_add(km_ctx *cx, const km_tensor *a, const km_tensor *b)
{
    KM_ASSERT(km_numel(b) > 0 ? km_numel(a) % km_numel(b) == 0 : km_numel(a) == 0);
    KM_ASSERT(km_alike(a, b));
    km_tensor *y = km_tensor_like(cx, a);
    km_be(cx, a)->add_fwd(&cx->ex, y->data, a->data, b->data, km_numel(a), km_numel(b));
    record(cx, add_backward, (simple_state){.a = a, .b = b, .y = y});
    return y;
}

static void scale_backward(km_ctx *cx, void *state)
{
    simple_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->scale_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->y), s->factor, km_numel(s->a));
}

km_tensor *km_scale(km_ctx *cx, const km_tensor *a, float factor)
{
    km_tensor *y = km_tensor_like(cx, a);
    km_be(cx, a)->scale_fwd(&cx->ex, y->data, a->data, factor, km_numel(a));
    record(cx, scale_backward, (simple_state){.a = a, .y = y, .factor = factor});
    return y;
}

static void relu_backward(km_ctx *cx, void *state)
{
    simple_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->relu_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->y), s->a->data, km_numel(s->a));
}

km_tensor *km_relu(km_ctx *cx, const km_tensor *x)
{
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->relu_fwd(&cx->ex, y->data, x->data, km_numel(x));
    record(cx, relu_backward, (simple_state){.a = x, .y = y});
    return y;
}

static void sigmoid_backward(km_ctx *cx, void *state)
{
    simple_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->sigmoid_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->y), s->y->data, km_numel(s->a));
}

km_tensor *km_sigmoid(km_ctx *cx, const km_tensor *x)
{
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->sigmoid_fwd(&cx->ex, y->data, x->data, km_numel(x));
    record(cx, sigmoid_backward, (simple_state){.a = x, .y = y});
    return y;
}

static void concat_backward(km_ctx *cx, void *state)
{
    simple_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->concat_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->b), km_grad(cx, s->y), km_rows(s->a, 1),
                                km_size(s->a, -1), km_size(s->b, -1));
}

km_tensor *km_concat(km_ctx *cx, const km_tensor *a, const km_tensor *b)
{
    km_dim Ca = km_size(a, -1), Cb = km_size(b, -1), M = km_rows(a, 1), shape[KM_MAX_DIMS];
    KM_ASSERT(km_rows(b, 1) == M && km_alike(a, b));
    memcpy(shape, a->shape, sizeof shape);
    shape[a->nd - 1] = Ca + Cb;
    km_tensor *y = km_tensor_as(cx, a, a->nd, shape);
    km_be(cx, a)->concat_fwd(&cx->ex, y->data, a->data, b->data, M, Ca, Cb);
    record(cx, concat_backward, (simple_state){.a = a, .b = b, .y = y});
    return y;
}

static void heads_first_backward(km_ctx *cx, void *state)
{
    simple_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->heads_first_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->y), km_rows(s->a, 1),
                                     km_size(s->a, -1));
}

km_tensor *km_heads_first(km_ctx *cx, const km_tensor *x)
{
    km_dim shape[KM_MAX_DIMS] = {km_size(x, -1)};
    memcpy(shape + 1, x->shape, (size_t)(x->nd - 1) * sizeof *shape);
    km_tensor *y = km_tensor_as(cx, x, x->nd, shape);
    km_be(cx, x)->heads_first_fwd(&cx->ex, y->data, x->data, km_rows(x, 1), km_size(x, -1));
    record(cx, heads_first_backward, (simple_state){.a = x, .y = y});
    return y;
}

static void swap_pairs_backward(km_ctx *cx, void *state)
{
    simple_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->swap_pairs_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->y), km_size(s->a, 0), km_size(s->a, 2));
}

km_tensor *km_swap_pairs(km_ctx *cx, const km_tensor *x)
{
    KM_ASSERT(x->nd == 3 && km_size(x, 0) == km_size(x, 1));
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->swap_pairs_fwd(&cx->ex, y->data, x->data, km_size(x, 0), km_size(x, 2));
    record(cx, swap_pairs_backward, (simple_state){.a = x, .y = y});
    return y;
}

static void outer_add_backward(km_ctx *cx, void *state)
{
    simple_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->outer_add_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->b), km_grad(cx, s->y), km_rows(s->a, 1),
                                   km_size(s->a, -1));
}

km_tensor *km_outer_add(km_ctx *cx, const km_tensor *a, const km_tensor *b)
{
    km_dim N = km_rows(a, 1), C = km_size(a, -1);
    KM_ASSERT(km_rows(b, 1) == N && km_size(b, -1) == C && km_alike(a, b));
    km_tensor *y = KM_TENSOR_AS(cx, a, N, N, C);
    km_be(cx, a)->outer_add_fwd(&cx->ex, y->data, a->data, b->data, N, C);
    record(cx, outer_add_backward, (simple_state){.a = a, .b = b, .y = y});
    return y;
}

km_tensor *km_fourier(km_ctx *cx, const float *t, km_dim L, const km_tensor *w, const km_tensor *b)
{
    km_dim D = km_numel(w);
    KM_ASSERT(km_numel(b) == D);
    km_tensor *y = KM_TENSOR_AS(cx, w, L, D);
    km_be(cx, w)->fourier_fwd(&cx->ex, y->data, km_floats(cx, t, L), w->data, b->data, L, D);
    return y;
}

static void frame_axpby_backward(km_ctx *cx, void *state)
{
    simple_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim F = km_size(s->a, 0);
    km_be(cx, s->a)->frame_axpby_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->b), km_grad(cx, s->y),
                                     km_floats(cx, s->ca, F), km_floats(cx, s->cb, F), F, km_numel(s->a) / F);
}

km_tensor *km_frame_axpby(km_ctx *cx, const km_tensor *x, const float *a, const km_tensor *opt_u, const float *opt_b)
{
    km_dim F = km_size(x, 0);
    KM_ASSERT(F > 0 && !opt_u == !opt_b && (!opt_u || km_numel(opt_u) == km_numel(x)) && km_alike(x, opt_u));
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->frame_axpby_fwd(&cx->ex, y->data, x->data, km_floats(cx, a, F), opt_u ? opt_u->data : NULL,
                                  km_floats(cx, opt_b, F), F, km_numel(x) / F);
    record(cx, frame_axpby_backward, (simple_state){.a = x, .b = opt_u, .y = y, .ca = a, .cb = opt_b});
    return y;
}
