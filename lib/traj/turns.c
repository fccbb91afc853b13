/* SPDX-License-Identifier: MIT */
#include "lib/traj/turns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

km_turns km_turns_of(int32_t n, const int64_t *lags, int n_lags, int64_t step)
{
    int64_t longest = 0;
    for (int l = 0; l < n_lags; l++) longest = lags[l] > longest ? lags[l] : longest;
    km_turns t = {.n = n, .n_lags = n_lags, .lags = lags, .step = step, .held = longest / step + 1};
    t.ring = KM_NEWN(float, (size_t)t.held *(size_t)n + 1);
    t.sine = KM_NEWN(double, (size_t)n + 1), t.cosine = KM_NEWN(double, (size_t)n + 1);
    t.both = KM_NEWN(double, (size_t)n_lags *(size_t)n + 1), t.pairs = KM_NEWN(int64_t, (size_t)n_lags + 1);
    return t;
}

void km_turns_add(km_turns *t, const float *x)
{
    if (t->F % t->step == 0) memcpy(t->ring + t->F / t->step % t->held * t->n, x, (size_t)t->n * sizeof *x);
    for (int32_t i = 0; i < t->n; i++) t->cosine[i] += cos(x[i]), t->sine[i] += sin(x[i]);
    for (int l = 0; l < t->n_lags; l++) {
        int64_t from = t->F - t->lags[l];
        if (from < 0 || from % t->step) continue;
        const float *y = t->ring + from / t->step % t->held * t->n;
        double *both = t->both + (int64_t)l * t->n;
        for (int32_t i = 0; i < t->n; i++) both[i] += cos((double)x[i] - y[i]);
        t->pairs[l]++;
    }
    t->F++;
}

void km_turns_clear(km_turns *t)
{
    free(t->ring), free(t->sine), free(t->cosine), free(t->both), free(t->pairs);
    *t = (km_turns){0};
}

double km_turns_autocorrelation(const km_turns *t, int32_t i, int l)
{
    return t->pairs[l] ? t->both[(int64_t)l * t->n + i] / (double)t->pairs[l] : NAN;
}

double km_turns_decorrelation(const km_turns *t, int32_t i, int l)
{
    double c = t->cosine[i], s = t->sine[i], r2 = (c * c + s * s) / ((double)t->F * (double)t->F);
    if (1 - r2 < 1e-9) return 1;
    return (km_turns_autocorrelation(t, i, l) - r2) / (1 - r2);
}
