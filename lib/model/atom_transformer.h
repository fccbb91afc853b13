/* SPDX-License-Identifier: MIT
 * Layers of atoms in windows, each followed by a temporal layer where there are any.
 * Tests: reference cases */
#ifndef LIB_MODEL_ATOM_TRANSFORMER_H
#define LIB_MODEL_ATOM_TRANSFORMER_H

#include "lib/model/model.h"
#include "lib/nn/temporal.h"

typedef struct km_atom_transformer {
    int depth;
    km_nn_dit *layers;        /* [depth] */
    km_nn_temporal *temporal; /* [depth], or NULL */
    bool time_first;          /* the temporal layer comes before the transition, not after it */
} km_atom_transformer;

/* Spatial layers below PREFIX.diffusion_transformer. */
void km_atom_transformer_init(km_atom_transformer *t, km_params *p, const char *prefix, const km_config *c, int depth);
/* Temporal layers below PREFIX.temporal_layers. */
void km_atom_transformer_init_temporal(km_atom_transformer *t, km_params *p, const char *prefix, const km_config *c);
/* What temporal layers do with time */
km_nn_decay km_decay_of(const km_config *c);
void km_atom_transformer_clear(km_atom_transformer *t);

/* Adaptive norms and gates of every layer from c [A, atom_s]; in the arena, [depth] */
km_nn_dit_terms *km_atom_transformer_condition(km_ctx *cx, const km_atom_transformer *t, const km_tensor *c);
/* q [F, A, C] -> [F, A, C]; bias [depth] of [H, W, Q, K]; F = B T of f, whose times are not looked at without temporal
 * layers. On return q may have been written over unless a tape is on. */
km_tensor *km_atom_transformer_run(km_ctx *cx, const km_atom_transformer *t, const km_nn_dit_terms *terms, km_tensor *q,
                                   km_tensor *const *bias, const float *atom_mask, const km_nn_frames *f);

#endif
