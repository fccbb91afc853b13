/* SPDX-License-Identifier: MIT
 * Time-lagged independent components (Molgedey & Schuster 1994; Perez-Hernandez et al. 2013) and the VAMP-2 score (Wu &
 * Noe 2020).
 * Tests: tests/unit/test_tica.c (against deeptime's numbers) */
#ifndef LIB_TRAJ_TICA_H
#define LIB_TRAJ_TICA_H

#include <stdint.h>

/* Rows x [F, D] of several trajectories one behind the other. */
typedef struct km_series {
    const double *x;
    int D;
    const int64_t *lengths; /* [n_runs] rows of each */
    int n_runs;
} km_series;

typedef struct km_tica {
    int D, k;
    double *mean;   /* [D] */
    double *w;      /* [k, D]: components of unit variance, slowest first */
    double *values; /* [k] their autocorrelations at the lag */
} km_tica;

/* The k slowest components at a lag (in rows), forward and backward in time counted alike; directions with less than
 * 1e-6 of the largest variance are left out, so that ret->k may be less. ret->k is 0 without a pair of rows. */
void km_tica_fit(const km_series *s, int64_t lag, int k, int threads, km_tica *ret);
void km_tica_clear(km_tica *t);
/* F rows in these components, [F, k], the caller's. */
double *km_tica_project(const km_tica *t, const double *x, int64_t F);

/* The sum of squared singular values of C00^(-1/2) C0t Ctt^(-1/2), means removed, the constant function not counted;
 * directions as above. NaN without a pair of rows. */
double km_vamp2(const km_series *s, int64_t lag, int threads);

#endif
