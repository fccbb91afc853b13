/* SPDX-License-Identifier: MIT */
#include "lib/nn/conditioned.h"

static void adaln_init(km_nn_adaln *l, km_params *p, const char *prefix, km_dim C, km_dim S)
{
    char name[KM_NN_NAME];
    l->norm = KM_PARAM(p, KM_INIT_ONE, km_nn_name(name, "%s.s_norm.weight", prefix), S);
    km_nn_linear_init_bias(&l->scale, p, km_nn_name(name, "%s.s_scale", prefix), C, S, KM_INIT_DEFAULT,
                           KM_INIT_DEFAULT);
    km_nn_linear_init(&l->shift, p, km_nn_name(name, "%s.s_bias", prefix), C, S, KM_INIT_DEFAULT);
}

void km_nn_dit_init(km_nn_dit *l, km_params *p, const char *prefix, km_dim C, km_dim S)
{
    char name[KM_NN_NAME];
    adaln_init(&l->adaln, p, km_nn_name(name, "%s.adaln", prefix), C, S);
    km_nn_attention_init(&l->attention, p, km_nn_name(name, "%s.pair_bias_attn", prefix), C);
    km_nn_linear_init_bias(&l->out, p, km_nn_name(name, "%s.output_projection_linear", prefix), C, S, KM_INIT_ZERO,
                           KM_INIT_BIAS_MINUS_2);
    adaln_init(&l->transition_adaln, p, km_nn_name(name, "%s.transition.adaln", prefix), C, S);
    km_nn_linear_init(&l->swish_gate, p, km_nn_name(name, "%s.transition.swish_gate.0", prefix), 4 * C, C,
                      KM_INIT_DEFAULT);
    km_nn_linear_init(&l->a_to_b, p, km_nn_name(name, "%s.transition.a_to_b", prefix), 2 * C, C, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->b_to_a, p, km_nn_name(name, "%s.transition.b_to_a", prefix), C, 2 * C, KM_INIT_DEFAULT);
    km_nn_linear_init_bias(&l->transition_out, p, km_nn_name(name, "%s.transition.output_projection.0", prefix), C, S,
                           KM_INIT_ZERO, KM_INIT_BIAS_MINUS_2);
}

static km_tensor *scoped_sigmoid(km_ctx *cx, const km_nn_linear *l, const km_tensor *x)
{
    km_mark mark = km_scope_begin(cx);
    return km_scope_end(cx, mark, km_sigmoid(cx, km_nn_linear_run(cx, l, x)));
}

static km_tensor *scale_of(km_ctx *cx, const km_nn_adaln *l, const km_tensor *s)
{
    km_mark mark = km_scope_begin(cx);
    km_tensor *n = km_layer_norm(cx, s, l->norm, NULL);
    return km_scope_end(cx, mark, km_sigmoid(cx, km_nn_linear_run(cx, &l->scale, n)));
}

static km_tensor *shift_of(km_ctx *cx, const km_nn_adaln *l, const km_tensor *s)
{
    km_mark mark = km_scope_begin(cx);
    return km_scope_end(cx, mark, km_nn_linear_run(cx, &l->shift, km_layer_norm(cx, s, l->norm, NULL)));
}

km_nn_dit_terms km_nn_dit_condition(km_ctx *cx, const km_nn_dit *l, const km_tensor *s)
{
    km_nn_dit_terms t;
    t.scale = scale_of(cx, &l->adaln, s);
    t.shift = shift_of(cx, &l->adaln, s);
    t.gate = scoped_sigmoid(cx, &l->out, s);
    t.transition_scale = scale_of(cx, &l->transition_adaln, s);
    t.transition_shift = shift_of(cx, &l->transition_adaln, s);
    t.transition_gate = scoped_sigmoid(cx, &l->transition_out, s);
    return t;
}

km_tensor *km_nn_dit_attend(km_ctx *cx, const km_nn_dit *l, const km_nn_dit_terms *t, const km_tensor *a,
                            const km_tensor *bias, const float *mask, const int32_t *level)
{
    km_tensor *b = km_adaln(cx, a, t->scale, t->shift, level);
    b = bias->nd == 4 ? km_nn_attention_run_windows(cx, &l->attention, b, bias, mask)
                      : km_nn_attention_run(cx, &l->attention, b, bias, mask);
    return km_gate_add(cx, a, t->gate, b, level);
}

km_tensor *km_nn_dit_transit(km_ctx *cx, const km_nn_dit *l, const km_nn_dit_terms *t, const km_tensor *a,
                             const int32_t *level)
{
    km_tensor *n = km_adaln(cx, a, t->transition_scale, t->transition_shift, level);
    km_tensor *b = km_swish_gate(cx, km_nn_linear_run(cx, &l->swish_gate, n), km_nn_linear_run(cx, &l->a_to_b, n));
    return km_gate_add(cx, a, t->transition_gate, km_nn_linear_run(cx, &l->b_to_a, b), level);
}
