/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "kernels/ref/ref.h"
#include "lib/base/mem.h"

enum { LAGS = 5 };

/* The arrays of a Markov model, as they follow each other, and what is computed of one window. */
typedef struct markov {
    const double *mean, *components, *centres, *log_var, *log_transition, *stationary, *eigenvalues;
    const double *population, *parts;
    km_dim P, D, K, F;
    double *z, *e, *dz, *de; /* [F, D], [F, K] and what the loss changes with them */
} markov;

static double *zeros(km_dim n) { return km_calloc((size_t)n, sizeof(double)); }

static double log_sum(const double *x, km_dim n)
{
    double most = x[0], sum = 0;
    for (km_dim i = 1; i < n; i++) most = fmax(most, x[i]);
    for (km_dim i = 0; i < n; i++) sum += exp(x[i] - most);
    return most + log(sum);
}

static void emissions(const markov *m)
{
    for (km_dim f = 0; f < m->F; f++)
        for (km_dim k = 0; k < m->K; k++)
            for (km_dim d = 0; d < m->D; d++) {
                double l = m->log_var[k * m->D + d], off = m->z[f * m->D + d] - m->centres[k * m->D + d];
                m->e[f * m->K + k] -= 0.5 * (off * off * exp(-l) + l + log(2 * M_PI));
            }
}

static void emissions_bwd(const markov *m)
{
    for (km_dim f = 0; f < m->F; f++)
        for (km_dim k = 0; k < m->K; k++)
            for (km_dim d = 0; d < m->D; d++)
                m->dz[f * m->D + d] -= m->de[f * m->K + k] * (m->z[f * m->D + d] - m->centres[k * m->D + d]) *
                                       exp(-m->log_var[k * m->D + d]);
}

/* -(log-likelihood of the hidden chain) / F */
static double path(const markov *m)
{
    km_dim K = m->K, F = m->F;
    double *a = zeros(F * K), *g = zeros(F * K), *row = zeros(K);
    for (km_dim i = 0; i < F * K; i++) {
        km_dim f = i / K, k = i % K;
        for (km_dim j = 0; j < K && f > 0; j++) row[j] = a[(f - 1) * K + j] + m->log_transition[j * K + k];
        a[i] = m->e[i] + (f > 0 ? log_sum(row, K) : log(fmax(m->stationary[k], 1e-10)));
    }
    double all = log_sum(a + (F - 1) * K, K);
    for (km_dim i = F * K; i-- > 0;) {
        km_dim f = i / K, k = i % K;
        if (f == F - 1) g[i] = exp(a[i] - all);
        m->de[i] -= m->parts[0] * g[i] / (double)F;
        for (km_dim j = 0; j < K && f > 0; j++) row[j] = a[(f - 1) * K + j] + m->log_transition[j * K + k];
        for (km_dim j = 0; j < K && f > 0; j++) g[(f - 1) * K + j] += g[i] * exp(row[j] - log_sum(row, K));
    }
    free(a), free(g), free(row);
    return -all / (double)F;
}

/* Kullback and Leibler's divergence of the states' shares in the window from those in r */
static double shares(const markov *m)
{
    km_dim K = m->K, F = m->F;
    double *s = zeros(F * K), *q = zeros(K), *slope = zeros(K), sum = 0;
    for (km_dim f = 0; f < F; f++) {
        for (km_dim k = 0; k < K; k++) s[f * K + k] = m->e[f * K + k] + log(fmax(m->stationary[k], 1e-8));
        double all = log_sum(s + f * K, K);
        for (km_dim k = 0; k < K; k++) s[f * K + k] = exp(s[f * K + k] - all), q[k] += s[f * K + k] / (double)F;
    }
    for (km_dim k = 0; k < K; k++) {
        double p = fmax(m->population[k], 1e-8);
        sum += p * log(p / fmax(q[k], 1e-8));
        slope[k] = q[k] > 1e-8 ? -p / q[k] : 0;
    }
    for (km_dim i = 0; i < F * K; i++)
        for (km_dim j = 0; j < K; j++)
            m->de[i] += m->parts[1] * slope[j] / (double)F * s[i / K * K + j] * ((i % K == j) - s[i]);
    free(s), free(q), free(slope);
    return sum;
}

/* The squares of the differences of autocorrelations of components, averaged over those that move and over lags */
static double memory(const markov *m)
{
    km_dim D = m->D, F = m->F, lags = F - 1 < LAGS ? F - 1 : LAGS;
    double *u = zeros(F * D), *var = zeros(D), *g = zeros(F * D), sum = 0, moving = 0;
    for (km_dim d = 0; d < D; d++) {
        double mean = 0;
        for (km_dim f = 0; f < F; f++) mean += m->z[f * D + d] / (double)F;
        for (km_dim f = 0; f < F; f++) u[f * D + d] = m->z[f * D + d] - mean, var[d] += pow(u[f * D + d], 2);
        var[d] /= (double)(F - 1);
        moving += var[d] > 1e-3;
    }
    for (km_dim i = 0; i < D * lags; i++) {
        km_dim d = i % D, k = i / D + 1;
        double c = 0, pairs = (double)(F - k), w = 1 / (double)lags / moving;
        if (!(var[d] > 1e-3)) continue;
        for (km_dim f = 0; f + k < F; f++) c += u[f * D + d] * u[(f + k) * D + d] / pairs;
        double off = c / var[d] - pow(m->eigenvalues[d], (double)k);
        sum += w * off * off;
        for (km_dim f = 0; f < F; f++) {
            double slope = (f + k < F ? u[(f + k) * D + d] : 0) + (f >= k ? u[(f - k) * D + d] : 0);
            slope = slope / pairs / var[d] - 2 * c * u[f * D + d] / pow(var[d], 2) / (double)(F - 1);
            g[f * D + d] += 2 * w * off * slope;
        }
    }
    for (km_dim i = 0; i < F * D; i++)
        for (km_dim f = 0; f < F; f++) m->dz[i] += m->parts[2] * g[f * D + i % D] * ((f == i / D) - 1 / (double)F);
    free(u), free(var), free(g);
    return sum;
}

static double between(const double *x, const double *r, const double *target, const int32_t *pair, km_dim f, km_dim A)
{
    const double *y = (target[f] != 0 ? x : r) + f * A * 3;
    double square = 0;
    for (int k = 0; k < 3; k++) square += pow(y[pair[0] * 3 + k] - y[pair[1] * 3 + k], 2);
    return sqrt(square);
}

static double loss(double *opt_dx, double dy, const double *x, const double *r, const double *target,
                   const int32_t *pairs, const double *model, const double *population, const double *parts, km_dim P,
                   km_dim D, km_dim K, km_dim F, km_dim A)
{
    markov m = {.mean = model, .components = model + P, .population = population, .parts = parts, .P = P, .D = D,
                .K = K, .F = F, .z = zeros(F * D), .e = zeros(F * K), .dz = zeros(F * D), .de = zeros(F * K)};
    m.centres = m.components + P * D, m.log_var = m.centres + K * D, m.log_transition = m.log_var + K * D;
    m.stationary = m.log_transition + K * K, m.eigenvalues = m.stationary + K;
    double sum = 0;
    for (km_dim i = 0; i < F * P * D; i++) {
        km_dim f = i / (P * D), p = i / D % P, d = i % D;
        m.z[f * D + d] += (between(x, r, target, pairs + 2 * p, f, A) - m.mean[p]) * m.components[p * D + d];
    }
    emissions(&m);
    if (F >= 3) sum = parts[0] * path(&m) + parts[1] * shares(&m) + parts[2] * memory(&m);
    emissions_bwd(&m);
    for (km_dim i = 0; opt_dx && i < F * P * D; i++) {
        km_dim f = i / (P * D), p = i / D % P, a = f * A + pairs[2 * p], b = f * A + pairs[2 * p + 1];
        double length = between(x, r, target, pairs + 2 * p, f, A);
        if (target[f] == 0 || length == 0) continue;
        for (int k = 0; k < 3; k++) {
            double g = dy * m.dz[f * D + i % D] * m.components[i % (P * D)] * (x[a * 3 + k] - x[b * 3 + k]) / length;
            opt_dx[a * 3 + k] += g, opt_dx[b * 3 + k] -= g;
        }
    }
    free(m.z), free(m.e), free(m.dz), free(m.de);
    return sum;
}

void km_ref_loss_markov_fwd(const km_exec *ex, double *y, const double *x, const double *r, const double *target,
                            const int32_t *pairs, const double *model, const double *population, const double *parts,
                            km_dim P, km_dim D, km_dim K, km_dim F, km_dim A)
{
    (void)ex;
    y[0] = loss(NULL, 0, x, r, target, pairs, model, population, parts, P, D, K, F, A);
}

void km_ref_loss_markov_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                            const double *target, const int32_t *pairs, const double *model, const double *population,
                            const double *parts, km_dim P, km_dim D, km_dim K, km_dim F, km_dim A)
{
    (void)ex;
    loss(dx, dy[0], x, r, target, pairs, model, population, parts, P, D, K, F, A);
}
