/* SPDX-License-Identifier: MIT
 * What a step of training does to parameters, which are float32 for both types of activations. */
#include "kernels/cuda/sums.cuh"

__global__ static void axpby_kernel(float *y, const float *x, float a, const float *opt_u, float b, km_dim n)
{
    KM_EACH(i, n) y[i] = a * x[i] + (opt_u ? b * opt_u[i] : 0);
}

void KM_CUDA(axpby_fwd)(const km_exec *, float *y, const float *x, float a, const float *opt_u, float b, km_dim n)
{
    KM_EACH_LAUNCH(axpby_kernel, n, y, x, a, opt_u, b, n);
}

__global__ static void square_sum_kernel(sums *parts, const float *x, km_dim n)
{
    double sum = 0;
    KM_EACH(i, n) sum += (double)x[i] * x[i];
    leave_part(parts, sum, 0);
}

__global__ static void square_sum_end_kernel(double *y, const sums *parts) { y[0] = total(parts).a; }

void KM_CUDA(square_sum_fwd)(const km_exec *, double *sum, const float *x, km_dim n)
{
    km_cuda_zero(sum, sizeof *sum);
    if (n == 0) return;
    sums *parts = new_parts(0);
    KM_SUM_LAUNCH(square_sum_kernel, n, parts, x, n);
    KM_ONE_LAUNCH(square_sum_end_kernel, sum, parts);
}

__global__ static void normalize_kernel(float *y, const float *x, const double *square, km_dim n)
{
    float scale = (float)(1 / (sqrt(*square) + 1e-30));
    KM_EACH(i, n) y[i] = scale * x[i];
}

void KM_CUDA(normalize_fwd)(const km_exec *, float *y, const float *x, const double *square, km_dim n)
{
    KM_EACH_LAUNCH(normalize_kernel, n, y, x, square, n);
}

__global__ static void adam_kernel(float *w, float *m, float *v, const float *g, float beta1, float beta2, float step,
                                   float root, float eps, float keep, float scale, km_dim n)
{
    KM_EACH(i, n)
    {
        float x = g[i] * scale;
        m[i] = beta1 * m[i] + (1 - beta1) * x;
        v[i] = beta2 * v[i] + (1 - beta2) * x * x;
        w[i] = keep * w[i] - step * m[i] / (sqrtf(v[i]) / root + eps);
    }
}

void KM_CUDA(adam_fwd)(const km_exec *, float *w, float *m, float *v, const float *g, float beta1, float beta2,
                       float step, float root, float eps, float keep, float scale, km_dim n)
{
    KM_EACH_LAUNCH(adam_kernel, n, w, m, v, g, beta1, beta2, step, root, eps, keep, scale, n);
}
