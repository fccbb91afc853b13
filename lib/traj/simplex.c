/* SPDX-License-Identifier: MIT */
#include "lib/traj/simplex.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

typedef struct simplex {
    km_function *f;
    void *arg;
    int n, calls;
    double **corners;                 /* [n + 1] points [n], best first */
    double *values;                   /* [n + 1] */
    double *middle, *tried, *further; /* [n] */
} simplex;

static double call(simplex *s, const double *x)
{
    s->calls++;
    return s->f(x, s->n, s->arg);
}

/* By rising value; of equal ones those that were first stay first. */
static void sort(simplex *s)
{
    for (int i = 1; i <= s->n; i++)
        for (int j = i; j > 0 && s->values[j] < s->values[j - 1]; j--) {
            double v = s->values[j], *x = s->corners[j];
            s->values[j] = s->values[j - 1], s->corners[j] = s->corners[j - 1];
            s->values[j - 1] = v, s->corners[j - 1] = x;
        }
}

static bool is_small(const simplex *s)
{
    const double enough = 1e-4;
    for (int i = 1; i <= s->n; i++) {
        if (fabs(s->values[i] - s->values[0]) > enough) return false;
        for (int d = 0; d < s->n; d++)
            if (fabs(s->corners[i][d] - s->corners[0][d]) > enough) return false;
    }
    return true;
}

/* The point beyond the middle of all but the worst, `by` times as far from it as the worst, on the other side. */
static double try_at(simplex *s, double by, double *x)
{
    for (int d = 0; d < s->n; d++) x[d] = (1 + by) * s->middle[d] - by * s->corners[s->n][d];
    return call(s, x);
}

static void take(simplex *s, const double *x, double value)
{
    memcpy(s->corners[s->n], x, (size_t)s->n * sizeof *x);
    s->values[s->n] = value;
}

static void shrink(simplex *s)
{
    for (int i = 1; i <= s->n; i++) {
        for (int d = 0; d < s->n; d++)
            s->corners[i][d] = s->corners[0][d] + 0.5 * (s->corners[i][d] - s->corners[0][d]);
        s->values[i] = call(s, s->corners[i]);
    }
}

static void step(simplex *s)
{
    int n = s->n;
    memset(s->middle, 0, (size_t)n * sizeof *s->middle);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < n; d++) s->middle[d] += s->corners[i][d];
    for (int d = 0; d < n; d++) s->middle[d] /= n;
    double over = try_at(s, 1, s->tried);
    if (over < s->values[0]) {
        double beyond = try_at(s, 2, s->further);
        take(s, beyond < over ? s->further : s->tried, fmin(beyond, over));
    } else if (over < s->values[n - 1]) {
        take(s, s->tried, over);
    } else {
        bool outside = over < s->values[n];
        double between = try_at(s, outside ? 0.5 : -0.5, s->further);
        if (outside ? between <= over : between < s->values[n]) take(s, s->further, between);
        else shrink(s);
    }
    sort(s);
}

double km_simplex_minimise(km_function *f, void *arg, double *x, int n)
{
    const double stretch = 1.05, from_zero = 0.00025;
    const int most = 200 * n;
    size_t m = (size_t)n;
    double *all = KM_NEWN(double, (m + 1) * m + (m + 1) + 3 * m);
    simplex s = {.f = f, .arg = arg, .n = n, .corners = KM_NEWN(double *, m + 1), .values = all + (m + 1) * m};
    s.middle = s.values + m + 1, s.tried = s.middle + m, s.further = s.tried + m;
    for (int i = 0; i <= n; i++) {
        s.corners[i] = all + (size_t)i * m;
        memcpy(s.corners[i], x, m * sizeof *x);
        if (i) s.corners[i][i - 1] = x[i - 1] != 0 ? stretch * x[i - 1] : from_zero;
        s.values[i] = call(&s, s.corners[i]);
    }
    sort(&s);
    for (int round = 1; round < most && s.calls < most && !is_small(&s); round++) step(&s);
    double best = s.values[0];
    memcpy(x, s.corners[0], m * sizeof *x);
    free(s.corners), free(all);
    return best;
}
