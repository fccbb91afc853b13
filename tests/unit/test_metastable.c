/* SPDX-License-Identifier: MIT */
#include "lib/traj/metastable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/msm.h"
#include "lib/traj/pcca.h"
#include "lib/traj/peptide.h"
#include "lib/traj/simplex.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

/* The walks of tests/data/eval/make_metastable.py. */
enum { PLACES = 40, SETS = 10, LAG = 5, MD = 30000, MODEL = 8000 };

static double number(uint64_t *s)
{
    *s = (1103515245 * *s + 12345) % (1ull << 31);
    return (double)*s / (double)(1ull << 31);
}

static void walk(uint64_t seed, int n, double first, double each, int32_t *states)
{
    int at = 0;
    for (int i = 0; i < n; i++) {
        int well = at / 4;
        double r = number(&seed), leave = first + each * well;
        if (r < leave && well < 9) at += 4;
        else if (leave <= r && r < 2 * leave && well > 0) at -= 4;
        else at = 4 * well + (int)(number(&seed) * 4);
        states[i] = at;
    }
}

static void place(const int32_t *states, int n, double (*x)[4])
{
    for (int i = 0; i < n; i++) {
        int well = states[i] / 4, in = states[i] % 4;
        double a = 0.6 * well + 0.05 * in, b = 0.9 * well * well + 0.11 * in;
        x[i][0] = cos(a), x[i][1] = sin(a), x[i][2] = cos(b), x[i][3] = sin(b);
    }
}

static int32_t md_states[MD], model_states[MODEL];
static double md_x[MD][4], model_x[MODEL][4];
static const int64_t md_length = MD, model_length = MODEL;
static const km_series md = {&md_x[0][0], 4, &md_length, 1}, model = {&model_x[0][0], 4, &model_length, 1};

static void check(const char *key, double got, double allowed)
{
    char whole[64];
    snprintf(whole, sizeof whole, "metastable.%s", key);
    second_check(whole, got, allowed);
}

/* -- the least value */

static double valley(const double *x, int n, void *arg)
{
    double sum = 0;
    (void)arg;
    for (int i = 0; i + 1 < n; i++) sum += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
    return sum;
}

static void test_simplex(void)
{
    double x[3] = {-1.2, 1, 0}, at[1] = {0};
    char key[16];
    km_simplex_minimise(valley, NULL, x, 3);
    for (int i = 0; i < 3; i++) snprintf(key, sizeof key, "rosen%d", i), check(key, x[i], 1e-8);
    ok(km_simplex_minimise(valley, NULL, at, 1) == 0 && at[0] == 0, "nothing to gain: it stays");
}

/* -- sets */

/* Memberships [PLACES, m] have sums of 1; the largest of four places, under keys that begin with NAME. */
static void check_most(const char *name, const double *chi, int m, const int places[4], double allowed)
{
    double off = 0;
    for (int i = 0, at = 0; i < PLACES; i++) {
        double most = 0, sum = 0;
        char key[16];
        for (int c = 0; c < m; c++) most = fmax(most, chi[i * m + c]), sum += chi[i * m + c];
        off = fmax(off, fabs(sum - 1));
        snprintf(key, sizeof key, "%s%d", name, i);
        if (at < 4 && i == places[at]) at++, check(key, most, allowed);
    }
    ok(off < 1e-12, "memberships in %d sets", m);
}

static void test_pcca(void)
{
    static double counts[PLACES * PLACES], t[PLACES * PLACES], pi[PLACES], chi[PLACES * SETS], trace;
    bool in[PLACES];
    km_msm_count(md_states, &md_length, 1, LAG, PLACES, counts);
    km_msm_connected(counts, PLACES, in);
    km_msm_reversible(counts, PLACES, in, t, pi);
    km_pcca(t, pi, PLACES, 4, chi);
    check_most("four", chi, 4, (int[4]){0, 13, 22, 39}, 1e-4); /* to which both minimise */
    /* of 81 numbers both give up after 16,200 calls, wherever rounding has led them until then */
    km_pcca(t, pi, PLACES, SETS, chi);
    check_most("most", chi, SETS, (int[4]){0, 7, 21, 39}, 2e-3);
    for (int i = 0; i < PLACES * SETS; i++) trace += pi[i / SETS] * chi[i] * chi[i];
    check("trace", trace, 1e-3);
    const double two[4] = {0.9, 0.1, 0.3, 0.7}, weights[2] = {0.75, 0.25};
    ok(km_pcca(two, weights, 2, 2, chi) && fabs(fabs(chi[0] - chi[2]) - 1) < 1e-9, "two sets of two");
    double flat[9], third[3] = {1 / 3.0, 1 / 3.0, 1 / 3.0};
    for (int i = 0; i < 9; i++) flat[i] = 1 / 3.0;
    ok(km_pcca(flat, third, 3, 3, chi) && isfinite(chi[0]), "a chain without memory");
}

/* -- paths: all of a small chain, one by one */

enum { SMALL = 3, STEPS = 4 };

static void test_all_paths(void)
{
    const double t[9] = {0.8, 0.2, 0, 0.1, 0.7, 0.2, 0, 0.4, 0.6};
    const double other[9] = {0.5, 0.3, 0.2, 0.2, 0.5, 0.3, 0.1, 0.3, 0.6};
    const bool in[SMALL] = {true, true, true}, two[SMALL] = {true, true, false};
    const int ends[2] = {0, 2};
    double own[SMALL] = {0}, seen[SMALL] = {0}, all_t = 0, all = 0, valid = 0, likely = 0, logs = 0;
    int32_t some[2][STEPS + 1] = {{0, 1, 1, 2, 2}, {0, 2, 2, 2, 2}};
    km_path_scores s;
    for (int turn = 0; turn < 27; turn++) {
        int path[STEPS + 1] = {0, turn / 9, turn / 3 % 3, turn % 3, 2};
        double p = 1, q = 1;
        for (int i = 0; i < STEPS; i++) p *= t[path[i] * 3 + path[i + 1]], q *= other[path[i] * 3 + path[i + 1]];
        all_t += p, all += q, likely += p * q, valid += p > 0 ? q : 0, logs += p > 0 ? q * log(p) : 0;
        for (int i = 0; i <= STEPS; i++) own[path[i]] += p, seen[path[i]] += q;
    }
    km_paths_of_chain(t, other, in, SMALL, ends, STEPS, &s);
    ok(fabs(s.valid - valid / all) < 1e-12 && s.valid < 0.9, "valid paths: %.6f", s.valid);
    ok(fabs(s.probability - likely / all / all_t) < 1e-12, "their probability: %.6f", s.probability);
    ok(fabs(s.log - (logs / valid - log(all_t))) < 1e-12, "and its logarithm: %.6f", s.log);
    ok(fabs(s.jsd - km_js_distance(own, seen, SMALL)) < 1e-12 && s.jsd > 0, "states on them: %.6f", s.jsd);
    km_paths_of_chain(t, t, in, SMALL, ends, STEPS, &s);
    ok(s.jsd < 1e-7 && s.valid == 1, "a chain and itself");
    km_paths_of_chain(t, other, two, SMALL, ends, STEPS, &s);
    ok(s.jsd == 1 && s.valid == 0 && s.probability == 0 && isnan(s.log), "a model without the last state");
    km_paths_given(t, SMALL, ends, some[0], 2, STEPS, &s);
    double p = 0.2 * 0.7 * 0.2 * 0.6 / all_t;
    ok(s.valid == 0.5 && fabs(s.probability - p / 2) < 1e-12 && fabs(s.log - log(p)) < 1e-12, "two that are given");
    km_paths_given(t, SMALL, ends, some[0], 0, STEPS, &s);
    ok(s.jsd == 1 && s.valid == 0, "none that is given");
    const double pi[SMALL] = {0.25, 0.5, 0.25};
    int rare[2] = {0};
    bool found = km_paths_ends(t, pi, SMALL, rare);
    ok(found && rare[0] == 1 && rare[1] == 0, "the least flux: %d to %d", rare[0], rare[1]);
}

/* -- the whole */

static void test_comparison(void)
{
    km_metastable m;
    km_metastable_scores s;
    ok(!km_metastable_of(&md, LAG, 1, 1, &m) && m.micro == PLACES && m.lost == 0 && m.K == SETS, "ten sets");
    check("dims", m.dims, 0);
    /* sets by the first place in them */
    int name[SETS], n = 0, of[PLACES];
    char key[24];
    for (int i = 0; i < MD; i++) of[md_states[i]] = m.states[i];
    for (int c = 0; c < SETS; c++) name[c] = -1;
    for (int i = 0; i < PLACES; i++) {
        if (name[of[i]] < 0) name[of[i]] = n++;
        snprintf(key, sizeof key, "set%d", i), check(key, name[of[i]], 0);
    }
    check("start", name[m.ends[0]], 0), check("end", name[m.ends[1]], 0);
    check("flux", m.t[m.ends[0] * SETS + m.ends[1]] * m.pi[m.ends[1]], 1e-10);
    km_metastable_compare(&m, &model, LAG, 1, &s);
    check("jsd_slow", s.jsd_slow, 2e-3), check("jsd_slow2", s.jsd_slow2, 2e-3);
    check("jsd_states", s.jsd_states, 1e-8), check("states_r", s.states_r, 1e-8), check("pi_r", s.pi_r, 1e-6);
    check("transitions_r", s.transitions_r, 1e-6);
    check("paths.jsd", s.paths.jsd, 1e-3), check("paths.valid", s.paths.valid, 1e-3);
    check("paths.probability", s.paths.probability, 3e-5), check("paths.log", s.paths.log, 1e-2);
    for (int c = 0; c < SETS; c++)
        for (int k = 0; k < 2; k++)
            if (name[c] == (k ? 5 : 2)) m.ends[k] = c;
    km_metastable_compare(&m, &model, LAG, 1, &s);
    check("near.jsd", s.paths.jsd, 1e-3), check("near.probability", s.paths.probability, 3e-5);
    check("near.log", s.paths.log, 1e-2);
    km_metastable_compare(&m, &(km_series){&model_x[0][0], 4, &(int64_t){3}, 1}, LAG, 1, &s);
    ok(isnan(s.pi_r) && isnan(s.paths.valid) && isfinite(s.jsd_states), "a model no longer than the lag");
    km_metastable_compare(&m, &md, LAG, 1, &s);
    ok(s.jsd_slow == 0 && s.jsd_states == 0 && s.states_r > 1 - 1e-12 && s.pi_r > 1 - 1e-9 && s.paths.jsd < 1e-6 &&
           s.paths.valid == 1,
       "dynamics beside themselves");
    km_metastable_clear(&m);
}

static void make_rows(void *arg, int64_t first, int64_t n, double *out)
{
    memcpy(out, (const double *)arg + first * 4, (size_t)n * 4 * sizeof *out);
}

/* The same to the last bit from rows that are made when they are asked for. */
static void test_made(void)
{
    const km_series held[2] = {md, model};
    km_metastable m[2];
    km_metastable_scores s[2];
    for (int i = 0; i < 2; i++) {
        km_series a = held[0], b = held[1];
        if (i)
            a.arg = (void *)(uintptr_t)a.x, b.arg = (void *)(uintptr_t)b.x, a.x = b.x = NULL,
            a.read = b.read = make_rows;
        km_metastable_of(&a, LAG, 1, 1, &m[i]);
        km_metastable_compare(&m[i], &b, LAG, 1, &s[i]);
    }
    ok(!memcmp(&s[0], &s[1], sizeof *s) && !memcmp(m[0].slow, m[1].slow, 2 * MD * sizeof(double)) &&
           !memcmp(m[0].states, m[1].states, MD * sizeof(int32_t)),
       "rows that are made");
    km_metastable_clear(&m[0]), km_metastable_clear(&m[1]);
}

/* Three paths of 11 frames, the third with a step that dynamics do not take; one of other ends; one that is too short.
 */
static void test_given(void)
{
    static const int wells[5][11] = {{2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5},
                                     {2, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5},
                                     {2, 2, 2, 9, 3, 4, 4, 4, 5, 5, 5},
                                     {2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3},
                                     {2, 5}};
    const int64_t lengths[5] = {11, 11, 11, 11, 2};
    int32_t places[46];
    double x[46][4];
    for (int i = 0; i < 46; i++) places[i] = 4 * wells[i / 11][i % 11];
    place(places, 46, x);
    km_metastable m;
    km_metastable_scores s;
    int ends[2];
    km_metastable_of(&md, LAG, 1, 1, &m);
    ok(km_metastable_paths(&m, &(km_series){&x[0][0], 4, lengths, 5}, 1, ends, &s) == 3 && ends[0] != ends[1],
       "three of five are paths between the ends");
    check("given.valid", s.paths.valid, 1e-9), check("given.probability", s.paths.probability, 1e-6);
    check("given.log", s.paths.log, 1e-4), check("given.jsd", s.paths.jsd, 1e-3);
    ok(isnan(s.jsd_states) && isnan(s.pi_r), "and nothing else is said of them");
    km_metastable_clear(&m);
}

static void test_little(void)
{
    km_metastable m;
    static double still[60][4];
    ok(km_metastable_of(&(km_series){&still[0][0], 4, &(int64_t){60}, 1}, LAG, 1, 1, &m) != NULL, "nothing moves");
    km_metastable_clear(&m);
    ok(km_metastable_of(&(km_series){&md_x[0][0], 4, &(int64_t){5}, 1}, LAG, 1, 1, &m) != NULL,
       "no longer than the lag");
    km_metastable_clear(&m);
    for (int i = 0; i < 60; i++) still[i][0] = i;
    ok(km_metastable_of(&(km_series){&still[0][0], 4, &(int64_t){60}, 1}, LAG, 1, 1, &m) != NULL, "never back");
    km_metastable_clear(&m);
    for (int i = 0; i < 60; i++) still[i][0] = i / 3 % 2;
    ok(!km_metastable_of(&(km_series){&still[0][0], 4, &(int64_t){60}, 1}, 1, 1, 1, &m) && m.K == 2 && m.dims == 1,
       "two places, one component");
    km_metastable_scores s;
    km_metastable_compare(&m, &(km_series){&still[0][0], 4, &(int64_t){30}, 1}, 1, 1, &s);
    ok(isnan(s.jsd_slow2) && s.jsd_slow == 0 && s.paths.valid == 1, "and no plane");
    km_metastable_clear(&m);
}

int main(void)
{
    walk(1, MD, 0.02, 0.004, md_states), walk(2, MODEL, 0.05, -0.003, model_states);
    place(md_states, MD, md_x), place(model_states, MODEL, model_x);
    test_simplex();
    test_pcca();
    test_all_paths();
    test_comparison();
    test_made();
    test_given();
    test_little();
    return tap_end();
}
