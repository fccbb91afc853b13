/* SPDX-License-Identifier: MIT */
#include "lib/nn/layers.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *km_nn_name(char out[KM_NN_NAME], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out, KM_NN_NAME, fmt, ap);
    va_end(ap);
    KM_ASSERT(n >= 0 && n < KM_NN_NAME);
    return out;
}

km_tensor *km_nn_state(km_ctx *cx, const km_tensor *t)
{
    if (cx->tape) return (km_tensor *)t; /* never written to */
    km_tensor *copy = km_tensor_like(cx, t);
    km_copy(cx, copy, 0, t);
    return copy;
}

km_tensor *km_nn_place(const km_ctx *cx, km_tensor *state) { return cx->tape || !cx->be->device ? NULL : state; }

km_tensor *km_nn_carry(km_ctx *cx, km_mark mark, km_tensor *state, km_tensor *next)
{
    if (cx->tape) return next;
    KM_ASSERT(km_numel(state) == km_numel(next));
    if (next != state) km_copy(cx, state, 0, next);
    km_arena_rewind(cx->arena, mark);
    return state;
}

void km_nn_linear_init(km_nn_linear *l, km_params *p, const char *prefix, km_dim out, km_dim in, km_init weight)
{
    char name[KM_NN_NAME];
    l->w = KM_PARAM(p, weight, km_nn_name(name, "%s.weight", prefix), out, in);
    l->b = NULL;
    km_params_products_only(l->w, true);
}

void km_nn_linear_init_bias(km_nn_linear *l, km_params *p, const char *prefix, km_dim out, km_dim in, km_init weight,
                            km_init bias)
{
    char name[KM_NN_NAME];
    km_nn_linear_init(l, p, prefix, out, in, weight);
    l->b = KM_PARAM(p, bias, km_nn_name(name, "%s.bias", prefix), out);
}

km_tensor *km_nn_linear_run(km_ctx *cx, const km_nn_linear *l, const km_tensor *x)
{
    return km_linear(cx, x, l->w, l->b);
}

km_tensor *km_nn_linear_to(km_ctx *cx, const km_nn_linear *l, const km_tensor *x, km_tensor *opt_to)
{
    return opt_to ? km_linear_to(cx, opt_to, x, l->w, l->b) : km_nn_linear_run(cx, l, x);
}

km_tensor *km_nn_linear_add(km_ctx *cx, const km_nn_linear *l, const km_tensor *x, const km_tensor *add,
                            km_tensor *opt_to)
{
    return km_linear_add(cx, x, l->w, l->b, add, opt_to);
}

void km_nn_norm_init(km_nn_norm *l, km_params *p, const char *prefix, km_dim C)
{
    char name[KM_NN_NAME];
    l->w = KM_PARAM(p, KM_INIT_ONE, km_nn_name(name, "%s.weight", prefix), C);
    l->b = KM_PARAM(p, KM_INIT_ZERO, km_nn_name(name, "%s.bias", prefix), C);
}

km_tensor *km_nn_norm_run(km_ctx *cx, const km_nn_norm *l, const km_tensor *x)
{
    return km_layer_norm(cx, x, l->w, l->b);
}

void km_nn_norm_linear_init(km_nn_norm_linear *l, km_params *p, const char *prefix, km_dim out, km_dim in,
                            km_init weight)
{
    char name[KM_NN_NAME];
    km_nn_norm_init(&l->norm, p, km_nn_name(name, "%s.0", prefix), in);
    km_nn_linear_init(&l->linear, p, km_nn_name(name, "%s.1", prefix), out, in, weight);
}

km_tensor *km_nn_norm_linear_run(km_ctx *cx, const km_nn_norm_linear *l, const km_tensor *x)
{
    return km_nn_linear_run(cx, &l->linear, km_nn_norm_run(cx, &l->norm, x));
}

km_normed_linear km_nn_normed(const km_nn_norm *norm, const km_nn_linear *l, const km_tensor *x)
{
    return (km_normed_linear){x, norm->w, norm->b, l->w, l->b};
}

void km_nn_transition_init(km_nn_transition *l, km_params *p, const char *prefix, km_dim C, km_dim hidden)
{
    char name[KM_NN_NAME];
    km_nn_norm_init(&l->norm, p, km_nn_name(name, "%s.norm", prefix), C);
    km_nn_linear_init(&l->fc1, p, km_nn_name(name, "%s.fc1", prefix), hidden, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->fc2, p, km_nn_name(name, "%s.fc2", prefix), hidden, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->fc3, p, km_nn_name(name, "%s.fc3", prefix), C, hidden, KM_INIT_ZERO);
}

km_tensor *km_nn_transition_add(km_ctx *cx, const km_nn_transition *l, const km_tensor *x, km_tensor *opt_to)
{
    const km_normed_linear gate = km_nn_normed(&l->norm, &l->fc1, x), value = km_nn_normed(&l->norm, &l->fc2, x);
    return km_nn_linear_add(cx, &l->fc3, km_gated_linear(cx, &gate, &value, true, NULL, NULL), x, opt_to);
}

void km_nn_attention_init(km_nn_attention *l, km_params *p, const char *prefix, km_dim C)
{
    char name[KM_NN_NAME];
    km_nn_linear_init_bias(&l->q, p, km_nn_name(name, "%s.proj_q", prefix), C, C, KM_INIT_DEFAULT, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->k, p, km_nn_name(name, "%s.proj_k", prefix), C, C, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->v, p, km_nn_name(name, "%s.proj_v", prefix), C, C, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->g, p, km_nn_name(name, "%s.proj_g", prefix), C, C, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->o, p, km_nn_name(name, "%s.proj_o", prefix), C, C, KM_INIT_ZERO);
}

km_tensor *km_nn_attention_run(km_ctx *cx, const km_nn_attention *l, const km_tensor *x, const km_tensor *bias,
                               const float *opt_mask)
{
    km_tensor *q = km_nn_linear_run(cx, &l->q, x), *k = km_nn_linear_run(cx, &l->k, x);
    km_tensor *v = km_nn_linear_run(cx, &l->v, x), *g = km_nn_linear_run(cx, &l->g, x);
    return km_nn_linear_run(cx, &l->o, km_pair_attention(cx, q, k, v, g, bias, opt_mask));
}

km_tensor *km_nn_attention_run_windows(km_ctx *cx, const km_nn_attention *l, const km_tensor *x, const km_tensor *bias,
                                       const float *atom_mask)
{
    km_tensor *q = km_nn_linear_run(cx, &l->q, x), *k = km_nn_linear_run(cx, &l->k, x);
    km_tensor *v = km_nn_linear_run(cx, &l->v, x), *g = km_nn_linear_run(cx, &l->g, x);
    km_dim Q = km_size(bias, -2), K = km_size(bias, -1);
    return km_nn_linear_run(cx, &l->o, km_window_attention(cx, q, k, v, g, bias, atom_mask, Q, K));
}
