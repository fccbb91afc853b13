/* SPDX-License-Identifier: MIT */
#include "lib/nn/conditioned.h"

static void adaln_init(km_nn_adaptive *l, km_params *p, const char *prefix, km_dim C, km_dim S)
{
    char name[KM_NN_NAME];
    l->norm = KM_PARAM(p, KM_INIT_ONE, km_nn_name(name, "%s.adaln.s_norm.weight", prefix), S);
    km_nn_linear_init_bias(&l->scale, p, km_nn_name(name, "%s.adaln.s_scale", prefix), C, S, KM_INIT_DEFAULT,
                           KM_INIT_DEFAULT);
    km_nn_linear_init(&l->shift, p, km_nn_name(name, "%s.adaln.s_bias", prefix), C, S, KM_INIT_DEFAULT);
}

static void gate_init(km_nn_adaptive *l, km_params *p, const char *prefix, const char *gate, km_dim C, km_dim S)
{
    char name[KM_NN_NAME];
    km_nn_linear_init_bias(&l->gate, p, km_nn_name(name, "%s.%s", prefix, gate), C, S, KM_INIT_ZERO,
                           KM_INIT_BIAS_MINUS_2);
}

void km_nn_adaptive_init(km_nn_adaptive *l, km_params *p, const char *prefix, km_dim C, km_dim S)
{
    adaln_init(l, p, prefix, C, S);
    gate_init(l, p, prefix, "output_projection_linear", C, S);
}

/* Parameters are asked for in the order that training runs have them in. */
void km_nn_dit_init(km_nn_dit *l, km_params *p, const char *prefix, km_dim C, km_dim S, bool two_factors)
{
    char name[KM_NN_NAME], transition[KM_NN_NAME];
    km_nn_name(transition, "%s.transition", prefix);
    l->two_factors = two_factors;
    adaln_init(&l->attending, p, prefix, C, S);
    km_nn_attention_init(&l->attention, p, km_nn_name(name, "%s.pair_bias_attn", prefix), C);
    gate_init(&l->attending, p, prefix, "output_projection_linear", C, S);
    adaln_init(&l->transiting, p, transition, C, S);
    km_nn_linear_init(&l->swish_gate, p, km_nn_name(name, "%s.swish_gate.0", transition), (two_factors ? 2 : 4) * C, C,
                      KM_INIT_DEFAULT);
    km_nn_linear_init(&l->a_to_b, p, km_nn_name(name, "%s.a_to_b", transition), 2 * C, C, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->b_to_a, p, km_nn_name(name, "%s.b_to_a", transition), C, 2 * C, KM_INIT_DEFAULT);
    gate_init(&l->transiting, p, transition, "output_projection.0", C, S);
}

static km_tensor *scoped_sigmoid(km_ctx *cx, const km_nn_linear *l, const km_tensor *x)
{
    km_mark mark = km_scope_begin(cx);
    return km_scope_end(cx, mark, km_sigmoid(cx, km_nn_linear_run(cx, l, x)));
}

static km_tensor *scale_of(km_ctx *cx, const km_nn_adaptive *l, const km_tensor *s)
{
    km_mark mark = km_scope_begin(cx);
    km_tensor *n = km_layer_norm(cx, s, l->norm, NULL);
    return km_scope_end(cx, mark, km_sigmoid(cx, km_nn_linear_run(cx, &l->scale, n)));
}

static km_tensor *shift_of(km_ctx *cx, const km_nn_adaptive *l, const km_tensor *s)
{
    km_mark mark = km_scope_begin(cx);
    return km_scope_end(cx, mark, km_nn_linear_run(cx, &l->shift, km_layer_norm(cx, s, l->norm, NULL)));
}

km_nn_terms km_nn_adaptive_condition(km_ctx *cx, const km_nn_adaptive *l, const km_tensor *s)
{
    km_nn_terms t;
    t.scale = scale_of(cx, l, s);
    t.shift = shift_of(cx, l, s);
    t.gate = scoped_sigmoid(cx, &l->gate, s);
    return t;
}

km_nn_dit_terms km_nn_dit_condition(km_ctx *cx, const km_nn_dit *l, const km_tensor *s)
{
    km_nn_dit_terms t = {0};
    t.attention = km_nn_adaptive_condition(cx, &l->attending, s);
    t.transition = km_nn_adaptive_condition(cx, &l->transiting, s);
    return t;
}

km_tensor *km_nn_dit_attend(km_ctx *cx, const km_nn_dit *l, const km_nn_dit_terms *t, km_tensor *a,
                            const km_tensor *bias, const float *mask, const int32_t *level)
{
    km_tensor *b = km_adaln(cx, a, t->attention.scale, t->attention.shift, level);
    b = bias->nd == 4 ? km_nn_attention_run_windows(cx, &l->attention, b, bias, mask)
                      : km_nn_attention_run(cx, &l->attention, b, bias, mask);
    return km_gate_add(cx, a, t->attention.gate, b, level, km_nn_place(cx, a));
}

km_tensor *km_nn_dit_transit(km_ctx *cx, const km_nn_dit *l, const km_nn_dit_terms *t, km_tensor *a,
                             const int32_t *level)
{
    km_tensor *n = km_adaln(cx, a, t->transition.scale, t->transition.shift, level);
    km_tensor *g = km_nn_linear_run(cx, &l->swish_gate, n), *b = km_nn_linear_run(cx, &l->a_to_b, n);
    b = l->two_factors ? km_silu_mul(cx, g, b) : km_swish_gate(cx, g, b);
    b = km_nn_linear_run(cx, &l->b_to_a, b);
    return km_gate_add(cx, a, t->transition.gate, b, level, km_nn_place(cx, a));
}
