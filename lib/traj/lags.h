/* SPDX-License-Identifier: MIT
 * How far a trajectory goes, and what it remembers, within a lag.
 * Tests: tests/unit/test_lags.c */
#ifndef LIB_TRAJ_LAGS_H
#define LIB_TRAJ_LAGS_H

#include <stdint.h>

/* Frames x [F, n] of several trajectories one behind the other; a pair of frames lies within one of them. */
typedef struct km_runs {
    const float *x;
    int n;                  /* numbers a frame: 3 for each atom */
    const int64_t *lengths; /* [n_runs] frames of each */
    int n_runs;
} km_runs;

/* The mean over all pairs `lag` frames apart of sqrt(|x - y|^2 / (n / 3)): RMSD without superposition. At most `most`
 * pairs of each run, evenly spread (0: all). NaN without a pair. */
double km_lag_rmsd(const km_runs *r, int64_t lag, int64_t most);
/* The mean of (x - m) . (y - m) over those pairs, divided by the mean of |x - m|^2 over all frames; m is the mean over
 * all. NaN without a pair or where nothing moves. */
double km_lag_autocorrelation(const km_runs *r, int64_t lag, int64_t most);

#endif
