/* SPDX-License-Identifier: MIT */
#include "lib/traj/linear.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

/* -- products: tiles of 4 columns of a by 8 of b, held in registers */

enum { TILE = 4, WIDE = 8, DEPTH = 128 };
typedef double pack __attribute__((vector_size(WIDE * sizeof(double)), aligned(8)));

static void tile(double *out, const double *a, const double *b, int64_t rows, int n, int m, int i, int j)
{
    pack sum[TILE] = {{0}};
    for (int64_t r = 0; r < rows; r++) {
        pack y = *(const pack *)(b + r * m + j);
        for (int k = 0; k < TILE; k++) sum[k] += a[r * n + i + k] * y;
    }
    for (int k = 0; k < TILE; k++) *(pack *)(out + (int64_t)(i + k) * m + j) += sum[k];
}

static void edge(double *out, const double *a, const double *b, int64_t rows, int n, int m, int i, int j)
{
    for (int k = i; k < n && k < i + TILE; k++)
        for (int l = j; l < m && l < j + WIDE; l++)
            for (int64_t r = 0; r < rows; r++) out[(int64_t)k * m + l] += a[r * n + k] * b[r * m + l];
}

void km_gram(double *out, const double *a, const double *b, int64_t rows, int n, int m, int threads)
{
#pragma omp parallel for schedule(dynamic, 4) num_threads(threads)
    for (int i = 0; i < n; i += TILE)
        for (int64_t r = 0; r < rows; r += DEPTH) {
            int64_t count = rows - r < DEPTH ? rows - r : DEPTH;
            for (int j = a == b ? i / WIDE * WIDE : 0; j < m; j += WIDE)
                (i + TILE <= n && j + WIDE <= m ? tile : edge)(out, a + r * n, b + r * m, count, n, m, i, j);
        }
}

/* -- moments */

km_moments km_moments_of(int n)
{
    return (km_moments){n, 0, KM_NEWN(double, (size_t)n), KM_NEWN(double, (size_t)n *(size_t)n)};
}

void km_moments_add(km_moments *m, const double *x, int64_t rows, int threads)
{
    for (int64_t r = 0; r < rows; r++)
        for (int i = 0; i < m->n; i++) m->sum[i] += x[r * m->n + i];
    km_gram(m->product, x, x, rows, m->n, m->n, threads);
    m->rows += rows;
}

void km_moments_covariance(const km_moments *m, double *cov, double *opt_mean)
{
    double rows = (double)m->rows;
    for (int64_t i = 0; i < m->n; i++) {
        if (opt_mean) opt_mean[i] = m->sum[i] / rows;
        for (int64_t j = i; j < m->n; j++)
            cov[i * m->n + j] = cov[j * m->n + i] =
                m->product[i * m->n + j] / rows - m->sum[i] / rows * (m->sum[j] / rows);
    }
}

void km_moments_clear(km_moments *m)
{
    free(m->sum), free(m->product);
    *m = (km_moments){0};
}

/* -- decompositions. LAPACK fails on numbers that are not finite, which callers do not give. */

void km_eigen_largest(double *a, int n, int k, double *values, double *opt_vectors)
{
    double *w = KM_NEWN(double, (size_t)n), *z = KM_NEWN(double, (size_t)n *(size_t)k);
    lapack_int found, *support = KM_NEWN(lapack_int, 2 * (size_t)n);
    lapack_int failed = LAPACKE_dsyevr(LAPACK_ROW_MAJOR, opt_vectors ? 'V' : 'N', 'I', 'U', n, a, n, 0, 0, n - k + 1, n,
                                       0, &found, w, z, k, support);
    KM_ASSERT(failed == 0 && found == k);
    for (int v = 0; v < k; v++) {
        values[v] = w[k - 1 - v];
        for (int64_t i = 0; i < n && opt_vectors; i++) opt_vectors[v * n + i] = z[i * k + k - 1 - v];
    }
    free(w), free(z), free(support);
}

int km_whiten(double *c, int n, double floor, double *w)
{
    double *values = KM_NEWN(double, (size_t)n);
    int kept = 0;
    km_eigen_largest(c, n, n, values, w);
    while (kept < n && values[kept] > 0 && values[kept] >= floor * values[0]) kept++;
    for (int64_t v = 0; v < kept; v++)
        for (int i = 0; i < n; i++) w[v * n + i] /= sqrt(values[v]);
    free(values);
    return kept;
}

void km_eigenvalues(double *a, int n, double *re, double *im)
{
    lapack_int failed = LAPACKE_dgeev(LAPACK_ROW_MAJOR, 'N', 'N', n, a, n, re, im, NULL, n, NULL, n);
    KM_ASSERT(failed == 0);
    for (int i = 1; i < n; i++) /* few of them: by insertion */
        for (int j = i; j > 0 && hypot(re[j], im[j]) > hypot(re[j - 1], im[j - 1]); j--) {
            double r = re[j], q = im[j];
            re[j] = re[j - 1], im[j] = im[j - 1];
            re[j - 1] = r, im[j - 1] = q;
        }
}

bool km_solve(double *a, double *b, int n)
{
    lapack_int *pivots = KM_NEWN(lapack_int, (size_t)n);
    lapack_int failed = LAPACKE_dgesv(LAPACK_ROW_MAJOR, n, 1, a, n, pivots, b, 1);
    KM_ASSERT(failed >= 0);
    free(pivots);
    return failed == 0;
}
