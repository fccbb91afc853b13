/* SPDX-License-Identifier: MIT
 * What slow motion is looked for in: distances between CA, reduced to the components that vary.
 * Tests: tests/unit/test_tica.c */
#ifndef LIB_TRAJ_REDUCE_H
#define LIB_TRAJ_REDUCE_H

#include "lib/traj/linear.h"

typedef struct km_reduction {
    int n_ca, m; /* m of the n_ca, evenly spread along them */
    int32_t *chosen;
    int D, k;      /* D = m (m - 1) / 2 distances, k components */
    double *mean;  /* [D] */
    double *basis; /* [k, D] */
    km_moments moments; /* of the distances, while frames arrive */
} km_reduction;

/* The distances between at most `most` of n_ca CA; at least two CA. */
km_reduction km_reduce_of(int n_ca, int most);
/* Their principal components, where those are wanted: of all frames ca [F, n_ca, 3] that are added, those that hold
 * `share` of the variance, two at least (where there are two) and most_k at most. */
void km_reduce_add(km_reduction *r, const float *ca, int64_t F, int threads);
void km_reduce_components(km_reduction *r, double share, int most_k);
void km_reduction_clear(km_reduction *r);
/* Frames in these components, [F, k] ([F, D] distances without), the caller's. */
double *km_reduce(const km_reduction *r, const float *ca, int64_t F, int threads);

#endif
