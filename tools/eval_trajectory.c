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

typedef struct work {
    const km_eval_case *c;
    km_eval_ca ca;
} work;

static void compare_maps(const work *w, scores *s)
{
    enum { AT_ONCE = 256 };
    int n = w->ca.n * 3;
    km_moments m = km_moments_of(n);
    double *block = KM_NEWN(double, AT_ONCE *(size_t)n), *cov = KM_NEWN(double, (size_t)n *(size_t)n), values[2];
    double *v = KM_NEWN(double, (size_t)n * 2), *points[2];
    for (int64_t f = 0; f < w->ca.md.F; f += AT_ONCE) {
        int64_t count = w->ca.md.F - f < AT_ONCE ? w->ca.md.F - f : AT_ONCE;
        for (int64_t i = 0; i < count * n; i++) block[i] = (double)w->ca.md.x[f * n + i] - w->ca.start[i % n];
        km_moments_add(&m, block, count, w->c->options->threads);
    }
    km_moments_covariance(&m, cov, NULL);
    km_eigen_largest(cov, n, 2, values, v);
    const km_eval_side *sides[2] = {&w->ca.md, &w->ca.model};
    for (int k = 0; k < 2; k++) {
        points[k] = KM_NEWN(double, (size_t)sides[k]->F * 2);
        for (int64_t f = 0; f < sides[k]->F * 2; f++)
            for (int i = 0; i < n; i++)
                points[k][f] += ((double)sides[k]->x[f / 2 * n + i] - w->ca.start[i]) * v[f % 2 * n + i];
    }
    km_landscape_compare(points[0], w->ca.md.F, points[1], w->ca.model.F, &s->map);
    km_moments_clear(&m);
    free(block), free(cov), free(v), free(points[0]), free(points[1]);
}

static void compare_lags(const work *w, int64_t each, scores *s)
{
    enum { MOST = 500, LAGS = 32 };
    const km_runs md = {w->ca.md.x, 3 * w->ca.n, w->ca.md.lengths, w->ca.md.n_runs},
                  model = {w->ca.model.x, 3 * w->ca.n, w->ca.model.lengths, w->ca.model.n_runs};
    double sum[4] = {0}, gap = 0;
    int n = 0;
    int64_t longest = w->ca.model.F / 2, step = longest / LAGS > 0 ? longest / LAGS : 1;
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
    enum { COMPONENTS = 50 };
    int threads = w->c->options->threads;
    int64_t lag = w->ca.model.F / 10 > 0 ? w->ca.model.F / 10 : 1;
    km_reduction r = km_reduce_fit(w->ca.md.x, w->ca.md.F, w->ca.n, KM_EVAL_MOST_CA, 0.95, COMPONENTS, threads);
    double *md = km_reduce(&r, w->ca.md.x, w->ca.md.F), *model = km_reduce(&r, w->ca.model.x, w->ca.model.F);
    const km_series of_md = {md, r.k, w->ca.md.lengths, w->ca.md.n_runs},
                    of_model = {model, r.k, w->ca.model.lengths, w->ca.model.n_runs};
    km_tica t;
    s->vamp2 = km_vamp2(&of_model, lag, threads), s->md_vamp2 = km_vamp2(&of_md, lag * each, threads);
    s->vamp2_deviation = fabs(s->vamp2 - s->md_vamp2);
    km_tica_fit(&of_md, lag * each, 2, threads, &t);
    s->tica_r = correlate(&t, md, w->ca.md.lengths[0], model, w->ca.model.F, each);
    s->lag = km_ns_of_fs(lag * w->c->model_dt);
    km_tica_clear(&t);
    km_reduction_clear(&r);
    free(md), free(model);
}

static void compare(const work *w, km_eval *e, km_eval_row *row)
{
    scores s;
    double *all = (double *)&s; /* nothing but doubles */
    for (size_t i = 0; i < sizeof s / sizeof *all; i++) all[i] = NAN;
    int64_t each = km_eval_frames_between(w->c);
    compare_maps(w, &s);
    if (each && w->ca.model.F >= 4) {
        compare_lags(w, each, &s);
        compare_slow(w, each, &s);
    } else if (w->ca.model.F < 4) {
        km_eval_note(e, "%s: %lld frames are too few for any lag", row->name, (long long)w->ca.model.F);
    } else {
        km_eval_note(e, "%s: nothing of time is computed: its spacing, %g ps, is no multiple of the reference's, %g ps",
                     row->name, (double)row->dt / 1000, (double)w->c->ref_dt / 1000);
    }
    km_eval_take(e->panel, row, &s);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    work w = {.c = c};
    km_status status = km_eval_ca_read(c, e, row, &w.ca, err);
    if (status == KM_OK && w.ca.md.x) compare(&w, e, row);
    km_eval_ca_clear(&w.ca);
    return status;
}

km_status km_eval_trajectory(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_PROTEIN, measure, err);
}
