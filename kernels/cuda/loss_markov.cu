/* SPDX-License-Identifier: MIT
 * The loss against a Markov model: projections by a warp for each, the chain of a few states over a few dozen frames by
 * one thread in double, distances pulled by a thread for each. */
#include "kernels/cuda/sums.cuh"

enum { LAGS = 5 };

struct markov {
    const float *x, *r, *target;
    const int32_t *pairs;
    const float *mean, *components, *centres, *log_var, *log_transition, *stationary, *eigenvalues, *population, *parts;
    km_dim P, D, K, F, A;
    double *z, *dz, *e, *de; // [F, D] projections, [F, K] log-emissions; what the loss changes with them
    double *a, *b, *row;     // [F, K], [F, K], [K] working memory
};

/* The length of pair p in frame f, and the vector along it. */
__device__ static double pair_length(double d[3], const markov &m, km_dim f, km_dim p)
{
    const float *y = (m.target[f] != 0 ? m.x : m.r) + f * m.A * 3;
    for (int k = 0; k < 3; k++) d[k] = (double)y[m.pairs[2 * p] * 3 + k] - (double)y[m.pairs[2 * p + 1] * 3 + k];
    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

__global__ static void project_kernel(markov m)
{
    KM_EACH_WARP(i, m.F * m.D)
    {
        km_dim f = i / m.D, d = i % m.D;
        double sum = 0, unused[3];
        for (km_dim p = lane_of(); p < m.P; p += KM_WARP)
            sum += (pair_length(unused, m, f, p) - m.mean[p]) * m.components[p * m.D + d];
        sum = warp_sum(sum);
        if (lane_of() == 0) m.z[i] = sum, m.dz[i] = 0;
    }
}

__global__ static void emit_kernel(markov m)
{
    const double log_2pi = 1.8378770664093454836;
    KM_EACH(i, m.F * m.K)
    {
        double sum = 0;
        for (km_dim d = 0; d < m.D; d++) {
            double l = m.log_var[i % m.K * m.D + d], off = m.z[i / m.K * m.D + d] - m.centres[i % m.K * m.D + d];
            sum += off * off * exp(-l) + l + log_2pi;
        }
        m.e[i] = -0.5 * sum, m.de[i] = 0;
    }
}

__device__ static double log_sum(const double *x, km_dim n)
{
    double most = x[0], sum = 0;
    for (km_dim i = 1; i < n; i++) most = fmax(most, x[i]);
    for (km_dim i = 0; i < n; i++) sum += exp(x[i] - most);
    return most + log(sum);
}

/* How state k of frame f came from the states of the frame before, into row. */
__device__ static void arrive(const markov &m, km_dim f, km_dim k)
{
    for (km_dim j = 0; j < m.K; j++) m.row[j] = m.a[(f - 1) * m.K + j] + (double)m.log_transition[j * m.K + k];
}

/* -(log-likelihood of the hidden chain) / F: a are log-probabilities forward, b the share of the paths through a
 * state. */
__device__ static double path(const markov &m)
{
    const km_dim K = m.K, F = m.F;
    for (km_dim k = 0; k < K; k++) m.a[k] = m.e[k] + log(fmax((double)m.stationary[k], 1e-10));
    for (km_dim i = K; i < F * K; i++) {
        arrive(m, i / K, i % K);
        m.a[i] = m.e[i] + log_sum(m.row, K);
    }
    const double all = log_sum(m.a + (F - 1) * K, K);
    for (km_dim i = 0; i < F * K; i++) m.b[i] = i < (F - 1) * K ? 0 : exp(m.a[i] - all);
    for (km_dim i = F * K; i-- > 0;) {
        m.de[i] -= m.parts[0] * m.b[i] / (double)F;
        if (i < K) continue;
        arrive(m, i / K, i % K);
        double sum = log_sum(m.row, K);
        for (km_dim j = 0; j < K; j++) m.b[(i / K - 1) * K + j] += m.b[i] * exp(m.row[j] - sum);
    }
    return -all / (double)F;
}

/* The divergence of the states' shares in the window, a [F, K] over frames, from the population. */
__device__ static double shares(const markov &m)
{
    const km_dim K = m.K, F = m.F;
    double sum = 0, *slope = m.row;
    for (km_dim f = 0; f < F; f++) {
        double *s = m.a + f * K;
        for (km_dim k = 0; k < K; k++) s[k] = m.e[f * K + k] + log(fmax((double)m.stationary[k], 1e-8));
        double all = log_sum(s, K);
        for (km_dim k = 0; k < K; k++) s[k] = exp(s[k] - all);
    }
    for (km_dim k = 0; k < K; k++) {
        double q = 0, p = fmax((double)m.population[k], 1e-8);
        for (km_dim f = 0; f < F; f++) q += m.a[f * K + k] / (double)F;
        sum += p * log(p / fmax(q, 1e-8));
        slope[k] = q > 1e-8 ? -p / q : 0;
    }
    for (km_dim i = 0; i < F * K; i++) {
        double mean = 0;
        for (km_dim k = 0; k < K; k++) mean += slope[k] * m.a[i / K * K + k];
        m.de[i] += m.parts[1] / (double)F * m.a[i] * (slope[i % K] - mean);
    }
    return sum;
}

/* The variance of component d in this window; u [F] becomes z less its mean. */
__device__ static double centred(double *u, const markov &m, km_dim d)
{
    double mean = 0, square = 0;
    for (km_dim f = 0; f < m.F; f++) mean += m.z[f * m.D + d] / (double)m.F;
    for (km_dim f = 0; f < m.F; f++) {
        u[f] = m.z[f * m.D + d] - mean;
        square += u[f] * u[f];
    }
    return square / (double)(m.F - 1);
}

/* Component d's squared difference of autocorrelation at a lag, and g [F] += weight times its gradient by u. */
__device__ static double lag_term(double *g, const double *u, const markov &m, km_dim d, km_dim lag, double var,
                                  double weight)
{
    double c = 0, pairs = (double)(m.F - lag), off;
    for (km_dim f = 0; f + lag < m.F; f++) c += u[f] * u[f + lag] / pairs;
    off = c / var - pow((double)m.eigenvalues[d], (double)lag);
    for (km_dim f = 0; f < m.F; f++) {
        double both = (f + lag < m.F ? u[f + lag] : 0) + (f >= lag ? u[f - lag] : 0);
        g[f] += 2 * weight * off * (both / pairs - 2 * c / var * u[f] / (double)(m.F - 1)) / var;
    }
    return off * off;
}

__device__ static double memory(const markov &m)
{
    const km_dim lags = m.F - 1 < LAGS ? m.F - 1 : (km_dim)LAGS;
    double *u = m.a, *g = m.b, sum = 0, moving = 0;
    for (km_dim d = 0; d < m.D; d++) moving += centred(u, m, d) > 1e-3;
    for (km_dim d = 0; d < m.D; d++) {
        double var = centred(u, m, d), mean = 0, weight = 1 / ((double)lags * moving);
        if (!(var > 1e-3)) continue;
        for (km_dim f = 0; f < m.F; f++) g[f] = 0;
        for (km_dim k = 1; k <= lags; k++) sum += weight * lag_term(g, u, m, d, k, var, weight);
        for (km_dim f = 0; f < m.F; f++) mean += g[f] / (double)m.F;
        for (km_dim f = 0; f < m.F; f++) m.dz[f * m.D + d] += m.parts[2] * (g[f] - mean);
    }
    return sum;
}

/* One thread; opt_y: the loss. */
__global__ static void terms_kernel(float *opt_y, markov m)
{
    double sum = 0;
    if (m.parts[0] != 0) sum += m.parts[0] * path(m);
    if (m.parts[1] != 0) sum += m.parts[1] * shares(m);
    if (m.parts[2] != 0) sum += m.parts[2] * memory(m);
    if (opt_y) opt_y[0] = (float)sum;
}

/* From log-emissions to projections. */
__global__ static void emit_bwd_kernel(markov m)
{
    KM_EACH(i, m.F * m.D)
    for (km_dim k = 0; k < m.K; k++) {
        km_dim at = k * m.D + i % m.D;
        m.dz[i] -= m.de[i / m.D * m.K + k] * (m.z[i] - m.centres[at]) * exp(-(double)m.log_var[at]);
    }
}

/* From projections to distances to atoms. */
__global__ static void pull_kernel(float *dx, const float *dy, markov m)
{
    KM_EACH(i, m.F * m.P)
    {
        km_dim f = i / m.P, p = i % m.P;
        double v[3], length = pair_length(v, m, f, p), pull = 0;
        if (m.target[f] == 0 || length == 0) continue;
        for (km_dim d = 0; d < m.D; d++) pull += (double)dy[0] * m.dz[f * m.D + d] * m.components[p * m.D + d] / length;
        for (int k = 0; k < 3; k++) {
            atomicAdd(&dx[(f * m.A + m.pairs[2 * p]) * 3 + k], (float)(pull * v[k]));
            atomicAdd(&dx[(f * m.A + m.pairs[2 * p + 1]) * 3 + k], (float)(-pull * v[k]));
        }
    }
}

/* Up to the loss. */
static markov run(float *opt_y, const float *x, const float *r, const float *target, const int32_t *pairs,
                  const float *model, const float *population, const float *parts, km_dim P, km_dim D, km_dim K,
                  km_dim F, km_dim A)
{
    markov m = {x, r, target, pairs, model, model + P, 0, 0, 0, 0, 0, population, parts, P, D, K, F, A, 0, 0, 0, 0, 0,
                0, 0};
    m.centres = m.components + P * D, m.log_var = m.centres + K * D, m.log_transition = m.log_var + K * D;
    m.stationary = m.log_transition + K * K, m.eigenvalues = m.stationary + K;
    /* a and b hold a component's frames, too */
    km_dim room = F * K;
    m.z = (double *)km_cuda_scratch(0, (size_t)(2 * F * D + 4 * room + K) * sizeof(double));
    m.dz = m.z + F * D, m.e = m.dz + F * D, m.de = m.e + room, m.a = m.de + room, m.b = m.a + room, m.row = m.b + room;
    KM_WARP_LAUNCH(project_kernel, F * D, m);
    KM_EACH_LAUNCH(emit_kernel, F * K, m);
    KM_ONE_LAUNCH(terms_kernel, opt_y, m);
    return m;
}

void KM_CUDA(loss_markov_fwd)(const km_exec *, float *y, const float *x, const float *r, const float *target,
                              const int32_t *pairs, const float *model, const float *population, const float *parts,
                              km_dim P, km_dim D, km_dim K, km_dim F, km_dim A)
{
    if (F < 3) km_cuda_zero(y, sizeof *y);
    else run(y, x, r, target, pairs, model, population, parts, P, D, K, F, A);
}

void KM_CUDA(loss_markov_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                              const float *target, const int32_t *pairs, const float *model, const float *population,
                              const float *parts, km_dim P, km_dim D, km_dim K, km_dim F, km_dim A)
{
    if (!opt_dx || F < 3) return;
    markov m = run(nullptr, x, r, target, pairs, model, population, parts, P, D, K, F, A);
    KM_EACH_LAUNCH(emit_bwd_kernel, F * D, m);
    KM_EACH_LAUNCH(pull_kernel, F * P, opt_dx, dy, m);
}
