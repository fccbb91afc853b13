/* SPDX-License-Identifier: MIT
 * The least value of a function without derivatives: the simplex of Nelder & Mead (1965).
 * Tests: tests/unit/test_metastable.c (against scipy's numbers) */
#ifndef LIB_TRAJ_SIMPLEX_H
#define LIB_TRAJ_SIMPLEX_H

typedef double km_function(const double *x, int n, void *arg);
/* From x [n], which is left at the best point found; returns the value there. Steps, tolerances (1e-4 in x and value)
 * and the limit of 200 n calls are those of scipy.optimize.fmin, so that who minimises with it ends at the same
 * point. */
double km_simplex_minimise(km_function *f, void *arg, double *x, int n);

#endif
