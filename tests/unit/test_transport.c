/* SPDX-License-Identifier: MIT */
#include "lib/traj/transport.h"

#include <math.h>

#include "tests/unit/second.h"
#include "tests/unit/tap.h"

enum { N = 40, M = 25 };

/* The covariance (divided by n - 1) of N points of which make_second.py knows too. */
static void covariance(double s, double cov[9])
{
    static const double along[3] = {1, 2, -1}, turn[3] = {0.3, 1.1, 2.3};
    double x[N][3], mean[3] = {0};
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 3; k++) x[i][k] = sin(i * s) * along[k] + cos(i * turn[k]), mean[k] += x[i][k] / N;
    for (int k = 0; k < 9; k++) {
        cov[k] = 0;
        for (int i = 0; i < N; i++) cov[k] += (x[i][k / 3] - mean[k / 3]) * (x[i][k % 3] - mean[k % 3]) / (N - 1);
    }
}

int main(void)
{
    double x[N], y[M], p[N * 2], q[N * 2], shifted[N * 2], a[9], b[9], four[9];
    for (int i = 0; i < M; i++) y[i] = cos(i * 0.7) * 3 + 1;
    for (int i = 0; i < N; i++) {
        x[i] = sin(i * 1.3) * 2;
        p[2 * i] = sin(i * 1.3), p[2 * i + 1] = cos(i * 2.1) * 2;
        q[2 * i] = cos(i * 0.6) + 0.5, q[2 * i + 1] = sin(i * 1.9);
        int other = (i * 7 + 3) % N; /* the same points in another order, moved */
        shifted[2 * other] = p[2 * i] + 3, shifted[2 * other + 1] = p[2 * i + 1] - 4;
    }
    second_check("transport.w1", km_w1_line(x, N, y, M), 1e-8);
    second_check("transport.w2", km_w2_line(x, N, y, M), 1e-8);
    second_check("transport.plane", km_w2(p, q, N, 2), 1e-8);
    ok(fabs(km_w2(p, shifted, N, 2) - 5) < 1e-12, "a shifted copy is as far as the shift");
    ok(isnan(km_w2(p, q, 0, 2)) && isnan(km_w1_line(x, 0, y, M)), "no points, no distance");
    covariance(0.7, a), covariance(1.9, b);
    second_check("transport.normal", km_w2_normal(a, b), 1e-8);
    for (int i = 0; i < 9; i++) four[i] = 4 * a[i];
    ok(fabs(km_w2_normal(a, four) - (a[0] + a[4] + a[8])) < 1e-9, "C and 4 C are tr C apart");
    ok(km_w2_normal(a, a) < 1e-12, "C and C are not");
    return tap_end();
}
