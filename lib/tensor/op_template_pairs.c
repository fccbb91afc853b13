/* SPDX-License-Identifier: MIT */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct template_state {
    const km_tensor *w;
    km_template_facts t;
    km_tensor *y;
} template_state;

/* The facts where kernels can read them. */
static km_template_facts facts_at(km_ctx *cx, const km_template_facts *t, km_dim N)
{
    return (km_template_facts){km_ints(cx, t->restype, N),   km_ints(cx, t->visibility, N),
                               km_floats(cx, t->rot, 9 * N), km_floats(cx, t->origin, 3 * N),
                               km_floats(cx, t->cb, 3 * N),  km_floats(cx, t->ca, 3 * N),
                               km_floats(cx, t->mask_cb, N), km_floats(cx, t->mask_frame, N)};
}

static void template_backward(km_ctx *cx, void *state)
{
    template_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim N = km_size(s->y, 0);
    const km_template_facts at = facts_at(cx, &s->t, N), *t = &at;
    km_be(cx, s->w)->template_pairs_bwd(&cx->ex, km_grad(cx, s->w), km_grad(cx, s->y), t->restype, t->visibility,
                                        t->rot, t->origin, t->cb, t->ca, t->mask_cb, t->mask_frame, N,
                                        km_size(s->y, 2));
}

km_tensor *km_template_pairs(km_ctx *cx, const km_tensor *w, const km_template_facts *facts, km_dim N)
{
    const km_template_facts at = facts_at(cx, facts, N), *t = &at;
    KM_ASSERT(w->nd == 2 && km_size(w, 1) == 109);
    km_tensor *y = KM_TENSOR_AS(cx, w, N, N, km_size(w, 0));
    km_be(cx, w)->template_pairs_fwd(&cx->ex, y->data, w->data, t->restype, t->visibility, t->rot, t->origin, t->cb,
                                     t->ca, t->mask_cb, t->mask_frame, N, km_size(w, 0));
    if (KM_RECORDING(cx, w)) {
        template_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (template_state){w, *facts, y};
        km_record(cx, y, template_backward, s);
    }
    return y;
}
