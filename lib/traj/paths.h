/* SPDX-License-Identifier: MIT
 * Transition paths of Markov chains: how likely dynamics hold those of a model to be, and where they lead through
 * (after MDGen, bjing2016/mdgen, which draws a thousand paths of a chain; here all of them are counted).
 *
 * A path has steps + 1 states, the first and the last of them given: ends. Chains t [K, K].
 * Tests: tests/unit/test_metastable.c (against that code's numbers) */
#ifndef LIB_TRAJ_PATHS_H
#define LIB_TRAJ_PATHS_H

#include <stdbool.h>
#include <stdint.h>

/* The two states with the least t_ij pi_j that is not below 1e-7, which is what that code takes for the flux. False
 * where there are none. */
bool km_paths_ends(const double *t, const double *pi, int K, int ends[2]);

typedef struct km_path_scores {
    double jsd;         /* Jensen-Shannon distance of the shares of the states on paths; 1 without a path */
    double valid;       /* share of paths that dynamics can take; 0 without a path */
    double probability; /* mean over paths of how likely dynamics between these ends take them; 0 without a path */
    double log;         /* mean of its logarithm over valid paths; NaN without one */
} km_path_scores;
/* All paths of the model's chain between the ends, each as often as the chain takes it; in: the states which that
 * has. */
void km_paths_of_chain(const double *t, const double *model, const bool *in, int K, const int ends[2], int steps,
                       km_path_scores *ret);
/* These n paths [n, steps + 1], which all have the ends. */
void km_paths_given(const double *t, int K, const int ends[2], const int32_t *paths, int64_t n, int steps,
                    km_path_scores *ret);

#endif
