/* SPDX-License-Identifier: MIT
 * Time-lagged independent components (Molgedey & Schuster 1994; Perez-Hernandez et al. 2013) and the VAMP-2 score (Wu &
 * Noe 2020).
 * Tests: tests/unit/test_tica.c (against deeptime's numbers) */
#ifndef LIB_TRAJ_TICA_H
#define LIB_TRAJ_TICA_H

#include <stdint.h>

/* Rows x [F, D] of several trajectories one behind the other. */
typedef struct km_series {
    const double *x; /* or NULL, where that is allowed: read makes them whenever they are asked for */
    int D;
    const int64_t *lengths; /* [n_runs] rows of each */
    int n_runs;
    void (*read)(void *arg, int64_t first, int64_t n, double *out); /* rows first ... first + n - 1, [n, D] */
    void *arg;
} km_series;
int64_t km_series_rows(const km_series *s); /* of all */
/* At most KM_SERIES_PIECE rows from first on, held or made in room [KM_SERIES_PIECE, D]. */
enum { KM_SERIES_PIECE = 512 };
const double *km_series_piece(const km_series *s, int64_t first, int64_t n, double *room);
double *km_series_room(const km_series *s); /* for pieces, the caller's; NULL where rows are held */

typedef struct km_tica {
    int D, k;
    double *mean;   /* [D] */
    double *w;      /* [k, D]: components of unit variance, slowest first */
    double *values; /* [k] their autocorrelations at the lag */
} km_tica;

/* Covariances of rows and of those a lag (at least 1) later, of runs whose rows arrive in order; the last lag rows are
 * held. */
typedef struct km_lagged km_lagged;
km_lagged *km_lagged_new(int D, int64_t lag, int threads);
void km_lagged_free(km_lagged *l);
void km_lagged_begin(km_lagged *l);                              /* what follows is another run */
void km_lagged_add(km_lagged *l, const double *x, int64_t rows); /* x [rows, D] */

/* The k slowest components, forward and backward in time counted alike; directions with less than 1e-6 of the largest
 * variance are left out, so that ret->k may be less. ret->k is 0 without a pair of rows. */
void km_tica_of(km_lagged *l, int k, km_tica *ret);
/* The same of all rows, which may be made. */
void km_tica_fit(const km_series *s, int64_t lag, int k, int threads, km_tica *ret);
void km_tica_clear(km_tica *t);
/* F rows in these components, [F, k], the caller's. */
double *km_tica_project(const km_tica *t, const double *x, int64_t F);

/* The sum of squared singular values of C00^(-1/2) C0t Ctt^(-1/2), means removed, the constant function not counted;
 * directions as above. NaN without a pair of rows. */
double km_vamp2_of(km_lagged *l);

#endif
