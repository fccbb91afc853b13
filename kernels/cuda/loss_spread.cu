/* SPDX-License-Identifier: MIT
 * The loss of spreads: a thread for each listed pair goes through the frames; for the gradient it leaves its mean
 * distance and a slope, and a thread for each pair of each frame adds to both atoms. */
#include "kernels/cuda/sums.cuh"

__device__ static float pair_length(float d[3], const float *x, const int32_t *pair, km_dim f, km_dim A)
{
    return distance(d, x + (f * A + pair[0]) * 3, x + (f * A + pair[1]) * 3);
}

__device__ static double spread(double *mean, const float *x, const int32_t *pair, km_dim F, km_dim A)
{
    float d[3];
    double sum = 0, square = 0;
    for (km_dim f = 0; f < F; f++) sum += pair_length(d, x, pair, f, A);
    *mean = sum / (double)F;
    for (km_dim f = 0; f < F; f++) {
        double off = pair_length(d, x, pair, f, A) - *mean;
        square += off * off;
    }
    return sqrt(square / (double)(F - 1));
}

__global__ static void spread_kernel(sums *parts, const float *x, const float *r, const int32_t *pairs,
                                     const float *weight, km_dim P, km_dim F, km_dim A)
{
    double sum = 0, unused;
    KM_EACH(p, P)
    {
        double off = spread(&unused, x, pairs + 2 * p, F, A) - spread(&unused, r, pairs + 2 * p, F, A);
        sum += weight[p] * off * off;
    }
    leave_part(parts, sum, 0);
}

__global__ static void spread_end_kernel(float *y, const sums *parts) { y[0] = (float)total(parts).a; }

void KM_CUDA(loss_spread_fwd)(const km_exec *, float *y, const float *x, const float *r, const int32_t *pairs,
                              const float *weight, km_dim P, km_dim F, km_dim A)
{
    km_cuda_zero(y, sizeof *y);
    if (F < 3 || P == 0) return;
    sums *parts = new_parts(0);
    KM_SUM_LAUNCH(spread_kernel, P, parts, x, r, pairs, weight, P, F, A);
    KM_ONE_LAUNCH(spread_end_kernel, y, parts);
}

/* slope [P]: what times a distance less its mean is the gradient by it; b is the mean */
__global__ static void slope_kernel(sums *slope, const float *dy, const float *x, const float *r, const int32_t *pairs,
                                    const float *weight, km_dim P, km_dim F, km_dim A)
{
    KM_EACH(p, P)
    {
        double mean, unused, got = spread(&mean, x, pairs + 2 * p, F, A);
        double off = got - spread(&unused, r, pairs + 2 * p, F, A);
        slope[p] = sums{got > 0 ? dy[0] * weight[p] * 2 * off / (got * (double)(F - 1)) : 0, mean};
    }
}

__global__ static void spread_bwd_kernel(float *dx, const sums *slope, const float *x, const int32_t *pairs, km_dim P,
                                         km_dim F, km_dim A)
{
    KM_EACH(i, F * P)
    {
        km_dim f = i / P, p = i % P;
        const int32_t *pair = pairs + 2 * p;
        float d[3], l = pair_length(d, x, pair, f, A), g = l > 0 ? (float)(slope[p].a * (l - slope[p].b) / l) : 0;
        for (int k = 0; k < 3; k++) {
            atomicAdd(&dx[(f * A + pair[0]) * 3 + k], g * d[k]);
            atomicAdd(&dx[(f * A + pair[1]) * 3 + k], -g * d[k]);
        }
    }
}

void KM_CUDA(loss_spread_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                              const int32_t *pairs, const float *weight, km_dim P, km_dim F, km_dim A)
{
    if (!opt_dx || F < 3 || P == 0) return;
    sums *slope = (sums *)km_cuda_scratch(0, (size_t)P * sizeof *slope);
    KM_EACH_LAUNCH(slope_kernel, P, slope, dy, x, r, pairs, weight, P, F, A);
    KM_EACH_LAUNCH(spread_bwd_kernel, F * P, opt_dx, slope, x, pairs, P, F, A);
}
