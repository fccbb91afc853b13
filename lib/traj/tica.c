/* SPDX-License-Identifier: MIT */
#include "lib/traj/tica.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/traj/linear.h"

static const double floor_share = 1e-6;

int64_t km_series_rows(const km_series *s)
{
    int64_t n = 0;
    for (int i = 0; i < s->n_runs; i++) n += s->lengths[i];
    return n;
}

const double *km_series_piece(const km_series *s, int64_t first, int64_t n, double *room)
{
    KM_ASSERT(n <= KM_SERIES_PIECE);
    if (s->x) return s->x + first * s->D;
    s->read(s->arg, first, n, room);
    return room;
}

double *km_series_room(const km_series *s) { return s->x ? NULL : KM_NEWN(double, KM_SERIES_PIECE *(size_t)s->D); }

/* -- covariances of rows (early) and those a lag later (late) */

enum { AT_ONCE = 512 };

struct km_lagged {
    int D, threads, waiting; /* pairs that are not yet in the products */
    int64_t lag, at, pairs;  /* rows of the run so far */
    double *ring;            /* [lag, D] the last rows of the run */
    double *shift;           /* [D] the first row of all: products are of rows less it */
    double *early, *late;    /* [AT_ONCE, D] */
    double *sum0, *sumt;     /* [D] */
    double *c00, *ctt, *c0t; /* [D, D], the first two upper triangles */
};

km_lagged *km_lagged_new(int D, int64_t lag, int threads)
{
    KM_ASSERT(lag > 0);
    size_t d = (size_t)D;
    km_lagged *l = KM_NEW(km_lagged);
    *l = (km_lagged){.D = D, .threads = threads, .lag = lag, .ring = KM_NEWN(double, (size_t)lag *d)};
    l->early = KM_NEWN(double, AT_ONCE *d), l->late = KM_NEWN(double, AT_ONCE *d);
    l->sum0 = KM_NEWN(double, d), l->sumt = KM_NEWN(double, d);
    l->c00 = KM_NEWN(double, d *d), l->ctt = KM_NEWN(double, d *d), l->c0t = KM_NEWN(double, d *d);
    return l;
}

void km_lagged_free(km_lagged *l)
{
    if (!l) return;
    free(l->ring), free(l->shift), free(l->early), free(l->late), free(l->sum0), free(l->sumt);
    free(l->c00), free(l->ctt), free(l->c0t), free(l);
}

static void flush(km_lagged *l)
{
    int D = l->D, n = l->waiting;
    km_gram(l->c00, l->early, l->early, n, D, D, l->threads), km_gram(l->ctt, l->late, l->late, n, D, D, l->threads);
    km_gram(l->c0t, l->early, l->late, n, D, D, l->threads);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < D; d++) l->sum0[d] += l->early[i * D + d], l->sumt[d] += l->late[i * D + d];
    l->pairs += n, l->waiting = 0;
}

void km_lagged_begin(km_lagged *l) { l->at = 0; }

void km_lagged_add(km_lagged *l, const double *x, int64_t rows)
{
    size_t D = (size_t)l->D;
    if (!l->shift && rows) l->shift = memcpy(KM_NEWN(double, D), x, D * sizeof *x);
    for (int64_t r = 0; r < rows; r++, x += D, l->at++) {
        double *old = l->ring + (size_t)(l->at % l->lag) * D;
        if (l->at >= l->lag) {
            double *a = l->early + (size_t)l->waiting * D, *b = l->late + (size_t)l->waiting * D;
            for (size_t d = 0; d < D; d++) a[d] = old[d] - l->shift[d], b[d] = x[d] - l->shift[d];
            if (++l->waiting == AT_ONCE) flush(l);
        }
        memcpy(old, x, D * sizeof *x);
    }
}

/* The covariances, whole, about the means of early and late rows, or of both together; the caller's. */
typedef struct covariances {
    double *mean, *c00, *ctt, *c0t; /* mean [D] of both, where they are taken together */
} covariances;

static covariances covariances_of(km_lagged *l, bool together)
{
    size_t D = (size_t)l->D;
    covariances c = {KM_NEWN(double, D), KM_NEWN(double, D *D), KM_NEWN(double, D *D), KM_NEWN(double, D *D)};
    flush(l);
    if (!l->pairs) return c;
    double n = (double)l->pairs, *m0 = KM_NEWN(double, D), *mt = KM_NEWN(double, D);
    double *a = KM_NEWN(double, D), *b = KM_NEWN(double, D); /* what is taken off, less the shift */
    for (size_t d = 0; d < D; d++) {
        m0[d] = l->sum0[d] / n, mt[d] = l->sumt[d] / n;
        a[d] = together ? (m0[d] + mt[d]) / 2 : m0[d], b[d] = together ? a[d] : mt[d];
        c.mean[d] = l->shift[d] + a[d];
    }
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++) {
            size_t at = i * D + j, upper = i < j ? at : j * D + i;
            c.c00[at] = l->c00[upper] / n - m0[i] * a[j] - a[i] * m0[j] + a[i] * a[j];
            c.ctt[at] = l->ctt[upper] / n - mt[i] * b[j] - b[i] * mt[j] + b[i] * b[j];
            c.c0t[at] = l->c0t[at] / n - m0[i] * b[j] - a[i] * mt[j] + a[i] * b[j];
        }
    free(m0), free(mt), free(a), free(b);
    return c;
}

static void clear(covariances *c) { free(c->mean), free(c->c00), free(c->ctt), free(c->c0t); }

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

void km_tica_of(km_lagged *l, int k, km_tica *ret)
{
    int64_t D = l->D;
    covariances c = covariances_of(l, true);
    double *white = KM_NEWN(double, (size_t)(D * D));
    *ret = (km_tica){.D = l->D, .mean = c.mean};
    c.mean = NULL;
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = i; j < D; j++) {
            c.c00[i * D + j] = (c.c00[i * D + j] + c.ctt[i * D + j]) / 2;
            c.c0t[i * D + j] = c.c0t[j * D + i] = (c.c0t[i * D + j] + c.c0t[j * D + i]) / 2;
        }
    int kept = l->pairs ? km_whiten(c.c00, l->D, floor_share, white) : 0;
    ret->k = k < kept ? k : kept;
    ret->w = KM_NEWN(double, (size_t)ret->k *(size_t)D + 1), ret->values = KM_NEWN(double, (size_t)ret->k + 1);
    if (ret->k) {
        double *m = sandwich(white, kept, c.c0t, white, kept, l->D);
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

void km_tica_fit(const km_series *s, int64_t lag, int k, int threads, km_tica *ret)
{
    km_lagged *l = km_lagged_new(s->D, lag, threads);
    double *room = km_series_room(s);
    int64_t at = 0;
    for (int r = 0; r < s->n_runs; r++) {
        km_lagged_begin(l);
        for (int64_t left = s->lengths[r], n; left > 0; left -= n, at += n) {
            n = left < KM_SERIES_PIECE ? left : KM_SERIES_PIECE;
            km_lagged_add(l, km_series_piece(s, at, n, room), n);
        }
    }
    km_tica_of(l, k, ret);
    km_lagged_free(l);
    free(room);
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

double km_vamp2_of(km_lagged *l)
{
    size_t D = (size_t)l->D;
    covariances c = covariances_of(l, false);
    double *u = KM_NEWN(double, D *D), *v = KM_NEWN(double, D *D), sum = l->pairs ? 0 : NAN;
    int n = l->pairs ? km_whiten(c.c00, l->D, floor_share, u) : 0,
        m = l->pairs ? km_whiten(c.ctt, l->D, floor_share, v) : 0;
    double *k = sandwich(u, n, c.c0t, v, m, l->D);
    for (int64_t i = 0; i < (int64_t)n * m; i++) sum += k[i] * k[i]; /* squared singular values: the Frobenius norm */
    free(u), free(v), free(k);
    clear(&c);
    return sum;
}
