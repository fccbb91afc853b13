/* SPDX-License-Identifier: MIT */
#include "lib/traj/lags.h"

#include <math.h>
#include <stdlib.h>

#include "tests/unit/second.h"
#include "tests/unit/tap.h"

int main(void)
{
    int64_t F;
    int32_t n;
    float *ca = second_ca("model", &F, &n);
    const km_runs one = {ca, 3 * n, &F, 1};
    second_check("lags.rmsd1", km_lag_rmsd(&one, 1, 0), 1e-4);
    second_check("lags.rmsd7", km_lag_rmsd(&one, 7, 0), 1e-4);
    second_check("lags.acf1", km_lag_autocorrelation(&one, 1, 0), 1e-6);
    second_check("lags.acf7", km_lag_autocorrelation(&one, 7, 0), 1e-6);
    ok(fabs(km_lag_autocorrelation(&one, 0, 0) - 1) < 1e-12 && km_lag_rmsd(&one, 0, 0) == 0, "no lag");
    ok(isnan(km_lag_rmsd(&one, F, 0)) && isnan(km_lag_autocorrelation(&one, F, 0)), "no pair");
    const float jump[12] = {0, 0, 0, 0, 0, 0, 9, 0, 0, 9, 0, 0};
    const int64_t two[2] = {2, 2}, whole = 4;
    const km_runs apart = {jump, 3, two, 2}, joined = {jump, 3, &whole, 1};
    ok(km_lag_rmsd(&apart, 1, 0) == 0 && km_lag_rmsd(&joined, 1, 0) == 3, "no pair reaches from one run into another");
    ok(km_lag_rmsd(&joined, 1, 1) == 0, "of few pairs the first");
    const float still[6] = {1, 2, 3, 1, 2, 3};
    const int64_t pair = 2;
    ok(isnan(km_lag_autocorrelation(&(km_runs){still, 3, &pair, 1}, 1, 0)), "what stands still remembers nothing");
    free(ca);
    return tap_end();
}
