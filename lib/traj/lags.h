/* SPDX-License-Identifier: MIT
 * How far a trajectory goes, and what it remembers, within lags. Frames stream through; of each run at most `most` are
 * held, evenly spread, and paired with those that come a lag after them.
 * Tests: tests/unit/test_lags.c */
#ifndef LIB_TRAJ_LAGS_H
#define LIB_TRAJ_LAGS_H

#include <stdint.h>

typedef struct km_lags {
    int n, n_lags, most;  /* numbers a frame: 3 for each atom */
    const int64_t *lags;  /* [n_lags] frames */
    const double *mean;   /* [n] over all frames, for the autocorrelation */
    int64_t length, step; /* of the run: its frames, those from one that is held to the next; */
    int64_t at;           /* how many have come */
    float *held;          /* [most, n] */
    double *rmsd, *product, square; /* [n_lags] sums over pairs; over frames */
    int64_t *pairs, frames;
} km_lags;

/* lags (at least 0, ascending or not) and opt_mean are borrowed; without a mean there is no autocorrelation. */
km_lags km_lags_of(int n, const int64_t *lags, int n_lags, const double *opt_mean, int most);
void km_lags_begin(km_lags *l, int64_t length); /* a run of so many frames follows: no pair reaches into another */
void km_lags_add(km_lags *l, const float *x, int64_t F); /* x [F, n] */
void km_lags_clear(km_lags *l);

/* At lag number i: the mean over pairs of sqrt(|x - y|^2 / (n / 3)), RMSD without superposition; the mean of
 * (x - m) . (y - m) divided by that of |x - m|^2 over all frames. NaN without a pair or where nothing moves. */
double km_lags_rmsd(const km_lags *l, int i);
double km_lags_autocorrelation(const km_lags *l, int i);

#endif
