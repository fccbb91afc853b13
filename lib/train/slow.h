/* SPDX-License-Identifier: MIT
 * A system's slow motions, learnt from its trajectories: TICA of distances between residues, states in it, and a Markov
 * model between them, as BioKinema (Feng et al. 2026) has it.
 * Tests: tests/unit/test_slow.c */
#ifndef LIB_TRAIN_SLOW_H
#define LIB_TRAIN_SLOW_H

#include "lib/train/data.h"

typedef struct km_slow {
    int P, D, K;                /* pairs of atoms, components, states */
    int64_t lag;                /* of the transitions, fs */
    int32_t *pairs;             /* [P, 2] */
    double *mean, *components;  /* [P], [P, D] */
    double *centres, *log_var;  /* [K, D], logarithms at least -6 */
    double *transition, *stationary; /* [K, K] in one lag, [K] */
    double *memory;             /* [D] autocorrelation at one lag */
} km_slow;

/* From all trajectories of t's file: distances of at most max(15, sqrt(0.4 frames)) residues' atoms that are no
 * ligand's, c->tica_components of them at c->tica_lag, c->tica_states by k-means, counts at ten lags, the tenth root of
 * their matrix. *ret is NULL where the trajectories are too short for that, or the system has fewer than three such
 * atoms. */
km_status km_slow_new(const km_train_system *t, const km_train_config *c, km_slow **ret, km_err *err) KM_MUST_USE;
void km_slow_free(km_slow *s);
/* The model with the transitions of one step of a window whose frames x [T, A, 3] lie so far apart, and the shares of
 * states in these frames, in the arena. Transitions are those of a whole number of lags, at least one. */
km_markov km_slow_window(km_arena *arena, const km_slow *s, const float *x, int T, int A, int64_t spacing,
                         const float **ret_population);

#endif
