/* SPDX-License-Identifier: MIT
 * The loss of a window: structure, bonds, smooth lDDT, and flexibility or the ligand's centre, put together as the
 * reference cases (kind `losses`) fix them; and what is asked of an ensemble: velocities, autocorrelation and slow
 * motions as in BioKinema (Feng et al. 2026). Tests: reference cases of kinds `losses` and `train_step` */
#ifndef LIB_TRAIN_LOSSES_H
#define LIB_TRAIN_LOSSES_H

#include "lib/tensor/ops.h"

typedef struct km_loss_config {
    double sigma_data;
    double alpha_bond, alpha_lddt, beta_flex, beta_abs, beta_rel_g, beta_rel_l, beta_center;
    double mol_weights[4]; /* protein, DNA, RNA, ligand */
    double ensemble, velocity, autocorrelation, tica; /* the first multiplies flexibility and the other three */
    float tica_parts[3];   /* as km_loss_markov has them */
    int lags;              /* of the autocorrelation, frames */
    bool unbinding;        /* ligand centre instead of flexibility */
    bool flex_seed;        /* type weights of the seed design in the flexibility loss */
} km_loss_config;

/* One window. T frames, A atoms, B bonds; everything borrowed. */
typedef struct km_loss_inputs {
    km_dim T, A, n_bonds;
    const float *x_gt;      /* [T, A, 3] */
    const float *sigma;     /* [T] */
    const float *atom_mask; /* [A] valid atoms: present and observed */
    const float *opt_traced; /* [A] 0/1: valid atoms of the autocorrelation, where it is wanted */
    const km_markov *opt_markov;  /* of one step of the window */
    const float *opt_population;  /* with it: [K], of the window */
    const int32_t *mol_type, *residue; /* [A] */
    const int32_t *bonds;   /* [B, 2] */
    const float *bond_lengths, *opt_bond_mask; /* [B] */
} km_loss_inputs;

typedef struct km_loss_values {
    float total, structure, bond, lddt, flex, flex_abs, flex_global, flex_local, center;
    float velocity, autocorrelation, tica;
} km_loss_values;

/* x_pred [T, A, 3] -> the total [1], recorded on the tape when it is on. The values are copies for the log; the
 * unweighted parts of the flexibility loss cost as much again and are filled only when parts is set. */
km_tensor *km_losses_compute(km_ctx *cx, const km_loss_config *c, const km_loss_inputs *in, const km_tensor *x_pred,
                             bool parts, km_loss_values *ret_values);

#endif
