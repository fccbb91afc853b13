/* SPDX-License-Identifier: MIT
 * The panel of trajectories as such: where they go, how fast, and what they remember. CA alone, superposed on those of
 * the start structure. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/lags.h"
#include "lib/traj/landscape.h"
#include "lib/traj/linear.h"
#include "lib/traj/reduce.h"
#include "lib/traj/stats.h"
#include "lib/traj/tica.h"
#include "tools/eval.h"

typedef struct scores {
    km_landscape map, slow;
    double rmsd, md_rmsd, rmsd_deviation;    /* mean over lags, angstrom */
    double memory, md_memory, acf_deviation; /* the same of the autocorrelation */
    double vamp2, md_vamp2, vamp2_deviation;
    double tica_r, lag;
} scores;

#define AT(name) offsetof(scores, name)
const km_metric km_trajectory_metrics[] = {
    {"pca_jsd", "JSD", 6, 3, AT(map.jsd), KM_BEST_LOW,
     .meaning = "Jensen-Shannon distance on two components of the reference's PCA, 10 x 10 bins"},
    {"pca_recall", "recall", 6, 3, AT(map.recall), KM_BEST_HIGH,
     .meaning = "share of the reference's bins that the model visits"},
    {"pca_precision", "precis", 6, 3, AT(map.precision), KM_BEST_HIGH,
     .meaning = "share of the model's bins that the reference visits"},
    {"pca_f1", NULL, 0, 0, AT(map.f1), KM_BEST_HIGH, .meaning = "harmonic mean of the two"},
    {"pca_hit", "hit", 6, 3, AT(map.hit), KM_BEST_HIGH,
     .meaning = "share of the model's frames in the reference's bins"},
    {"pca_recovery", "recov", 6, 3, AT(map.recovery), KM_BEST_HIGH,
     .meaning = "share of the reference's frames in the model's bins"},
    {"lag_rmsd", "RMSD", 6, 2, AT(rmsd), KM_BEST_NONE, .first = true,
     .meaning = "RMSD of frames a lag apart, mean over lags up to half of the model", .unit = "A"},
    {"md_lag_rmsd", "mdRMSD", 6, 2, AT(md_rmsd), KM_BEST_NONE, .meaning = "that of the reference", .unit = "A"},
    {"rmsd_deviation", "RMSDdv", 6, 3, AT(rmsd_deviation), KM_BEST_LOW, .meaning = "gap between the two", .unit = "A"},
    {"autocorrelation", NULL, 0, 0, AT(memory), KM_BEST_NONE,
     .meaning = "autocorrelation of CA, mean over the same lags"},
    {"md_autocorrelation", NULL, 0, 0, AT(md_memory), KM_BEST_NONE, .meaning = "that of the reference"},
    {"autocor_deviation", "ACFdev", 6, 3, AT(acf_deviation), KM_BEST_LOW,
     .meaning = "gap between the autocorrelations, mean over lags"},
    {"vamp2", "VAMP2", 6, 3, AT(vamp2), KM_BEST_NONE, .first = true,
     .meaning =
         "VAMP-2 score of CA distances (components with 95 % of the reference's variance, at most 50), lag a tenth "
         "of the model"},
    {"md_vamp2", "mdVMP2", 6, 3, AT(md_vamp2), KM_BEST_NONE, .meaning = "that of the reference"},
    {"vamp2_deviation", "VMPdev", 6, 3, AT(vamp2_deviation), KM_BEST_LOW, .meaning = "gap between the two"},
    {"tica_jsd", "tICJSD", 6, 3, AT(slow.jsd), KM_BEST_LOW, .first = true,
     .meaning = "Jensen-Shannon distance on the reference's two slowest components, 10 x 10 bins"},
    {"tica_recall", "recall", 6, 3, AT(slow.recall), KM_BEST_HIGH,
     .meaning = "share of the reference's bins there that the model visits"},
    {"tica_r", "tICAr", 6, 3, AT(tica_r), KM_BEST_HIGH,
     .meaning =
         "correlation in time along the reference's two slowest components; says little: MD replicas reach 0.17"},
    {"lag_ns", NULL, 0, 0, AT(lag), KM_BEST_NONE, .meaning = "lag of VAMP-2 and tICA", .unit = "ns"},
    {0},
};

/* Of the distances; frames held of a run, for so many lags at least. */
enum { COMPONENTS = 50, HELD = 1000, LAGS = 32 };

/* What is gathered of a side, in three passes over its frames. */
typedef struct side {
    struct work *w;
    const km_eval_side *frames;
    double *mean;          /* [3 CA] */
    double *places, *slow; /* [F, 2] in the reference's principal, and in its slowest components */
    km_lags lags;
    km_lagged *lagged;
} side;

typedef struct work {
    const km_eval_case *c;
    km_eval_ca ca;
    int64_t each;               /* frames of the reference between two of the model */
    int64_t lag;                /* of VAMP-2 and tICA, in frames of the model */
    int64_t steps[2][2 * LAGS]; /* the lags, in frames of each side */
    int n_steps;
    km_moments places; /* of the reference's CA, less the start structure */
    double *axes;      /* [2, 3 CA] */
    km_reduction reduction;
    km_tica tica;
    side md, model;
} work;

static void first_pass(void *arg, const km_eval_piece *p)
{
    side *s = arg;
    int n = 3 * s->w->ca.n;
    for (int64_t i = 0; i < p->n * n; i++) s->mean[i % n] += p->x[i] / (double)s->frames->F;
}

/* Of the reference also what its components are found in. */
static void first_pass_of_md(void *arg, const km_eval_piece *p)
{
    side *s = arg;
    work *w = s->w;
    int n = 3 * w->ca.n, threads = w->c->options->threads;
    double *block = KM_NEWN(double, (size_t)p->n *(size_t)n);
    first_pass(arg, p);
    for (int64_t i = 0; i < p->n * n; i++) block[i] = (double)p->x[i] - w->ca.start[i % n];
    km_moments_add(&w->places, block, p->n, threads);
    km_reduce_add(&w->reduction, p->x, p->n, threads);
    free(block);
}

static void second_pass(void *arg, const km_eval_piece *p)
{
    side *s = arg;
    const work *w = s->w;
    int n = 3 * w->ca.n;
    for (int64_t f = 0; f < p->n * 2; f++)
        for (int i = 0; i < n; i++)
            s->places[2 * p->first + f] += ((double)p->x[f / 2 * n + i] - w->ca.start[i]) * w->axes[f % 2 * n + i];
    if (!w->lag) return;
    double *rows = km_reduce(&w->reduction, p->x, p->n, w->c->options->threads);
    if (p->at == 0) km_lagged_begin(s->lagged), km_lags_begin(&s->lags, p->length);
    km_lagged_add(s->lagged, rows, p->n), km_lags_add(&s->lags, p->x, p->n);
    free(rows);
}

static void third_pass(void *arg, const km_eval_piece *p)
{
    side *s = arg;
    const km_tica *t = &s->w->tica;
    double *rows = km_reduce(&s->w->reduction, p->x, p->n, s->w->c->options->threads);
    double *slow = km_tica_project(t, rows, p->n);
    for (int64_t i = 0; i < p->n * t->k; i++) s->slow[(p->first + i / t->k) * 2 + i % t->k] = slow[i];
    free(rows), free(slow);
}

static km_status pass(const work *w, side *md, km_eval_ca_taker *take_md, side *model, km_eval_ca_taker *take,
                      km_err *err)
{
    KM_TRY(km_eval_ca_stream(w->c, &w->ca, md->frames, take_md, md, err));
    return km_eval_ca_stream(w->c, &w->ca, model->frames, take, model, err);
}

static side side_of(work *w, const km_eval_side *frames, const int64_t *steps)
{
    side s = {.w = w, .frames = frames, .mean = KM_NEWN(double, 3 * (size_t)w->ca.n)};
    s.places = KM_NEWN(double, 2 * (size_t)frames->F), s.slow = KM_NEWN(double, 2 * (size_t)frames->F);
    s.lags = km_lags_of(3 * w->ca.n, steps, w->n_steps, s.mean, HELD);
    return s;
}

static void clear_side(side *s)
{
    free(s->mean), free(s->places), free(s->slow);
    km_lags_clear(&s->lags), km_lagged_free(s->lagged);
}

/* The lags of a model with so many frames, up to half of it, and the reference's. */
static void choose_lags(work *w)
{
    int64_t F = w->ca.model.F, longest = F / 2, step = longest / LAGS > 0 ? longest / LAGS : 1;
    w->lag = F / 10 > 0 ? F / 10 : 1;
    for (int64_t lag = 1; lag <= longest; lag += step, w->n_steps++)
        w->steps[1][w->n_steps] = lag, w->steps[0][w->n_steps] = lag * w->each;
}

static km_status gather(work *w, km_err *err)
{
    int n = 3 * w->ca.n;
    double values[2], *cov = KM_NEWN(double, (size_t)n *(size_t)n);
    w->places = km_moments_of(n), w->reduction = km_reduce_of(w->ca.n, KM_EVAL_MOST_CA);
    w->md = side_of(w, &w->ca.md, w->steps[0]), w->model = side_of(w, &w->ca.model, w->steps[1]);
    km_status status = pass(w, &w->md, first_pass_of_md, &w->model, first_pass, err);
    if (status == KM_OK) {
        km_moments_covariance(&w->places, cov, NULL);
        w->axes = KM_NEWN(double, 2 * (size_t)n);
        km_eigen_largest(cov, n, 2, values, w->axes);
        km_reduce_components(&w->reduction, 0.95, COMPONENTS);
        if (w->lag) {
            w->md.lagged = km_lagged_new(w->reduction.k, w->lag * w->each, w->c->options->threads);
            w->model.lagged = km_lagged_new(w->reduction.k, w->lag, w->c->options->threads);
        }
        status = pass(w, &w->md, second_pass, &w->model, second_pass, err);
    }
    free(cov);
    KM_TRY(status);
    if (!w->lag) return KM_OK;
    km_tica_of(w->md.lagged, 2, &w->tica);
    return pass(w, &w->md, third_pass, &w->model, third_pass, err);
}

static void clear(work *w)
{
    clear_side(&w->md), clear_side(&w->model);
    free(w->axes);
    km_moments_clear(&w->places);
    km_reduction_clear(&w->reduction);
    km_tica_clear(&w->tica);
    km_eval_ca_clear(&w->ca);
}

static void compare_lags(const work *w, scores *s)
{
    double sum[4] = {0}, gap = 0;
    int n = 0;
    for (; n < w->n_steps; n++) {
        double v[4] = {km_lags_rmsd(&w->model.lags, n), km_lags_rmsd(&w->md.lags, n),
                       km_lags_autocorrelation(&w->model.lags, n), km_lags_autocorrelation(&w->md.lags, n)};
        if (isnan(v[1])) break; /* the reference is shorter */
        for (int k = 0; k < 4; k++) sum[k] += v[k];
        gap += fabs(v[2] - v[3]);
    }
    s->rmsd = sum[0] / n, s->md_rmsd = sum[1] / n, s->rmsd_deviation = fabs(sum[0] - sum[1]) / n;
    s->memory = sum[2] / n, s->md_memory = sum[3] / n, s->acf_deviation = gap / n;
}

/* Frames of the same times: mean correlation of the first two slow components. */
static double correlate(const work *w)
{
    int64_t F = w->ca.model.F, all = (w->ca.md.lengths[0] + w->each - 1) / w->each, n = all < F ? all : F;
    double *a = KM_NEWN(double, (size_t)n), *b = KM_NEWN(double, (size_t)n), sum = 0;
    for (int k = 0; k < w->tica.k; k++) {
        for (int64_t i = 0; i < n; i++) a[i] = w->md.slow[2 * i * w->each + k], b[i] = w->model.slow[2 * i + k];
        sum += km_pearson(a, b, n) / w->tica.k;
    }
    free(a), free(b);
    return w->tica.k ? sum : NAN;
}

static void compare(const work *w, scores *s)
{
    km_landscape_compare(w->md.places, w->ca.md.F, w->model.places, w->ca.model.F, &s->map);
    if (!w->lag) return;
    compare_lags(w, s);
    s->vamp2 = km_vamp2_of(w->model.lagged), s->md_vamp2 = km_vamp2_of(w->md.lagged);
    s->vamp2_deviation = fabs(s->vamp2 - s->md_vamp2);
    km_landscape_compare(w->md.slow, w->ca.md.F, w->model.slow, w->ca.model.F, &s->slow);
    s->tica_r = correlate(w);
    s->lag = km_ns_of_fs(w->lag * w->c->model_dt);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    work w = {.c = c, .each = km_eval_frames_between(c)};
    scores s;
    double *all = (double *)&s; /* nothing but doubles */
    for (size_t i = 0; i < sizeof s / sizeof *all; i++) all[i] = NAN;
    km_status status = KM_OK;
    if (km_eval_ca_of(c, e, row, &w.ca)) {
        if (w.ca.md.F < 3)
            km_eval_note(e, "%s: nothing is computed: the reference's frames, %lld, are too few for components",
                         row->name, (long long)w.ca.md.F);
        else if (w.ca.model.F < 4)
            km_eval_note(e, "%s: nothing of time is computed: %lld frames are too few for any lag", row->name,
                         (long long)w.ca.model.F);
        else if (!w.each)
            km_eval_note(
                e, "%s: nothing of time is computed: its spacing, %g ps, is no multiple of the reference's, %g ps",
                row->name, (double)row->dt / 1000, (double)c->ref_dt / 1000);
        else choose_lags(&w);
        status = gather(&w, err);
        if (status == KM_OK) {
            compare(&w, &s);
            km_eval_take(e->panel, row, &s);
        }
    }
    clear(&w);
    return status;
}

km_status km_eval_trajectory(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_PROTEIN, measure, err);
}
