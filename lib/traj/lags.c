/* SPDX-License-Identifier: MIT */
#include "lib/traj/lags.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"

/* The mean of number(x, y) over pairs. */
static double over_pairs(const km_runs *r, int64_t lag, int64_t most,
                         double (*number)(const float *x, const float *y, const double *m, int n), const double *m)
{
    const float *x = r->x;
    double sum = 0;
    int64_t pairs = 0;
    for (int k = 0; k < r->n_runs; k++) {
        int64_t left = r->lengths[k] - lag, step = most && left > most ? left / most : 1;
        for (int64_t i = 0; i < left; i += step, pairs++) sum += number(x + i * r->n, x + (i + lag) * r->n, m, r->n);
        x += r->lengths[k] * r->n;
    }
    return pairs ? sum / (double)pairs : NAN;
}

static double rmsd(const float *x, const float *y, const double *m, int n)
{
    (void)m;
    double sum = 0;
    for (int i = 0; i < n; i++) sum += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
    return sqrt(sum / (n / 3));
}

static double product(const float *x, const float *y, const double *m, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (x[i] - m[i]) * (y[i] - m[i]);
    return sum;
}

double km_lag_rmsd(const km_runs *r, int64_t lag, int64_t most) { return over_pairs(r, lag, most, rmsd, NULL); }

double km_lag_autocorrelation(const km_runs *r, int64_t lag, int64_t most)
{
    int64_t F = 0;
    double *m = KM_NEWN(double, (size_t)r->n);
    for (int k = 0; k < r->n_runs; k++) F += r->lengths[k];
    for (int64_t f = 0; f < F; f++)
        for (int i = 0; i < r->n; i++) m[i] += r->x[f * r->n + i] / (double)F;
    double all = over_pairs(r, 0, 0, product, m), lagged = over_pairs(r, lag, most, product, m);
    free(m);
    return all > 0 ? lagged / all : NAN;
}
