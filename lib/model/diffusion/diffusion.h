/* SPDX-License-Identifier: MIT
 * The parts of the diffusion module, named as checkpoints name them: `rel_pos_encoder`, `diffusion_conditioning`,
 * `score_model`. Source: AlphaFold 3, supplementary algorithms 20-24; Boltz-2; temporal layers as in
 * lib/model/README.md. */
#ifndef LIB_MODEL_DIFFUSION_H
#define LIB_MODEL_DIFFUSION_H

#include "lib/model/atom_features.h"
#include "lib/model/atom_transformer.h"

/* What depends on the system alone (conditioning.c). */
typedef struct km_pair_conditioner {
    const km_tensor *rel_pos; /* [token_z, 139] */
    km_nn_norm_linear init;
    int n_transitions;
    km_nn_transition *transitions;
    km_atom_encoder atoms;
    km_nn_norm_linear *enc_bias, *dec_bias, *token_bias; /* [depth] each */
} km_pair_conditioner;

/* What depends on the noise level (levels.c). */
typedef struct km_single_conditioner {
    km_nn_norm norm_single, norm_fourier;
    km_nn_linear embed, fourier_to_single;
    const km_tensor *fourier_w, *fourier_b; /* [D, 1], [D]; never trained */
    int n_transitions;
    km_nn_transition *transitions;
} km_single_conditioner;

/* A layer of tokens: spatial attention, temporal attention, transition (token_transformer.c). */
typedef struct km_token_layer {
    km_nn_dit dit;
    km_nn_temporal temporal;
} km_token_layer;

struct km_diffusion {
    km_config config;
    km_pair_conditioner pair;
    km_single_conditioner single;
    /* encoder and decoder of atoms (denoise.c) */
    km_nn_linear r_to_q, atom_to_token, a_to_q;
    const km_tensor *opt_marks; /* [2, atom_s] of frames without and with the mark of a condition */
    km_atom_transformer encoder, decoder;
    km_nn_norm_linear position_update;
    /* tokens */
    km_nn_norm_linear s_to_a;
    km_token_layer *layers; /* [token_depth] */
    km_nn_norm a_norm;
    /* the temporal layers of all three, in this order; numbered so */
    int n_temporal;
    km_nn_temporal **temporal;
};

struct km_levels {
    km_dim L;
    km_tensor *s_to_a;      /* [L, N, token_a] */
    km_nn_dit_terms *terms; /* [token_depth], [L, N, token_a] each */
};

void km_pair_conditioner_init(km_pair_conditioner *m, km_params *p, const km_config *c);
void km_pair_conditioner_clear(km_pair_conditioner *m);
void km_single_conditioner_init(km_single_conditioner *m, km_params *p, const km_config *c);
void km_single_conditioner_clear(km_single_conditioner *m);
/* [N, cond_s]: what of the single conditioning does not depend on the level */
km_tensor *km_single_conditioner_embed(km_ctx *cx, const km_single_conditioner *m, const km_tensor *s,
                                       const km_tensor *s_inputs);

km_token_layer *km_token_layers_new(km_params *p, const km_config *c);
/* a [F, N, token_a] through all layers; level [F]. a may be written over unless a tape is on. */
km_tensor *km_token_layers_run(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const km_levels *levels,
                               km_tensor *a, const int32_t *level, const km_nn_frames *f);

#endif
