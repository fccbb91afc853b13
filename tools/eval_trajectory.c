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
#include "lib/traj/superpose.h"
#include "lib/traj/tica.h"
#include "tools/eval.h"

typedef struct scores {
    km_landscape map;
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
    {"tica_r", "tICAr", 6, 3, AT(tica_r), KM_BEST_HIGH,
     .meaning =
         "correlation in time along the reference's two slowest components; says little: MD replicas reach 0.17"},
    {"lag_ns", NULL, 0, 0, AT(lag), KM_BEST_NONE, .meaning = "lag of VAMP-2 and tICA", .unit = "ns"},
    {0},
};

/* CA of one side, superposed. */
typedef struct side {
    float *x;         /* [F, n_ca, 3] */
    int64_t *lengths; /* [runs] */
    int64_t F;
    int runs, n_ca;
} side;

typedef struct work {
    const km_eval_case *c;
    int32_t *ca; /* of the common atoms */
    int n_ca;
    float *start; /* [n_ca, 3] */
    side md, model;
} work;

static void superpose(const work *w, float *x, int64_t F)
{
#pragma omp parallel for schedule(static) num_threads(w->c->options->threads)
    for (int64_t f = 0; f < F; f++) {
        double rot[9], from[3], to[3];
        float *frame = x + f * w->n_ca * 3;
        km_superpose(frame, w->start, NULL, w->n_ca, rot, from, to);
        km_superpose_apply(frame, w->n_ca, rot, from, to, frame);
    }
}

static km_status read_side(const work *w, const km_clip *clips, int n, side *s, km_err *err)
{
    int32_t *atoms = KM_NEWN(int32_t, (size_t)w->n_ca);
    *s = (side){.runs = n, .n_ca = w->n_ca, .lengths = KM_NEWN(int64_t, (size_t)n)};
    for (int i = 0; i < n; i++) s->F += s->lengths[i] = clips[i].F;
    s->x = KM_NEWN(float, (size_t)s->F *(size_t)w->n_ca * 3);
    km_status status = KM_OK;
    float *x = s->x;
    for (int i = 0; i < n && status == KM_OK; i++) {
        km_clip only = clips[i];
        for (int k = 0; k < w->n_ca; k++) atoms[k] = clips[i].atoms[w->ca[k]];
        only.atoms = atoms, only.n_atoms = w->n_ca;
        status = km_clip_read(&only, 0, only.F, w->c->options->threads, x, err);
        if (status == KM_OK) superpose(w, x, only.F);
        x += only.F * w->n_ca * 3;
    }
    free(atoms);
    return status;
}

static void compare_maps(const work *w, scores *s)
{
    enum { AT_ONCE = 256 };
    int n = w->n_ca * 3;
    km_moments m = km_moments_of(n);
    double *block = KM_NEWN(double, AT_ONCE *(size_t)n), *cov = KM_NEWN(double, (size_t)n *(size_t)n), values[2];
    double *v = KM_NEWN(double, (size_t)n * 2), *points[2];
    for (int64_t f = 0; f < w->md.F; f += AT_ONCE) {
        int64_t count = w->md.F - f < AT_ONCE ? w->md.F - f : AT_ONCE;
        for (int64_t i = 0; i < count * n; i++) block[i] = (double)w->md.x[f * n + i] - w->start[i % n];
        km_moments_add(&m, block, count, w->c->options->threads);
    }
    km_moments_covariance(&m, cov, NULL);
    km_eigen_largest(cov, n, 2, values, v);
    const side *sides[2] = {&w->md, &w->model};
    for (int k = 0; k < 2; k++) {
        points[k] = KM_NEWN(double, (size_t)sides[k]->F * 2);
        for (int64_t f = 0; f < sides[k]->F * 2; f++)
            for (int i = 0; i < n; i++)
                points[k][f] += ((double)sides[k]->x[f / 2 * n + i] - w->start[i]) * v[f % 2 * n + i];
    }
    km_landscape_compare(points[0], w->md.F, points[1], w->model.F, &s->map);
    km_moments_clear(&m);
    free(block), free(cov), free(v), free(points[0]), free(points[1]);
}

/* How many frames of the reference lie between two of the model; 0 where that is no whole number or not known. */
static int64_t frames_between(const work *w)
{
    int64_t model = w->c->model.reel->dt * w->c->model.stride, md = w->c->ref[0].reel->dt * w->c->ref[0].stride;
    for (int i = 1; i < w->c->n_ref; i++)
        if (w->c->ref[i].reel->dt * w->c->ref[i].stride != md) return 0;
    return md > 0 && model > 0 && model % md == 0 ? model / md : 0;
}

static void compare_lags(const work *w, int64_t each, scores *s)
{
    enum { MOST = 500, LAGS = 32 };
    const km_runs md = {w->md.x, 3 * w->n_ca, w->md.lengths, w->md.runs},
                  model = {w->model.x, 3 * w->n_ca, w->model.lengths, 1};
    double sum[4] = {0}, gap = 0;
    int n = 0;
    int64_t longest = w->model.F / 2, step = longest / LAGS > 0 ? longest / LAGS : 1;
    for (int64_t lag = 1; lag <= longest; lag += step) {
        double v[4] = {km_lag_rmsd(&model, lag, 0), km_lag_rmsd(&md, lag * each, MOST),
                       km_lag_autocorrelation(&model, lag, 0), km_lag_autocorrelation(&md, lag * each, MOST)};
        if (isnan(v[1])) break; /* the reference is shorter */
        for (int k = 0; k < 4; k++) sum[k] += v[k];
        gap += fabs(v[2] - v[3]), n++;
    }
    s->rmsd = sum[0] / n, s->md_rmsd = sum[1] / n, s->rmsd_deviation = fabs(sum[0] - sum[1]) / n;
    s->memory = sum[2] / n, s->md_memory = sum[3] / n, s->acf_deviation = gap / n;
}

/* Of the slowest components of the reference, frames of the same times: mean correlation of the first two. */
static double correlate(const km_tica *t, const double *md, int64_t n_md, const double *model, int64_t F, int64_t each)
{
    int64_t n = (n_md + each - 1) / each < F ? (n_md + each - 1) / each : F;
    double *x = km_tica_project(t, md, n_md), *y = km_tica_project(t, model, F), sum = 0;
    double *a = KM_NEWN(double, (size_t)n), *b = KM_NEWN(double, (size_t)n);
    for (int k = 0; k < t->k; k++) {
        for (int64_t i = 0; i < n; i++) a[i] = x[i * each * t->k + k], b[i] = y[i * t->k + k];
        sum += km_pearson(a, b, n) / t->k;
    }
    free(x), free(y), free(a), free(b);
    return t->k ? sum : NAN;
}

static void compare_slow(const work *w, int64_t each, scores *s)
{
    enum { CHOSEN = 45, COMPONENTS = 50 };
    int threads = w->c->options->threads;
    int64_t lag = w->model.F / 10 > 0 ? w->model.F / 10 : 1;
    km_reduction r = km_reduce_fit(w->md.x, w->md.F, w->n_ca, CHOSEN, 0.95, COMPONENTS, threads);
    double *md = km_reduce(&r, w->md.x, w->md.F), *model = km_reduce(&r, w->model.x, w->model.F);
    const km_series of_md = {md, r.k, w->md.lengths, w->md.runs}, of_model = {model, r.k, w->model.lengths, 1};
    km_tica t;
    s->vamp2 = km_vamp2(&of_model, lag, threads), s->md_vamp2 = km_vamp2(&of_md, lag * each, threads);
    s->vamp2_deviation = fabs(s->vamp2 - s->md_vamp2);
    km_tica_fit(&of_md, lag * each, 2, threads, &t);
    s->tica_r = correlate(&t, md, w->md.lengths[0], model, w->model.F, each);
    s->lag = km_ns_of_fs(lag * w->c->model.reel->dt * w->c->model.stride);
    km_tica_clear(&t);
    km_reduction_clear(&r);
    free(md), free(model);
}

static void compare(const work *w, km_eval *e, km_eval_row *row)
{
    scores s;
    double *all = (double *)&s; /* nothing but doubles */
    for (size_t i = 0; i < sizeof s / sizeof *all; i++) all[i] = NAN;
    int64_t each = frames_between(w);
    compare_maps(w, &s);
    if (each && w->model.F >= 4) {
        compare_lags(w, each, &s);
        compare_slow(w, each, &s);
    } else if (w->model.F < 4) {
        km_eval_note(e, "%s: %lld frames are too few for any lag", row->name, (long long)w->model.F);
    } else {
        km_eval_note(e, "%s: nothing of time is computed: its spacing, %g ps, is no multiple of the reference's, %g ps",
                     row->name, (double)row->dt / 1000, (double)(w->c->ref[0].reel->dt * w->c->ref[0].stride) / 1000);
    }
    km_eval_take(e->panel, row, &s);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    work w = {.c = c, .ca = KM_NEWN(int32_t, (size_t)c->A), .start = KM_NEWN(float, (size_t)c->A * 3)};
    for (int32_t a = 0; a < c->A; a++) {
        if (strcmp(c->system->atoms[a].name, "CA")) continue;
        memcpy(w.start + 3 * w.n_ca, c->start + 3 * a, 3 * sizeof *w.start);
        w.ca[w.n_ca++] = a;
    }
    km_status status = KM_OK;
    if (w.n_ca < 3) {
        km_eval_note(e, "%s: nothing is computed: the panel needs three CA in common, there are %d", row->name, w.n_ca);
    } else {
        status = read_side(&w, c->ref, c->n_ref, &w.md, err);
        if (status == KM_OK) status = read_side(&w, &c->model, 1, &w.model, err);
        if (status == KM_OK) compare(&w, e, row);
    }
    free(w.ca), free(w.start), free(w.md.x), free(w.md.lengths), free(w.model.x), free(w.model.lengths);
    return status;
}

km_status km_eval_trajectory(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, measure, err);
}
