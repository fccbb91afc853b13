/* SPDX-License-Identifier: MIT */
#include "lib/traj/metastable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/kmeans.h"
#include "lib/traj/msm.h"
#include "lib/traj/pcca.h"
#include "lib/traj/peptide.h"
#include "lib/traj/stats.h"

/* -- where the dynamics are */

/* The components as a kinetic map, two at least where there are two. */
static void make_map(km_metastable *m)
{
    km_tica *t = &m->tica;
    const double enough = 0.95;
    double *w = KM_NEWN(double, (size_t)t->k *(size_t)t->D), *values = KM_NEWN(double, (size_t)t->k), all = 0, sum = 0;
    for (int n = 0, low = 0, high = t->k - 1; n < t->k; n++) {
        int from = t->values[low] >= -t->values[high] ? low++ : high--;
        values[n] = t->values[from], all += values[n] * values[n];
        for (int d = 0; d < t->D; d++) w[n * t->D + d] = values[n] * t->w[from * t->D + d];
    }
    while (m->dims < t->k && sum < enough * all) sum += values[m->dims] * values[m->dims], m->dims++;
    free(t->w), free(t->values);
    t->w = w, t->values = values;
    t->k = t->k < 2 || m->dims > 2 ? m->dims : 2;
}

/* What is kept of rows in these components, each where it is asked for. */
typedef struct kept {
    int64_t each;     /* of every each-th row, */
    double *some;     /* [., dims] the components that count */
    double *slow;     /* [F, 2] the first two (the second 0 where there is one) */
    int32_t *nearest; /* [F] microstates, by the centres that there are */
} kept;

static void keep_piece(const km_metastable *m, const double *rows, int64_t first, int64_t n, int threads,
                       const kept *to)
{
    int k = m->tica.k, dims = m->dims;
    double *x = km_tica_project(&m->tica, rows, n), *places = KM_NEWN(double, (size_t)n *(size_t)dims + 1);
    for (int64_t f = 0, at = first; f < n; f++, at++) {
        size_t bytes = (size_t)dims * sizeof *x;
        memcpy(places + f * dims, x + f * k, bytes);
        if (to->some && at % to->each == 0) memcpy(to->some + at / to->each * dims, x + f * k, bytes);
        if (to->slow) to->slow[2 * at] = x[f * k], to->slow[2 * at + 1] = k > 1 ? x[f * k + 1] : 0;
    }
    if (to->nearest) km_kmeans_assign(places, n, dims, m->centres, m->micro, threads, to->nearest + first);
    free(x), free(places);
}

static void keep(const km_metastable *m, const km_series *s, int threads, const kept *to)
{
    double *room = km_series_room(s);
    int64_t F = km_series_rows(s);
    for (int64_t at = 0, n; at < F; at += n) {
        n = F - at < KM_SERIES_PIECE ? F - at : KM_SERIES_PIECE;
        keep_piece(m, km_series_piece(s, at, n, room), at, n, threads, to);
    }
    free(room);
}

/* Microstates of all rows, the caller's. */
static int32_t *nearest(const km_metastable *m, const km_series *s, int threads, double *opt_slow)
{
    int32_t *out = KM_NEWN(int32_t, (size_t)km_series_rows(s) + 1);
    keep(m, s, threads, &(kept){.nearest = out, .slow = opt_slow});
    return out;
}

static double *counts_of(const int32_t *states, const km_series *s, int64_t lag, int K)
{
    double *counts = KM_NEWN(double, (size_t)K *(size_t)K);
    km_msm_count(states, s->lengths, s->n_runs, lag, K, counts);
    return counts;
}

/* Centres in some of the rows; all rows' first components are kept. */
static void find_centres(km_metastable *m, const km_series *md, uint64_t seed, int threads)
{
    enum { ENOUGH = 20000 };
    int64_t each = m->F / ENOUGH + 1, n = (m->F - 1) / each + 1;
    double *some = KM_NEWN(double, (size_t)n *(size_t)m->dims);
    m->slow = KM_NEWN(double, 2 * (size_t)m->F);
    m->centres = KM_NEWN(double, KM_MICROSTATES *(size_t)m->dims);
    keep(m, md, threads, &(kept){.each = each, .some = some, .slow = m->slow});
    m->micro = km_kmeans(some, n, m->dims, KM_MICROSTATES, seed, threads, m->centres, NULL);
    free(some);
}

/* The microstates that reach each other, and those of the rows among them, the caller's. */
static int32_t *find_microstates(km_metastable *m, const km_series *md, int64_t lag, uint64_t seed, int threads)
{
    bool in[KM_MICROSTATES];
    find_centres(m, md, seed, threads);
    int32_t *states = nearest(m, md, threads, NULL);
    double *counts = counts_of(states, md, lag, m->micro);
    int found = km_msm_connected(counts, m->micro, in), n = 0;
    for (int i = 0; i < m->micro; i++)
        if (in[i]) memmove(m->centres + n++ * m->dims, m->centres + i * m->dims, (size_t)m->dims * sizeof *m->centres);
    free(counts);
    m->lost = m->micro - found, m->micro = found;
    if (!m->lost) return states;
    free(states);
    return nearest(m, md, threads, NULL);
}

/* The microstates, which all reach each other, in metastable sets. */
static bool find_sets(km_metastable *m, const km_series *md, const int32_t *states, int64_t lag)
{
    size_t n = (size_t)m->micro;
    double *counts = counts_of(states, md, lag, m->micro), *t = KM_NEWN(double, n *n), *pi = KM_NEWN(double, n);
    double *chi = KM_NEWN(double, n *KM_METASTABLE);
    bool all[KM_MICROSTATES];
    for (int i = 0; i < m->micro; i++) all[i] = true;
    m->K = m->micro < KM_METASTABLE ? m->micro : KM_METASTABLE;
    m->set = KM_NEWN(int32_t, n);
    km_msm_reversible(counts, m->micro, all, t, pi);
    bool found = km_pcca(t, pi, m->micro, m->K, chi);
    for (int i = 0; i < m->micro && found; i++)
        for (int c = 1; c < m->K; c++)
            if (chi[i * m->K + c] > chi[i * m->K + m->set[i]]) m->set[i] = c;
    free(counts), free(t), free(pi), free(chi);
    return found;
}

static double *shares(const int32_t *states, int64_t n, int K)
{
    double *out = KM_NEWN(double, (size_t)K);
    for (int64_t i = 0; i < n; i++) out[states[i]] += 1 / (double)n;
    return out;
}

/* The likeliest reversible chain on the largest set of states that reach each other; the others stay where they are. */
static int fit_chain(const int32_t *states, const km_series *s, int64_t lag, int K, bool *in, double *t, double *pi)
{
    double *counts = counts_of(states, s, lag, K);
    int n = km_msm_connected(counts, K, in);
    km_msm_reversible(counts, K, in, t, pi);
    for (int i = 0; i < K; i++)
        if (!in[i] || pi[i] == 0) t[i * K + i] = 1;
    free(counts);
    return n;
}

static const char *find_states(km_metastable *m, const km_series *md, int64_t lag, uint64_t seed, int threads)
{
    m->states = find_microstates(m, md, lag, seed, threads);
    if (m->micro < 2) return "it has no two states between which it goes to and fro";
    if (!find_sets(m, md, m->states, lag)) return "its states form no metastable sets";
    size_t K = (size_t)m->K;
    m->in = KM_NEWN(bool, K), m->t = KM_NEWN(double, K *K), m->pi = KM_NEWN(double, K);
    for (int64_t f = 0; f < m->F; f++) m->states[f] = m->set[m->states[f]];
    m->share = shares(m->states, m->F, m->K);
    bool some = fit_chain(m->states, md, lag, m->K, m->in, m->t, m->pi) > 1;
    return some && km_paths_ends(m->t, m->pi, m->K, m->ends) ? NULL : "all of it is one metastable set";
}

const char *km_metastable_of(const km_series *md, int64_t lag, uint64_t seed, int threads, km_metastable *m)
{
    *m = (km_metastable){.F = km_series_rows(md)};
    km_tica_fit(md, lag, md->D, threads, &m->tica);
    if (!m->tica.k) return "it does not move, or is no longer than the lag";
    make_map(m);
    return find_states(m, md, lag, seed, threads);
}

void km_metastable_clear(km_metastable *m)
{
    km_tica_clear(&m->tica);
    free(m->centres), free(m->set), free(m->in), free(m->t), free(m->pi), free(m->share), free(m->slow),
        free(m->states);
    *m = (km_metastable){0};
}

/* Sets of the rows, the caller's; their first two components into opt_slow [F, 2]. */
static int32_t *assign(const km_metastable *m, const km_series *s, int threads, double *opt_slow)
{
    int32_t *out = nearest(m, s, threads, opt_slow);
    int64_t F = km_series_rows(s);
    for (int64_t i = 0; i < F; i++) out[i] = m->set[out[i]];
    return out;
}

/* -- a model beside them */

/* Counts of points [n, 2] in n_bins (of the first number) or n_bins x n_bins bins between the limits. */
static double *histogram(const double *x, int64_t n, int n_bins, bool plane, const double low[2], const double high[2])
{
    double *out = KM_NEWN(double, (size_t)n_bins *(size_t)(plane ? n_bins : 1));
    for (int64_t i = 0; i < n; i++) {
        int first = km_bin_of(x[2 * i], low[0], high[0], n_bins);
        out[plane ? first * n_bins + km_bin_of(x[2 * i + 1], low[1], high[1], n_bins) : first]++;
    }
    return out;
}

static double slow_distance(const km_metastable *m, const double *slow, int64_t F, bool plane)
{
    int n = plane ? 50 : 100;
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int k = 0; k < 2; k++) {
        for (int64_t f = 0; f < m->F; f++)
            low[k] = fmin(low[k], m->slow[2 * f + k]), high[k] = fmax(high[k], m->slow[2 * f + k]);
        for (int64_t f = 0; f < F; f++)
            low[k] = fmin(low[k], slow[2 * f + k]), high[k] = fmax(high[k], slow[2 * f + k]);
    }
    if (!(high[0] > low[0]) || (plane && !(high[1] > low[1]))) return NAN;
    double *p = histogram(m->slow, m->F, n, plane, low, high), *q = histogram(slow, F, n, plane, low, high);
    double d = km_js_distance(p, q, plane ? n * n : n);
    free(p), free(q);
    return d;
}

/* Pearson over pairs of different states that the dynamics have. */
static double transitions_r(const km_metastable *m, const double *t)
{
    double *a = KM_NEWN(double, (size_t)(m->K * m->K)), *b = KM_NEWN(double, (size_t)(m->K * m->K));
    int n = 0;
    for (int i = 0; i < m->K; i++)
        for (int j = 0; j < m->K; j++)
            if (i != j && m->in[i] && m->in[j]) a[n] = m->t[i * m->K + j], b[n++] = t[i * m->K + j];
    double r = km_pearson(a, b, n);
    free(a), free(b);
    return r;
}

static void compare_chains(const km_metastable *m, const int32_t *states, const km_series *model, int64_t lag,
                           km_metastable_scores *ret)
{
    size_t K = (size_t)m->K;
    double *t = KM_NEWN(double, K *K), *pi = KM_NEWN(double, K);
    bool *in = KM_NEWN(bool, K);
    fit_chain(states, model, lag, m->K, in, t, pi);
    ret->pi_r = km_pearson(m->pi, pi, m->K), ret->transitions_r = transitions_r(m, t);
    km_paths_of_chain(m->t, t, in, m->K, m->ends, KM_PATH_STEPS, &ret->paths);
    free(t), free(pi), free(in);
}

const km_metastable_scores km_metastable_nothing = {NAN, NAN, NAN, NAN, NAN, NAN, {NAN, NAN, NAN, NAN}};

void km_metastable_compare(const km_metastable *m, const km_series *model, int64_t lag, int threads,
                           km_metastable_scores *ret)
{
    int64_t F = km_series_rows(model), longest = 0;
    double *slow = KM_NEWN(double, 2 * (size_t)F + 1);
    int32_t *states = assign(m, model, threads, slow);
    *ret = km_metastable_nothing;
    ret->jsd_slow = slow_distance(m, slow, F, false), ret->jsd_slow2 = slow_distance(m, slow, F, true);
    double *share = shares(states, F, m->K);
    ret->jsd_states = km_js_distance(m->share, share, m->K), ret->states_r = km_pearson(m->share, share, m->K);
    for (int i = 0; i < model->n_runs; i++) longest = model->lengths[i] > longest ? model->lengths[i] : longest;
    if (longest > lag) compare_chains(m, states, model, lag, ret);
    free(slow), free(states), free(share);
}

int64_t km_metastable_paths(const km_metastable *m, const km_series *model, int threads, int ends[2],
                            km_metastable_scores *ret)
{
    enum { POINTS = KM_PATH_STEPS + 1 };
    int32_t *states = assign(m, model, threads, NULL), *at = states;
    int32_t *paths = KM_NEWN(int32_t, (size_t)model->n_runs * POINTS + 1);
    int64_t n = 0;
    *ret = km_metastable_nothing;
    for (int r = 0; r < model->n_runs; at += model->lengths[r++]) {
        int64_t F = model->lengths[r];
        int32_t *path = paths + n * POINTS;
        if (F < POINTS) continue;
        for (int64_t s = 0; s < POINTS; s++) path[s] = at[s < KM_PATH_STEPS ? s * F / KM_PATH_STEPS : F - 1];
        if (n == 0) ends[0] = path[0], ends[1] = path[KM_PATH_STEPS];
        n += path[0] == ends[0] && path[KM_PATH_STEPS] == ends[1];
    }
    if (n) km_paths_given(m->t, m->K, ends, paths, n, KM_PATH_STEPS, &ret->paths);
    free(states), free(paths);
    return n;
}
