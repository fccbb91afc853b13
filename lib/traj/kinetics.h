/* SPDX-License-Identifier: MIT
 * A model's kinetics beside dynamics', as published with BioKinema: both as Markov chains on the states that k-means
 * finds in the slowest components of the dynamics.
 * Tests: tests/unit/test_msm.c */
#ifndef LIB_TRAJ_KINETICS_H
#define LIB_TRAJ_KINETICS_H

#include <stdbool.h>

#include "lib/traj/tica.h"

enum { KM_KINETICS_SCALES = 5, KM_KINETICS_LAGS = 100, KM_KINETICS_DIMS = 5, KM_KINETICS_ROOT = 10 };

/* Both sides in the same components, [F, D]; each frames of the reference lie between two of the model. */
typedef struct km_kinetics_case {
    km_series md, model;
    int64_t each, lag; /* lag of the Markov chains in frames of the model */
    double unit;       /* time between frames of the model */
    int states;
    bool root; /* the dynamics' matrix: the tenth root of that at ten lags; or maximum likelihood at the lag itself */
    uint64_t seed;
    int threads;
} km_kinetics_case;

typedef struct km_kinetics_scores {
    double rho_p, rho_s;          /* Pearson of the logarithms of passage times; Pearson of their ranks */
    double kl, pi_mae;            /* of the stationary distributions */
    double w2_rms, w2_line;       /* root-mean-square over components of 1-D W1; of 1-D W2 */
    double visited;               /* states with a stationary probability above 1e-4 in the model */
    double edge_error;            /* mean |T - T| over transitions that dynamics make */
    double mfpt_error;            /* mean |log10 - log10| of passage times */
    double pairs;                 /* of states whose passage times are compared */
    double tau[2], md_tau[2];     /* when the autocorrelation of a component falls below 1 / e; the last lag if never */
    double scale[2], md_scale[2]; /* the two slowest implied time scales */
} km_kinetics_scores;

/* What is drawn; arrays are the caller's (km_kinetics_clear). */
typedef struct km_kinetics {
    int K, dims;
    double *centres;        /* [K, dims] */
    double *md_pi, *pi;     /* [K] */
    double *md_mfpt, *mfpt; /* [K, K] */
    double *acf, *md_acf;   /* [2, n_lags + 1] of the first two components at lags 0 ... n_lags */
    int n_lags, n_scales;
    double *lags;               /* [n_scales] frames of the model */
    double *scales, *md_scales; /* [n_scales, KM_KINETICS_SCALES] */
} km_kinetics;

/* NaN for what cannot be had. At least one pair of frames a lag apart on each side. */
void km_kinetics_compare(const km_kinetics_case *c, km_kinetics_scores *s, km_kinetics *ret);
void km_kinetics_clear(km_kinetics *k);

#endif
