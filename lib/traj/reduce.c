/* SPDX-License-Identifier: MIT */
#include "lib/traj/reduce.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"

static void distances(const km_reduction *r, const float *ca, double *out)
{
    for (int i = 0, d = 0; i < r->m; i++)
        for (int j = i + 1; j < r->m; j++, d++) {
            const float *x = ca + 3 * r->chosen[i], *y = ca + 3 * r->chosen[j];
            double dd = 0;
            for (int k = 0; k < 3; k++) dd += ((double)x[k] - y[k]) * ((double)x[k] - y[k]);
            out[d] = sqrt(dd);
        }
}

/* How many components hold that share of the variance. */
static int enough(const double *values, int n, double all, double share)
{
    double sum = 0;
    int k = 0;
    while (k < n && values[k] > 0 && sum < share * all) sum += values[k++];
    return k;
}

km_reduction km_reduce_of(int n_ca, int most)
{
    km_reduction r = {.n_ca = n_ca, .m = n_ca < most ? n_ca : most};
    r.chosen = KM_NEWN(int32_t, (size_t)r.m);
    for (int i = 0; i < r.m; i++) r.chosen[i] = (int32_t)((int64_t)i * (n_ca - 1) / (r.m - 1));
    r.D = r.m * (r.m - 1) / 2;
    return r;
}

void km_reduce_add(km_reduction *r, const float *ca, int64_t F, int threads)
{
    enum { AT_ONCE = 256 };
    size_t D = (size_t)r->D;
    double *block = KM_NEWN(double, AT_ONCE *D);
    if (!r->moments.n) r->moments = km_moments_of(r->D);
    for (int64_t f = 0; f < F; f += AT_ONCE) {
        int64_t n = F - f < AT_ONCE ? F - f : AT_ONCE;
        for (int64_t i = 0; i < n; i++) distances(r, ca + (f + i) * r->n_ca * 3, block + (size_t)i * D);
        km_moments_add(&r->moments, block, n, threads);
    }
    free(block);
}

void km_reduce_components(km_reduction *r, double share, int most_k)
{
    size_t D = (size_t)r->D;
    double *cov = KM_NEWN(double, D *D), all = 0;
    r->mean = KM_NEWN(double, D);
    km_moments_covariance(&r->moments, cov, r->mean);
    km_moments_clear(&r->moments);
    for (size_t d = 0; d < D; d++) all += cov[d * D + d];
    int most = most_k < r->D ? most_k : r->D;
    double *values = KM_NEWN(double, (size_t)most);
    r->basis = KM_NEWN(double, (size_t)most *D);
    km_eigen_largest(cov, r->D, most, values, r->basis);
    int least = most < 2 ? most : 2;
    r->k = enough(values, most, all, share);
    if (r->k < least) r->k = least;
    free(cov), free(values);
}

void km_reduction_clear(km_reduction *r)
{
    free(r->chosen), free(r->mean), free(r->basis);
    km_moments_clear(&r->moments);
    *r = (km_reduction){0};
}

double *km_reduce(const km_reduction *r, const float *ca, int64_t F, int threads)
{
    int width = r->basis ? r->k : r->D;
    double *out = KM_NEWN(double, (size_t)F *(size_t)width);
#pragma omp parallel num_threads(threads)
    {
        double *d = KM_NEWN(double, (size_t)r->D);
#pragma omp for schedule(static)
        for (int64_t f = 0; f < F; f++) {
            distances(r, ca + f * r->n_ca * 3, r->basis ? d : out + f * width);
            for (int k = 0; k < width && r->basis; k++)
                for (int64_t i = 0; i < r->D; i++)
                    out[f * width + k] += (d[i] - r->mean[i]) * r->basis[k * (int64_t)r->D + i];
        }
        free(d);
    }
    return out;
}
