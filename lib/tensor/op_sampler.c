/* SPDX-License-Identifier: MIT */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

/* Coordinates of F frames, float32 */
static km_dim atoms_of(const km_tensor *x)
{
    KM_ASSERT(x->nd == 3 && km_size(x, 2) == 3 && !x->half);
    return km_size(x, 1);
}

km_tensor *km_add_noise(km_ctx *cx, const km_tensor *x, const int32_t *keys, const float *scale)
{
    km_dim F = km_size(x, 0), A = atoms_of(x);
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->add_noise_fwd(&cx->ex, y->data, x->data, km_ints(cx, keys, 4 * F), km_floats(cx, scale, F), F, A);
    return y;
}

km_tensor *km_sampler_move(km_ctx *cx, const km_tensor *x, const km_tensor *u, const km_tensor *d, const float *factor)
{
    km_dim F = km_size(x, 0), n = atoms_of(x) * 3;
    KM_ASSERT(km_numel(u) == F * n && km_numel(d) == F * n && km_alike(x, u) && km_alike(x, d));
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->sampler_move_fwd(&cx->ex, y->data, x->data, u->data, d->data, km_floats(cx, factor, F), F, n);
    return y;
}

km_tensor *km_hold_hands(km_ctx *cx, const km_tensor *x, const int32_t *centres, km_dim S, const int32_t *held)
{
    km_dim F = km_size(x, 0), A = atoms_of(x);
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->hold_hands_fwd(&cx->ex, y->data, x->data, km_ints(cx, centres, 4 * S), km_ints(cx, held, F), S, F, A);
    return y;
}

km_tensor *km_turn_frames(km_ctx *cx, const km_tensor *x, const float *motion, const int32_t *held)
{
    km_dim F = km_size(x, 0), A = atoms_of(x);
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->turn_fwd(&cx->ex, y->data, x->data, km_floats(cx, motion, 12 * F), km_ints(cx, held, F), F, A);
    return y;
}

km_tensor *km_superpose_frames(km_ctx *cx, const km_tensor *x, const km_tensor *to, const float *weight,
                               const int32_t *held)
{
    km_dim F = km_size(x, 0), A = atoms_of(x);
    KM_ASSERT(km_alike(x, to));
    km_tensor *y = km_tensor_like(cx, x);
    km_be(cx, x)->superpose_fwd(&cx->ex, y->data, x->data, to->data, km_floats(cx, weight, A), km_ints(cx, held, F), F,
                                A);
    return y;
}
