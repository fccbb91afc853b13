/* SPDX-License-Identifier: MIT
 * Products with weight matrices. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct linear_state {
    const km_tensor *x, *w, *b;
    km_tensor *y;
} linear_state;

static void linear_backward(km_ctx *cx, void *state)
{
    linear_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->linear_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->w), km_grad(cx, s->b), km_grad(cx, s->y),
                                s->x->data, s->w->data, km_rows(s->x, 1), km_size(s->w, 1), km_size(s->w, 0));
}

km_tensor *km_linear(km_ctx *cx, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b)
{
    km_dim O = km_size(w, 0), I = km_size(w, 1);
    KM_ASSERT(w->nd == 2 && km_size(x, -1) == I && (!opt_b || km_numel(opt_b) == O) && !w->half);
    km_dim shape[KM_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->nd - 1] = O;
    km_tensor *y = km_tensor_as(cx, x, x->nd, shape);
    km_be(cx, x)->linear_fwd(&cx->ex, y->data, x->data, w->data, opt_b ? opt_b->data : NULL, w->pack, km_rows(x, 1), I,
                             O);
    if (KM_RECORDING(cx, x, w, opt_b)) {
        linear_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (linear_state){x, w, opt_b, y};
        km_record(cx, y, linear_backward, s);
    }
    return y;
}
