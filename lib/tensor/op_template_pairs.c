/* SPDX-License-Identifier: MIT */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct template_state {
    const km_tensor *w;
    km_template_facts t;
    km_tensor *y;
} template_state;

static void template_backward(km_ctx *cx, void *state)
{
    template_state *s = state;
    const km_template_facts *t = &s->t;
    if (!km_has_grad(s->y)) return;
    cx->be->template_pairs_bwd(&cx->ex, km_grad(cx, s->w), km_grad(cx, s->y), t->restype, t->visibility, t->rot,
                               t->origin, t->cb, t->ca, t->mask_cb, t->mask_frame, km_size(s->y, 0), km_size(s->y, 2));
}

km_tensor *km_template_pairs(km_ctx *cx, const km_tensor *w, const km_template_facts *t, km_dim N)
{
    KM_ASSERT(w->nd == 2 && km_size(w, 1) == 109);
    km_tensor *y = KM_TENSOR(cx, N, N, km_size(w, 0));
    cx->be->template_pairs_fwd(&cx->ex, y->data, w->data, t->restype, t->visibility, t->rot, t->origin, t->cb, t->ca,
                               t->mask_cb, t->mask_frame, N, km_size(w, 0));
    if (KM_RECORDING(cx, w)) {
        template_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (template_state){w, *t, y};
        km_record(cx, y, template_backward, s);
    }
    return y;
}
