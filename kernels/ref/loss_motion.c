/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "kernels/ref/ref.h"

/* x in target frames, r in the others */
static double *merged(const double *x, const double *r, const double *target, km_dim F, km_dim A)
{
    double *y = malloc((size_t)(F * A * 3) * sizeof *y);
    for (km_dim i = 0; i < F * A * 3; i++) y[i] = target[i / (A * 3)] != 0 ? x[i] : r[i];
    return y;
}

static double step_length(const double *x, km_dim f, km_dim a, km_dim A)
{
    double square = 1e-6;
    for (int k = 0; k < 3; k++) square += pow(x[((f + 1) * A + a) * 3 + k] - x[(f * A + a) * 3 + k], 2);
    return sqrt(square);
}

static double speed(const double *x, km_dim a, km_dim F, km_dim A)
{
    double sum = 0;
    for (km_dim f = 0; f + 1 < F; f++) sum += step_length(x, f, a, A) / (double)(F - 1);
    return sum;
}

/* dx [F, A, 3] of all frames, NULL: not wanted */
static double speeds(double *dx, double dy, const double *x, const double *r, const double *weight, km_dim F, km_dim A)
{
    double sum = 0;
    for (km_dim a = 0; a < A; a++) {
        double off = speed(x, a, F, A) - speed(r, a, F, A);
        sum += weight[a] * off * off;
        for (km_dim i = 0; dx && i < (F - 1) * 3; i++) {
            km_dim f = i / 3, at = (f * A + a) * 3 + i % 3, next = at + A * 3;
            double g = dy * weight[a] * 2 * off / (double)(F - 1) * (x[next] - x[at]) / step_length(x, f, a, A);
            dx[next] += g, dx[at] -= g;
        }
    }
    return sum;
}

/* The fluctuation of an atom, and its mean place */
static double fluctuation(double mean[3], const double *x, km_dim a, km_dim F, km_dim A)
{
    double square = 0;
    for (int k = 0; k < 3; k++) {
        mean[k] = 0;
        for (km_dim f = 0; f < F; f++) mean[k] += x[(f * A + a) * 3 + k] / (double)F;
        for (km_dim f = 0; f < F; f++) square += pow(x[(f * A + a) * 3 + k] - mean[k], 2);
    }
    return sqrt(square / (double)F + 1e-6);
}

static double fluctuations(double *dx, double dy, const double *x, const double *r, const double *weight, km_dim F,
                           km_dim A)
{
    double sum = 0, mean[3], unused[3];
    for (km_dim a = 0; a < A; a++) {
        double got = fluctuation(mean, x, a, F, A), off = got - fluctuation(unused, r, a, F, A);
        sum += weight[a] * off * off;
        for (km_dim i = 0; dx && i < F * 3; i++) {
            km_dim at = (i / 3 * A + a) * 3 + i % 3;
            dx[at] += dy * weight[a] * 2 * off / got / (double)F * (x[at] - mean[i % 3]);
        }
    }
    return sum;
}

/* sum over chosen and frames of u_f . u_{f + lag}, u being x less its mean over frames */
static double product(const double *u, const double *chosen, km_dim lag, km_dim F, km_dim A)
{
    double sum = 0;
    for (km_dim f = 0; f + lag < F; f++)
        for (km_dim i = 0; i < A * 3; i++)
            if (chosen[i / 3] != 0) sum += u[f * A * 3 + i] * u[(f + lag) * A * 3 + i];
    return sum;
}

static double *centred(const double *x, km_dim F, km_dim n)
{
    double *u = malloc((size_t)(F * n) * sizeof *u);
    for (km_dim i = 0; i < n; i++) {
        double mean = 0;
        for (km_dim f = 0; f < F; f++) mean += x[f * n + i] / (double)F;
        for (km_dim f = 0; f < F; f++) u[f * n + i] = x[f * n + i] - mean;
    }
    return u;
}

static double memories(double *dx, double dy, const double *x, const double *r, const double *chosen, km_dim lags,
                       km_dim F, km_dim A)
{
    km_dim n = A * 3, most = lags < F - 1 ? lags : F - 1;
    double *u = centred(x, F, n), *v = centred(r, F, n), sum = 0;
    double own = product(u, chosen, 0, F, A) + 1e-6, other = product(v, chosen, 0, F, A) + 1e-6;
    for (km_dim k = 1; k <= most; k++) {
        double kept = product(u, chosen, k, F, A) / own, off = kept - product(v, chosen, k, F, A) / other;
        sum += off * off / (double)most;
        for (km_dim i = 0; dx && i < F * n; i++) {
            km_dim f = i / n;
            if (chosen[i % n / 3] == 0) continue;
            double slope = (f + k < F ? u[i + k * n] : 0) + (f >= k ? u[i - k * n] : 0) - 2 * kept * u[i];
            double g = dy * 2 * off / (double)most * slope / own;
            dx[i] += g;
            for (km_dim h = 0; h < F; h++) dx[h * n + i % n] -= g / (double)F;
        }
    }
    free(u), free(v);
    return sum;
}

static double all(double *opt_dx, double dy, const double *x, const double *r, const double *target,
                   const double *weight, const double *chosen, const double *parts, km_dim lags, km_dim F, km_dim A)
{
    if (F < 3) return 0;
    double *y = merged(x, r, target, F, A), *dx = opt_dx ? calloc((size_t)(F * A * 3), sizeof *dx) : NULL;
    double sum = parts[0] * speeds(dx, dy * parts[0], y, r, weight, F, A) +
                 parts[1] * memories(dx, dy * parts[1], y, r, chosen, lags, F, A) +
                 parts[2] * fluctuations(dx, dy * parts[2], y, r, weight, F, A);
    for (km_dim i = 0; dx && i < F * A * 3; i++)
        if (target[i / (A * 3)] != 0) opt_dx[i] += dx[i];
    free(y), free(dx);
    return sum;
}

void km_ref_loss_motion_fwd(const km_exec *ex, double *y, const double *x, const double *r, const double *target,
                            const double *weight, const double *chosen, const double *parts, km_dim lags, km_dim F,
                            km_dim A)
{
    (void)ex;
    y[0] = all(NULL, 0, x, r, target, weight, chosen, parts, lags, F, A);
}

void km_ref_loss_motion_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                            const double *target, const double *weight, const double *chosen, const double *parts,
                            km_dim lags, km_dim F, km_dim A)
{
    (void)ex;
    all(dx, dy[0], x, r, target, weight, chosen, parts, lags, F, A);
}
