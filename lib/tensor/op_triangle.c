/* SPDX-License-Identifier: MIT
 * Triangle multiplication. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct multiply_state {
    const km_tensor *ab;
    const float *mask;
    bool incoming;
    km_tensor *y;
} multiply_state;

static void multiply_backward(km_ctx *cx, void *state)
{
    multiply_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->ab)->triangle_multiply_bwd(&cx->ex, km_grad(cx, s->ab), km_grad(cx, s->y), s->ab->data,
                                            km_floats(cx, s->mask, km_rows(s->ab, 1)), s->incoming, km_size(s->y, 0),
                                            km_size(s->y, -1));
}

km_tensor *km_triangle_multiply(km_ctx *cx, const km_tensor *ab, const float *mask, bool incoming)
{
    km_dim N = km_size(ab, 0), C = km_size(ab, -1) / 2;
    KM_ASSERT(ab->nd == 3 && km_size(ab, 1) == N && km_size(ab, -1) % 2 == 0);
    km_tensor *y = KM_TENSOR_AS(cx, ab, N, N, C);
    km_be(cx, ab)->triangle_multiply_fwd(&cx->ex, y->data, ab->data, km_floats(cx, mask, N * N), incoming, N, C);
    if (KM_RECORDING(cx, ab)) {
        multiply_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (multiply_state){ab, mask, incoming, y};
        km_record(cx, y, multiply_backward, s);
    }
    return y;
}
