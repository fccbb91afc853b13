/* SPDX-License-Identifier: MIT
 * What slow motion is looked for in: distances between CA, reduced to the components that vary.
 * Tests: tests/unit/test_tica.c */
#ifndef LIB_TRAJ_REDUCE_H
#define LIB_TRAJ_REDUCE_H

#include <stdint.h>

typedef struct km_reduction {
    int n_ca, m; /* m of the n_ca, evenly spread along them */
    int32_t *chosen;
    int D, k;      /* D = m (m - 1) / 2 distances, k components */
    double *mean;  /* [D] */
    double *basis; /* [k, D] */
} km_reduction;

/* Of frames ca [F, n_ca, 3]: the principal components of the distances between at most `most` CA that hold `share` of
 * the variance, at most most_k of them; at least two CA. share 0: no components, the distances themselves. */
km_reduction km_reduce_fit(const float *ca, int64_t F, int n_ca, int most, double share, int most_k, int threads);
void km_reduction_clear(km_reduction *r);
/* Frames in these components, [F, k] ([F, D] without), the caller's. */
double *km_reduce(const km_reduction *r, const float *ca, int64_t F);

#endif
