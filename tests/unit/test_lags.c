/* SPDX-License-Identifier: MIT */
#include "lib/traj/lags.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

static double *mean_of(const float *x, int64_t F, int n)
{
    double *m = KM_NEWN(double, (size_t)n);
    for (int64_t i = 0; i < F * n; i++) m[i % n] += x[i] / (double)F;
    return m;
}

static void test_second(void)
{
    const int64_t lags[4] = {1, 7, 0, 1000};
    int64_t F;
    int32_t n;
    float *ca = second_ca("model", &F, &n);
    double *mean = mean_of(ca, F, 3 * n);
    km_lags l = km_lags_of(3 * n, lags, 4, mean, 1000);
    km_lags_begin(&l, F);
    km_lags_add(&l, ca, 31), km_lags_add(&l, ca + 31 * 3 * n, F - 31);
    second_check("lags.rmsd1", km_lags_rmsd(&l, 0), 1e-4);
    second_check("lags.rmsd7", km_lags_rmsd(&l, 1), 1e-4);
    second_check("lags.acf1", km_lags_autocorrelation(&l, 0), 1e-6);
    second_check("lags.acf7", km_lags_autocorrelation(&l, 1), 1e-6);
    ok(fabs(km_lags_autocorrelation(&l, 2) - 1) < 1e-12 && km_lags_rmsd(&l, 2) == 0, "no lag");
    ok(isnan(km_lags_rmsd(&l, 3)) && isnan(km_lags_autocorrelation(&l, 3)), "no pair");
    km_lags_clear(&l);
    free(ca), free(mean);
}

/* Runs of those lengths, RMSD at a lag of 1. */
static double at_one(const float *x, const int64_t *lengths, int n_runs, int most)
{
    const int64_t lag = 1;
    km_lags l = km_lags_of(3, &lag, 1, NULL, most);
    for (int r = 0; r < n_runs; x += 3 * lengths[r++]) km_lags_begin(&l, lengths[r]), km_lags_add(&l, x, lengths[r]);
    double v = km_lags_rmsd(&l, 0);
    ok(isnan(km_lags_autocorrelation(&l, 0)), "no autocorrelation without a mean");
    km_lags_clear(&l);
    return v;
}

static void test_runs(void)
{
    const float jump[12] = {0, 0, 0, 0, 0, 0, 9, 0, 0, 9, 0, 0}, still[6] = {1, 2, 3, 1, 2, 3};
    const int64_t two[2] = {2, 2}, whole = 4, lag = 1;
    const double mean[3] = {1, 2, 3};
    ok(at_one(jump, two, 2, 4) == 0 && at_one(jump, &whole, 1, 4) == 3, "no pair reaches from one run into another");
    ok(at_one(jump, &whole, 1, 2) == 0 && at_one(jump, &whole, 1, 3) == 0, "of many frames some: the first and third");
    km_lags l = km_lags_of(3, &lag, 1, mean, 2);
    km_lags_begin(&l, 2), km_lags_add(&l, still, 2);
    ok(isnan(km_lags_autocorrelation(&l, 0)), "what stands still remembers nothing");
    km_lags_clear(&l);
}

int main(void)
{
    test_second();
    test_runs();
    return tap_end();
}
