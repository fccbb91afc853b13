/* SPDX-License-Identifier: MIT
 * The loss of motion: how fast atoms go and how far, and how long a molecule remembers where it was. Linear in atoms
 * and frames, so one thread does it. */
#include "kernels/cpu/loss.h"

/* All frames, the target ones as predicted and the others as they are; planes [F, n] of the coordinates of chosen
 * atoms. */
static km_dim gather(float *restrict out, const float *x, const float *r, const float *target, const float *mask,
                     km_dim F, km_dim A)
{
    km_dim n = 3 * count_of(mask, A);
    for (km_dim f = 0; f < F; f++) {
        const float *from = (target[f] != 0 ? x : r) + f * A * 3;
        float *to = out + f * n;
        for (km_dim a = 0; a < A; a++)
            for (int d = 0; d < 3 && mask[a] != 0; d++) *to++ = from[a * 3 + d];
    }
    return n;
}

/* The mean length of an atom's steps between neighbouring frames of x [F, n] */
static double speed(const float *x, km_dim F, km_dim n)
{
    double sum = 0;
    for (km_dim f = 0; f + 1 < F; f++, x += n) {
        double a = x[n] - x[0], b = x[n + 1] - x[1], c = x[n + 2] - x[2];
        sum += sqrt(a * a + b * b + c * c + 1e-6);
    }
    return sum / (double)(F - 1);
}

/* g [F, n] += slope times the gradient of an atom's speed */
static void pull_speed(float *g, const float *x, double slope, km_dim F, km_dim n)
{
    for (km_dim f = 0; f + 1 < F; f++, x += n, g += n) {
        double d[3] = {x[n] - x[0], x[n + 1] - x[1], x[n + 2] - x[2]};
        double w = slope / (double)(F - 1) / sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + 1e-6);
        for (int i = 0; i < 3; i++) g[n + i] += (float)(w * d[i]), g[i] -= (float)(w * d[i]);
    }
}

/* x [F, n] less its mean over frames */
static void centre(float *x, km_dim F, km_dim n)
{
    for (km_dim i = 0; i < n; i++) {
        double mean = 0;
        for (km_dim f = 0; f < F; f++) mean += x[f * n + i];
        mean /= (double)F;
        for (km_dim f = 0; f < F; f++) x[f * n + i] = (float)(x[f * n + i] - mean);
    }
}

static double product(const float *u, km_dim lag, km_dim F, km_dim n)
{
    double sum = 0;
    for (km_dim f = 0; f + lag < F; f++) {
        float row = 0;
        const float *a = u + f * n, *b = a + lag * n;
#pragma omp simd reduction(+ : row)
        for (km_dim i = 0; i < n; i++) row += a[i] * b[i];
        sum += row;
    }
    return sum;
}

/* What a call works on: x, r and the gradient of x, each [F, n]. */
typedef struct motion {
    float *x, *r, *grad;
    km_dim F, n;
} motion;

static motion motion_of(const float *x, const float *r, const float *target, const float *mask, km_dim F, km_dim A)
{
    float *memory = km_scratch(KM_SCRATCH_SHARED, (size_t)(3 * F * A * 3));
    motion m = {memory, memory + F * A * 3, memory + 2 * F * A * 3, F, 0};
    gather(m.x, x, r, target, mask, F, A);
    m.n = gather(m.r, r, r, target, mask, F, A);
    for (km_dim i = 0; i < F * m.n; i++) m.grad[i] = 0;
    return m;
}

static void scatter(float *dx, const motion *m, const float *target, const float *mask, km_dim A)
{
    for (km_dim f = 0; f < m->F; f++) {
        const float *from = m->grad + f * m->n;
        for (km_dim a = 0; a < A && target[f] != 0; a++)
            for (int d = 0; d < 3 && mask[a] != 0; d++) dx[(f * A + a) * 3 + d] += *from++;
    }
}

/* The fluctuation of an atom of x [F, n], and its mean place */
static double fluctuation(double mean[3], const float *x, km_dim F, km_dim n)
{
    double square = 0;
    for (int k = 0; k < 3; k++) {
        mean[k] = 0;
        for (km_dim f = 0; f < F; f++) mean[k] += x[f * n + k] / (double)F;
        for (km_dim f = 0; f < F; f++) square += (x[f * n + k] - mean[k]) * (x[f * n + k] - mean[k]);
    }
    return sqrt(square / (double)F + 1e-6);
}

/* All terms: the weighted square, and with a gradient wanted slope times its gradient added to m->grad. */
static double speed_term(const motion *m, const float *weight, double slope, km_dim A)
{
    double sum = 0;
    km_dim at = 0;
    for (km_dim a = 0; a < A; a++) {
        if (weight[a] == 0) continue;
        double off = speed(m->x + at, m->F, m->n) - speed(m->r + at, m->F, m->n);
        sum += weight[a] * off * off;
        if (slope != 0) pull_speed(m->grad + at, m->x + at, slope * 2 * weight[a] * off, m->F, m->n);
        at += 3;
    }
    return sum;
}

static double fluctuation_term(const motion *m, const float *weight, double slope, km_dim A)
{
    double sum = 0, mean[3], unused[3];
    km_dim at = 0;
    for (km_dim a = 0; a < A; a++) {
        if (weight[a] == 0) continue;
        double got = fluctuation(mean, m->x + at, m->F, m->n), off = got - fluctuation(unused, m->r + at, m->F, m->n);
        double w = slope * 2 * weight[a] * off / (got * (double)m->F);
        sum += weight[a] * off * off;
        for (km_dim i = 0; i < m->F * 3 && slope != 0; i++) {
            km_dim here = i / 3 * m->n + at + i % 3;
            m->grad[here] += (float)(w * (m->x[here] - mean[i % 3]));
        }
        at += 3;
    }
    return sum;
}

static double memory_term(const motion *m, km_dim lags, double slope)
{
    km_dim F = m->F, n = m->n, most = lags < F - 1 ? lags : F - 1;
    centre(m->x, F, n), centre(m->r, F, n);
    double own = product(m->x, 0, F, n) + 1e-6, other = product(m->r, 0, F, n) + 1e-6, sum = 0;
    for (km_dim k = 1; k <= most; k++) {
        double kept = product(m->x, k, F, n) / own, off = kept - product(m->r, k, F, n) / other;
        float w = (float)(slope * 2 * off / (double)most / own), same = (float)(2 * kept);
        sum += off * off / (double)most;
        for (km_dim i = 0; slope != 0 && i < F * n; i++) {
            float next = i + k * n < F * n ? m->x[i + k * n] : 0, last = i >= k * n ? m->x[i - k * n] : 0;
            m->grad[i] += w * (next + last - same * m->x[i]);
        }
    }
    centre(m->grad, F, n);
    return sum;
}

void KM_CPU(loss_motion_fwd)(const km_exec *ex, float *y, const float *x, const float *r, const float *target,
                             const float *weight, const float *chosen, const float *parts, km_dim lags, km_dim F,
                             km_dim A)
{
    (void)ex;
    double sum = 0;
    if (F >= 3 && (parts[0] != 0 || parts[2] != 0)) {
        motion m = motion_of(x, r, target, weight, F, A);
        if (parts[0] != 0) sum += parts[0] * speed_term(&m, weight, 0, A);
        if (parts[2] != 0) sum += parts[2] * fluctuation_term(&m, weight, 0, A);
    }
    if (F >= 3 && parts[1] != 0) {
        motion m = motion_of(x, r, target, chosen, F, A);
        sum += parts[1] * memory_term(&m, lags, 0);
    }
    y[0] = (float)sum;
}

void KM_CPU(loss_motion_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, const float *r,
                             const float *target, const float *weight, const float *chosen, const float *parts,
                             km_dim lags, km_dim F, km_dim A)
{
    (void)ex;
    if (!dx || F < 3) return;
    if (parts[0] != 0 || parts[2] != 0) {
        motion m = motion_of(x, r, target, weight, F, A);
        if (parts[0] != 0) speed_term(&m, weight, (double)dy[0] * parts[0], A);
        if (parts[2] != 0) fluctuation_term(&m, weight, (double)dy[0] * parts[2], A);
        scatter(dx, &m, target, weight, A);
    }
    if (parts[1] != 0) {
        motion m = motion_of(x, r, target, chosen, F, A);
        memory_term(&m, lags, (double)dy[0] * parts[1]);
        scatter(dx, &m, target, chosen, A);
    }
}
