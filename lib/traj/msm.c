/* SPDX-License-Identifier: MIT */
#include "lib/traj/msm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/linear.h"

void km_msm_count(const int32_t *states, const int64_t *lengths, int n_runs, int64_t lag, int K, double *counts)
{
    for (int k = 0; k < n_runs; states += lengths[k++])
        for (int64_t i = 0; i + lag < lengths[k]; i++) counts[(int64_t)states[i] * K + states[i + lag]]++;
}

int km_msm_connected(const double *counts, int K, bool *in)
{
    bool *reach = KM_NEWN(bool, (size_t)K *(size_t)K);
    for (int i = 0; i < K * K; i++) reach[i] = counts[i] > 0 || i % (K + 1) == 0;
    for (int via = 0; via < K; via++)
        for (int i = 0; i < K; i++)
            for (int j = 0; j < K && reach[i * K + via]; j++) reach[i * K + j] |= reach[via * K + j];
    int best = -1, size = 0;
    double most = -1;
    for (int i = 0; i < K; i++) {
        int n = 0;
        double sum = 0;
        for (int j = 0; j < K; j++) {
            if (!reach[i * K + j] || !reach[j * K + i]) continue;
            n++;
            for (int k = 0; k < K; k++) sum += counts[j * K + k];
        }
        if (n > size || (n == size && sum > most)) best = i, size = n, most = sum;
    }
    for (int j = 0; j < K; j++) in[j] = reach[best * K + j] && reach[j * K + best];
    free(reach);
    return size;
}

/* The sum of a row over the states that take part. */
static double row_sum(const double *m, int K, const bool *in, int i)
{
    double sum = 0;
    for (int j = 0; j < K; j++) sum += in[j] ? m[i * K + j] : 0;
    return sum;
}

/* From x, symmetric over the states that take part: transitions and the stationary distribution. */
static void normalise(const double *x, int K, const bool *in, double *t, double *pi)
{
    double all = 0;
    for (int i = 0; i < K; i++) all += pi[i] = in[i] ? row_sum(x, K, in, i) : 0;
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++) t[i * K + j] = pi[i] > 0 && in[j] ? x[i * K + j] / pi[i] : 0;
    for (int i = 0; i < K && all > 0; i++) pi[i] /= all;
}

void km_msm_reversible(const double *counts, int K, const bool *in, double *t, double *pi)
{
    enum { ROUNDS = 5000 };
    double *x = KM_NEWN(double, (size_t)K *(size_t)K), *c = KM_NEWN(double, (size_t)K), *s = KM_NEWN(double, (size_t)K);
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K && in[i]; j++) x[i * K + j] = in[j] ? counts[i * K + j] + counts[j * K + i] : 0;
    for (int i = 0; i < K; i++) c[i] = in[i] ? row_sum(counts, K, in, i) : 0;
    double change = 1;
    for (int round = 0; round < ROUNDS && change >= 1e-12; round++) {
        double all = 0;
        change = 0;
        for (int i = 0; i < K; i++) all += s[i] = row_sum(x, K, in, i);
        for (int i = 0; i < K; i++)
            for (int j = i; j < K; j++) {
                double both = counts[i * K + j] + counts[j * K + i];
                if (!in[i] || !in[j] || both == 0) continue;
                double now = both / (c[i] / s[i] + c[j] / s[j]);
                change = fmax(change, fabs(now - x[i * K + j]) / all);
                x[i * K + j] = x[j * K + i] = now;
            }
    }
    normalise(x, K, in, t, pi);
    free(x), free(c), free(s);
}

void km_msm_root(const double *counts, int K, const bool *in, int root, double *t, double *pi)
{
    size_t square = (size_t)K * (size_t)K;
    double *s = KM_NEWN(double, square), *values = KM_NEWN(double, (size_t)K), *v = KM_NEWN(double, square);
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++) s[i * K + j] = (counts[i * K + j] + counts[j * K + i]) / 2;
    normalise(s, K, in, t, pi);
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++) s[i * K + j] = pi[i] > 0 && pi[j] > 0 ? sqrt(pi[i] / pi[j]) * t[i * K + j] : 0;
    km_eigen_largest(s, K, K, values, v);
    memset(t, 0, square * sizeof *t);
    for (int k = 0; k < K; k++) {
        double value = pow(fmin(1, fmax(0, values[k])), 1.0 / root);
        for (int i = 0; i < K; i++)
            for (int j = 0; j < K; j++)
                if (pi[i] > 0 && pi[j] > 0) t[i * K + j] += sqrt(pi[j] / pi[i]) * value * v[k * K + i] * v[k * K + j];
    }
    free(s), free(values), free(v);
}

void km_msm_plain(const double *counts, int K, double *t, bool *in)
{
    for (int i = 0; i < K; i++) {
        double sum = 0;
        for (int j = 0; j < K; j++) sum += counts[i * K + j];
        in[i] = sum > 0;
        for (int j = 0; j < K; j++) t[i * K + j] = sum > 0 ? counts[i * K + j] / sum : i == j;
    }
}

void km_msm_mfpt(const double *t, int K, const bool *in, double lag, double *out)
{
    double *a = KM_NEWN(double, (size_t)K *(size_t)K), *b = KM_NEWN(double, (size_t)K);
    for (int i = 0; i < K * K; i++) out[i] = NAN;
    for (int to = 0; to < K; to++) {
        int n = 0, m = 0;
        if (!in[to]) continue;
        for (int i = 0; i < K; i++) {
            if (!in[i] || i == to) continue;
            for (int j = 0; j < K; j++)
                if (in[j] && j != to) a[m++] = (i == j) - t[i * K + j];
            b[n++] = lag;
        }
        if (n == 0 || !km_solve(a, b, n)) continue;
        for (int i = 0, k = 0; i < K; i++)
            if (in[i] && i != to) out[i * K + to] = b[k++];
    }
    free(a), free(b);
}

void km_msm_timescales(const double *t, int K, const bool *in, double lag, int n, double *out)
{
    double *a = KM_NEWN(double, (size_t)K *(size_t)K), *re = KM_NEWN(double, (size_t)K),
           *im = KM_NEWN(double, (size_t)K);
    int size = 0, m = 0, found = 0;
    for (int i = 0; i < K; i++) {
        size += in[i];
        for (int j = 0; j < K; j++)
            if (in[i] && in[j]) a[m++] = t[i * K + j];
    }
    if (size) km_eigenvalues(a, size, re, im);
    for (int i = 0; i < n; i++) out[i] = NAN;
    for (int i = 0; i < size && found < n; i++) {
        double value = hypot(re[i], im[i]);
        if (value > 1e-8 && value < 0.9999) out[found++] = -lag / log(value);
    }
    free(a), free(re), free(im);
}
