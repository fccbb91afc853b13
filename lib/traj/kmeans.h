/* SPDX-License-Identifier: MIT
 * K-means: k-means++ starts (Arthur & Vassilvitskii 2007), Lloyd's iterations, the best of several.
 * Tests: tests/unit/test_msm.c (against scikit-learn's numbers) */
#ifndef LIB_TRAJ_KMEANS_H
#define LIB_TRAJ_KMEANS_H

#include <stdint.h>

enum { KM_KMEANS_STARTS = 10, KM_KMEANS_ROUNDS = 300 };

/* Centres [k, dims] of x [n, dims], by first coordinate; returns how many there are: k, or fewer where x has fewer
 * different points. ret_inertia: the sum of squared distances to them. The seed decides everything. */
int km_kmeans(const double *x, int64_t n, int dims, int k, uint64_t seed, int threads, double *centres,
              double *opt_inertia);
/* The nearest centre of each point, state [n]; of several the first. */
void km_kmeans_assign(const double *x, int64_t n, int dims, const double *centres, int k, int threads, int32_t *state);

#endif
