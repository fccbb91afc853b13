/* SPDX-License-Identifier: MIT
 * The loss of spreads: how much listed distances vary over frames. Pairs first, each with its mean and, for the
 * gradient, its slope; then frames, of which each has one owner. */
#include "kernels/cpu/loss.h"

static double pair_length(double d[3], const float *x, const int32_t *pair)
{
    for (int k = 0; k < 3; k++) d[k] = (double)x[pair[0] * 3 + k] - x[pair[1] * 3 + k];
    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

/* The standard deviation of a pair's distance over the frames of x [F, A, 3] */
static double spread(double *mean, const float *x, const int32_t *pair, km_dim F, km_dim A)
{
    double d[3], square = 0;
    *mean = 0;
    for (km_dim f = 0; f < F; f++) *mean += pair_length(d, x + f * A * 3, pair) / (double)F;
    for (km_dim f = 0; f < F; f++) {
        double off = pair_length(d, x + f * A * 3, pair) - *mean;
        square += off * off;
    }
    return sqrt(square / (double)(F - 1));
}

void KM_CPU(loss_spread_fwd)(const km_exec *ex, float *y, const float *x, const float *r, const int32_t *pairs,
                             const float *weight, km_dim P, km_dim F, km_dim A)
{
    double *sum = (double *)km_scratch(KM_SCRATCH_SHARED, (size_t)(2 * P) + 2);
    y[0] = 0;
    if (F < 3) return;
    KM_PARALLEL_FOR (ex, P * F * 40, p, P) {
        double mean, off = spread(&mean, x, pairs + 2 * p, F, A) - spread(&mean, r, pairs + 2 * p, F, A);
        sum[p] = weight[p] * off * off;
    }
    y[0] = (float)sum_of(sum, P);
}

void KM_CPU(loss_spread_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, const float *r,
                             const int32_t *pairs, const float *weight, km_dim P, km_dim F, km_dim A)
{
    double *mean = (double *)km_scratch(KM_SCRATCH_SHARED, (size_t)(4 * P) + 2), *slope = mean + P;
    if (!dx || F < 3) return;
    KM_PARALLEL_FOR (ex, P * F * 40, p, P) {
        double unused, got = spread(&mean[p], x, pairs + 2 * p, F, A);
        double off = got - spread(&unused, r, pairs + 2 * p, F, A);
        slope[p] = got > 0 ? (double)dy[0] * weight[p] * 2 * off / (got * (double)(F - 1)) : 0;
    }
    KM_PARALLEL_FOR (ex, P * F * 20, f, F)
        for (km_dim p = 0; p < P; p++) {
            const int32_t *pair = pairs + 2 * p;
            double d[3], l = pair_length(d, x + f * A * 3, pair), g = l > 0 ? slope[p] * (l - mean[p]) / l : 0;
            for (int k = 0; k < 3; k++) {
                dx[(f * A + pair[0]) * 3 + k] += (float)(g * d[k]);
                dx[(f * A + pair[1]) * 3 + k] -= (float)(g * d[k]);
            }
        }
}
