/* SPDX-License-Identifier: MIT */
#include "lib/traj/pcca.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/linear.h"
#include "lib/traj/simplex.h"

/* The m right eigenvectors [K, m] of the slowest processes (by modulus of their eigenvalues), of unit length under pi,
 * the first one 1 everywhere. */
static double *slow_vectors(const double *t, const double *pi, int K, int m)
{
    size_t k = (size_t)K;
    double *s = KM_NEWN(double, k *k), *values = KM_NEWN(double, k), *v = KM_NEWN(double, k *k);
    double *out = KM_NEWN(double, k *(size_t)m);
    for (int i = 0; i < K; i++)
        for (int j = i; j < K; j++) s[i * K + j] = sqrt(pi[i] / pi[j]) * t[i * K + j];
    km_eigen_largest(s, K, K, values, v);
    for (int n = 0, low = 0, high = K - 1; n < m; n++) {
        int from = values[low] >= -values[high] ? low++ : high--;
        for (int i = 0; i < K; i++) out[i * m + n] = n ? v[from * K + i] / sqrt(pi[i]) : 1;
    }
    free(s), free(values), free(v);
    return out;
}

/* -- a first solution: the states at the corners of the simplex that the eigenvectors span belong to one set wholly */

static double length(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrt(sum);
}

/* The longest row; of equal ones the first. */
static int longest(const double *rows, int K, int m)
{
    int best = 0;
    for (int i = 1; i < K; i++)
        if (length(rows + i * m, m) > length(rows + best * m, m)) best = i;
    return best;
}

/* The rows of the eigenvectors furthest apart: each the furthest from the plane through those before it. */
static void find_corners(const double *vectors, int K, int m, int *corners)
{
    double *rows = KM_NEWN(double, (size_t)K *(size_t)m), *last = KM_NEWN(double, (size_t)m);
    memcpy(rows, vectors, (size_t)(K * m) * sizeof *rows);
    corners[0] = longest(rows, K, m);
    for (int i = 0; i < K; i++)
        for (int c = 0; c < m; c++) rows[i * m + c] -= vectors[corners[0] * m + c];
    for (int k = 1; k < m; k++) {
        for (int i = 0; i < K; i++) {
            double dot = 0;
            for (int c = 0; c < m; c++) dot += last[c] * rows[i * m + c];
            for (int c = 0; c < m; c++) rows[i * m + c] -= dot * last[c];
        }
        corners[k] = longest(rows, K, m);
        double size = length(rows + corners[k] * m, m);
        for (int i = 0; i < K * m && size > 0; i++) rows[i] /= size;
        memcpy(last, rows + corners[k] * m, (size_t)m * sizeof *last);
    }
    free(rows), free(last);
}

/* a [m, m] with vectors a = 1 for each corner in its own set: the inverse of the corners' rows. */
static bool first_map(const double *vectors, int K, int m, double *a)
{
    int *corners = KM_NEWN(int, (size_t)m);
    double *rows = KM_NEWN(double, (size_t)m *(size_t)m), *column = KM_NEWN(double, (size_t)m);
    bool regular = true;
    find_corners(vectors, K, m, corners);
    for (int c = 0; c < m && regular; c++) {
        for (int i = 0; i < m; i++) {
            memcpy(rows + i * m, vectors + corners[i] * m, (size_t)m * sizeof *rows);
            column[i] = i == c;
        }
        regular = km_solve(rows, column, m);
        for (int i = 0; i < m && regular; i++) a[i * m + c] = column[i];
    }
    free(corners), free(rows), free(column);
    return regular;
}

/* -- the crispest feasible one */

typedef struct map {
    const double *vectors; /* [K, m] */
    int K, m;
    double *a; /* [m, m] */
} map;

/* The map whose rows and columns but the first are `inner`: its first column makes rows of memberships sum to 1, its
 * first row makes none of them negative. */
static void fill(map *p, const double *inner)
{
    int m = p->m;
    double all = 0, *a = p->a;
    for (int i = 1; i < m; i++) {
        a[i * m] = 0;
        for (int c = 1; c < m; c++) a[i * m + c] = inner[(i - 1) * (m - 1) + c - 1], a[i * m] -= a[i * m + c];
    }
    for (int c = 0; c < m; c++) {
        a[c] = -INFINITY;
        for (int k = 0; k < p->K; k++) {
            double sum = 0;
            for (int i = 1; i < m; i++) sum -= p->vectors[k * m + i] * a[i * m + c];
            a[c] = fmax(a[c], sum);
        }
        all += a[c];
    }
    for (int i = 0; i < m * m; i++) a[i] /= all;
}

/* How far memberships are from 0 and 1, to be small. */
static double softness(const double *inner, int n, void *arg)
{
    map *p = arg;
    double sum = 0;
    (void)n;
    fill(p, inner);
    for (int c = 0; c < p->m; c++)
        for (int i = 0; i < p->m; i++) sum -= p->a[i * p->m + c] * p->a[i * p->m + c] / p->a[c];
    return sum;
}

static void optimise(map *p)
{
    int m = p->m, n = m - 1;
    double *inner = KM_NEWN(double, (size_t)n *(size_t)n);
    for (int i = 0; i < n * n; i++) inner[i] = p->a[(i / n + 1) * m + i % n + 1];
    km_simplex_minimise(softness, p, inner, n * n);
    fill(p, inner);
    free(inner);
}

/* Rounding leaves nothing below 0 or above 1. */
static void memberships(const map *p, double *chi)
{
    int m = p->m;
    for (int k = 0; k < p->K; k++) {
        double all = 0;
        for (int c = 0; c < m; c++) {
            double sum = 0;
            for (int i = 0; i < m; i++) sum += p->vectors[k * m + i] * p->a[i * m + c];
            all += chi[k * m + c] = fmin(1, fmax(0, sum));
        }
        for (int c = 0; c < m; c++) chi[k * m + c] /= all;
    }
}

bool km_pcca(const double *t, const double *pi, int K, int m, double *chi)
{
    double *vectors = slow_vectors(t, pi, K, m);
    map p = {vectors, K, m, KM_NEWN(double, (size_t)m *(size_t)m)};
    bool found = first_map(vectors, K, m, p.a);
    if (found) {
        optimise(&p);
        memberships(&p, chi);
        for (int i = 0; i < K * m; i++) found &= isfinite(chi[i]);
    }
    free(vectors), free(p.a);
    return found;
}
