/* SPDX-License-Identifier: MIT */
#include "lib/traj/landscape.h"

#include <math.h>

#include "lib/traj/peptide.h"

enum { ALL = KM_MAP_BINS * KM_MAP_BINS };

static void span(const double *x, int64_t n, double low[2], double high[2])
{
    for (int k = 0; k < 2; k++) {
        low[k] = INFINITY, high[k] = -INFINITY;
        for (int64_t i = 0; i < n; i++) low[k] = fmin(low[k], x[2 * i + k]), high[k] = fmax(high[k], x[2 * i + k]);
    }
}

static void count(const double *x, int64_t n, const double low[2], const double high[2], double *bins)
{
    for (int64_t i = 0; i < n; i++) {
        const double *p = x + 2 * i;
        if (p[0] < low[0] || p[0] > high[0] || p[1] < low[1] || p[1] > high[1]) continue;
        bins[km_bin_of(p[0], low[0], high[0], KM_MAP_BINS) * KM_MAP_BINS +
             km_bin_of(p[1], low[1], high[1], KM_MAP_BINS)]++;
    }
}

void km_landscape_compare(const double *ref, int64_t n, const double *model, int64_t m, km_landscape *ret)
{
    double low[2], high[2], p[ALL] = {0}, q[ALL] = {0};
    int both = 0, in_ref = 0, in_model = 0;
    double hit = 0, recovery = 0;
    *ret = (km_landscape){NAN, NAN, NAN, NAN, NAN, NAN};
    span(ref, n, low, high);
    if (!(low[0] < high[0] && low[1] < high[1])) return;
    count(ref, n, low, high, p), count(model, m, low, high, q);
    for (int b = 0; b < ALL; b++) {
        both += p[b] && q[b], in_ref += p[b] > 0, in_model += q[b] > 0;
        if (p[b]) hit += q[b];
        if (q[b]) recovery += p[b];
        p[b] += 1e-6, q[b] += 1e-6;
    }
    ret->jsd = km_js_distance(p, q, ALL);
    ret->recall = (double)both / in_ref;
    ret->precision = in_model ? (double)both / in_model : NAN;
    ret->f1 = 2.0 * both / (in_ref + in_model);
    ret->hit = hit / (double)m, ret->recovery = recovery / (double)n;
}
