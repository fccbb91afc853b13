/* SPDX-License-Identifier: MIT */
#include "lib/model/atom_transformer.h"

#include <stdlib.h>

void km_atom_transformer_init(km_atom_transformer *t, km_params *p, const char *prefix, km_dim C, int depth)
{
    char name[KM_NN_NAME];
    *t = (km_atom_transformer){.depth = depth, .layers = KM_NEWN(km_nn_dit, (size_t)depth)};
    for (int i = 0; i < depth; i++)
        km_nn_dit_init(&t->layers[i], p, km_nn_name(name, "%s.diffusion_transformer.layers.%d", prefix, i), C, C);
}

void km_atom_transformer_init_temporal(km_atom_transformer *t, km_params *p, const char *prefix, km_dim C,
                                       const km_config *c)
{
    char name[KM_NN_NAME];
    t->temporal = KM_NEWN(km_nn_temporal, (size_t)t->depth);
    for (int i = 0; i < t->depth; i++)
        km_nn_temporal_init(&t->temporal[i], p, km_nn_name(name, "%s.temporal_layers.%d", prefix, i), C,
                            c->atom_temporal_heads, c->beta, c->causal);
}

void km_atom_transformer_clear(km_atom_transformer *t)
{
    free(t->layers);
    free(t->temporal);
}

km_nn_dit_terms *km_atom_transformer_condition(km_ctx *cx, const km_atom_transformer *t, const km_tensor *c)
{
    km_nn_dit_terms *terms = km_arena_get(cx->arena, (size_t)t->depth * sizeof *terms);
    km_tensor *s = KM_RESHAPE(cx, c, 1, km_size(c, 0), km_size(c, 1));
    for (int i = 0; i < t->depth; i++) terms[i] = km_nn_dit_condition(cx, &t->layers[i], s);
    return terms;
}

km_tensor *km_atom_transformer_run(km_ctx *cx, const km_atom_transformer *t, const km_nn_dit_terms *terms, km_tensor *q,
                                   km_tensor *const *bias, const float *atom_mask, const km_nn_frames *f)
{
    /* all frames share the one level */
    int32_t *level = km_arena_zero(cx->arena, (size_t)(f->B * f->T) * sizeof *level);
    km_mark mark = km_scope_begin(cx);
    for (int i = 0; i < t->depth; i++) {
        q = km_nn_carry(cx, mark, q, km_nn_dit_attend(cx, &t->layers[i], &terms[i], q, bias[i], atom_mask, level));
        q = km_nn_carry(cx, mark, q, km_nn_dit_transit(cx, &t->layers[i], &terms[i], q, level));
        if (t->temporal) q = km_nn_carry(cx, mark, q, km_nn_temporal_run(cx, &t->temporal[i], q, f));
    }
    return q;
}
