/* SPDX-License-Identifier: MIT
 * Markov state models: counts, reversible transition matrices, passage times, implied time scales (Prinz et al. 2011;
 * the maximum likelihood iteration of Bowman, Beauchamp, Boxer & Pande 2009).
 *
 * K states; matrices [K, K] row-major; `in` tells which states take part: numbers of the others are 0 in matrices and
 * vectors, NaN among times. Lags are in whatever unit the caller's time has.
 * Tests: tests/unit/test_msm.c (against deeptime's numbers) */
#ifndef LIB_TRAJ_MSM_H
#define LIB_TRAJ_MSM_H

#include <stdbool.h>
#include <stdint.h>

/* counts += transitions a lag (in frames) apart in the trajectories, whose states [sum of lengths] follow each other;
 * every frame begins one. */
void km_msm_count(const int32_t *states, const int64_t *lengths, int n_runs, int64_t lag, int K, double *counts);
/* The largest set of states that all reach each other; of several the one with the most counts. Returns its size. */
int km_msm_connected(const double *counts, int K, bool *in);
/* Transitions t and stationary distribution pi of the likeliest reversible model with these counts on a connected
 * set. */
void km_msm_reversible(const double *counts, int K, const bool *in, double *t, double *pi);
/* Those of the counts made symmetric, and the root-th root of that matrix, its eigenvalues kept within [0, 1]. */
void km_msm_root(const double *counts, int K, const bool *in, int root, double *t, double *pi);
/* Counts by row, each row to a sum of 1: in are the states that are left at all, the others stay where they are. */
void km_msm_plain(const double *counts, int K, double *t, bool *in);

/* Mean time from i to first being in j, out [i, j]; NaN on the diagonal and where j is not always reached. */
void km_msm_mfpt(const double *t, int K, const bool *in, double lag, double *out);
/* -lag / ln |lambda| of the n largest eigenvalues with 1e-8 < |lambda| < 0.9999, falling; NaN beyond what there is. */
void km_msm_timescales(const double *t, int K, const bool *in, double lag, int n, double *out);

#endif
