/* SPDX-License-Identifier: MIT
 * The loss of local distances: a warp for each atom of each frame, its lanes over the partners. Pairs (i, j) and
 * (j, i) score and weigh alike, so an atom's gradient is twice that of its own pairs and nobody else writes it. */
#include "kernels/cuda/sums.cuh"

struct frames {
    const float *x, *r, *target, *atom_mask;
    const int32_t *opt_mol_type;
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

__device__ static float reach(const frames &t, km_dim i)
{
    return t.opt_mol_type && (t.opt_mol_type[i] == 1 || t.opt_mol_type[i] == 2) ? 2 * t.radius : t.radius;
}

/* What a pair weighs in the mean over ordered pairs, 0 where it does not count; its distances, and d = x_i - x_j. */
__device__ static float weigh(float d[3], float *got, float *real, const frames &t, km_dim f, km_dim i, km_dim j)
{
    float unused[3];
    if (i == j || t.atom_mask[j] == 0) return 0;
    *real = distance(unused, t.r + (f * t.A + i) * 3, t.r + (f * t.A + j) * 3);
    *got = distance(d, t.x + (f * t.A + i) * 3, t.x + (f * t.A + j) * 3);
    int ligands = t.opt_mol_type ? (t.opt_mol_type[i] == 3) + (t.opt_mol_type[j] == 3) : 0;
    float in = (*real < reach(t, i) ? 0.5f : 0.0f) + (*real < reach(t, j) ? 0.5f : 0.0f);
    return in * (ligands == 0 ? 1 : ligands == 1 ? 5 : 10);
}

/* rows [F, A] = scores of an atom's pairs, and what they weigh */
__global__ static void lddt_kernel(sums *rows, frames t)
{
    KM_EACH_WARP(fi, t.F * t.A)
    {
        km_dim f = fi / t.A, i = fi % t.A;
        double sum = 0, pairs = 0;
        for (km_dim j = lane_of(); j < t.A && t.target[f] != 0 && t.atom_mask[i] != 0; j += KM_WARP) {
            float d[3], got, real, slope, w = weigh(d, &got, &real, t, f, i, j);
            if (w > 0) sum += (double)w * score(&slope, got, real), pairs += w;
        }
        sum = warp_sum(sum), pairs = warp_sum(pairs);
        if (lane_of() == 0) rows[fi] = sums{sum, pairs};
    }
}

/* each [F] = the sums of a frame's rows; a warp a frame */
__global__ static void frames_kernel(sums *each, const sums *rows, km_dim F, km_dim A)
{
    KM_EACH_WARP(f, F)
    {
        double a = 0, b = 0;
        for (km_dim i = lane_of(); i < A; i += KM_WARP) a += rows[f * A + i].a, b += rows[f * A + i].b;
        a = warp_sum(a), b = warp_sum(b);
        if (lane_of() == 0) each[f] = sums{a, b};
    }
}

__device__ static sums all_of(const sums *each, km_dim F)
{
    sums all = {0, 0};
    for (km_dim f = 0; f < F; f++) all.a += each[f].a, all.b += each[f].b;
    return all;
}

__global__ static void lddt_end_kernel(float *y, const sums *each, frames t)
{
    sums all = all_of(each, t.F);
    double sum = 0;
    for (km_dim f = 0; f < t.F; f++)
        if (t.target[f] != 0) sum += (1 - each[f].a / (each[f].b + 1e-6)) / (double)t.F;
    y[0] = t.opt_mol_type ? (float)sum : all.b > 0 ? (float)(1 - all.a / all.b) : 0;
}

/* The sums of every frame */
static sums *sum_frames(const frames &t)
{
    sums *rows = (sums *)km_cuda_scratch(0, (size_t)(t.F * (t.A + 1)) * sizeof *rows), *each = rows + t.F * t.A;
    KM_WARP_LAUNCH(lddt_kernel, t.F * t.A, rows, t);
    KM_WARP_LAUNCH(frames_kernel, t.F, each, rows, t.F, t.A);
    return each;
}

void KM_CUDA(loss_lddt_fwd)(const km_exec *, float *y, const float *x, const float *r, const float *target,
                            const float *atom_mask, const int32_t *opt_mol_type, float radius, km_dim F, km_dim A)
{
    const frames t = {x, r, target, atom_mask, opt_mol_type, radius, F, A};
    KM_ONE_LAUNCH(lddt_end_kernel, y, sum_frames(t), t);
}

/* factor [F] = -2 dy over what pairs weigh: a frame's or all */
__global__ static void factor_kernel(float *factor, const sums *each, const float *dy, frames t)
{
    double all = all_of(each, t.F).b;
    for (km_dim f = 0; f < t.F; f++) {
        double by = t.opt_mol_type ? (double)t.F * (each[f].b + 1e-6) : all;
        factor[f] = all > 0 ? (float)(-2 * dy[0] / by) : 0;
    }
}

__global__ static void lddt_bwd_kernel(float *dx, const float *factor, frames t)
{
    KM_EACH_WARP(fi, t.F * t.A)
    {
        km_dim f = fi / t.A, i = fi % t.A;
        float g[3] = {0, 0, 0};
        if (t.target[f] == 0 || t.atom_mask[i] == 0) continue;
        for (km_dim j = lane_of(); j < t.A; j += KM_WARP) {
            float d[3], got, real, slope, w = weigh(d, &got, &real, t, f, i, j);
            if (w == 0 || got == 0) continue;
            score(&slope, got, real);
            for (int k = 0; k < 3; k++) g[k] += w * slope * d[k] / got;
        }
        for (int k = 0; k < 3; k++) g[k] = warp_sum(g[k]);
        for (int k = 0; k < 3 && lane_of() == 0; k++) dx[fi * 3 + k] += factor[f] * g[k];
    }
}

void KM_CUDA(loss_lddt_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                            const float *target, const float *atom_mask, const int32_t *opt_mol_type, float radius,
                            km_dim F, km_dim A)
{
    if (!opt_dx) return;
    const frames t = {x, r, target, atom_mask, opt_mol_type, radius, F, A};
    float *factor = (float *)km_cuda_scratch(1, (size_t)F * sizeof *factor);
    KM_ONE_LAUNCH(factor_kernel, factor, sum_frames(t), dy, t);
    KM_WARP_LAUNCH(lddt_bwd_kernel, F * A, opt_dx, factor, t);
}
