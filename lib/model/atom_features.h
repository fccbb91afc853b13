/* SPDX-License-Identifier: MIT
 * The atom encoder's features, shared by the input embedder and the diffusion conditioning: atom embeddings and pair
 * features of atom windows, named `atom_encoder` below both. And the relative positions of tokens. Source: AlphaFold 3,
 * supplementary algorithms 3 and 5. Tests: reference cases, tests/unit/test_model.c */
#ifndef LIB_MODEL_ATOM_FEATURES_H
#define LIB_MODEL_ATOM_FEATURES_H

#include "lib/model/model.h"
#include "lib/nn/layers.h"

typedef struct km_atom_encoder {
    km_dim Q, K;
    bool ref_mask; /* a column more, and where elements begin */
    int first_element;
    bool structure; /* with the trunk's s and z (diffusion) or without (input embedder) */
    km_nn_linear features; /* [atom_s, 388 or 389]: position 3, charge 1, (mask 1,) element 128, name 4 x 64 */
    const km_tensor *pair_pos, *pair_dist, *pair_mask;
    km_nn_norm_linear s_to_c, z_to_p;
    km_nn_linear c_to_p_q, c_to_p_k, mlp[3];
} km_atom_encoder;

void km_atom_encoder_init(km_atom_encoder *e, km_params *p, const char *prefix, const km_config *c, bool structure);
/* q [A, atom_s]: the embedding of the atoms' own features; a padded atom's row is the bias or 0 */
km_tensor *km_atom_encoder_embed(km_ctx *cx, const km_atom_encoder *e, const km_features *f);
/* c [A, atom_s] = q + the trunk's s [N, token_s] at the atom's token */
km_tensor *km_atom_encoder_add_single(km_ctx *cx, const km_atom_encoder *e, const km_features *f, const km_tensor *q,
                                      const km_tensor *s);
/* p [W, Q, K, atom_z] from c and, in the diffusion module, z [N, N, token_z] */
km_tensor *km_atom_encoder_pairs(km_ctx *cx, const km_atom_encoder *e, const km_features *f, const km_tensor *c,
                                 const km_tensor *opt_z);
/* Heads of a pair tensor: norm, projection, heads first: [heads, ...] */
km_tensor *km_pair_bias(km_ctx *cx, const km_nn_norm_linear *l, const km_tensor *pair);

/* [token_z, 139] PREFIXrel_pos_encoder.linear_layer.weight */
const km_tensor *km_relative_positions_init(km_params *p, const km_config *c, const char *prefix);
/* [N, N, token_z]: w [token_z, 139] at the columns of each pair's relative residue, token, entity and chain */
km_tensor *km_relative_positions(km_ctx *cx, const km_config *c, const km_tensor *w, const km_features *f);

#endif
