/* SPDX-License-Identifier: MIT
 * What a step of training does to parameters. */
#include <math.h>

#include "kernels/cpu/cpu.h"

void KM_CPU(axpby_fwd)(const km_exec *ex, float *y, const float *x, float a, const float *u, float b, km_dim n)
{
    if (u)
        KM_PARALLEL_FOR (ex, n, i, n) y[i] = a * x[i] + b * u[i];
    else
        KM_PARALLEL_FOR (ex, n, i, n) y[i] = a * x[i];
}

void KM_CPU(square_sum_fwd)(const km_exec *ex, double *sum, const float *x, km_dim n)
{
    (void)ex;
    double square = 0;
#pragma omp simd reduction(+ : square)
    for (km_dim i = 0; i < n; i++) square += (double)x[i] * x[i];
    *sum = square;
}

void KM_CPU(normalize_fwd)(const km_exec *ex, float *y, const float *x, const double *square, km_dim n)
{
    float scale = (float)(1 / (sqrt(*square) + 1e-30));
    KM_PARALLEL_FOR (ex, n, i, n) y[i] = scale * x[i];
}

void KM_CPU(adam_fwd)(const km_exec *ex, float *w, float *m, float *v, const float *g, float beta1, float beta2,
                      float step, float root, float eps, float keep, float scale, km_dim n)
{
    KM_PARALLEL_FOR (ex, 8 * n, i, n) {
        float x = g[i] * scale;
        m[i] = beta1 * m[i] + (1 - beta1) * x;
        v[i] = beta2 * v[i] + (1 - beta2) * x * x;
        w[i] = keep * w[i] - step * m[i] / (sqrtf(v[i]) / root + eps);
    }
}
