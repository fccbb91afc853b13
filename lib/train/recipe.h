/* SPDX-License-Identifier: MIT
 * The losses that BioKinema was trained with, and their gradient: structure, contacts of ligands, fluctuations, motion,
 * and a Markov model of the system's dynamics. In double, pair by pair.
 * Sources: BioKinema (Feng et al. 2026; model/loss.py, model/tica_dynamics_loss.py).
 * Tests: reference cases of kind `biokinema_losses` */
#ifndef LIB_TRAIN_RECIPE_H
#define LIB_TRAIN_RECIPE_H

#include <stdint.h>

#include "lib/tensor/tensor.h"

typedef enum km_recipe_term {
    KM_RECIPE_MSE,
    KM_RECIPE_LDDT,
    KM_RECIPE_BOND,     /* between polymers and ligands */
    KM_RECIPE_LIG_BOND, /* within ligands */
    KM_RECIPE_CENTER,
    KM_RECIPE_RMSF, /* from here on: of three frames or more */
    KM_RECIPE_REL_RMSF,
    KM_RECIPE_LOCAL_RMSF,
    KM_RECIPE_VELOCITY,
    KM_RECIPE_ACF,
    KM_RECIPE_HMM, /* of the Markov model: likelihood, populations, autocorrelation */
    KM_RECIPE_POPULATION,
    KM_RECIPE_MARKOV_ACF,
    KM_RECIPE_TERMS
} km_recipe_term;

/* A Markov model in K states of D linear coordinates of P distances between CA. */
typedef struct km_recipe_markov {
    km_dim P, D, K;
    const int32_t *pair_i, *pair_j; /* [P] atoms */
    const float *mean;              /* [P] angstrom */
    const float *components;        /* [P, D] */
    const float *eigenvalues;       /* [D] a lag */
    const float *centers, *log_vars; /* [K, D] */
    const float *transitions;        /* [K, K] a lag, rows add up to 1 */
    const float *stationary, *population; /* [K]; in equilibrium, in the window's own trajectory */
    int lags;                             /* of it in the spacing of frames */
} km_recipe_markov;

/* One window, T frames of A atoms; everything borrowed. */
typedef struct km_recipe_inputs {
    km_dim T, A, n_bonds, n_lig_bonds;
    const float *x_true, *sigma, *mask;          /* [T, A, 3], [T] angstrom, [A] 0/1 */
    const int32_t *is_ligand, *is_nucleic;       /* [A] 0/1 */
    const int32_t *token, *is_traced;            /* [A]; 1: CA or any atom of a ligand */
    const int32_t *bonds, *lig_bonds;            /* [B, 2] */
    const km_recipe_markov *opt_markov;
    double sigma_data;
    int acf_lags;
} km_recipe_inputs;

/* values: each term, unweighted; one that is not finite or has no frames for it is 0. grad [T, A, 3]: of their sum with
 * these weights by x [T, A, 3], written over. Returns that sum. */
double km_recipe_losses(const km_recipe_inputs *in, const double weights[KM_RECIPE_TERMS], const float *x,
                        double values[KM_RECIPE_TERMS], float *grad);

#endif
