/* SPDX-License-Identifier: MIT */
#include "lib/traj/populations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

enum { N = 3000, M = 2000 };

/* The mean over four seeds; allowed is three times its standard error, by the spread of the published code's own seeds
 * (0.010, 0.018, 0.006, 0.008, 0.006). */
static void test_surfaces(void)
{
    enum { SEEDS = 4 };
    static double u[2 * N], v[2 * M];
    km_surface_scores s, mean = {0};
    for (int i = 0; i < N; i++) u[2 * i] = 2 * sin(i * 0.37) + 0.3 * sin(i * 2.1), u[2 * i + 1] = cos(i * 0.53);
    for (int i = 0; i < M; i++) v[2 * i] = 1.5 * sin(i * 0.71) + 0.6, v[2 * i + 1] = 0.9 * cos(i * 0.31) + 0.2 * sin(i);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        km_surface_compare(u, N, v, M, seed, &s);
        mean.mae += s.mae / SEEDS, mean.rmse += s.rmse / SEEDS, mean.coverage += s.coverage / SEEDS;
        mean.mae_all += s.mae_all / SEEDS, mean.rmse_all += s.rmse_all / SEEDS;
    }
    second_check("populations.mae", mean.mae, 0.015), second_check("populations.rmse", mean.rmse, 0.027);
    second_check("populations.coverage", mean.coverage, 0.009);
    second_check("populations.mae_all", mean.mae_all, 0.012),
        second_check("populations.rmse_all", mean.rmse_all, 0.009);
    km_surface_compare(u, N, u, N, 1, &s);
    ok(s.mae < 0.1 && s.coverage > 0.99, "a set and itself, drawn twice: %.3f", s.mae);
    for (int i = 0; i < 2 * M; i++) v[i] += 100;
    km_surface_compare(u, N, v, M, 1, &s);
    ok(s.coverage == 0 && isnan(s.mae) && isnan(s.mae_all), "a model somewhere else");
}

/* CA of dynamics and of the start structure, and their residues' numbers from 1 on. */
typedef struct ca_frames {
    int64_t F;
    int32_t n, numbers[64];
    float *x, start[3 * 64]; /* x [F, n, 3] */
} ca_frames;

static ca_frames ca_of(const char *name, const km_structure *s)
{
    ca_frames ca = {.x = NULL};
    ca.x = second_ca(name, &ca.F, &ca.n);
    for (int32_t a = 0, i = 0; a < s->system->n_atoms; a++)
        if (!strcmp(s->system->atoms[a].name, "CA")) {
            memcpy(ca.start + 3 * i, s->coords + 3 * a, 3 * sizeof *ca.start);
            ca.numbers[i++] = s->system->atoms[a].residue + 1;
        }
    return ca;
}

static void test_folding(const char *name, const km_structure *s)
{
    char key[40];
    ca_frames ca = ca_of(name, s);
    km_native c = km_native_of(ca.start, ca.numbers, ca.n);
    double q = 0, p = 0;
    for (int64_t f = 0; f < ca.F; f++) {
        double one = km_native_fraction(&c, ca.x + f * ca.n * 3);
        q += one / (double)ca.F, p += km_foldedness(one) / (double)ca.F;
    }
    snprintf(key, sizeof key, "populations.%s.q", name), second_check(key, q, 1e-5);
    snprintf(key, sizeof key, "populations.%s.dg", name), second_check(key, km_folding_energy(p), 1e-4);
    km_native_clear(&c);
    free(ca.x);
}

/* The backbone of residues 5 to 9 and from 12 on, laid by all of it or by residues 1 to 8. */
static void test_regions(const char *name, const km_structure *s)
{
    enum { MOST = 200 };
    int64_t F;
    int32_t atoms[MOST], n = 0, A = s->system->n_atoms;
    float *x = second_frames(name, &F), start[3 * MOST], y[3 * MOST], weights[2][MOST];
    bool region[MOST];
    for (int32_t a = 0; a < A; a++) {
        const char *atom = s->system->atoms[a].name;
        if (strcmp(atom, "N") && strcmp(atom, "CA") && strcmp(atom, "C") && strcmp(atom, "O")) continue;
        int32_t number = s->system->atoms[a].residue + 1;
        region[n] = (number >= 5 && number <= 9) || number >= 12;
        weights[0][n] = 1, weights[1][n] = number <= 8;
        memcpy(start + 3 * n, s->coords + 3 * a, 3 * sizeof *start), atoms[n++] = a;
    }
    for (int way = 0; way < 2; way++) {
        double near = 0, nearest = INFINITY;
        char key[48];
        for (int64_t f = 0; f < F; f++) {
            for (int32_t i = 0; i < n; i++) memcpy(y + 3 * i, x + 3 * (f * A + atoms[i]), 3 * sizeof *y);
            double d = km_region_distance(y, start, weights[way], region, n);
            near += (d < 3) / (double)F, nearest = fmin(nearest, d);
        }
        snprintf(key, sizeof key, "populations.%s.%s.near", name, way ? "fit" : "region"),
            second_check(key, near, 1e-9);
        snprintf(key, sizeof key, "populations.%s.%s.nearest", name, way ? "fit" : "region");
        second_check(key, nearest, 1e-4);
    }
    free(x);
}

/* CA contacts of residues 2 to 9. */
static void test_kept(const char *name, const km_structure *s)
{
    bool region[64];
    ca_frames ca = ca_of(name, s);
    for (int32_t i = 0; i < ca.n; i++) region[i] = ca.numbers[i] >= 2 && ca.numbers[i] <= 9;
    km_native c = km_native_of_region(ca.start, ca.numbers, region, ca.n);
    double kept = 0, whole = 0, gone = 0, each = 1 / (double)ca.F;
    char key[40];
    for (int64_t f = 0; f < ca.F; f++) {
        double one = km_native_kept(&c, ca.x + f * ca.n * 3);
        kept += one * each, whole += (one > 0.7) * each, gone += (one < 0.3) * each;
    }
    snprintf(key, sizeof key, "populations.%s.kept", name), second_check(key, kept, 1e-6);
    snprintf(key, sizeof key, "populations.%s.whole", name), second_check(key, whole, 1e-9);
    snprintf(key, sizeof key, "populations.%s.gone", name), second_check(key, gone, 1e-9);
    km_native_clear(&c);
    free(ca.x);
}

int main(void)
{
    km_structure *s = second_start();
    test_regions("md", s), test_regions("model", s);
    test_kept("md", s), test_kept("model", s);
    test_surfaces();
    test_folding("md", s), test_folding("model", s);
    const float two[6] = {0};
    const int32_t neighbours[2] = {0, 1};
    km_native none = km_native_of(two, neighbours, 2);
    ok(isnan(km_native_fraction(&none, two)), "neighbours are no contact");
    km_native_clear(&none);
    ok(fabs(km_folding_energy(0.5)) < 1e-12 && km_folding_energy(1) < -13 && km_folding_energy(0) > 13,
       "half folded, always, never");
    km_structure_free(s);
    return tap_end();
}
