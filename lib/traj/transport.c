/* SPDX-License-Identifier: MIT */
#include "lib/traj/transport.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assign.h"
#include "lib/base/mem.h"
#include "lib/traj/linear.h"

double km_w2(const double *a, const double *b, int n, int dims)
{
    double *cost = KM_NEWN(double, (size_t)n *(size_t)n), sum = 0;
    int32_t *partner = KM_NEWN(int32_t, (size_t)n);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            for (int k = 0; k < dims; k++) {
                double d = a[(int64_t)i * dims + k] - b[(int64_t)j * dims + k];
                cost[(int64_t)i * n + j] += d * d;
            }
    km_assign(cost, n, n, partner);
    for (int i = 0; i < n; i++) sum += cost[(int64_t)i * n + partner[i]];
    free(cost), free(partner);
    return sqrt(sum / n);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double *sorted(const double *x, int64_t n)
{
    size_t bytes = (size_t)n * sizeof *x;
    double *s = memcpy(km_alloc(bytes), x, bytes);
    qsort(s, (size_t)n, sizeof *s, ascending);
    return s;
}

/* The mean over quantiles of the distance to that power, 1 or 2. */
static double over_quantiles(const double *a, int64_t n, const double *b, int64_t m, int power)
{
    double *x = sorted(a, n), *y = sorted(b, m), sum = 0, at = 0;
    for (int64_t i = 0, j = 0; i < n && j < m;) {
        double end_x = (double)(i + 1) / (double)n, end_y = (double)(j + 1) / (double)m, end = fmin(end_x, end_y);
        double d = fabs(x[i] - y[j]);
        sum += (end - at) * (power == 2 ? d * d : d);
        at = end;
        if ((i + 1) * m <= (j + 1) * n) i++;
        if (end_y <= end) j++;
    }
    free(x), free(y);
    return n && m ? sum : NAN;
}

double km_w2_line(const double *a, int64_t n, const double *b, int64_t m)
{
    return sqrt(over_quantiles(a, n, b, m, 2));
}

double km_w1_line(const double *a, int64_t n, const double *b, int64_t m) { return over_quantiles(a, n, b, m, 1); }

/* c = a b of 3 x 3 */
static void times(const double a[9], const double b[9], double c[9])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) c[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
}

double km_w2_normal(const double a[9], const double b[9])
{
    double c[9], values[3], v[9], root[9] = {0}, both = 0;
    memcpy(c, a, sizeof c);
    km_eigen_largest(c, 3, 3, values, v);
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 9; i++) root[i] += sqrt(fmax(values[k], 0)) * v[3 * k + i / 3] * v[3 * k + i % 3];
    times(root, b, c);
    times(c, root, v);
    km_eigen_largest(v, 3, 3, values, NULL);
    for (int k = 0; k < 3; k++) both += sqrt(fmax(values[k], 0));
    return fmax(a[0] + a[4] + a[8] + b[0] + b[4] + b[8] - 2 * both, 0);
}
