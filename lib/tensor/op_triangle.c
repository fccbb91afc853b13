/* SPDX-License-Identifier: MIT
 * Triangle multiplication and attention. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct multiply_state {
    const km_tensor *p, *g;
    const float *mask;
    bool incoming;
    km_tensor *y;
} multiply_state;

static void multiply_backward(km_ctx *cx, void *state)
{
    multiply_state *s = state;
    if (!km_has_grad(s->y)) return;
    cx->be->triangle_multiply_bwd(&cx->ex, km_grad(cx, s->p), km_grad(cx, s->g), km_grad(cx, s->y), s->p->data,
                                  s->g->data, s->mask, s->incoming, km_size(s->y, 0), km_size(s->y, -1));
}

km_tensor *km_triangle_multiply(km_ctx *cx, const km_tensor *p, const km_tensor *g, const float *mask, bool incoming)
{
    km_dim N = km_size(p, 0), C = km_size(p, -1) / 2;
    KM_ASSERT(p->nd == 3 && km_size(p, 1) == N && km_size(p, -1) % 2 == 0 && km_numel(g) == km_numel(p));
    km_tensor *y = KM_TENSOR(cx, N, N, C);
    cx->be->triangle_multiply_fwd(&cx->ex, y->data, p->data, g->data, mask, incoming, N, C);
    if (KM_RECORDING(cx, p, g)) {
        multiply_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (multiply_state){p, g, mask, incoming, y};
        km_record(cx, y, multiply_backward, s);
    }
    return y;
}

typedef struct attention_state {
    const km_tensor *q, *k, *v, *g, *bias;
    const float *mask;
    bool ending;
    km_tensor *y;
} attention_state;

static void attention_backward(km_ctx *cx, void *state)
{
    attention_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim N = km_size(s->q, 0), H = km_size(s->bias, 0);
    cx->be->triangle_attention_bwd(&cx->ex, km_grad(cx, s->q), km_grad(cx, s->k), km_grad(cx, s->v), km_grad(cx, s->g),
                                   km_grad(cx, s->bias), km_grad(cx, s->y), s->q->data, s->k->data, s->v->data,
                                   s->g->data, s->bias->data, s->mask, s->ending, N, H, km_size(s->q, -1) / H);
}

km_tensor *km_triangle_attention(km_ctx *cx, const km_tensor *q, const km_tensor *k, const km_tensor *v,
                                 const km_tensor *g, const km_tensor *bias, const float *mask, bool ending)
{
    km_dim N = km_size(q, 0), H = km_size(bias, 0);
    KM_ASSERT(q->nd == 3 && km_size(q, 1) == N && km_size(q, -1) % H == 0 && km_numel(bias) == H * N * N);
    KM_ASSERT(km_numel(k) == km_numel(q) && km_numel(v) == km_numel(q) && km_numel(g) == km_numel(q));
    km_tensor *y = km_tensor_like(cx, q);
    cx->be->triangle_attention_fwd(&cx->ex, y->data, q->data, k->data, v->data, g->data, bias->data, mask, ending, N, H,
                                   km_size(q, -1) / H);
    if (KM_RECORDING(cx, q, k, v, g, bias)) {
        attention_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (attention_state){q, k, v, g, bias, mask, ending, y};
        km_record(cx, y, attention_backward, s);
    }
    return y;
}
