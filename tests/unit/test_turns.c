/* SPDX-License-Identifier: MIT */
#include "lib/traj/turns.h"

#include <math.h>
#include <string.h>

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

static const double pi = 3.14159265358979323846;

enum { F = 720, N = 3, LAGS = 7 };
static const int64_t lags[LAGS] = {0, 36, 6, 7, 18, 300, 719};

/* A steady turn, one that stands still, one between two states without memory. */
static float angles[F][N];

static void make_angles(void)
{
    km_rng r = km_rng_of(4, KM_RNG_TEST, 0, 0, 0);
    for (int i = 0; i < F; i++) {
        double u[4];
        km_rng_uniform4(&r, (uint32_t)i, u);
        angles[i][0] = (float)remainder(2 * pi * i / 36, 2 * pi), angles[i][1] = 1.1f;
        angles[i][2] = (float)(u[0] < 0.5 ? 1 + 0.3 * u[1] : -2 + 0.5 * u[1]);
    }
}

static km_turns gather(int64_t step, int n)
{
    km_turns t = km_turns_of(N, lags, LAGS, step);
    for (int i = 0; i < n; i++) km_turns_add(&t, angles[i]);
    return t;
}

static void test_decorrelation(void)
{
    km_turns t = gather(1, F);
    ok(fabs(km_turns_decorrelation(&t, 0, 2) - 0.5) < 1e-6, "a steady turn at 60 degrees");
    ok(fabs(km_turns_decorrelation(&t, 0, 4) + 1) < 1e-6, "at half a turn");
    ok(fabs(km_turns_decorrelation(&t, 0, 1) - 1) < 1e-6, "at a whole turn");
    ok(km_turns_decorrelation(&t, 1, 5) == 1, "an angle that stands still never decorrelates");
    ok(fabs(km_turns_decorrelation(&t, 2, 0) - 1) < 1e-12, "no lag");
    ok(fabs(km_turns_decorrelation(&t, 2, 3)) < 0.1, "no memory: %.3f", km_turns_decorrelation(&t, 2, 3));
    km_turns_clear(&t);
}

/* All pairs that begin in every step-th of n frames, one by one. */
static bool agrees(int64_t step, int n)
{
    km_turns t = gather(step, n);
    bool good = true;
    for (int i = 0; i < N; i++)
        for (int l = 0; l < LAGS; l++) {
            double c = 0, s = 0, both = 0, pairs = 0;
            for (int f = 0; f < n; f++) c += cos(angles[f][i]) / n, s += sin(angles[f][i]) / n;
            for (int64_t f = 0; f + lags[l] < n; f += step)
                both += cos((double)angles[f + lags[l]][i] - angles[f][i]), pairs++;
            double a = km_turns_autocorrelation(&t, i, l), d = km_turns_decorrelation(&t, i, l), r = c * c + s * s;
            if (pairs == 0) good &= isnan(a);
            else good &= fabs(a - both / pairs) < 1e-12 && (i == 1 || fabs(d - (a - r) / (1 - r)) < 1e-9);
        }
    km_turns_clear(&t);
    return good;
}

int main(void)
{
    make_angles();
    test_decorrelation();
    const int64_t steps[] = {1, 2, 5, 7, 36, 719, 1000};
    for (int i = 0; i < 7; i++) {
        ok(agrees(steps[i], F), "pairs from every %d. frame", (int)steps[i]);
        ok(agrees(steps[i], 40), "of few frames");
    }
    km_turns t = gather(7, F);
    ok(t.held == 719 / 7 + 1, "no more is held than the longest lag needs");
    km_turns_clear(&t);
    return tap_end();
}
