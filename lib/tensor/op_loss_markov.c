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

static void loss_markov_backward(km_ctx *cx, void *state)
{
    markov_state *s = state;
    const km_markov *m = s->model;
    if (!km_has_grad(s->y)) return;
    cx->be->loss_markov_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), s->x->data, s->r, s->target, m->pairs,
                            m->numbers, s->population, s->parts, m->P, m->D, m->K, km_rows(s->x, 2),
                            km_size(s->x, -2));
}

km_tensor *km_loss_markov(km_ctx *cx, const km_tensor *x, const float *r, const float *target, const km_markov *m,
                          const float *population, const float parts[3])
{
    KM_ASSERT(km_size(x, -1) == 3);
    km_tensor *y = KM_TENSOR(cx, 1);
    cx->be->loss_markov_fwd(&cx->ex, y->data, x->data, r, target, m->pairs, m->numbers, population, parts, m->P, m->D,
                            m->K, km_rows(x, 2), km_size(x, -2));
    if (KM_RECORDING(cx, x)) {
        markov_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (markov_state){x, r, target, population, m, {parts[0], parts[1], parts[2]}, y};
        km_record(cx, y, loss_markov_backward, s);
    }
    return y;
}
