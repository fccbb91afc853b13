/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "kernels/ref/ref.h"

static double length(const double *x, const int32_t *pair, km_dim f, km_dim A)
{
    double square = 0;
    for (int k = 0; k < 3; k++) square += pow(x[(f * A + pair[0]) * 3 + k] - x[(f * A + pair[1]) * 3 + k], 2);
    return sqrt(square);
}

/* The standard deviation of a pair's distance over frames */
static double spread(double *mean, const double *x, const int32_t *pair, km_dim F, km_dim A)
{
    double square = 0;
    *mean = 0;
    for (km_dim f = 0; f < F; f++) *mean += length(x, pair, f, A) / (double)F;
    for (km_dim f = 0; f < F; f++) square += pow(length(x, pair, f, A) - *mean, 2);
    return sqrt(square / (double)(F - 1));
}

static double pairs_sum(double *opt_dx, double dy, const double *x, const double *r, const int32_t *pairs,
                        const double *weight, km_dim P, km_dim F, km_dim A)
{
    double sum = 0, mean, unused;
    for (km_dim p = 0; p < P && F >= 3; p++) {
        const int32_t *pair = pairs + 2 * p;
        double got = spread(&mean, x, pair, F, A), off = got - spread(&unused, r, pair, F, A);
        sum += weight[p] * off * off;
        for (km_dim f = 0; f < F && opt_dx && got > 0; f++) {
            double d = length(x, pair, f, A), g = dy * weight[p] * 2 * off * (d - mean) / (got * (double)(F - 1));
            for (int k = 0; k < 3 && d > 0; k++) {
                km_dim i = (f * A + pair[0]) * 3 + k, j = (f * A + pair[1]) * 3 + k;
                double along = g * (x[i] - x[j]) / d;
                opt_dx[i] += along, opt_dx[j] -= along;
            }
        }
    }
    return sum;
}

void km_ref_loss_spread_fwd(const km_exec *ex, double *y, const double *x, const double *r, const int32_t *pairs,
                            const double *weight, km_dim P, km_dim F, km_dim A)
{
    (void)ex;
    y[0] = pairs_sum(NULL, 0, x, r, pairs, weight, P, F, A);
}

void km_ref_loss_spread_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                            const int32_t *pairs, const double *weight, km_dim P, km_dim F, km_dim A)
{
    (void)ex;
    pairs_sum(dx, dy[0], x, r, pairs, weight, P, F, A);
}
