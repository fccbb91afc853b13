/* SPDX-License-Identifier: MIT */
#include "lib/traj/kinetics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/kmeans.h"
#include "lib/traj/msm.h"
#include "lib/traj/stats.h"
#include "lib/traj/transport.h"

/* A side as a sequence of states, its Markov chain and what follows of it. */
typedef struct chain {
    int32_t *states;
    bool *in;
    double *t, *pi;
} chain;

static double *count(const km_series *s, const int32_t *states, int64_t lag, int K)
{
    double *counts = KM_NEWN(double, (size_t)K *(size_t)K);
    km_msm_count(states, s->lengths, s->n_runs, lag, K, counts);
    return counts;
}

static chain chain_of(const km_series *s, const double *centres, int K, int threads)
{
    size_t k = (size_t)K;
    chain c = {KM_NEWN(int32_t, (size_t)km_series_rows(s) + 1), KM_NEWN(bool, k), KM_NEWN(double, k *k),
               KM_NEWN(double, k)};
    km_kmeans_assign(s->x, km_series_rows(s), s->D, centres, K, threads, c.states);
    return c;
}

static void clear(chain *c) { free(c->states), free(c->in), free(c->t), free(c->pi); }

/* States that are entered or left at all: counts made symmetric connect them both ways. */
static void any_counts(const double *counts, int K, bool *in)
{
    for (int i = 0; i < K; i++) {
        in[i] = false;
        for (int j = 0; j < K; j++) in[i] |= counts[i * K + j] > 0 || counts[j * K + i] > 0;
    }
}

static void fit_dynamics(const km_kinetics_case *c, int K, chain *md)
{
    double *counts = count(&c->md, md->states, c->lag * c->each * (c->root ? KM_KINETICS_ROOT : 1), K);
    if (c->root) any_counts(counts, K, md->in);
    else km_msm_connected(counts, K, md->in);
    if (c->root) km_msm_root(counts, K, md->in, KM_KINETICS_ROOT, md->t, md->pi);
    else km_msm_reversible(counts, K, md->in, md->t, md->pi);
    free(counts);
}

/* Transitions as counted; the stationary distribution of the likeliest reversible chain on the connected set. */
static void fit_model(const km_kinetics_case *c, int K, chain *model)
{
    double *counts = count(&c->model, model->states, c->lag, K), *reversible = KM_NEWN(double, (size_t)K *(size_t)K);
    km_msm_connected(counts, K, model->in);
    km_msm_reversible(counts, K, model->in, reversible, model->pi);
    km_msm_plain(counts, K, model->t, model->in);
    free(counts), free(reversible);
}

/* Ranks as a double argsort gives them: of equal values the first has the lower one. */
static void argsort_ranks(const double *x, int64_t n, double *ranks)
{
    for (int64_t i = 0; i < n; i++) {
        ranks[i] = 0;
        for (int64_t j = 0; j < n; j++) ranks[i] += x[j] < x[i] || (x[j] == x[i] && j < i);
    }
}

static void compare_passages(int K, const km_kinetics *k, km_kinetics_scores *s)
{
    size_t most = (size_t)K * (size_t)K;
    double *a = KM_NEWN(double, most), *b = KM_NEWN(double, most), *ra = KM_NEWN(double, most);
    double *rb = KM_NEWN(double, most), error = 0;
    int64_t n = 0;
    for (size_t i = 0; i < most; i++) {
        double md = k->md_mfpt[i], model = k->mfpt[i];
        if (!isfinite(md) || !isfinite(model) || md <= 0 || model <= 0) continue;
        a[n] = log10(md), b[n] = log10(model);
        error += fabs(a[n] - b[n]), n++;
    }
    argsort_ranks(a, n, ra), argsort_ranks(b, n, rb);
    s->pairs = (double)n, s->mfpt_error = n ? error / (double)n : NAN;
    s->rho_p = n > 1 ? km_pearson(a, b, n) : NAN, s->rho_s = n > 1 ? km_pearson(ra, rb, n) : NAN;
    free(a), free(b), free(ra), free(rb);
}

static void compare_weights(int K, const chain *md, const chain *model, km_kinetics_scores *s)
{
    const double smooth = 1e-3;
    int edges = 0;
    double gap = 0, error = 0;
    s->kl = s->visited = 0;
    for (int i = 0; i < K; i++) {
        double p = (md->pi[i] + smooth) / (1 + K * smooth), q = (model->pi[i] + smooth) / (1 + K * smooth);
        s->kl += p * log(p / q);
        gap += fabs(md->pi[i] - model->pi[i]), s->visited += model->pi[i] > 1e-4;
        for (int j = 0; j < K; j++)
            if (i != j && md->t[i * K + j] > 0) error += fabs(md->t[i * K + j] - model->t[i * K + j]), edges++;
    }
    s->pi_mae = gap / K, s->edge_error = edges ? error / edges : NAN;
}

static void compare_clouds(const km_kinetics_case *c, km_kinetics_scores *s)
{
    int64_t n = km_series_rows(&c->md), m = km_series_rows(&c->model);
    double *a = KM_NEWN(double, (size_t)n), *b = KM_NEWN(double, (size_t)m), w1 = 0, w2 = 0;
    for (int d = 0; d < c->md.D; d++) {
        for (int64_t i = 0; i < n; i++) a[i] = c->md.x[i * c->md.D + d];
        for (int64_t i = 0; i < m; i++) b[i] = c->model.x[i * c->md.D + d];
        w1 += pow(km_w1_line(a, n, b, m), 2), w2 += pow(km_w2_line(a, n, b, m), 2);
    }
    s->w2_rms = sqrt(w1 / c->md.D), s->w2_line = sqrt(w2 / c->md.D);
    free(a), free(b);
}

/* -- autocorrelation of a component: biased (sums divided by the length), averaged over trajectories long enough */

static double *autocorrelation(const km_series *s, int component, int64_t step, int n_lags)
{
    double *out = KM_NEWN(double, (size_t)n_lags + 1), mean = 0;
    const double *x = s->x + component;
    int64_t F = km_series_rows(s);
    for (int64_t i = 0; i < F; i++) mean += x[i * s->D] / (double)F;
    for (int r = 0; r < s->n_runs; x += s->lengths[r++] * s->D) {
        if (s->lengths[r] <= n_lags * step) continue;
        for (int lag = 0; lag <= n_lags; lag++) {
            double sum = 0;
            for (int64_t i = 0; i + lag * step < s->lengths[r]; i++)
                sum += (x[i * s->D] - mean) * (x[(i + lag * step) * s->D] - mean);
            out[lag] += sum / (double)s->lengths[r];
        }
    }
    for (int lag = n_lags; lag >= 0; lag--) out[lag] = out[0] > 0 ? out[lag] / out[0] : NAN;
    return out;
}

/* Where it first falls below 1 / e, between lags on a line; the last lag where it does not. */
static double memory_of(const double *acf, int n_lags)
{
    const double mark = exp(-1);
    if (isnan(acf[0])) return NAN;
    for (int lag = 1; lag <= n_lags; lag++)
        if (acf[lag] < mark) return lag - 1 + (acf[lag - 1] - mark) / (acf[lag - 1] - acf[lag]);
    return n_lags;
}

static int64_t longest_of(const km_series *s)
{
    int64_t longest = 0;
    for (int i = 0; i < s->n_runs; i++) longest = s->lengths[i] > longest ? s->lengths[i] : longest;
    return longest;
}

static void compare_memory(const km_kinetics_case *c, km_kinetics_scores *s, km_kinetics *k)
{
    int64_t model = longest_of(&c->model) - 1, md = (longest_of(&c->md) - 1) / c->each, both = md < model ? md : model;
    int components = c->md.D < 2 ? c->md.D : 2;
    k->n_lags = (int)(both < KM_KINETICS_LAGS ? both : KM_KINETICS_LAGS);
    size_t row = (size_t)k->n_lags + 1;
    k->acf = KM_NEWN(double, 2 * row), k->md_acf = KM_NEWN(double, 2 * row);
    for (size_t i = 0; i < 2 * row; i++) k->acf[i] = k->md_acf[i] = NAN;
    for (int d = 0; d < components; d++) {
        double *a = autocorrelation(&c->model, d, 1, k->n_lags), *b = autocorrelation(&c->md, d, c->each, k->n_lags);
        memcpy(k->acf + (size_t)d * row, a, row * sizeof *a), memcpy(k->md_acf + (size_t)d * row, b, row * sizeof *b);
        s->tau[d] = memory_of(a, k->n_lags) * c->unit, s->md_tau[d] = memory_of(b, k->n_lags) * c->unit;
        free(a), free(b);
    }
}

/* -- time scales, against the lag */

static void scales_at(const km_series *s, const int32_t *states, int64_t lag, double time, int K, double *out)
{
    double *counts = count(s, states, lag, K), *t = KM_NEWN(double, (size_t)K *(size_t)K),
           *pi = KM_NEWN(double, (size_t)K);
    bool *in = KM_NEWN(bool, (size_t)K);
    if (km_msm_connected(counts, K, in) > 1) {
        km_msm_reversible(counts, K, in, t, pi);
        km_msm_timescales(t, K, in, time, KM_KINETICS_SCALES, out);
    } else {
        for (int i = 0; i < KM_KINETICS_SCALES; i++) out[i] = NAN;
    }
    free(counts), free(t), free(pi), free(in);
}

static void draw_scales(const km_kinetics_case *c, const chain *md, const chain *model, km_kinetics *k)
{
    enum { MOST = 24 };
    int64_t longest = longest_of(&c->model) / 4;
    k->lags = KM_NEWN(double, MOST);
    k->scales = KM_NEWN(double, MOST *KM_KINETICS_SCALES), k->md_scales = KM_NEWN(double, MOST *KM_KINETICS_SCALES);
    for (int64_t lag = 1; lag <= longest && k->n_scales<MOST; lag += lag> 5 ? lag / 5 : 1, k->n_scales++) {
        int at = k->n_scales * KM_KINETICS_SCALES;
        double time = (double)lag * c->unit;
        k->lags[k->n_scales] = time;
        scales_at(&c->model, model->states, lag, time, k->K, k->scales + at);
        scales_at(&c->md, md->states, lag * c->each, time, k->K, k->md_scales + at);
    }
}

static void compare_scales(const km_kinetics_case *c, const chain *md, const chain *model, int K, km_kinetics_scores *s)
{
    double scale[KM_KINETICS_SCALES], time = (double)c->lag * c->unit;
    scales_at(&c->model, model->states, c->lag, time, K, scale);
    memcpy(s->scale, scale, sizeof s->scale);
    km_msm_timescales(md->t, K, md->in, time, KM_KINETICS_SCALES, scale);
    memcpy(s->md_scale, scale, sizeof s->md_scale);
}

void km_kinetics_compare(const km_kinetics_case *c, km_kinetics_scores *s, km_kinetics *ret)
{
    int most = c->states;
    double *all = (double *)s; /* nothing but doubles */
    for (size_t i = 0; i < sizeof *s / sizeof *all; i++) all[i] = NAN;
    *ret = (km_kinetics){.dims = c->md.D, .centres = KM_NEWN(double, (size_t)most *(size_t)c->md.D)};
    int K = ret->K = km_kmeans(c->md.x, km_series_rows(&c->md), c->md.D, most, c->seed, c->threads, ret->centres, NULL);
    chain md = chain_of(&c->md, ret->centres, K, c->threads), model = chain_of(&c->model, ret->centres, K, c->threads);
    fit_dynamics(c, K, &md);
    fit_model(c, K, &model);
    ret->md_mfpt = KM_NEWN(double, (size_t)K *(size_t)K), ret->mfpt = KM_NEWN(double, (size_t)K *(size_t)K);
    km_msm_mfpt(md.t, K, md.in, (double)c->lag * c->unit, ret->md_mfpt);
    km_msm_mfpt(model.t, K, model.in, (double)c->lag * c->unit, ret->mfpt);
    compare_passages(K, ret, s);
    compare_weights(K, &md, &model, s);
    compare_clouds(c, s);
    compare_memory(c, s, ret);
    compare_scales(c, &md, &model, K, s);
    draw_scales(c, &md, &model, ret);
    ret->md_pi = md.pi, ret->pi = model.pi;
    md.pi = model.pi = NULL;
    clear(&md), clear(&model);
}

void km_kinetics_clear(km_kinetics *k)
{
    free(k->centres), free(k->md_pi), free(k->pi), free(k->md_mfpt), free(k->mfpt);
    free(k->acf), free(k->md_acf), free(k->lags), free(k->scales), free(k->md_scales);
    *k = (km_kinetics){0};
}
