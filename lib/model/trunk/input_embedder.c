/* SPDX-License-Identifier: MIT
 * The input embedder: atoms in windows, gathered to tokens, and the features of tokens. */
#include "lib/model/trunk/trunk_parts.h"

enum { RES_TYPES = 33, PROFILE = RES_TYPES + 1, METHODS = 12, MOL_TYPES = 4 };

void km_embedder_init(km_embedder *e, km_params *p, const km_config *c)
{
    km_dim S = c->token_s;
    *e = (km_embedder){0};
    km_atom_encoder_init(&e->atoms, p, "input_embedder.atom_encoder", c, false);
    km_nn_norm_linear_init(&e->bias, p, "input_embedder.atom_enc_proj_z", (km_dim)c->embedder_depth * c->embedder_heads,
                           c->atom_z, KM_INIT_DEFAULT);
    km_atom_transformer_init(&e->encoder, p, "input_embedder.atom_attention_encoder.atom_encoder", c->atom_s,
                             c->embedder_depth);
    km_nn_linear_init(&e->atom_to_token, p, "input_embedder.atom_attention_encoder.atom_to_token_trans.0", S, c->atom_s,
                      KM_INIT_DEFAULT);
    km_nn_linear_init(&e->res_type, p, "input_embedder.res_type_encoding", S, RES_TYPES, KM_INIT_DEFAULT);
    km_nn_linear_init(&e->profile, p, "input_embedder.msa_profile_encoding", S, PROFILE, KM_INIT_DEFAULT);
    if (c->add_method)
        e->opt_method = KM_PARAM(p, KM_INIT_ZERO, "input_embedder.method_conditioning_init.weight", METHODS, S);
    if (c->add_modified)
        e->opt_modified = KM_PARAM(p, KM_INIT_ZERO, "input_embedder.modified_conditioning_init.weight", 2, S);
    if (c->add_cyclic)
        e->opt_cyclic = KM_PARAM(p, KM_INIT_ZERO, "input_embedder.cyclic_conditioning_init.weight", S, 1);
    if (c->add_mol_type)
        e->opt_mol_type = KM_PARAM(p, KM_INIT_ZERO, "input_embedder.mol_type_conditioning_init.weight", MOL_TYPES, S);
}

void km_embedder_clear(km_embedder *e) { km_atom_transformer_clear(&e->encoder); }

/* a [N, token_s]: what the atoms say */
static km_tensor *embed_atoms(km_ctx *cx, const km_embedder *e, const km_features *f)
{
    km_tensor *c = km_atom_encoder_embed(cx, &e->atoms, f);
    km_tensor *bias = km_pair_bias(cx, &e->bias, km_atom_encoder_pairs(cx, &e->atoms, f, c, NULL));
    km_dim heads = km_size(bias, 0) / e->encoder.depth;
    km_tensor **layer_bias = km_arena_get(cx->arena, (size_t)e->encoder.depth * sizeof *layer_bias);
    for (int i = 0; i < e->encoder.depth; i++) layer_bias[i] = km_slice(cx, bias, i * heads, heads);
    km_nn_dit_terms *terms = km_atom_transformer_condition(cx, &e->encoder, c);
    km_tensor *q = km_nn_state(cx, KM_RESHAPE(cx, c, 1, km_size(c, 0), km_size(c, 1)));
    q = km_atom_transformer_run(cx, &e->encoder, terms, q, layer_bias, f->atom_mask, &(km_nn_frames){.B = 1, .T = 1});
    km_tensor *a = km_atom_to_token(cx, km_relu(cx, km_nn_linear_run(cx, &e->atom_to_token, q)), f->atom_token, f->N);
    return KM_RESHAPE(cx, a, f->N, km_size(a, 2));
}

/* [N, 34]: the alignment's profile and mean deletion */
static km_tensor *profile_of(km_ctx *cx, const km_features *f)
{
    km_tensor *x = KM_TENSOR(cx, f->N, PROFILE);
    for (km_dim n = 0; n < f->N; n++) {
        for (km_dim i = 0; i < RES_TYPES; i++) x->data[PROFILE * n + i] = f->profile[RES_TYPES * n + i];
        x->data[PROFILE * n + RES_TYPES] = f->deletion_mean[n];
    }
    return x;
}

km_tensor *km_embedder_run(km_ctx *cx, const km_embedder *e, const km_features *f)
{
    km_dim N = f->N;
    km_mark mark = km_scope_begin(cx);
    km_tensor *s = km_add(cx, embed_atoms(cx, e, f), km_lookup_columns(cx, e->res_type.w, f->res_type, N, 1));
    s = km_add(cx, s, km_nn_linear_run(cx, &e->profile, profile_of(cx, f)));
    if (e->opt_method) s = km_add(cx, s, km_lookup_rows(cx, e->opt_method, f->method, N));
    if (e->opt_modified) s = km_add(cx, s, km_lookup_rows(cx, e->opt_modified, f->modified, N));
    if (e->opt_cyclic) {
        int32_t *index = km_arena_get(cx->arena, (size_t)N * sizeof *index);
        for (km_dim n = 0; n < N; n++) index[n] = f->cyclic_period[n] > 0 ? 0 : -1; /* the flag is min(period, 1) */
        s = km_add(cx, s, km_lookup_columns(cx, e->opt_cyclic, index, N, 1));
    }
    if (e->opt_mol_type) s = km_add(cx, s, km_lookup_rows(cx, e->opt_mol_type, f->mol_type, N));
    return km_scope_end(cx, mark, s);
}
