/* SPDX-License-Identifier: MIT */
#include "lib/traj/tica.h"

#include <math.h>
#include <stdlib.h>

#include "lib/traj/reduce.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

/* Rows that arrive in pieces of seven. */
static double vamp2(const km_series *s, int64_t lag)
{
    km_lagged *l = km_lagged_new(s->D, lag, 2);
    const double *x = s->x;
    for (int r = 0; r < s->n_runs; x += s->lengths[r++] * s->D) {
        km_lagged_begin(l);
        for (int64_t i = 0; i < s->lengths[r]; i += 7)
            km_lagged_add(l, x + i * s->D, s->lengths[r] - i < 7 ? s->lengths[r] - i : 7);
    }
    double v = km_vamp2_of(l);
    km_lagged_free(l);
    return v;
}

static void test_second(void)
{
    int64_t F;
    int32_t n;
    float *ca = second_ca("md", &F, &n);
    km_reduction r = km_reduce_of(n, 45);
    km_reduce_add(&r, ca, 100, 2), km_reduce_add(&r, ca + 300 * (ptrdiff_t)n, F - 100, 2);
    km_reduce_components(&r, 0.95, 50);
    second_check("reduce.components", r.k, 0);
    double *y = km_reduce(&r, ca, F, 2);
    const int64_t lengths[2] = {150, F - 150};
    const km_series runs = {y, r.k, lengths, 2};
    for (int lag = 1; lag <= 10; lag += 9) {
        char key[32];
        km_tica t;
        km_tica_fit(&runs, lag, 2, 2, &t);
        snprintf(key, sizeof key, "tica.%d.first", lag), second_check(key, t.values[0], 1e-5);
        snprintf(key, sizeof key, "tica.%d.second", lag), second_check(key, t.values[1], 1e-5);
        snprintf(key, sizeof key, "vamp2.%d", lag), second_check(key, vamp2(&runs, lag), 1e-4);
        km_tica_clear(&t);
    }
    km_reduction few = km_reduce_of(n, 5);
    double *d = km_reduce(&few, ca, 1, 1);
    ok(few.D == 10 && few.chosen[0] == 0 && few.chosen[4] == n - 1 && d[0] > 1, "distances of five CA");
    km_reduction_clear(&few), km_reduction_clear(&r);
    free(ca), free(y), free(d);
}

/* A slow and a fast oscillation, mixed. */
static void test_known(void)
{
    enum { F = 4000, LAG = 5 };
    static double x[F][2];
    const int64_t length = F, none = 3;
    double worst = 0;
    for (int i = 0; i < F; i++) {
        double slow = sin(i * 2 * acos(-1) / 400), fast = sin(i * 2 * acos(-1) / 40);
        x[i][0] = slow + 2 * fast + 5, x[i][1] = slow - fast;
    }
    const km_series s = {&x[0][0], 2, &length, 1}, tiny = {&x[0][0], 2, &none, 1};
    km_tica t;
    km_tica_fit(&s, LAG, 2, 1, &t);
    ok(fabs(t.values[0] - cos(2 * acos(-1) * LAG / 400)) < 0.01 &&
           fabs(t.values[1] - cos(2 * acos(-1) * LAG / 40)) < 0.01,
       "autocorrelations of oscillations: %.4f %.4f", t.values[0], t.values[1]);
    double *y = km_tica_project(&t, &x[0][0], F);
    for (int i = 0; i < F; i++) worst = fmax(worst, fabs(fabs(y[2 * i]) - sqrt(2) * fabs(sin(i * 2 * acos(-1) / 400))));
    ok(worst < 0.05, "the slow one comes first, with unit variance: %.3f", worst);
    free(y);
    km_tica_clear(&t);
    km_tica_fit(&tiny, LAG, 2, 1, &t);
    ok(t.k == 0 && isnan(vamp2(&tiny, LAG)), "fewer rows than the lag");
    km_tica_clear(&t);
}

int main(void)
{
    test_second();
    test_known();
    return tap_end();
}
