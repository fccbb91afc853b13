/* SPDX-License-Identifier: MIT */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct outer_state {
    const km_tensor *a, *b;
    const float *opt_scale;
    km_dim first;
    km_tensor *y;
} outer_state;

static void outer_backward(km_ctx *cx, void *state)
{
    outer_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim N = km_size(s->a, 1);
    km_be(cx, s->a)->outer_products_bwd(&cx->ex, km_grad(cx, s->a), km_grad(cx, s->b), km_grad(cx, s->y), s->a->data,
                                        s->b->data, km_floats(cx, s->opt_scale, N * N), s->first, km_size(s->y, 0),
                                        km_size(s->a, 0), km_size(s->a, 1), km_size(s->a, 2), km_size(s->b, 2));
}

km_tensor *km_outer_products(km_ctx *cx, const km_tensor *a, const km_tensor *b, const float *opt_scale, km_dim first,
                             km_dim count)
{
    km_dim S = km_size(a, 0), N = km_size(a, 1), C = km_size(a, 2), D = km_size(b, 2);
    KM_ASSERT(a->nd == 3 && b->nd == 3 && km_size(b, 0) == S && km_size(b, 1) == N && km_alike(a, b));
    KM_ASSERT(first >= 0 && count >= 0 && first + count <= N);
    km_tensor *y = KM_TENSOR_AS(cx, a, count, N, C * D);
    km_be(cx, a)->outer_products_fwd(&cx->ex, y->data, a->data, b->data, km_floats(cx, opt_scale, N * N), first, count,
                                     S, N, C, D);
    if (KM_RECORDING(cx, a, b)) {
        outer_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (outer_state){a, b, opt_scale, first, y};
        km_record(cx, y, outer_backward, s);
    }
    return y;
}
