/* SPDX-License-Identifier: MIT */
#include "lib/traj/msm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/kinetics.h"
#include "lib/traj/kmeans.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

/* The walks of tests/data/eval/make_states.py. */
enum { K = 4 };
static const double wells[K][2] = {{0, 0}, {3, 1}, {6, -1}, {9, 2}};

static double number(uint64_t *s)
{
    *s = (1103515245 * *s + 12345) % (1ull << 31);
    return (double)*s / (double)(1ull << 31);
}

static void walk(uint64_t seed, int n, const double *up, const double *down, double (*x)[2], int32_t *states)
{
    int at = 0;
    for (int i = 0; i < n; i++) {
        double r = number(&seed);
        at = r < up[at] ? (at + 1) % K : r < up[at] + down[at] ? (at + 3) % K : at;
        states[i] = at;
        for (int d = 0; d < 2; d++) x[i][d] = wells[at][d] + 1.2 * (number(&seed) - 0.5);
    }
}

static double md_x[3000][2], model_x[600][2];
static int32_t md_states[3000], model_states[600];
static const int64_t md_lengths[2] = {1500, 1500}, model_lengths[3] = {200, 200, 200};

static void make_walks(void)
{
    static const double up[K] = {0.02, 0.01, 0.03, 0.02}, down[K] = {0.01, 0.03, 0.02, 0.01};
    static const double model_up[K] = {0.03, 0.02, 0.05, 0.02}, model_down[K] = {0.01, 0.04, 0.03, 0.02};
    for (int i = 0; i < 2; i++)
        walk((uint64_t)i + 1, 1500, up, down, md_x + (ptrdiff_t)1500 * i, md_states + (ptrdiff_t)1500 * i);
    for (int i = 0; i < 3; i++)
        walk((uint64_t)i + 3, 200, model_up, model_down, model_x + (ptrdiff_t)200 * i,
             model_states + (ptrdiff_t)200 * i);
}

static void test_chain(int lag)
{
    double counts[K * K] = {0}, t[K * K], pi[K], mfpt[K * K], scales[3];
    bool in[K];
    char key[32];
    km_msm_count(md_states, md_lengths, 2, lag, K, counts);
    ok(km_msm_connected(counts, K, in) == K, "all wells are connected");
    km_msm_reversible(counts, K, in, t, pi);
    km_msm_mfpt(t, K, in, lag, mfpt);
    km_msm_timescales(t, K, in, lag, 3, scales);
    for (int i = 0; i < K; i++) snprintf(key, sizeof key, "msm.%d.pi%d", lag, i), second_check(key, pi[i], 1e-8);
    for (int i = 0; i < 3; i++)
        snprintf(key, sizeof key, "msm.%d.scale%d", lag, i), second_check(key, scales[i], 1e-5);
    static const int pairs[3][2] = {{0, 1}, {1, 0}, {3, 1}};
    for (int i = 0; i < 3; i++) {
        int from = pairs[i][0], to = pairs[i][1];
        snprintf(key, sizeof key, "msm.%d.t%d%d", lag, from, to), second_check(key, t[from * K + to], 1e-8);
        snprintf(key, sizeof key, "msm.%d.mfpt%d%d", lag, from, to), second_check(key, mfpt[from * K + to], 1e-4);
    }
}

static void times3(const double *a, const double *b, double *product)
{
    for (int i = 0; i < 9; i++) {
        product[i] = 0;
        for (int k = 0; k < 3; k++) product[i] += a[i / 3 * 3 + k] * b[k * 3 + i % 3];
    }
}

static void test_known(void)
{
    /* two states: the passage takes 1 / p; symmetric counts have their row sums as weights */
    const double t[4] = {0.9, 0.1, 0.25, 0.75}, symmetric[9] = {5, 2, 1, 2, 3, 4, 1, 4, 7};
    double m[9], p[9], pi[3], root[9], back[9];
    bool all[3] = {true, true, true}, in[3];
    km_msm_mfpt(t, 2, all, 2, m);
    ok(isnan(m[0]) && fabs(m[1] - 20) < 1e-12 && fabs(m[2] - 8) < 1e-12, "two states: %g %g", m[1], m[2]);
    km_msm_reversible(symmetric, 3, all, p, pi);
    ok(fabs(pi[0] - 8.0 / 29) < 1e-12 && fabs(pi[2] - 12.0 / 29) < 1e-12 && fabs(p[1] - 0.25) < 1e-12,
       "symmetric counts");
    const double positive[9] = {9, 1, 0, 1, 9, 1, 0, 1, 9}; /* no negative eigenvalue to clip */
    km_msm_reversible(positive, 3, all, p, pi);
    km_msm_root(positive, 3, all, 3, root, pi);
    times3(root, root, m), times3(m, root, back);
    double worst = 0;
    for (int i = 0; i < 9; i++) worst = fmax(worst, fabs(back[i] - p[i]));
    ok(worst < 1e-12, "the cube of the cube root: %g", worst);
    /* 0 and 1 reach each other; 2 is left and never entered, 3 entered and never left */
    const double counts[16] = {1, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    bool some[4];
    double plain[16], times[16];
    ok(km_msm_connected(counts, 4, some) == 2 && some[0] && some[1] && !some[2] && !some[3], "the connected set");
    km_msm_plain(counts, 4, plain, some);
    ok(some[2] && !some[3] && plain[15] == 1 && fabs(plain[0] - 1.0 / 3) < 1e-12, "a state that is never left");
    km_msm_mfpt(plain, 4, some, 1, times);
    ok(isfinite(times[1]) && isnan(times[3]) && isnan(times[14]), "passages to where nothing counts are none");
    const double alone[9] = {0, 3, 0, 0, 0, 0, 0, 0, 0};
    ok(km_msm_connected(alone, 3, in) == 1 && in[0], "without a way back the fullest state stands alone");
    km_msm_reversible(alone, 3, in, p, pi);
    ok(pi[0] == 0 || pi[0] == 1, "a state without counts of its own: %g", pi[0]);
}

static void test_kmeans(void)
{
    double centres[7 * 2], inertia;
    ok(km_kmeans(&md_x[0][0], 3000, 2, 4, 1, 2, centres, &inertia) == 4 && fabs(centres[2] - 3) < 0.1 &&
           fabs(centres[7] - 2) < 0.1,
       "the wells");
    second_check("kmeans.4", inertia, 1e-6);
    km_kmeans(&md_x[0][0], 3000, 2, 7, 1, 2, centres, &inertia);
    ok(inertia < second_opinion("kmeans.7") * 1.005, "seven states: %g, with 200 starts %g", inertia,
       second_opinion("kmeans.7"));
    const double same[6] = {1, 1, 1, 2, 2, 2};
    ok(km_kmeans(same, 6, 1, 4, 1, 1, centres, &inertia) == 2 && inertia == 0 && centres[1] == 2, "two points");
    int32_t state[6];
    km_kmeans_assign(same, 6, 1, centres, 2, 1, state);
    ok(state[0] == 0 && state[5] == 1, "nearest");
}

static void test_kinetics(void)
{
    km_kinetics_case c = {.md = {&md_x[0][0], 2, md_lengths, 2},
                          .model = {&model_x[0][0], 2, model_lengths, 3},
                          .each = 1, .lag = 1, .unit = 1, .states = K, .root = true, .seed = 1, .threads = 1};
    km_kinetics_scores s;
    km_kinetics k;
    km_kinetics_compare(&c, &s, &k);
    second_check("kinetics.rho_p", s.rho_p, 1e-8), second_check("kinetics.rho_s", s.rho_s, 1e-8);
    second_check("kinetics.mfpt_error", s.mfpt_error, 1e-8), second_check("kinetics.kl", s.kl, 1e-8);
    second_check("kinetics.pi_mae", s.pi_mae, 1e-8), second_check("kinetics.w2_rms", s.w2_rms, 1e-8);
    second_check("kinetics.edge_error", s.edge_error, 1e-8);
    second_check("kinetics.md_tau", s.md_tau[0], 1e-6), second_check("kinetics.tau", s.tau[0], 1e-6);
    ok(s.visited == 4 && s.pairs == 12 && k.K == 4 && k.n_scales > 5 && k.md_scales[0] > k.md_scales[1], "the rest");
    km_kinetics_clear(&k);
    c.model = c.md, c.root = false;
    km_kinetics_compare(&c, &s, &k);
    ok(s.w2_rms == 0 && s.w2_line == 0 && s.kl < 1e-12 && s.rho_p > 0.99 && s.tau[0] == s.md_tau[0] &&
           s.scale[0] == s.md_scale[0],
       "dynamics beside themselves");
    km_kinetics_clear(&k);
    /* a model that never leaves a well */
    const int64_t short_ = 3;
    c.model = (km_series){&model_x[0][0], 2, &short_, 1};
    km_kinetics_compare(&c, &s, &k);
    ok(isnan(s.rho_p) && s.pairs == 0 && s.visited == 1 && isfinite(s.kl), "a model that stays");
    km_kinetics_clear(&k);
}

int main(void)
{
    make_walks();
    test_chain(1);
    test_chain(10);
    test_known();
    test_kmeans();
    test_kinetics();
    return tap_end();
}
