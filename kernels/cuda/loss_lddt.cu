/* SPDX-License-Identifier: MIT
 * The loss of local distances: a warp for each atom of each frame, its lanes over the partners. Pairs (i, j) and
 * (j, i) score alike, so an atom's gradient is twice that of its own pairs and nobody else writes it. */
#include "kernels/cuda/sums.cuh"

struct frames {
    const float *x, *r, *target, *atom_mask;
    float radius;
    km_dim F, A;
};

/* The pair's score; *slope is its derivative by the predicted distance. */
__device__ static float score(float *slope, float predicted, float reference)
{
    const float threshold[4] = {0.5f, 1, 2, 4};
    float u = fabsf(predicted - reference), sum = 0, down = 0;
    for (int c = 0; c < 4; c++) {
        float s = 1 / (1 + expf(u - threshold[c]));
        sum += s / 4, down += s * (1 - s) / 4;
    }
    *slope = predicted > reference ? -down : predicted < reference ? down : 0;
    return sum;
}

/* Does the pair count? Its distances, and d = x_i - x_j. */
__device__ static bool counts(float d[3], float *got, float *real, const frames &t, km_dim f, km_dim i, km_dim j)
{
    float unused[3];
    if (i == j || t.atom_mask[j] == 0) return false;
    *real = distance(unused, t.r + (f * t.A + i) * 3, t.r + (f * t.A + j) * 3);
    if (*real >= t.radius) return false;
    *got = distance(d, t.x + (f * t.A + i) * 3, t.x + (f * t.A + j) * 3);
    return true;
}

__global__ static void lddt_kernel(sums *parts, const float *x, const float *r, const float *target,
                                   const float *atom_mask, float radius, km_dim F, km_dim A)
{
    frames t = {x, r, target, atom_mask, radius, F, A};
    double sum = 0, pairs = 0;
    KM_EACH_WARP(fi, F * A)
    {
        km_dim f = fi / A, i = fi % A;
        if (target[f] == 0 || atom_mask[i] == 0) continue;
        for (km_dim j = lane_of(); j < A; j += KM_WARP) {
            float d[3], got, real, slope;
            if (counts(d, &got, &real, t, f, i, j)) sum += score(&slope, got, real), pairs++;
        }
    }
    leave_part(parts, sum, pairs);
}

__global__ static void lddt_end_kernel(float *y, const sums *parts)
{
    sums all = total(parts);
    y[0] = all.b > 0 ? (float)(1 - all.a / all.b) : 0;
}

void KM_CUDA(loss_lddt_fwd)(const km_exec *, float *y, const float *x, const float *r, const float *target,
                            const float *atom_mask, float radius, km_dim F, km_dim A)
{
    sums *parts = new_parts(0);
    KM_SUM_LAUNCH(lddt_kernel, F * A * KM_WARP, parts, x, r, target, atom_mask, radius, F, A);
    KM_ONE_LAUNCH(lddt_end_kernel, y, parts);
}

/* factor = -2 dy / pairs, 0 without a pair */
__global__ static void factor_kernel(float *factor, const sums *parts, const float *dy)
{
    sums all = total(parts);
    factor[0] = all.b > 0 ? (float)(-2 * dy[0] / all.b) : 0;
}

__global__ static void lddt_bwd_kernel(float *dx, const float *factor, const float *x, const float *r,
                                       const float *target, const float *atom_mask, float radius, km_dim F, km_dim A)
{
    frames t = {x, r, target, atom_mask, radius, F, A};
    KM_EACH_WARP(fi, F * A)
    {
        km_dim f = fi / A, i = fi % A;
        float g[3] = {0, 0, 0};
        if (target[f] == 0 || atom_mask[i] == 0) continue;
        for (km_dim j = lane_of(); j < A; j += KM_WARP) {
            float d[3], got, real, slope;
            if (!counts(d, &got, &real, t, f, i, j) || got == 0) continue;
            score(&slope, got, real);
            for (int k = 0; k < 3; k++) g[k] += slope * d[k] / got;
        }
        for (int k = 0; k < 3; k++) g[k] = warp_sum(g[k]);
        for (int k = 0; k < 3 && lane_of() == 0; k++) dx[fi * 3 + k] += factor[0] * g[k];
    }
}

void KM_CUDA(loss_lddt_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                            const float *target, const float *atom_mask, float radius, km_dim F, km_dim A)
{
    if (!opt_dx) return;
    sums *parts = new_parts(0);
    float *factor = (float *)km_cuda_scratch(1, sizeof *factor);
    KM_SUM_LAUNCH(lddt_kernel, F * A * KM_WARP, parts, x, r, target, atom_mask, radius, F, A);
    KM_ONE_LAUNCH(factor_kernel, factor, parts, dy);
    KM_WARP_LAUNCH(lddt_bwd_kernel, F * A, opt_dx, factor, x, r, target, atom_mask, radius, F, A);
}
