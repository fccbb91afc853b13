/* SPDX-License-Identifier: MIT */
#include "lib/model/atom_transformer.h"

#include <stdlib.h>

void km_atom_transformer_init(km_atom_transformer *t, km_params *p, const char *prefix, const km_config *c, int depth)
{
    char name[KM_NN_NAME];
    *t = (km_atom_transformer){.depth = depth, .layers = KM_NEWN(km_nn_dit, (size_t)depth)};
    for (int i = 0; i < depth; i++)
        km_nn_dit_init(&t->layers[i], p, km_nn_name(name, "%s.diffusion_transformer.layers.%d", prefix, i), c->atom_s,
                       c->atom_s, c->family->two_factors);
}

km_nn_decay km_decay_of(const km_config *c) { return (km_nn_decay){c->beta, c->causal, c->family->interval_decay}; }

void km_atom_transformer_init_temporal(km_atom_transformer *t, km_params *p, const char *prefix, const km_config *c)
{
    char name[KM_NN_NAME];
    t->time_first = c->family->time_first;
    t->temporal = KM_NEWN(km_nn_temporal, (size_t)t->depth);
    for (int i = 0; i < t->depth; i++)
        km_nn_temporal_init(&t->temporal[i], p, km_nn_name(name, "%s.temporal_layers.%d", prefix, i), c->atom_s,
                            c->family->gated_time ? c->atom_s : 0, c->atom_temporal_heads, km_decay_of(c));
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
    for (int i = 0; i < t->depth; i++) {
        terms[i] = km_nn_dit_condition(cx, &t->layers[i], s);
        if (t->temporal) terms[i].temporal = km_nn_temporal_condition(cx, &t->temporal[i], s);
    }
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
        for (int part = 0; part < 2; part++)
            if (t->time_first == (part > 0))
                q = km_nn_carry(cx, mark, q, km_nn_dit_transit(cx, &t->layers[i], &terms[i], q, level));
            else if (t->temporal)
                q = km_nn_carry(cx, mark, q, km_nn_temporal_run(cx, &t->temporal[i], &terms[i].temporal, q, f, level));
    }
    return q;
}
