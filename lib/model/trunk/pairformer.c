/* SPDX-License-Identifier: MIT
 * The pairformer: the pair representation's layers, and attention of the single one with a bias from pairs. */
#include <stdlib.h>

#include "lib/model/trunk/trunk_parts.h"

static void layer_init(km_pairformer_layer *l, km_params *p, const char *prefix, const km_config *c)
{
    char name[KM_NN_NAME];
    km_dim Z = c->token_z, S = c->token_s;
    km_pair_layer_init(&l->pair, p, prefix, Z, c->pairwise_heads, c->pairwise_head_width, c->family->triangle_bias);
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
    const float *mask = km_pair_mask(cx, token_mask, km_size(s, 0));
    km_mark mark = km_scope_begin(cx);
    for (int i = 0; i < m->depth; i++) {
        const km_pairformer_layer *l = &m->layers[i];
        z = km_pair_layer_run(cx, &l->pair, z, token_mask, mask);
        s = km_nn_carry(cx, mark, s, attend_single(cx, l, s, z, token_mask));
        s = km_nn_carry(cx, mark, s, km_add(cx, s, km_nn_transition_run(cx, &l->transition_s, s)));
    }
    *ret_s = s;
    *ret_z = z;
}
