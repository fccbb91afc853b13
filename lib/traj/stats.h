/* SPDX-License-Identifier: MIT
 * Means, medians and correlations. Sums in double; NaN where a number is not defined (nothing to take it of, a constant
 * vector).
 * Tests: tests/unit/test_stats.c (against scipy's numbers) */
#ifndef LIB_TRAJ_STATS_H
#define LIB_TRAJ_STATS_H

#include <stdint.h>

double km_mean(const double *x, int64_t n);
/* x is left as it is; NaN among x counts as the largest. */
double km_median(const double *x, int64_t n);
double km_pearson(const double *a, const double *b, int64_t n);
/* Ranks from 1; those of equal values are averaged. */
void km_stats_ranks(const double *x, int64_t n, double *ranks);
double km_spearman(const double *a, const double *b, int64_t n);
/* tau-b. Time n^2. */
double km_kendall(const double *a, const double *b, int64_t n);

#endif
