/* SPDX-License-Identifier: MIT
 * A model beside dynamics in the metastable states of the dynamics, as published with MDGen (bjing2016/mdgen): slow
 * components of the torsions' sines and cosines, 100 states by k-means in them, a Markov chain on these, ten sets by
 * PCCA+, chains on these, and the paths between the two with the least flux.
 * Tests: tests/unit/test_metastable.c (against the numbers of deeptime and of that code) */
#ifndef LIB_TRAJ_METASTABLE_H
#define LIB_TRAJ_METASTABLE_H

#include "lib/traj/paths.h"
#include "lib/traj/tica.h"

enum { KM_MICROSTATES = 100, KM_METASTABLE = 10, KM_PATH_STEPS = 10 };

/* The dynamics. */
typedef struct km_metastable {
    km_tica tica;    /* its components scaled by their autocorrelations (a kinetic map), by falling modulus of these, */
    int dims;        /* and those that hold 95 % of the sum of their squares */
    int micro;       /* microstates that reach each other, */
    int lost;        /* those that were left out, their frames in the nearest of the others, */
    double *centres; /* [micro, dims] and where they are */
    int32_t *set;    /* [micro] 0 ... K - 1 */
    int K;
    bool *in;       /* [K] */
    double *t, *pi; /* [K, K], [K] the likeliest reversible chain on the sets */
    double *share;  /* [K] of frames */
    double *slow;   /* [F, 2] the first two components (the second 0 where there is one), */
    int64_t F;
    int32_t *states; /* [F] and the sets the frames are in */
    int ends[2];     /* of paths */
} km_metastable;

/* From rows of any features, which may be made (here and below); lag in rows, at least 1. A reason where dynamics have
 * no two states between which they go, NULL where there is nothing to say against them. To be cleared either way. */
const char *km_metastable_of(const km_series *md, int64_t lag, uint64_t seed, int threads, km_metastable *ret);
void km_metastable_clear(km_metastable *m);

typedef struct km_metastable_scores {
    /* Jensen-Shannon distances of the slowest component (100 bins between both sides' least and largest), of the two
     * slowest (50 x 50), of the shares of frames in the states */
    double jsd_slow, jsd_slow2, jsd_states;
    /* Pearson over states of these shares, of the stationary distributions; over pairs of states of the transitions */
    double states_r, pi_r, transitions_r;
    km_path_scores paths;
} km_metastable_scores;
extern const km_metastable_scores km_metastable_nothing; /* NaN throughout */
/* A model, its rows `lag` apart as those of the dynamics in time. NaN for what cannot be had: what needs transitions
 * where it is no longer than the lag. */
void km_metastable_compare(const km_metastable *m, const km_series *model, int64_t lag, int threads,
                           km_metastable_scores *ret);
/* Paths that were made as such, of model->lengths rows each, read in KM_PATH_STEPS steps. Those without the first one's
 * ends, or that are shorter, are left out; returns how many took part. Whatever is not about paths is NaN. */
int64_t km_metastable_paths(const km_metastable *m, const km_series *model, int threads, int ends[2],
                            km_metastable_scores *ret);

#endif
