/* SPDX-License-Identifier: MIT
 * Conditioning on the system: pair representation, atom embeddings, every attention bias, adaptive norms of atoms. */
#include <stdlib.h>

#include "lib/model/diffusion/diffusion.h"

static km_nn_norm_linear *biases_new(km_params *p, const char *name, int depth, km_dim heads, km_dim C)
{
    char prefix[KM_NN_NAME];
    km_nn_norm_linear *l = KM_NEWN(km_nn_norm_linear, (size_t)depth);
    for (int i = 0; i < depth; i++)
        km_nn_norm_linear_init(&l[i], p, km_nn_name(prefix, "diffusion_conditioning.%s.%d", name, i), heads, C,
                               KM_INIT_DEFAULT);
    return l;
}

void km_pair_conditioner_init(km_pair_conditioner *m, km_params *p, const km_config *c)
{
    char name[KM_NN_NAME];
    km_dim z = c->token_z;
    *m = (km_pair_conditioner){.n_transitions = c->conditioning_transitions};
    m->rel_pos = km_relative_positions_init(p, c, c->family->own_positions ? "diffusion_conditioning." : "");
    km_nn_norm_linear_init(&m->init, p, "diffusion_conditioning.pairwise_conditioner.dim_pairwise_init_proj", z, 2 * z,
                           KM_INIT_DEFAULT);
    m->transitions = KM_NEWN(km_nn_transition, (size_t)m->n_transitions + 1);
    for (int i = 0; i < m->n_transitions; i++)
        km_nn_transition_init(&m->transitions[i], p,
                              km_nn_name(name, "diffusion_conditioning.pairwise_conditioner.transitions.%d", i), z,
                              2 * z);
    km_atom_encoder_init(&m->atoms, p, "diffusion_conditioning.atom_encoder", c, true);
    m->enc_bias = biases_new(p, "atom_enc_proj_z", c->atom_encoder_depth, c->atom_encoder_heads, c->atom_z);
    m->dec_bias = biases_new(p, "atom_dec_proj_z", c->atom_decoder_depth, c->atom_decoder_heads, c->atom_z);
    m->token_bias = biases_new(p, "token_trans_proj_z", c->token_depth, c->token_heads, z);
}

void km_pair_conditioner_clear(km_pair_conditioner *m)
{
    free(m->transitions);
    free(m->enc_bias);
    free(m->dec_bias);
    free(m->token_bias);
}

/* The trunk's z and the relative positions, [N, N, token_z] */
static km_tensor *condition_pairs(km_ctx *cx, const km_pair_conditioner *m, const km_tensor *z_trunk,
                                  const km_tensor *rel_pos)
{
    km_mark start = km_scope_begin(cx);
    km_tensor *z = km_scope_end(cx, start, km_nn_norm_linear_run(cx, &m->init, km_concat(cx, z_trunk, rel_pos)));
    km_mark mark = km_scope_begin(cx);
    for (int i = 0; i < m->n_transitions; i++)
        z = km_nn_carry(cx, mark, z, km_nn_transition_add(cx, &m->transitions[i], z, km_nn_place(cx, z)));
    return z;
}

static km_tensor **heads_of(km_ctx *cx, const km_nn_norm_linear *layers, int depth, const km_tensor *pair)
{
    km_tensor **bias = km_arena_get(cx->arena, (size_t)depth * sizeof *bias);
    for (int i = 0; i < depth; i++) bias[i] = km_pair_bias(cx, &layers[i], pair);
    return bias;
}

/* [2, A, C]: q [A, C] + marks [2, C] */
static km_tensor *mark(km_ctx *cx, const km_tensor *marks, const km_tensor *q)
{
    km_dim A = km_size(q, 0), C = km_size(q, 1);
    int32_t *row = km_arena_zero(cx->arena, (size_t)(2 * A) * sizeof *row);
    for (km_dim a = A; a < 2 * A; a++) row[a] = 1;
    km_tensor *rows = km_cast(cx, km_lookup_rows(cx, marks, row, 2 * A));
    return km_add(cx, KM_RESHAPE(cx, rows, 2, A, C), q);
}

km_conditioning *km_diffusion_condition(km_ctx *cx, const km_diffusion *d, const km_features *f, const km_trunk_out *t)
{
    const km_pair_conditioner *m = &d->pair;
    const km_config *c = &d->config;
    km_conditioning *k = km_arena_zero(cx->arena, sizeof *k);
    k->f = f;
    k->rel_pos = km_relative_positions(cx, c, m->rel_pos, f);
    km_tensor *z = condition_pairs(cx, m, t->z, k->rel_pos);
    k->q = km_atom_encoder_embed(cx, &m->atoms, f);
    k->c = km_atom_encoder_add_single(cx, &m->atoms, f, k->q, t->s);
    if (d->opt_marks) k->opt_marked = mark(cx, d->opt_marks, k->q);
    km_mark before = km_scope_begin(cx);
    km_tensor *p = km_scope_end(cx, before, km_atom_encoder_pairs(cx, &m->atoms, f, k->c, z));
    k->enc_bias = heads_of(cx, m->enc_bias, c->atom_encoder_depth, p);
    k->dec_bias = heads_of(cx, m->dec_bias, c->atom_decoder_depth, p);
    k->token_bias = heads_of(cx, m->token_bias, c->token_depth, z);
    k->enc_terms = km_atom_transformer_condition(cx, &d->encoder, k->c);
    k->dec_terms = km_atom_transformer_condition(cx, &d->decoder, k->c);
    if (t->s_inputs) k->s_single = km_single_conditioner_embed(cx, &d->single, t->s, t->s_inputs);
    return k;
}
