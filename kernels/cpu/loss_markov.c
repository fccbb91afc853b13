/* SPDX-License-Identifier: MIT
 * The loss against a Markov model of a molecule's slow motions. A window is a few dozen frames, a model a few states:
 * one thread does it, in double. */
#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/scratch.h"

enum { LAGS = 5 };

typedef struct markov {
    const float *x, *r, *target;
    const int32_t *pairs;
    const float *mean, *components, *centres, *log_var, *log_transition, *stationary, *eigenvalues, *population, *parts;
    km_dim P, D, K, F, A;
    double *z, *dz, *e, *de; /* [F, D] projections, [F, K] log-emissions; what the loss changes with them */
    double *a, *b, *row;     /* [F, K], [F, K], [K] working memory */
} markov;

static inline const float *frame_of(const markov *m, km_dim f)
{
    return (m->target[f] != 0 ? m->x : m->r) + f * m->A * 3;
}

/* The length of pair p in frame f, and the vector along it */
static double distance(double d[3], const markov *m, km_dim f, km_dim p)
{
    const float *y = frame_of(m, f), *i = y + m->pairs[2 * p] * 3, *j = y + m->pairs[2 * p + 1] * 3;
    for (int k = 0; k < 3; k++) d[k] = (double)i[k] - (double)j[k];
    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

static void project(const markov *m)
{
    for (km_dim f = 0; f < m->F; f++) {
        double *z = m->z + f * m->D, unused[3];
        for (km_dim d = 0; d < m->D; d++) z[d] = 0;
        for (km_dim p = 0; p < m->P; p++) {
            double off = distance(unused, m, f, p) - m->mean[p];
            for (km_dim d = 0; d < m->D; d++) z[d] += off * m->components[p * m->D + d];
        }
    }
}

static void emit(const markov *m)
{
    const double log_2pi = 1.8378770664093454836;
    for (km_dim f = 0; f < m->F; f++)
        for (km_dim k = 0; k < m->K; k++) {
            double sum = 0;
            for (km_dim d = 0; d < m->D; d++) {
                double l = m->log_var[k * m->D + d], off = m->z[f * m->D + d] - m->centres[k * m->D + d];
                sum += off * off * exp(-l) + l + log_2pi;
            }
            m->e[f * m->K + k] = -0.5 * sum;
            m->de[f * m->K + k] = 0;
        }
    for (km_dim i = 0; i < m->F * m->D; i++) m->dz[i] = 0;
}

static double log_sum(const double *x, km_dim n)
{
    double most = x[0], sum = 0;
    for (km_dim i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    for (km_dim i = 0; i < n; i++) sum += exp(x[i] - most);
    return most + log(sum);
}

/* How state k of frame f came from the states of the frame before, into row */
static void arrive(const markov *m, km_dim f, km_dim k)
{
    for (km_dim j = 0; j < m->K; j++) m->row[j] = m->a[(f - 1) * m->K + j] + m->log_transition[j * m->K + k];
}

/* -(log-likelihood of the hidden chain) / F: a are log-probabilities forward, b the share of the paths through a
 * state. */
static double path(const markov *m)
{
    const km_dim K = m->K, F = m->F;
    for (km_dim k = 0; k < K; k++) m->a[k] = m->e[k] + log(fmax(m->stationary[k], 1e-10));
    for (km_dim f = 1; f < F; f++)
        for (km_dim k = 0; k < K; k++) {
            arrive(m, f, k);
            m->a[f * K + k] = m->e[f * K + k] + log_sum(m->row, K);
        }
    const double all = log_sum(m->a + (F - 1) * K, K);
    for (km_dim i = 0; i < F * K; i++) m->b[i] = i < (F - 1) * K ? 0 : exp(m->a[i] - all);
    for (km_dim f = F - 1; f >= 0; f--)
        for (km_dim k = 0; k < K; k++) {
            double through = m->b[f * K + k];
            m->de[f * K + k] -= m->parts[0] * through / (double)F;
            if (f == 0) continue;
            arrive(m, f, k);
            double sum = log_sum(m->row, K);
            for (km_dim j = 0; j < K; j++) m->b[(f - 1) * K + j] += through * exp(m->row[j] - sum);
        }
    return -all / (double)F;
}

/* The divergence of the states' shares in the window, a [F, K] over frames, from the population. */
static double shares(const markov *m)
{
    const km_dim K = m->K, F = m->F;
    double sum = 0, *slope = m->row;
    for (km_dim f = 0; f < F; f++) {
        double *s = m->a + f * K;
        for (km_dim k = 0; k < K; k++) s[k] = m->e[f * K + k] + log(fmax(m->stationary[k], 1e-8));
        double all = log_sum(s, K);
        for (km_dim k = 0; k < K; k++) s[k] = exp(s[k] - all);
    }
    for (km_dim k = 0; k < K; k++) {
        double q = 0, p = fmax(m->population[k], 1e-8);
        for (km_dim f = 0; f < F; f++) q += m->a[f * K + k] / (double)F;
        sum += p * log(p / fmax(q, 1e-8));
        slope[k] = q > 1e-8 ? -p / q : 0;
    }
    for (km_dim f = 0; f < F; f++) {
        const double *s = m->a + f * K;
        double mean = 0;
        for (km_dim k = 0; k < K; k++) mean += slope[k] * s[k];
        for (km_dim k = 0; k < K; k++) m->de[f * K + k] += m->parts[1] / (double)F * s[k] * (slope[k] - mean);
    }
    return sum;
}

/* Does component d move in this window? Its variance; u [F] becomes z less its mean. */
static double centred(double *u, const markov *m, km_dim d)
{
    double mean = 0, square = 0;
    for (km_dim f = 0; f < m->F; f++) mean += m->z[f * m->D + d] / (double)m->F;
    for (km_dim f = 0; f < m->F; f++) {
        u[f] = m->z[f * m->D + d] - mean;
        square += u[f] * u[f];
    }
    return square / (double)(m->F - 1);
}

/* Component d's squared difference of autocorrelation at a lag, and g [F] += weight times its gradient by u. */
static double lag_term(double *g, const double *u, const markov *m, km_dim d, km_dim lag, double var, double weight)
{
    double c = 0, pairs = (double)(m->F - lag), off;
    for (km_dim f = 0; f + lag < m->F; f++) c += u[f] * u[f + lag] / pairs;
    off = c / var - pow(m->eigenvalues[d], (double)lag);
    for (km_dim f = 0; f < m->F; f++) {
        double both = (f + lag < m->F ? u[f + lag] : 0) + (f >= lag ? u[f - lag] : 0);
        g[f] += 2 * weight * off * (both / pairs - 2 * c / var * u[f] / (double)(m->F - 1)) / var;
    }
    return off * off;
}

static double memory(const markov *m)
{
    const km_dim lags = m->F - 1 < LAGS ? m->F - 1 : LAGS;
    double *u = m->a, *g = m->b, sum = 0, moving = 0;
    for (km_dim d = 0; d < m->D; d++) moving += centred(u, m, d) > 1e-3;
    for (km_dim d = 0; d < m->D; d++) {
        double var = centred(u, m, d), mean = 0, weight = 1 / ((double)lags * moving);
        if (!(var > 1e-3)) continue;
        for (km_dim f = 0; f < m->F; f++) g[f] = 0;
        for (km_dim k = 1; k <= lags; k++) sum += weight * lag_term(g, u, m, d, k, var, weight);
        for (km_dim f = 0; f < m->F; f++) mean += g[f] / (double)m->F;
        for (km_dim f = 0; f < m->F; f++) m->dz[f * m->D + d] += m->parts[2] * (g[f] - mean);
    }
    return sum;
}

static markov markov_of(const float *x, const float *r, const float *target, const int32_t *pairs, const float *model,
                        const float *population, const float *parts, km_dim P, km_dim D, km_dim K, km_dim F, km_dim A)
{
    markov m = {.x = x, .r = r, .target = target, .pairs = pairs, .mean = model, .components = model + P,
                .population = population, .parts = parts, .P = P, .D = D, .K = K, .F = F, .A = A};
    m.centres = m.components + P * D, m.log_var = m.centres + K * D, m.log_transition = m.log_var + K * D;
    m.stationary = m.log_transition + K * K, m.eigenvalues = m.stationary + K;
    m.z = (double *)km_scratch(KM_SCRATCH_SHARED, (size_t)(2 * (2 * F * D + 4 * F * K + K)));
    m.dz = m.z + F * D, m.e = m.dz + F * D, m.de = m.e + F * K;
    m.a = m.de + F * K, m.b = m.a + F * K, m.row = m.b + F * K;
    project(&m);
    emit(&m);
    return m;
}

static double terms(const markov *m)
{
    double sum = 0;
    if (m->F < 3) return 0;
    if (m->parts[0] != 0) sum += m->parts[0] * path(m);
    if (m->parts[1] != 0) sum += m->parts[1] * shares(m);
    if (m->parts[2] != 0) sum += m->parts[2] * memory(m);
    return sum;
}

void KM_CPU(loss_markov_fwd)(const km_exec *ex, float *y, const float *x, const float *r, const float *target,
                             const int32_t *pairs, const float *model, const float *population, const float *parts,
                             km_dim P, km_dim D, km_dim K, km_dim F, km_dim A)
{
    (void)ex;
    markov m = markov_of(x, r, target, pairs, model, population, parts, P, D, K, F, A);
    y[0] = (float)terms(&m);
}

/* From log-emissions to projections to distances to atoms */
void KM_CPU(loss_markov_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, const float *r,
                             const float *target, const int32_t *pairs, const float *model, const float *population,
                             const float *parts, km_dim P, km_dim D, km_dim K, km_dim F, km_dim A)
{
    (void)ex;
    if (!dx) return;
    markov m = markov_of(x, r, target, pairs, model, population, parts, P, D, K, F, A);
    terms(&m);
    for (km_dim i = 0; i < F * K; i++)
        for (km_dim d = 0; d < D; d++) {
            km_dim at = i % K * D + d;
            m.dz[i / K * D + d] -= m.de[i] * (m.z[i / K * D + d] - m.centres[at]) * exp(-(double)m.log_var[at]);
        }
    for (km_dim i = 0; i < F * P; i++) {
        km_dim f = i / P, p = i % P;
        double v[3], length = distance(v, &m, f, p), pull = 0;
        if (target[f] == 0 || length == 0) continue;
        for (km_dim d = 0; d < D; d++) pull += (double)dy[0] * m.dz[f * D + d] * m.components[p * D + d] / length;
        for (int k = 0; k < 3; k++) {
            dx[(f * A + pairs[2 * p]) * 3 + k] += (float)(pull * v[k]);
            dx[(f * A + pairs[2 * p + 1]) * 3 + k] -= (float)(pull * v[k]);
        }
    }
}
