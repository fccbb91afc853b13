/* SPDX-License-Identifier: MIT
 * Of the page's figures: where CA are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/traj/lags.h"
#include "lib/traj/linear.h"
#include "lib/traj/reduce.h"
#include "lib/traj/tica.h"
#include "tools/eval_portrait.h"

/* -- of one side */

static double *fluctuation(const km_portrait *p, const km_portrait_side *s)
{
    double *out = KM_NEWN(double, (size_t)p->n_ca), n = (double)s->F;
    for (int32_t i = 0; i < p->n_ca; i++) {
        double sum[3] = {0}, square = 0;
        for (int64_t f = 0; f < s->F; f++)
            for (int k = 0; k < 3; k++) {
                double d = (double)s->ca[(f * p->n_ca + i) * 3 + k] - p->start[3 * i + k];
                sum[k] += d / n, square += d * d / n;
            }
        out[i] = sqrt(fmax(0, square - sum[0] * sum[0] - sum[1] * sum[1] - sum[2] * sum[2]));
    }
    return out;
}

/* RMSD of at most 80 frames with each other, every pair superposed; [n, n], the last frames at the top. */
static double *pairs(const km_portrait *p, const km_portrait_side *s, int *ret_n)
{
    enum { MOST = 80 };
    int n = s->F < MOST ? (int)s->F : MOST;
    double *out = KM_NEWN(double, (size_t)n *(size_t)n);
#pragma omp parallel for schedule(dynamic) num_threads(p->c->options->threads)
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            double rot[9], from[3], to[3];
            const float *x = s->ca + s->F * i / n * p->n_ca * 3, *y = s->ca + s->F * j / n * p->n_ca * 3;
            out[i * n + j] = out[j * n + i] = km_superpose(x, y, NULL, p->n_ca, rot, from, to);
        }
    *ret_n = n;
    return out;
}

/* RMSD from the start at at most 400 frames of the first trajectory; *ret_x their times, or numbers. */
static double *drift(const km_portrait *p, const km_portrait_side *s, double **ret_x, int *ret_n)
{
    enum { MOST = 400 };
    int n = s->lengths[0] < MOST ? (int)s->lengths[0] : MOST;
    double *out = KM_NEWN(double, (size_t)n), *x = KM_NEWN(double, (size_t)n);
    for (int i = 0; i < n; i++) {
        int64_t f = s->lengths[0] * i / n;
        double square = 0;
        for (int32_t k = 0; k < 3 * p->n_ca; k++) square += pow((double)s->ca[f * p->n_ca * 3 + k] - p->start[k], 2);
        out[i] = sqrt(square / p->n_ca), x[i] = (double)f * (s->spacing > 0 ? s->spacing : 1);
    }
    *ret_x = x, *ret_n = n;
    return out;
}

static double *lags(const km_portrait *p, const km_portrait_side *s, double **ret_x, int *ret_n)
{
    enum { MOST = 30, HELD = 500 };
    int64_t frames[MOST] = {0};
    int n = 0;
    for (int64_t lag = 1; lag <= s->lengths[0] / 2 && n<MOST; lag += lag> 4 ? lag / 4 : 1) frames[n++] = lag;
    km_lags l = km_lags_of(3 * p->n_ca, frames, n, NULL, HELD);
    const float *ca = s->ca;
    for (int r = 0; r < s->n_runs; ca += s->lengths[r++] * p->n_ca * 3)
        km_lags_begin(&l, s->lengths[r]), km_lags_add(&l, ca, s->lengths[r]);
    double *out = KM_NEWN(double, MOST), *x = KM_NEWN(double, MOST);
    for (int i = 0; i < n; i++) x[i] = (double)frames[i] * s->spacing, out[i] = km_lags_rmsd(&l, i);
    km_lags_clear(&l);
    *ret_x = x, *ret_n = n;
    return out;
}

/* Shares of frames with CA nearer than 8 A; groups of residues where there are more than 160. */
static double *contacts(const km_portrait *p, const km_portrait_side *s, int *ret_n)
{
    enum { MOST = 160 };
    int32_t n = p->n_ca, each = (n + MOST - 1) / MOST, groups = (n + each - 1) / each;
    double *out = KM_NEWN(double, (size_t)groups *(size_t)groups);
    for (int64_t f = 0; f < s->F; f++)
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = i + 1; j < n; j++) {
                const float *x = s->ca + (f * n + i) * 3, *y = s->ca + (f * n + j) * 3;
                float d[3] = {x[0] - y[0], x[1] - y[1], x[2] - y[2]};
                if (d[0] * d[0] + d[1] * d[1] + d[2] * d[2] >= 64) continue;
                out[i / each * groups + j / each] += 1.0 / (double)s->F / each / each;
            }
    for (int32_t i = 0; i < groups; i++)
        for (int32_t j = 0; j < i; j++) out[i * groups + j] = out[j * groups + i];
    *ret_n = groups;
    return out;
}

/* -- maps */

static void map_pca(const km_portrait *p, km_eval_row *row)
{
    int n = 3 * p->n_ca;
    km_moments m = km_moments_of(n);
    const km_portrait_side *sides[2] = {&p->md, &p->model};
    double *block[2], *cov = KM_NEWN(double, (size_t)n *(size_t)n), values[2], *v = KM_NEWN(double, 2 * (size_t)n);
    double *points[2];
    for (int s = 0; s < 2; s++) {
        block[s] = KM_NEWN(double, (size_t)sides[s]->F *(size_t)n);
        for (int64_t i = 0; i < sides[s]->F * n; i++) block[s][i] = (double)sides[s]->ca[i] - p->start[i % n];
    }
    km_moments_add(&m, block[0], p->md.F, p->c->options->threads);
    km_moments_covariance(&m, cov, NULL);
    km_eigen_largest(cov, n, 2, values, v);
    for (int s = 0; s < 2; s++) {
        points[s] = KM_NEWN(double, (size_t)sides[s]->F * 2);
        for (int64_t f = 0; f < sides[s]->F; f++)
            for (int i = 0; i < 2 * n; i++) /* root-mean-square displacement of the CA along it */
                points[s][2 * f + i / n] += block[s][f * n + i % n] * v[i] / sqrt(p->n_ca);
    }
    km_eval_keep_map(row, "pca", points[0], p->md.F, points[1], p->model.F, 2);
    km_moments_clear(&m);
    free(cov), free(v), free(block[0]), free(block[1]), free(points[0]), free(points[1]);
}

static void map_tica(const km_portrait *p, km_eval_row *row)
{
    int threads = p->c->options->threads;
    km_reduction r = km_reduce_of(p->n_ca, KM_EVAL_MOST_CA);
    km_reduce_add(&r, p->md.ca, p->md.F, threads), km_reduce_components(&r, 0.95, 50);
    double *md = km_reduce(&r, p->md.ca, p->md.F, threads), *model = km_reduce(&r, p->model.ca, p->model.F, threads);
    km_tica t;
    km_tica_fit(&(km_series){md, r.k, p->md.lengths, p->md.n_runs}, 1, 2, threads, &t);
    double *a = km_tica_project(&t, md, p->md.F), *b = km_tica_project(&t, model, p->model.F);
    if (t.k == 2) km_eval_keep_map(row, "tica", a, p->md.F, b, p->model.F, 2);
    km_tica_clear(&t);
    km_reduction_clear(&r);
    free(md), free(model), free(a), free(b);
}

void km_portrait_places(const km_portrait *p, km_eval_row *row)
{
    const km_portrait_side *sides[2] = {&p->md, &p->model};
    static const char *const keys[2][6] = {{"md_rmsf", "md_pairs", "md_drift", "md_drift_x", "md_lag", "md_lag_x"},
                                           {"rmsf", "pairs", "drift", "drift_x", "lag", "lag_x"}};
    for (int s = 0; s < 2; s++) {
        int n;
        double *x, *y = pairs(p, sides[s], &n);
        km_eval_keep(row, keys[s][0], fluctuation(p, sides[s]), p->n_ca, 1);
        km_eval_keep(row, keys[s][1], y, n, n);
        y = drift(p, sides[s], &x, &n);
        km_eval_keep(row, keys[s][2], y, n, 1), km_eval_keep(row, keys[s][3], x, n, 1);
        y = lags(p, sides[s], &x, &n);
        km_eval_keep(row, keys[s][4], y, n, 1), km_eval_keep(row, keys[s][5], x, n, 1);
        y = contacts(p, sides[s], &n);
        km_eval_keep(row, s ? "contacts" : "md_contacts", y, n, n);
    }
    if (p->md.F < 3) return;
    map_pca(p, row);
    map_tica(p, row);
}
