/* SPDX-License-Identifier: MIT
 * The parts of the trunk: input embedder, bonds and contacts, the modules of templates and alignment, pairformer, named
 * as Boltz-2's checkpoints name them.
 * Source: AlphaFold 3, supplementary algorithms 1, 2, 8-17; Boltz-2. Tests: reference cases of kinds `input_embedder`,
 * `msa_module`, `template_module`, `pairformer`, `trunk`; tests/unit/test_trunk.c */
#ifndef LIB_MODEL_TRUNK_PARTS_H
#define LIB_MODEL_TRUNK_PARTS_H

#include "lib/model/atom_features.h"
#include "lib/model/atom_transformer.h"

typedef struct km_embedder {
    km_atom_encoder atoms;
    km_nn_norm_linear *bias; /* [n_bias]: of all layers' heads at once, or of each layer */
    int n_bias, classes;     /* of residues */
    km_atom_transformer encoder;
    km_nn_linear atom_to_token;
    bool beside;                    /* features are put beside the atoms; else */
    km_nn_linear res_type, profile; /* projected and added */
    const km_tensor *opt_method, *opt_modified, *opt_cyclic,
        *opt_mol_type; /* [12, C], [2, C], [C, 1], [4, C] or NULL */
} km_embedder;

void km_embedder_init(km_embedder *e, km_params *p, const km_config *c);
void km_embedder_clear(km_embedder *e);
/* s_inputs [N, inputs_s] */
km_tensor *km_embedder_run(km_ctx *cx, const km_embedder *e, const km_features *f);

typedef struct km_triangle_multiplication {
    km_nn_norm norm_in, norm_out;
    km_nn_linear p_in, g_in, p_out, g_out;
} km_triangle_multiplication;

typedef struct km_triangle_node {
    km_nn_norm norm;
    km_nn_linear bias, q, k, v, g, o;
} km_triangle_node;

/* What the pairformer, the alignment's and the templates' modules do to pairs. */
typedef struct km_pair_layer {
    km_triangle_multiplication mul_out, mul_in;
    km_triangle_node start, end;
    km_nn_transition transition;
} km_pair_layer;

void km_pair_layer_init(km_pair_layer *l, km_params *p, const char *prefix, km_dim C, km_dim heads, km_dim width,
                        bool biases);
/* z [N, N, C], a state; token_mask [N], pair_mask [N, N] 0/1 */
km_tensor *km_pair_layer_run(km_ctx *cx, const km_pair_layer *l, km_tensor *z, const float *token_mask,
                             const float *pair_mask);
/* How many of N rows of a bias, of so many numbers each, make a tile: at least one. */
static inline km_dim km_tile_rows(const km_ctx *cx, km_dim N, km_dim numbers)
{
    km_dim rows = cx->tile / numbers;
    return rows < 1 ? 1 : rows < N ? rows : N;
}

/* After a state was updated in place (`next` is it or a view): without a tape gives back what was made since the mark
 * and returns the state, with one returns next. */
km_tensor *km_carried(km_ctx *cx, km_mark mark, km_tensor *state, km_tensor *next);
/* state + transition(state) */
km_tensor *km_add_transition(km_ctx *cx, const km_nn_transition *l, km_tensor *state);
/* [N, N]: both tokens unmasked; in the arena */
float *km_pair_mask(km_ctx *cx, const float *token_mask, km_dim N);

typedef struct km_pairformer_layer {
    km_pair_layer pair;
    km_nn_transition transition_s;
    km_nn_norm norm_s;
    km_nn_norm_linear attention_bias;
    km_nn_attention attention;
} km_pairformer_layer;

typedef struct km_pairformer {
    int depth;
    km_pairformer_layer *layers; /* [depth] */
} km_pairformer;

void km_pairformer_init(km_pairformer *m, km_params *p, const km_config *c);
void km_pairformer_clear(km_pairformer *m);
/* s [N, token_s] and z [N, N, token_z] through all blocks, in place of the pointers. Both may be written over unless a
 * tape is on. token_mask [N] 0/1 */
void km_pairformer_run(km_ctx *cx, const km_pairformer *m, km_tensor **s, km_tensor **z, const float *token_mask);

/* -- the alignment's module */
typedef struct km_msa_layer {
    km_nn_norm norm_m; /* of the averaging; NULLs down to the transition: rows stay as they are */
    km_nn_linear proj_m, proj_g, proj_o;
    km_nn_norm_linear weights;           /* of pairs: norm_z, proj_z */
    km_nn_transition transition;
    km_nn_norm norm;                     /* of the outer product */
    km_nn_linear a, b, o;                /* o with a bias */
    km_pair_layer pair;
} km_msa_layer;

typedef struct km_msa_module {
    int depth;
    bool paired;
    int classes;      /* of residues */
    bool outer_first; /* as km_family has it */
    km_nn_linear msa, s_inputs;
    km_msa_layer *layers; /* [depth] */
} km_msa_module;

void km_msa_module_init(km_msa_module *m, km_params *p, const km_config *c);
void km_msa_module_clear(km_msa_module *m);
/* What becomes of z [N, N, token_z], a state; f with alignment rows, s_inputs [N, inputs_s] */
km_tensor *km_msa_module_run(km_ctx *cx, const km_msa_module *m, km_tensor *z, const km_tensor *s_inputs,
                             const km_features *f);

/* -- the templates' module */
typedef struct km_template_module {
    int depth;
    km_nn_norm z_norm, v_norm;
    km_nn_linear z, a, u;
    km_pair_layer *layers; /* [depth] */
} km_template_module;

void km_template_module_init(km_template_module *m, km_params *p, const km_config *c);
void km_template_module_clear(km_template_module *m);
/* u [N, N, token_z], what is to be added to z; NULL when f has no template with anything in it, where u would be 0 */
km_tensor *km_template_module_run(km_ctx *cx, const km_template_module *m, const km_tensor *z, const km_features *f);

/* -- bonds and contacts between tokens */
typedef struct km_token_links {
    bool bonds, contacts;                       /* are there such */
    const km_tensor *bond, *opt_bond_types;     /* [C, 1], [7, C] */
    const km_tensor *unspecified, *unselected;  /* [C] */
    const km_tensor *fourier_w, *fourier_b;     /* [C] */
    km_nn_linear contact;                       /* [C, 3 + 1 + C] */
    double min, max;
} km_token_links;

void km_token_links_init(km_token_links *l, km_params *p, const km_config *c);
/* z [N, N, token_z] with what bonds, their types and contacts add to it */
km_tensor *km_token_links_add(km_ctx *cx, const km_token_links *l, const km_tensor *z, const km_features *f);

/* -- trunk.c */
/* The initial pair representation [N, N, token_z]: s_inputs [N, token_s] of both tokens, relative positions, links */
km_tensor *km_trunk_pairs(km_ctx *cx, const km_trunk *t, const km_features *f, const km_tensor *s_inputs);

#endif
