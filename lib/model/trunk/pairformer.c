/* SPDX-License-Identifier: MIT
 * The pairformer: the pair representation's layers, and attention of the single one with a bias from pairs. */
#include <stdlib.h>

#include "lib/model/trunk/trunk_parts.h"
#include "lib/nn/rows.h"
#include "lib/tensor/replay.h"

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

typedef struct single {
    const km_pairformer_layer *l;
    const km_tensor *k, *v; /* [1, N, token_s] */
    const km_tensor *z;     /* [N, N, token_z] */
    const float *mask;      /* [N] */
} single;

/* s + attention of these tokens to all, with their rows of the bias */
static km_tensor *add_attention(km_ctx *cx, const void *arg, const km_tensor *s, km_dim first, km_tensor *opt_to)
{
    const single *a = arg;
    const km_nn_attention *l = &a->l->attention;
    km_dim n = km_size(s, 0), S = km_size(s, 1);
    km_tensor *x = KM_RESHAPE(cx, km_nn_norm_run(cx, &a->l->norm_s, s), 1, n, S);
    km_tensor *bias = km_pair_bias(cx, &a->l->attention_bias, km_slice(cx, a->z, first, n));
    km_tensor *q = km_nn_linear_run(cx, &l->q, x), *g = km_nn_linear_run(cx, &l->g, x);
    return km_nn_linear_add(cx, &l->o, km_pair_attention(cx, q, a->k, a->v, g, bias, a->mask), s, opt_to);
}

static km_tensor *attend_single(km_ctx *cx, const km_pairformer_layer *l, km_tensor *s, const km_tensor *z,
                                const float *mask)
{
    km_dim N = km_size(s, 0), S = km_size(s, 1);
    km_tensor *x = KM_RESHAPE(cx, km_nn_norm_run(cx, &l->norm_s, s), 1, N, S);
    const single a = {l, km_nn_linear_run(cx, &l->attention.k, x), km_nn_linear_run(cx, &l->attention.v, x), z, mask};
    km_dim each = km_tile_rows(cx, N, km_size(l->attention_bias.linear.w, 0) * N);
    return km_nn_update_strictly(cx, s, each, add_attention, KM_NN_ARG(&a));
}

/* A pass through all layers. */
typedef struct stack {
    const km_pairformer *m;
    km_tensor *s, *z; /* without a tape they stay where they are */
    const float *token_mask, *pair_mask;
} stack;

static void run_stack(km_ctx *cx, void *arg)
{
    stack *p = arg;
    km_mark mark = km_scope_begin(cx);
    for (int i = 0; i < p->m->depth; i++) {
        const km_pairformer_layer *l = &p->m->layers[i];
        p->z = km_pair_layer_run(cx, &l->pair, p->z, p->token_mask, p->pair_mask);
        p->s = km_carried(cx, mark, p->s, attend_single(cx, l, p->s, p->z, p->token_mask));
        p->s = km_nn_carry(cx, mark, p->s, km_nn_transition_add(cx, &l->transition_s, p->s, km_nn_place(cx, p->s)));
    }
}

void km_pairformer_run(km_ctx *cx, const km_pairformer *m, km_tensor **ret_s, km_tensor **ret_z,
                       const float *token_mask)
{
    stack p = {m, *ret_s, *ret_z, token_mask, km_pair_mask(cx, token_mask, km_size(*ret_s, 0))};
    km_replay(cx, run_stack, &p);
    *ret_s = p.s, *ret_z = p.z;
}
