/* SPDX-License-Identifier: MIT
 * The loss of a window: structure, bonds, smooth lDDT, and flexibility or the ligand's centre, put together as the
 * reference cases (kind `losses`) fix them; and what is asked of an ensemble: velocities, autocorrelation and slow
 * motions as in BioKinema (Feng et al. 2026). Or all of it as BioKinema has it (model/loss.py, tica_dynamics_loss.py).
 * Tests: reference cases of kinds `losses`, `train_step` and `biokinema_losses` */
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
    /* Other definitions under the same weights. Terms of a frame are weighted by its level, frames without noise with
     * 0, and divided by all frames; structure by 3 more. Bonds are as long as in the truth of that frame. lDDT has
     * km_loss_lddt's types, of frames noisier than 0.001 A. Flexibility: fluctuations about an atom's own mean, and
     * the spread of distances between traced atoms or within a residue that are near in every frame; means over atoms
     * have the invalid ones in their number. The ligand's centre comes beside flexibility. */
    bool biokinema;
    double alpha_ligand_bond; /* of that alone */
} km_loss_config;

/* One window. T frames, A atoms, B bonds; everything borrowed. */
typedef struct km_loss_inputs {
    km_dim T, A, n_bonds, n_ligand_bonds;
    const float *x_gt;      /* [T, A, 3] */
    const float *sigma;     /* [T] */
    const float *atom_mask; /* [A] valid atoms: present and observed */
    const float *opt_traced; /* [A] 0/1: valid atoms that stand for a residue, and all of a ligand; where wanted */
    const km_markov *opt_markov;  /* of one step of the window */
    const float *opt_population;  /* with it: [K], of the window */
    const int32_t *mol_type, *residue; /* [A] */
    const int32_t *bonds;   /* [B, 2] */
    const float *bond_lengths, *opt_bond_mask; /* [B] */
    const int32_t *ligand_bonds; /* [n_ligand_bonds, 2] within ligands */
} km_loss_inputs;

typedef struct km_loss_values {
    float total, structure, bond, ligand_bond, lddt, flex, flex_abs, flex_global, flex_local, center;
    float velocity, autocorrelation, tica;
} km_loss_values;

/* x_pred [T, A, 3] -> the total [1], recorded on the tape when it is on. The values are copies for the log; the
 * unweighted parts of the flexibility loss cost as much again and are filled only when parts is set; then, as BioKinema
 * has it, all terms are, those of no weight too. */
km_tensor *km_losses_compute(km_ctx *cx, const km_loss_config *c, const km_loss_inputs *in, const km_tensor *x_pred,
                             bool parts, km_loss_values *ret_values);

#endif
