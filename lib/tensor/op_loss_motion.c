/* SPDX-License-Identifier: MIT
 * The loss of motion. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct motion_state {
    const km_tensor *x;
    const float *r, *target, *atom_weight, *chosen;
    float parts[3];
    int lags;
    km_tensor *y;
} motion_state;

static void loss_motion_backward(km_ctx *cx, void *state)
{
    motion_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim F = km_rows(s->x, 2), A = km_size(s->x, -2);
    km_be(cx, s->x)->loss_motion_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), s->x->data,
                                     km_floats(cx, s->r, km_numel(s->x)), km_floats(cx, s->target, F),
                                     km_floats(cx, s->atom_weight, A), km_floats(cx, s->chosen, A),
                                     km_floats(cx, s->parts, 3), s->lags, F, A);
}

km_tensor *km_loss_motion(km_ctx *cx, const km_tensor *x, const float *r, const float *target,
                          const float *atom_weight, const float *chosen, const float parts[3], int lags)
{
    KM_ASSERT(km_size(x, -1) == 3);
    km_dim F = km_rows(x, 2), A = km_size(x, -2);
    km_tensor *y = KM_TENSOR_AS(cx, x, 1);
    km_be(cx, x)->loss_motion_fwd(&cx->ex, y->data, x->data, km_floats(cx, r, km_numel(x)), km_floats(cx, target, F),
                                  km_floats(cx, atom_weight, A), km_floats(cx, chosen, A), km_floats(cx, parts, 3),
                                  lags, F, A);
    if (KM_RECORDING(cx, x)) {
        motion_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (motion_state){x, r, target, atom_weight, chosen, {parts[0], parts[1], parts[2]}, lags, y};
        km_record(cx, y, loss_motion_backward, s);
    }
    return y;
}
