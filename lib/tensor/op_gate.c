/* SPDX-License-Identifier: MIT
 * Gates and transitions. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct gate_add_state {
    const km_tensor *x, *gate, *u;
    const int32_t *level;
    km_tensor *y;
} gate_add_state;

static void gate_add_backward(km_ctx *cx, void *state)
{
    gate_add_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->gate_add_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->gate), km_grad(cx, s->u),
                                  km_grad(cx, s->y), s->gate->data, s->u->data, km_ints(cx, s->level, km_rows(s->x, 2)),
                                  km_rows(s->x, 2), km_size(s->gate, 0), km_size(s->x, -2), km_size(s->x, -1));
}

km_tensor *km_gate_add(km_ctx *cx, const km_tensor *x, const km_tensor *gate, const km_tensor *u, const int32_t *level,
                       km_tensor *opt_to)
{
    km_dim N = km_size(x, -2), C = km_size(x, -1), L = km_size(gate, 0);
    KM_ASSERT(km_numel(gate) == L * N * C && km_numel(u) == km_numel(x) && km_alike(x, gate) && km_alike(x, u));
    KM_ASSERT(!opt_to || (km_numel(opt_to) == km_numel(x) && km_alike(x, opt_to) && !KM_RECORDING(cx, x, gate, u)));
    km_tensor *y = opt_to ? opt_to : km_tensor_like(cx, x);
    km_be(cx, x)->gate_add_fwd(&cx->ex, y->data, x->data, gate->data, u->data, km_ints(cx, level, km_rows(x, 2)),
                               km_rows(x, 2), L, N, C);
    if (KM_RECORDING(cx, x, gate, u)) {
        gate_add_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (gate_add_state){x, gate, u, level, y};
        km_record(cx, y, gate_add_backward, s);
    }
    return y;
}

/* silu_mul, sigmoid_mul and swish_gate keep the same things. */
typedef struct product_state {
    const km_tensor *a, *b;
    km_tensor *y;
} product_state;

static void record_product(km_ctx *cx, const km_tensor *a, const km_tensor *b, km_tensor *y, km_backward *backward)
{
    if (!KM_RECORDING(cx, a, b)) return;
    product_state *s = km_arena_get(cx->arena, sizeof *s);
    *s = (product_state){a, b, y};
    km_record(cx, y, backward, s);
}

static void silu_mul_backward(km_ctx *cx, void *state)
{
    product_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->silu_mul_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->b), km_grad(cx, s->y), s->a->data,
                                  s->b->data, km_numel(s->y));
}

km_tensor *km_silu_mul(km_ctx *cx, const km_tensor *a, const km_tensor *b)
{
    KM_ASSERT(km_numel(a) == km_numel(b) && km_alike(a, b));
    km_tensor *y = km_tensor_like(cx, a);
    km_be(cx, a)->silu_mul_fwd(&cx->ex, y->data, a->data, b->data, km_numel(a));
    record_product(cx, a, b, y, silu_mul_backward);
    return y;
}

static void sigmoid_mul_backward(km_ctx *cx, void *state)
{
    product_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->sigmoid_mul_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->b), km_grad(cx, s->y), s->a->data,
                                     s->b->data, km_numel(s->y));
}

km_tensor *km_sigmoid_mul(km_ctx *cx, const km_tensor *a, const km_tensor *b)
{
    KM_ASSERT(km_numel(a) == km_numel(b) && km_alike(a, b));
    km_tensor *y = km_tensor_like(cx, a);
    km_be(cx, a)->sigmoid_mul_fwd(&cx->ex, y->data, a->data, b->data, km_numel(a));
    record_product(cx, a, b, y, sigmoid_mul_backward);
    return y;
}

static void swish_gate_backward(km_ctx *cx, void *state)
{
    product_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->a)->swish_gate_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->b), km_grad(cx, s->y), s->a->data,
                                    s->b->data, km_rows(s->y, 1), km_size(s->y, -1));
}

km_tensor *km_swish_gate(km_ctx *cx, const km_tensor *h, const km_tensor *b)
{
    KM_ASSERT(km_size(h, -1) == 2 * km_size(b, -1) && km_numel(h) == 2 * km_numel(b) && km_alike(h, b));
    km_tensor *y = km_tensor_like(cx, b);
    km_be(cx, h)->swish_gate_fwd(&cx->ex, y->data, h->data, b->data, km_rows(b, 1), km_size(b, -1));
    record_product(cx, h, b, y, swish_gate_backward);
    return y;
}
