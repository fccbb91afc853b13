/* SPDX-License-Identifier: MIT
 * The pairformer: triangle updates of the pair representation, attention of the single one with a bias from pairs. The
 * dropout of training is left out: the trunk is trained only in small models from scratch. */
#include <stdlib.h>

#include "lib/model/trunk/trunk_parts.h"

static void multiplication_init(km_triangle_multiplication *l, km_params *p, const char *prefix, km_dim C)
{
    char name[KM_NN_NAME];
    km_nn_norm_init(&l->norm_in, p, km_nn_name(name, "%s.norm_in", prefix), C);
    km_nn_linear_init(&l->p_in, p, km_nn_name(name, "%s.p_in", prefix), 2 * C, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->g_in, p, km_nn_name(name, "%s.g_in", prefix), 2 * C, C, KM_INIT_ZERO);
    km_nn_norm_init(&l->norm_out, p, km_nn_name(name, "%s.norm_out", prefix), C);
    km_nn_linear_init(&l->p_out, p, km_nn_name(name, "%s.p_out", prefix), C, C, KM_INIT_ZERO);
    km_nn_linear_init(&l->g_out, p, km_nn_name(name, "%s.g_out", prefix), C, C, KM_INIT_ZERO);
}

static void node_init(km_triangle_node *l, km_params *p, const char *prefix, km_dim C, km_dim heads, km_dim width)
{
    char name[KM_NN_NAME];
    km_nn_norm_init(&l->norm, p, km_nn_name(name, "%s.layer_norm", prefix), C);
    km_nn_linear_init(&l->bias, p, km_nn_name(name, "%s.linear", prefix), heads, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->q, p, km_nn_name(name, "%s.mha.linear_q", prefix), heads * width, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->k, p, km_nn_name(name, "%s.mha.linear_k", prefix), heads * width, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->v, p, km_nn_name(name, "%s.mha.linear_v", prefix), heads * width, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->g, p, km_nn_name(name, "%s.mha.linear_g", prefix), heads * width, C, KM_INIT_ZERO);
    km_nn_linear_init(&l->o, p, km_nn_name(name, "%s.mha.linear_o", prefix), C, heads * width, KM_INIT_ZERO);
}

static void layer_init(km_pairformer_layer *l, km_params *p, const char *prefix, const km_config *c)
{
    char name[KM_NN_NAME];
    km_dim Z = c->token_z, S = c->token_s;
    multiplication_init(&l->mul_out, p, km_nn_name(name, "%s.tri_mul_out", prefix), Z);
    multiplication_init(&l->mul_in, p, km_nn_name(name, "%s.tri_mul_in", prefix), Z);
    node_init(&l->start, p, km_nn_name(name, "%s.tri_att_start", prefix), Z, c->pairwise_heads, c->pairwise_head_width);
    node_init(&l->end, p, km_nn_name(name, "%s.tri_att_end", prefix), Z, c->pairwise_heads, c->pairwise_head_width);
    km_nn_transition_init(&l->transition_z, p, km_nn_name(name, "%s.transition_z", prefix), Z, 4 * Z);
    km_nn_norm_init(&l->norm_s, p, km_nn_name(name, "%s.pre_norm_s", prefix), S);
    km_nn_norm_linear_init(&l->attention_bias, p, km_nn_name(name, "%s.attention.proj_z", prefix), c->pairformer_heads,
                           Z, KM_INIT_DEFAULT);
    km_nn_attention_init(&l->attention, p, km_nn_name(name, "%s.attention", prefix), S);
    km_nn_transition_init(&l->transition_s, p, km_nn_name(name, "%s.transition_s", prefix), S, 4 * S);
}

void km_pairformer_init(km_pairformer *m, km_params *p, const km_config *c)
{
    char name[KM_NN_NAME];
    *m = (km_pairformer){c->pairformer_blocks, KM_NEWN(km_pairformer_layer, (size_t)c->pairformer_blocks + 1)};
    for (int i = 0; i < m->depth; i++)
        layer_init(&m->layers[i], p, km_nn_name(name, "pairformer_module.layers.%d", i), c);
}

void km_pairformer_clear(km_pairformer *m) { free(m->layers); }

static km_tensor *multiply(km_ctx *cx, const km_triangle_multiplication *l, const km_tensor *z, const float *mask,
                           bool incoming)
{
    km_tensor *x = km_nn_norm_run(cx, &l->norm_in, z);
    km_tensor *y =
        km_triangle_multiply(cx, km_nn_linear_run(cx, &l->p_in, x), km_nn_linear_run(cx, &l->g_in, x), mask, incoming);
    y = km_nn_linear_run(cx, &l->p_out, km_nn_norm_run(cx, &l->norm_out, y));
    return km_add(cx, z, km_sigmoid_mul(cx, km_nn_linear_run(cx, &l->g_out, x), y));
}

static km_tensor *attend(km_ctx *cx, const km_triangle_node *l, const km_tensor *z, const float *mask, bool ending)
{
    km_tensor *x = km_nn_norm_run(cx, &l->norm, z);
    km_tensor *bias = km_heads_first(cx, km_nn_linear_run(cx, &l->bias, x));
    km_tensor *q = km_nn_linear_run(cx, &l->q, x), *k = km_nn_linear_run(cx, &l->k, x);
    km_tensor *v = km_nn_linear_run(cx, &l->v, x), *g = km_nn_linear_run(cx, &l->g, x);
    km_tensor *y = km_triangle_attention(cx, q, k, v, g, bias, mask, ending);
    return km_add(cx, z, km_nn_linear_run(cx, &l->o, y));
}

static km_tensor *attend_single(km_ctx *cx, const km_pairformer_layer *l, const km_tensor *s, const km_tensor *z,
                                const float *mask)
{
    km_dim N = km_size(s, 0), S = km_size(s, 1);
    km_tensor *bias = km_pair_bias(cx, &l->attention_bias, z);
    km_tensor *x = KM_RESHAPE(cx, km_nn_norm_run(cx, &l->norm_s, s), 1, N, S);
    km_tensor *y = km_nn_attention_run(cx, &l->attention, x, bias, mask);
    return km_add(cx, s, KM_RESHAPE(cx, y, N, S));
}

void km_pairformer_run(km_ctx *cx, const km_pairformer *m, km_tensor **ret_s, km_tensor **ret_z,
                       const float *token_mask)
{
    km_tensor *s = *ret_s, *z = *ret_z;
    km_dim N = km_size(s, 0);
    float *mask = km_arena_get(cx->arena, (size_t)(N * N) * sizeof *mask);
    for (km_dim i = 0; i < N; i++)
        for (km_dim j = 0; j < N; j++) mask[N * i + j] = token_mask[i] * token_mask[j];
    km_mark mark = km_scope_begin(cx);
    for (int i = 0; i < m->depth; i++) {
        const km_pairformer_layer *l = &m->layers[i];
        z = km_nn_carry(cx, mark, z, multiply(cx, &l->mul_out, z, mask, false));
        z = km_nn_carry(cx, mark, z, multiply(cx, &l->mul_in, z, mask, true));
        z = km_nn_carry(cx, mark, z, attend(cx, &l->start, z, mask, false));
        z = km_nn_carry(cx, mark, z, attend(cx, &l->end, z, mask, true));
        z = km_nn_carry(cx, mark, z, km_add(cx, z, km_nn_transition_run(cx, &l->transition_z, z)));
        s = km_nn_carry(cx, mark, s, attend_single(cx, l, s, z, token_mask));
        s = km_nn_carry(cx, mark, s, km_add(cx, s, km_nn_transition_run(cx, &l->transition_s, s)));
    }
    *ret_s = s;
    *ret_z = z;
}
