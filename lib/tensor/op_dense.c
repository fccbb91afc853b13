/* SPDX-License-Identifier: MIT
 * Products with weight matrices. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct linear_state {
    const km_tensor *x, *w, *b, *add;
    km_tensor *y;
} linear_state;

static void linear_backward(km_ctx *cx, void *state)
{
    linear_state *s = state;
    if (!km_has_grad(s->y)) return;
    const km_backend *be = km_be(cx, s->x);
    float *dadd = s->add ? km_grad(cx, s->add) : NULL;
    if (dadd) be->add_bwd(&cx->ex, dadd, NULL, km_grad(cx, s->y), km_numel(s->y), km_numel(s->y));
    be->linear_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->w), km_grad(cx, s->b), km_grad(cx, s->y), s->x->data,
                   s->w->data, s->w->pack, km_rows(s->x, 1), km_size(s->w, 1), km_size(s->w, 0));
}

/* Into y; cut: the tape cannot go through it. */
static km_tensor *linear(km_ctx *cx, km_tensor *y, const km_tensor *x, const km_tensor *w, const km_tensor *b,
                         const km_tensor *add, bool cut)
{
    km_dim O = km_size(w, 0), I = km_size(w, 1);
    km_be(cx, x)->linear_fwd(&cx->ex, y->data, x->data, w->data, b ? b->data : NULL, add ? add->data : NULL, cut,
                             w->pack, km_rows(x, 1), I, O);
    if (KM_RECORDING(cx, x, w, b, add)) {
        linear_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (linear_state){x, w, b, add, y};
        km_record(cx, y, linear_backward, s);
    }
    return y;
}

static km_tensor *result(km_ctx *cx, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b)
{
    km_dim shape[KM_MAX_DIMS];
    KM_ASSERT(w->nd == 2 && km_size(x, -1) == km_size(w, 1) && (!opt_b || km_numel(opt_b) == km_size(w, 0)) &&
              !w->half);
    memcpy(shape, x->shape, sizeof shape);
    shape[x->nd - 1] = km_size(w, 0);
    return km_tensor_as(cx, x, x->nd, shape);
}

km_tensor *km_linear(km_ctx *cx, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b)
{
    return linear(cx, result(cx, x, w, opt_b), x, w, opt_b, NULL, false);
}

km_tensor *km_linear_to(km_ctx *cx, km_tensor *y, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b)
{
    KM_ASSERT(km_numel(y) == km_rows(x, 1) * km_size(w, 0) && km_alike(x, y) && !KM_RECORDING(cx, x, w, opt_b));
    return linear(cx, y, x, w, opt_b, NULL, false);
}

km_tensor *km_linear_add(km_ctx *cx, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b,
                         const km_tensor *add, km_tensor *opt_to)
{
    km_tensor *y = opt_to ? opt_to : km_tensor_like(cx, add);
    KM_ASSERT(km_size(x, -1) == km_size(w, 1) && km_size(add, -1) == km_size(w, 0) &&
              km_rows(x, 1) == km_rows(add, 1) && km_alike(x, add) && km_alike(x, opt_to));
    KM_ASSERT(!opt_to || (km_numel(opt_to) == km_numel(add) && !KM_RECORDING(cx, x, w, opt_b, add)));
    return linear(cx, y, x, w, opt_b, add, false);
}

km_tensor *km_linear_relu(km_ctx *cx, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b)
{
    if (KM_RECORDING(cx, x, w, opt_b)) return km_relu(cx, km_linear(cx, x, w, opt_b));
    return linear(cx, result(cx, x, w, opt_b), x, w, opt_b, NULL, true);
}

static km_side side_of(const km_normed_linear *l)
{
    return (km_side){l->x->data, l->opt_norm_w ? l->opt_norm_w->data : NULL, l->opt_norm_b ? l->opt_norm_b->data : NULL,
                     l->opt_b ? l->opt_b->data : NULL, l->w->pack};
}

static bool recording(km_ctx *cx, const km_normed_linear *l)
{
    return KM_RECORDING(cx, l->x, l->opt_norm_w, l->opt_norm_b, l->w, l->opt_b);
}

static const km_tensor *normed(km_ctx *cx, const km_normed_linear *l)
{
    return l->opt_norm_w ? km_layer_norm(cx, l->x, l->opt_norm_w, l->opt_norm_b) : l->x;
}

km_tensor *km_gated_linear(km_ctx *cx, const km_normed_linear *gate, const km_normed_linear *value, bool silu,
                           const km_tensor *opt_add, km_tensor *opt_to)
{
    const km_backend *be = km_be(cx, value->x);
    bool recorded = recording(cx, gate) || recording(cx, value) || KM_RECORDING(cx, opt_add);
    km_dim I = km_size(value->w, 1), O = km_size(value->w, 0);
    KM_ASSERT(km_size(gate->w, 1) == I && km_size(gate->w, 0) == O && km_alike(gate->x, value->x));
    const bool same = gate->x == value->x && gate->opt_norm_w == value->opt_norm_w;
    const bool fits = I % KM_GATED_STEP == 0 && (same ? 1 : 2) * I <= KM_GATED_MOST;
    if (be->opt_gated_linear && !recorded && fits && gate->w->pack && value->w->pack) {
        const km_side g = side_of(gate), v = side_of(value);
        km_tensor *y = opt_to ? opt_to : result(cx, value->x, value->w, value->opt_b);
        KM_ASSERT(km_numel(y) == km_rows(value->x, 1) * O && km_alike(value->x, y));
        be->opt_gated_linear(&cx->ex, y->data, &g, &v, silu, opt_add ? opt_add->data : NULL, km_rows(value->x, 1), I,
                             O);
        return y;
    }
    const km_tensor *at = normed(cx, gate);
    km_tensor *v = km_linear(cx, same ? at : normed(cx, value), value->w, value->opt_b);
    km_tensor *g = km_linear(cx, at, gate->w, gate->opt_b), *y = (silu ? km_silu_mul : km_sigmoid_mul)(cx, g, v);
    return opt_add ? km_add(cx, opt_add, y) : y;
}
