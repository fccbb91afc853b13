/* SPDX-License-Identifier: MIT
 * How angles turn: the cosines of their differences within lags. Frames stream through; of these only as many are held
 * as the longest lag needs.
 * Tests: tests/unit/test_turns.c */
#ifndef LIB_TRAJ_TURNS_H
#define LIB_TRAJ_TURNS_H

#include <stdint.h>

typedef struct km_turns {
    int32_t n; /* angles a frame */
    int n_lags;
    const int64_t *lags;   /* [n_lags] frames, at least 0 */
    int64_t step, held;    /* pairs begin in every step-th frame */
    int64_t F;             /* frames so far */
    float *ring;           /* [held, n] */
    double *sine, *cosine; /* [n] sums over frames */
    double *both;          /* [n_lags, n] sums over pairs of cos(theta(t + lag) - theta(t)) */
    int64_t *pairs;        /* [n_lags] */
} km_turns;

/* lags are borrowed. */
km_turns km_turns_of(int32_t n, const int64_t *lags, int n_lags, int64_t step);
void km_turns_add(km_turns *t, const float *angles); /* of a frame, [n] radians */
void km_turns_clear(km_turns *t);

/* Of angle i at lag number l: mean cos(theta(t + lag) - theta(t)); NaN without a pair. */
double km_turns_autocorrelation(const km_turns *t, int32_t i, int l);
/* (that - R2) / (1 - R2), R2 = mean(sin)^2 + mean(cos)^2: 1 at lag 0, towards 0 when the angle has been everywhere it
 * goes. A constant one is 1 at every lag. */
double km_turns_decorrelation(const km_turns *t, int32_t i, int l);

#endif
