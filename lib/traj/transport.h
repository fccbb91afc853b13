/* SPDX-License-Identifier: MIT
 * Distances between clouds of points: optimal transport.
 * Tests: tests/unit/test_transport.c (against POT's and scipy's numbers) */
#ifndef LIB_TRAJ_TRANSPORT_H
#define LIB_TRAJ_TRANSPORT_H

#include <stdint.h>

/* The 2-Wasserstein distance of two clouds of n points each, a and b [n, dims]: the root of the mean square distance
 * under the best one-to-one assignment. NaN without points. */
double km_w2(const double *a, const double *b, int n, int dims);
/* The same for one dimension and any numbers of points, and the 1-Wasserstein distance. */
double km_w2_line(const double *a, int64_t n, const double *b, int64_t m);
double km_w1_line(const double *a, int64_t n, const double *b, int64_t m);
/* The 2-Wasserstein distance, squared, of two normal distributions of one mean with covariances a and b [3, 3]:
 * tr(a + b - 2 (a b)^(1/2)), at least 0. */
double km_w2_normal(const double a[9], const double b[9]);

#endif
