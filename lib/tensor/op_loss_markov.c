/* SPDX-License-Identifier: MIT
 * The loss against a Markov model. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct markov_state {
    const km_tensor *x;
    const float *r, *target, *population;
    const km_markov *model;
    float parts[3];
    km_tensor *y;
} markov_state;

static const float *numbers_of(km_ctx *cx, const km_markov *m)
{
    return km_floats(cx, m->numbers, m->P + m->P * m->D + 2 * m->K * m->D + m->K * m->K + m->K + m->D);
}

static void loss_markov_backward(km_ctx *cx, void *state)
{
    markov_state *s = state;
    const km_markov *m = s->model;
    km_dim F = km_rows(s->x, 2), A = km_size(s->x, -2);
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->loss_markov_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), s->x->data,
                                     km_floats(cx, s->r, km_numel(s->x)), km_floats(cx, s->target, F),
                                     km_ints(cx, m->pairs, 2 * m->P), numbers_of(cx, m),
                                     km_floats(cx, s->population, m->K), km_floats(cx, s->parts, 3), m->P, m->D, m->K,
                                     F, A);
}

km_tensor *km_loss_markov(km_ctx *cx, const km_tensor *x, const float *r, const float *target, const km_markov *m,
                          const float *population, const float parts[3])
{
    KM_ASSERT(km_size(x, -1) == 3);
    km_dim F = km_rows(x, 2), A = km_size(x, -2);
    km_tensor *y = KM_TENSOR_AS(cx, x, 1);
    km_be(cx, x)->loss_markov_fwd(&cx->ex, y->data, x->data, km_floats(cx, r, km_numel(x)), km_floats(cx, target, F),
                                  km_ints(cx, m->pairs, 2 * m->P), numbers_of(cx, m), km_floats(cx, population, m->K),
                                  km_floats(cx, parts, 3), m->P, m->D, m->K, F, A);
    if (KM_RECORDING(cx, x)) {
        markov_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (markov_state){x, r, target, population, m, {parts[0], parts[1], parts[2]}, y};
        km_record(cx, y, loss_markov_backward, s);
    }
    return y;
}
