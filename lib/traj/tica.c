/* SPDX-License-Identifier: MIT */
#include "lib/traj/tica.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/linear.h"

static const double floor_share = 1e-6;

/* Covariances of rows (early) and those a lag later (late), about their own means. */
typedef struct lagged {
    int64_t pairs;
    double *mean0, *meant;   /* [D] */
    double *c00, *ctt, *c0t; /* [D, D] */
} lagged;

static void add_means(const km_series *s, int64_t lag, lagged *c)
{
    const double *x = s->x;
    for (int k = 0; k < s->n_runs; k++, x += s->lengths[k - 1] * s->D)
        for (int64_t i = 0; i + lag < s->lengths[k]; i++, c->pairs++)
            for (int d = 0; d < s->D; d++) c->mean0[d] += x[i * s->D + d], c->meant[d] += x[(i + lag) * s->D + d];
    for (int d = 0; d < s->D && c->pairs; d++) c->mean0[d] /= (double)c->pairs, c->meant[d] /= (double)c->pairs;
}

static void add_products(const km_series *s, int64_t lag, const double *m0, const double *mt, int threads, lagged *c)
{
    enum { AT_ONCE = 512 };
    int D = s->D;
    double *a = KM_NEWN(double, AT_ONCE *(size_t)D), *b = KM_NEWN(double, AT_ONCE *(size_t)D);
    const double *x = s->x;
    for (int k = 0; k < s->n_runs; k++, x += s->lengths[k - 1] * D)
        for (int64_t f = 0; f + lag < s->lengths[k]; f += AT_ONCE) {
            int64_t left = s->lengths[k] - lag - f, n = left < AT_ONCE ? left : AT_ONCE;
            for (int64_t i = 0; i < n; i++)
                for (int d = 0; d < D; d++) {
                    a[i * D + d] = x[(f + i) * D + d] - m0[d];
                    b[i * D + d] = x[(f + i + lag) * D + d] - mt[d];
                }
            km_gram(c->c00, a, a, n, D, D, threads), km_gram(c->ctt, b, b, n, D, D, threads);
            km_gram(c->c0t, a, b, n, D, D, threads);
        }
    free(a), free(b);
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j < D; j++) {
            int64_t upper = i < j ? i * D + j : j * D + i, at = i * D + j;
            c->c00[at] = c->c00[upper] / (i <= j ? (double)c->pairs : 1);
            c->ctt[at] = c->ctt[upper] / (i <= j ? (double)c->pairs : 1);
            c->c0t[at] /= (double)c->pairs;
        }
}

static lagged covariances(const km_series *s, int64_t lag, int reversible, int threads)
{
    size_t D = (size_t)s->D;
    lagged c = {
        0, KM_NEWN(double, D), KM_NEWN(double, D), KM_NEWN(double, D *D), KM_NEWN(double, D *D), KM_NEWN(double, D *D)};
    add_means(s, lag, &c);
    for (size_t d = 0; d < D && reversible; d++) c.mean0[d] = c.meant[d] = (c.mean0[d] + c.meant[d]) / 2;
    if (c.pairs) add_products(s, lag, c.mean0, c.meant, threads, &c);
    return c;
}

static void clear(lagged *c) { free(c->mean0), free(c->meant), free(c->c00), free(c->ctt), free(c->c0t); }

/* out [n, m] = u a v^T of u [n, D], a [D, D], v [m, D]. */
static double *sandwich(const double *u, int n, const double *a, const double *v, int m, int D)
{
    double *half = KM_NEWN(double, (size_t)n *(size_t)D), *out = KM_NEWN(double, (size_t)n *(size_t)m);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < D; k++)
            for (int64_t j = 0; j < D; j++) half[i * D + j] += u[i * D + k] * a[k * D + j];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++)
            for (int64_t k = 0; k < D; k++) out[i * m + j] += half[i * D + k] * v[j * D + k];
    free(half);
    return out;
}

void km_tica_fit(const km_series *s, int64_t lag, int k, int threads, km_tica *ret)
{
    int64_t D = s->D;
    lagged c = covariances(s, lag, 1, threads);
    double *white = KM_NEWN(double, (size_t)(D * D));
    *ret = (km_tica){.D = s->D, .mean = c.mean0};
    c.mean0 = NULL;
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = i; j < D; j++) {
            c.c00[i * D + j] = (c.c00[i * D + j] + c.ctt[i * D + j]) / 2;
            c.c0t[i * D + j] = c.c0t[j * D + i] = (c.c0t[i * D + j] + c.c0t[j * D + i]) / 2;
        }
    int kept = c.pairs ? km_whiten(c.c00, s->D, floor_share, white) : 0;
    ret->k = k < kept ? k : kept;
    ret->w = KM_NEWN(double, (size_t)ret->k *(size_t)D + 1), ret->values = KM_NEWN(double, (size_t)ret->k + 1);
    if (ret->k) {
        double *m = sandwich(white, kept, c.c0t, white, kept, s->D);
        double *v = KM_NEWN(double, (size_t)ret->k *(size_t)kept);
        km_eigen_largest(m, kept, ret->k, ret->values, v);
        for (int64_t i = 0; i < ret->k; i++)
            for (int64_t q = 0; q < kept; q++)
                for (int64_t d = 0; d < D; d++) ret->w[i * D + d] += v[i * kept + q] * white[q * D + d];
        free(m), free(v);
    }
    free(white);
    clear(&c);
}

void km_tica_clear(km_tica *t)
{
    free(t->mean), free(t->w), free(t->values);
    *t = (km_tica){0};
}

double *km_tica_project(const km_tica *t, const double *x, int64_t F)
{
    double *out = KM_NEWN(double, (size_t)F *(size_t)t->k + 1);
    for (int64_t f = 0; f < F; f++)
        for (int64_t k = 0; k < t->k; k++)
            for (int d = 0; d < t->D; d++) out[f * t->k + k] += (x[f * t->D + d] - t->mean[d]) * t->w[k * t->D + d];
    return out;
}

double km_vamp2(const km_series *s, int64_t lag, int threads)
{
    size_t D = (size_t)s->D;
    lagged c = covariances(s, lag, 0, threads);
    double *u = KM_NEWN(double, D *D), *v = KM_NEWN(double, D *D), sum = c.pairs ? 0 : NAN;
    int n = c.pairs ? km_whiten(c.c00, s->D, floor_share, u) : 0,
        m = c.pairs ? km_whiten(c.ctt, s->D, floor_share, v) : 0;
    double *k = sandwich(u, n, c.c0t, v, m, s->D);
    for (int64_t i = 0; i < (int64_t)n * m; i++) sum += k[i] * k[i]; /* squared singular values: the Frobenius norm */
    free(u), free(v), free(k);
    clear(&c);
    return sum;
}
