/* SPDX-License-Identifier: MIT
 * The loss of spreads. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct spread_state {
    const km_tensor *x;
    const float *r, *weight;
    const int32_t *pairs;
    km_dim P;
    km_tensor *y;
} spread_state;

static void loss_spread_backward(km_ctx *cx, void *state)
{
    spread_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->loss_spread_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), s->x->data,
                                     km_floats(cx, s->r, km_numel(s->x)), km_ints(cx, s->pairs, 2 * s->P),
                                     km_floats(cx, s->weight, s->P), s->P, km_rows(s->x, 2), km_size(s->x, -2));
}

km_tensor *km_loss_spread(km_ctx *cx, const km_tensor *x, const float *r, const int32_t *pairs, const float *weight,
                          km_dim n_pairs)
{
    KM_ASSERT(km_size(x, -1) == 3);
    km_tensor *y = KM_TENSOR_AS(cx, x, 1);
    km_be(cx, x)->loss_spread_fwd(&cx->ex, y->data, x->data, km_floats(cx, r, km_numel(x)),
                                  km_ints(cx, pairs, 2 * n_pairs), km_floats(cx, weight, n_pairs), n_pairs,
                                  km_rows(x, 2), km_size(x, -2));
    if (KM_RECORDING(cx, x)) {
        spread_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (spread_state){x, r, weight, pairs, n_pairs, y};
        km_record(cx, y, loss_spread_backward, s);
    }
    return y;
}
