/* SPDX-License-Identifier: MIT */
#include "lib/traj/linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

static void test_gram(int rows, int n, int m)
{
    double *a = opt_random(rows * n, 1), *b = opt_random(rows * m, 2), worst = 0;
    double *out = KM_NEWN(double, (size_t)(n * m)), *square = KM_NEWN(double, (size_t)(n * n));
    km_gram(out, a, b, rows, n, m, 2);
    km_gram(square, a, a, rows, n, n, 2);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < (n > m ? n : m); j++) {
            double other = 0, own = 0;
            for (int r = 0; r < rows && j < m; r++) other += a[r * n + i] * b[r * m + j];
            for (int r = 0; r < rows && j < n; r++) own += a[r * n + i] * a[r * n + j];
            if (j < m) worst = fmax(worst, fabs(out[i * m + j] - other));
            if (j < n && j >= i) worst = fmax(worst, fabs(square[i * n + j] - own));
        }
    ok(worst < 1e-11, "products of %d rows, %d by %d: %.1e", rows, n, m, worst);
    free(a), free(b), free(out), free(square);
}

static void test_moments(void)
{
    enum { ROWS = 37, N = 9 };
    double *x = opt_random(ROWS * N, 3), cov[N * N], mean[N], worst = 0;
    km_moments m = km_moments_of(N);
    km_moments_add(&m, x, 20, 1), km_moments_add(&m, x + 20 * N, ROWS - 20, 1);
    km_moments_covariance(&m, cov, mean);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double mi = 0, mj = 0, c = 0;
            for (int r = 0; r < ROWS; r++) mi += x[r * N + i] / ROWS, mj += x[r * N + j] / ROWS;
            for (int r = 0; r < ROWS; r++) c += (x[r * N + i] - mi) * (x[r * N + j] - mj) / ROWS;
            worst = fmax(worst, fmax(fabs(c - cov[i * N + j]), fabs(mi - mean[i])));
        }
    ok(worst < 1e-12, "a covariance in two pieces: %.1e", worst);
    km_moments_clear(&m);
    free(x);
}

static void test_decompositions(void)
{
    double a[9] = {2, -1, 0, -1, 2, -1, 0, -1, 2}, values[2], v[6], w[9], re[2], im[2];
    const double r2 = sqrt(2);
    km_eigen_largest(a, 3, 2, values, v);
    ok(fabs(values[0] - 2 - r2) < 1e-12 && fabs(values[1] - 2) < 1e-12, "the largest eigenvalues, descending");
    ok(fabs(fabs(v[0] + v[2]) - 1) < 1e-12 && fabs(v[4]) < 1e-12 && fabs(fabs(v[1]) - r2 / 2) < 1e-12, "and vectors");
    double c[9] = {4, 0, 0, 0, 9, 0, 0, 0, 1e-9};
    ok(km_whiten(c, 3, 1e-6, w) == 2 && fabs(fabs(w[1]) - 1.0 / 3) < 1e-12 && fabs(fabs(w[3]) - 0.5) < 1e-12,
       "whitening leaves out what hardly varies");
    double turn[4] = {0, -2, 2, 0};
    km_eigenvalues(turn, 2, re, im);
    ok(fabs(re[0]) < 1e-12 && fabs(fabs(im[0]) - 2) < 1e-12, "eigenvalues that are not real");
    double q[4] = {2, 1, 1, 3}, y[2] = {5, 10}, flat[4] = {1, 2, 2, 4}, z[2] = {1, 1};
    ok(km_solve(q, y, 2) && fabs(y[0] - 1) < 1e-12 && fabs(y[1] - 3) < 1e-12, "linear equations");
    ok(!km_solve(flat, z, 2), "that have no solution");
}

int main(void)
{
    test_gram(5, 3, 2), test_gram(300, 20, 17), test_gram(129, 16, 24), test_gram(1, 8, 8);
    test_moments();
    test_decompositions();
    return tap_end();
}
