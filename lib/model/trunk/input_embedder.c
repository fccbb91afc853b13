/* SPDX-License-Identifier: MIT
 * The input embedder: atoms in windows, gathered to tokens, and the features of tokens. */
#include <stdlib.h>
#include <string.h>

#include "lib/model/trunk/trunk_parts.h"

enum { METHODS = 12, MOL_TYPES = 4 };

static void bias_init(km_embedder *e, km_params *p, const km_config *c)
{
    char name[KM_NN_NAME];
    static const char all[] = "input_embedder.atom_enc_proj_z";
    const bool each = c->family->layer_bias;
    e->n_bias = each ? c->embedder_depth : 1;
    e->bias = KM_NEWN(km_nn_norm_linear, (size_t)e->n_bias);
    for (int i = 0; i < e->n_bias; i++)
        km_nn_norm_linear_init(&e->bias[i], p, each ? km_nn_name(name, "%s.%d", all, i) : all,
                               (km_dim)c->embedder_heads * (each ? 1 : c->embedder_depth), c->atom_z, KM_INIT_DEFAULT);
}

void km_embedder_init(km_embedder *e, km_params *p, const km_config *c)
{
    km_dim S = c->token_s;
    km_config own = *c; /* its atoms have widths of their own */
    own.atom_s = c->embedder_atom_s, own.atom_z = c->embedder_atom_z;
    *e = (km_embedder){.classes = c->family->classes, .beside = c->family->inputs_beside};
    km_atom_encoder_init(&e->atoms, p, "input_embedder.atom_encoder", &own, false);
    bias_init(e, p, &own);
    km_atom_transformer_init(&e->encoder, p, "input_embedder.atom_attention_encoder.atom_encoder", &own,
                             c->embedder_depth);
    km_nn_linear_init(&e->atom_to_token, p, "input_embedder.atom_attention_encoder.atom_to_token_trans.0",
                      c->token_inputs, own.atom_s, KM_INIT_DEFAULT);
    if (e->beside) return;
    km_nn_linear_init(&e->res_type, p, "input_embedder.res_type_encoding", S, e->classes, KM_INIT_DEFAULT);
    km_params_products_only(e->res_type.w, false);
    km_nn_linear_init(&e->profile, p, "input_embedder.msa_profile_encoding", S, e->classes + 1, KM_INIT_DEFAULT);
    if (c->add_method)
        e->opt_method = KM_PARAM(p, KM_INIT_ZERO, "input_embedder.method_conditioning_init.weight", METHODS, S);
    if (c->add_modified)
        e->opt_modified = KM_PARAM(p, KM_INIT_ZERO, "input_embedder.modified_conditioning_init.weight", 2, S);
    if (c->add_cyclic)
        e->opt_cyclic = KM_PARAM(p, KM_INIT_ZERO, "input_embedder.cyclic_conditioning_init.weight", S, 1);
    if (c->add_mol_type)
        e->opt_mol_type = KM_PARAM(p, KM_INIT_ZERO, "input_embedder.mol_type_conditioning_init.weight", MOL_TYPES, S);
}

void km_embedder_clear(km_embedder *e)
{
    km_atom_transformer_clear(&e->encoder);
    free(e->bias);
}

/* [depth] of [heads, W, Q, K] */
static km_tensor **biases(km_ctx *cx, const km_embedder *e, const km_tensor *pairs)
{
    int depth = e->encoder.depth, each = depth / e->n_bias;
    km_tensor **bias = km_arena_get(cx->arena, (size_t)depth * sizeof *bias);
    for (int i = 0; i < e->n_bias; i++) {
        km_tensor *all = km_pair_bias(cx, &e->bias[i], pairs);
        km_dim heads = km_size(all, 0) / each;
        for (int j = 0; j < each; j++) bias[i * each + j] = km_slice(cx, all, j * heads, heads);
    }
    return bias;
}

/* a [N, token_inputs]: what the atoms say */
static km_tensor *embed_atoms(km_ctx *cx, const km_embedder *e, const km_features *f)
{
    km_tensor *c = km_atom_encoder_embed(cx, &e->atoms, f);
    km_tensor **bias = biases(cx, e, km_atom_encoder_pairs(cx, &e->atoms, f, c, NULL));
    km_nn_dit_terms *terms = km_atom_transformer_condition(cx, &e->encoder, c);
    km_tensor *q = km_nn_state(cx, KM_RESHAPE(cx, c, 1, km_size(c, 0), km_size(c, 1)));
    q = km_atom_transformer_run(cx, &e->encoder, terms, q, bias, f->atom_mask, &(km_nn_frames){.B = 1, .T = 1});
    km_tensor *a = km_linear_relu(cx, q, e->atom_to_token.w, e->atom_to_token.b);
    a = km_atom_to_token(cx, a, f->atom_token, f->N);
    return KM_RESHAPE(cx, a, f->N, km_size(a, 2));
}

/* [N, classes + 1]: the alignment's profile and mean deletion */
static km_tensor *profile_of(km_ctx *cx, const km_features *f, int classes)
{
    float *x = km_arena_get(cx->arena, (size_t)(f->N * (classes + 1)) * sizeof *x);
    for (km_dim n = 0; n < f->N; n++) {
        float *row = x + n * (classes + 1);
        memcpy(row, f->profile + n * classes, (size_t)classes * sizeof *row);
        row[classes] = f->deletion_mean[n];
    }
    return KM_TENSOR_OF(cx, x, f->N, classes + 1);
}

/* [N, classes] one-hot */
static km_tensor *residues_of(km_ctx *cx, const km_features *f, int classes)
{
    float *x = km_arena_get(cx->arena, (size_t)(f->N * classes) * sizeof *x);
    for (km_dim n = 0; n < f->N; n++)
        for (int i = 0; i < classes; i++) x[n * classes + i] = f->res_type[n] == i;
    return KM_TENSOR_OF(cx, x, f->N, classes);
}

km_tensor *km_embedder_run(km_ctx *cx, const km_embedder *e, const km_features *f)
{
    km_dim N = f->N;
    km_mark mark = km_scope_begin(cx);
    km_tensor *a = embed_atoms(cx, e, f), *profile = profile_of(cx, f, e->classes);
    if (e->beside) {
        km_tensor *facts = km_cast(cx, km_concat(cx, residues_of(cx, f, e->classes), profile));
        return km_scope_end(cx, mark, km_concat(cx, a, facts));
    }
    km_tensor *s = km_add(cx, a, km_cast(cx, km_lookup_columns(cx, e->res_type.w, f->res_type, N, 1)));
    s = km_add(cx, s, km_cast(cx, km_nn_linear_run(cx, &e->profile, profile)));
    if (e->opt_method) s = km_add(cx, s, km_cast(cx, km_lookup_rows(cx, e->opt_method, f->method, N)));
    if (e->opt_modified) s = km_add(cx, s, km_cast(cx, km_lookup_rows(cx, e->opt_modified, f->modified, N)));
    if (e->opt_cyclic) {
        int32_t *index = km_arena_get(cx->arena, (size_t)N * sizeof *index);
        for (km_dim n = 0; n < N; n++) index[n] = f->cyclic_period[n] > 0 ? 0 : -1; /* the flag is min(period, 1) */
        s = km_add(cx, s, km_cast(cx, km_lookup_columns(cx, e->opt_cyclic, index, N, 1)));
    }
    if (e->opt_mol_type) s = km_add(cx, s, km_cast(cx, km_lookup_rows(cx, e->opt_mol_type, f->mol_type, N)));
    return km_scope_end(cx, mark, s);
}
