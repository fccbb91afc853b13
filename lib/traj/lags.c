/* SPDX-License-Identifier: MIT */
#include "lib/traj/lags.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

km_lags km_lags_of(int n, const int64_t *lags, int n_lags, const double *opt_mean, int most)
{
    size_t k = (size_t)n_lags;
    return (km_lags){.n = n,
                     .n_lags = n_lags,
                     .most = most,
                     .lags = lags,
                     .mean = opt_mean,
                     .held = KM_NEWN(float, (size_t)most *(size_t)n),
                     .rmsd = KM_NEWN(double, k),
                     .product = KM_NEWN(double, k),
                     .pairs = KM_NEWN(int64_t, k)};
}

void km_lags_clear(km_lags *l)
{
    free(l->held), free(l->rmsd), free(l->product), free(l->pairs);
    *l = (km_lags){0};
}

void km_lags_begin(km_lags *l, int64_t length)
{
    l->length = length, l->step = length > l->most ? (length + l->most - 1) / l->most : 1, l->at = 0;
}

static double square_distance(const float *x, const float *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
    return sum;
}

static double product(const float *x, const float *y, const double *m, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (x[i] - m[i]) * (y[i] - m[i]);
    return sum;
}

static void add_frame(km_lags *l, const float *x)
{
    if (l->at % l->step == 0) memcpy(l->held + l->at / l->step * l->n, x, (size_t)l->n * sizeof *x);
    if (l->mean) l->square += product(x, x, l->mean, l->n);
    for (int i = 0; i < l->n_lags; i++) {
        int64_t from = l->at - l->lags[i];
        if (from < 0 || from % l->step) continue;
        const float *y = l->held + from / l->step * l->n;
        l->rmsd[i] += sqrt(square_distance(x, y, l->n) / (l->n / 3));
        if (l->mean) l->product[i] += product(x, y, l->mean, l->n);
        l->pairs[i]++;
    }
    l->at++, l->frames++;
}

void km_lags_add(km_lags *l, const float *x, int64_t F)
{
    for (int64_t f = 0; f < F; f++) add_frame(l, x + f * l->n);
}

double km_lags_rmsd(const km_lags *l, int i) { return l->pairs[i] ? l->rmsd[i] / (double)l->pairs[i] : NAN; }

double km_lags_autocorrelation(const km_lags *l, int i)
{
    if (!l->pairs[i] || !(l->square > 0)) return NAN;
    return l->product[i] / (double)l->pairs[i] / (l->square / (double)l->frames);
}
