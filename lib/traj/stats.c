/* SPDX-License-Identifier: MIT */
#include "lib/traj/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

double km_mean(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : NAN;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

double km_median(const double *x, int64_t n)
{
    if (n == 0) return NAN;
    size_t bytes = (size_t)n * sizeof *x;
    double *sorted = memcpy(km_alloc(bytes), x, bytes);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    double m = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    free(sorted);
    return m;
}

double km_pearson(const double *a, const double *b, int64_t n)
{
    double ma = km_mean(a, n), mb = km_mean(b, n), ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++)
        ab += (a[i] - ma) * (b[i] - mb), aa += (a[i] - ma) * (a[i] - ma), bb += (b[i] - mb) * (b[i] - mb);
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

typedef struct placed {
    double value; /* first: what ascending compares */
    int64_t at;
} placed;

void km_stats_ranks(const double *x, int64_t n, double *ranks)
{
    placed *p = KM_NEWN(placed, (size_t)n);
    for (int64_t i = 0; i < n; i++) p[i] = (placed){x[i], i};
    qsort(p, (size_t)n, sizeof *p, ascending);
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && p[end].value == p[i].value; end++) {
        }
        for (int64_t k = i; k < end; k++) ranks[p[k].at] = (double)(i + 1 + end) / 2;
    }
    free(p);
}

double km_spearman(const double *a, const double *b, int64_t n)
{
    double *ra = KM_NEWN(double, (size_t)n), *rb = KM_NEWN(double, (size_t)n);
    km_stats_ranks(a, n, ra), km_stats_ranks(b, n, rb);
    double r = km_pearson(ra, rb, n);
    free(ra), free(rb);
    return r;
}

double km_kendall(const double *a, const double *b, int64_t n)
{
    int64_t sum = 0, in_a = 0, in_b = 0; /* pairs: with their sign, not tied in a, not tied in b */
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            int da = (a[i] > a[j]) - (a[i] < a[j]), db = (b[i] > b[j]) - (b[i] < b[j]);
            sum += da * db, in_a += da != 0, in_b += db != 0;
        }
    return in_a && in_b ? (double)sum / sqrt((double)in_a * (double)in_b) : NAN;
}
