/* SPDX-License-Identifier: MIT
 * The losses of structure, bonds and the ligand's centroid. */
#include "kernels/cuda/sums.cuh"

__global__ static void sum_to_kernel(float *y, const sums *parts) { y[0] = (float)total(parts).a; }

__global__ static void struct_kernel(sums *parts, const float *x, const float *r, const float *frame_weight,
                                     const float *atom_weight, km_dim F, km_dim A)
{
    double sum = 0;
    KM_EACH(i, F * A * 3)
    {
        float d = x[i] - r[i];
        sum += frame_weight[i / 3 / A] * atom_weight[i / 3 % A] * d * d;
    }
    leave_part(parts, sum, 0);
}

void KM_CUDA(loss_struct_fwd)(const km_exec *, float *y, const float *x, const float *r, const float *frame_weight,
                              const float *atom_weight, km_dim F, km_dim A)
{
    sums *parts = new_parts(0);
    KM_SUM_LAUNCH(struct_kernel, F * A * 3, parts, x, r, frame_weight, atom_weight, F, A);
    KM_ONE_LAUNCH(sum_to_kernel, y, parts);
}

__global__ static void struct_bwd_kernel(float *dx, const float *dy, const float *x, const float *r,
                                         const float *frame_weight, const float *atom_weight, km_dim F, km_dim A)
{
    KM_EACH(i, F * A * 3) dx[i] += dy[0] * frame_weight[i / 3 / A] * atom_weight[i / 3 % A] * 2 * (x[i] - r[i]);
}

void KM_CUDA(loss_struct_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                              const float *frame_weight, const float *atom_weight, km_dim F, km_dim A)
{
    if (opt_dx) KM_EACH_LAUNCH(struct_bwd_kernel, F * A * 3, opt_dx, dy, x, r, frame_weight, atom_weight, F, A);
}

/* How many target frames there are times how many bonds take part. */
__global__ static void bond_count_kernel(float *n, const float *target, const float *opt_mask, km_dim F, km_dim B)
{
    n[0] = count_of(target, F) * count_of(opt_mask, B);
}

static float *bond_count(const float *target, const float *opt_mask, km_dim F, km_dim B)
{
    float *n = (float *)km_cuda_scratch(1, sizeof *n);
    KM_ONE_LAUNCH(bond_count_kernel, n, target, opt_mask, F, B);
    return n;
}

__global__ static void bond_kernel(sums *parts, const float *x, const float *target, const int32_t *bonds,
                                   const float *lengths, const float *opt_mask, const float *n, km_dim F, km_dim A,
                                   km_dim B)
{
    double sum = 0;
    KM_EACH(i, F * B)
    {
        km_dim f = i / B, b = i % B;
        if (target[f] == 0 || (opt_mask && opt_mask[b] == 0)) continue;
        float d[3], off = distance(d, x + (f * A + bonds[2 * b]) * 3, x + (f * A + bonds[2 * b + 1]) * 3) - lengths[b];
        sum += (double)off * off / n[0];
    }
    leave_part(parts, sum, 0);
}

void KM_CUDA(loss_bond_fwd)(const km_exec *, float *y, const float *x, const float *target, const int32_t *bonds,
                            const float *lengths, const float *opt_bond_mask, km_dim F, km_dim A, km_dim B)
{
    const float *n = bond_count(target, opt_bond_mask, F, B);
    sums *parts = new_parts(0);
    KM_SUM_LAUNCH(bond_kernel, F * B, parts, x, target, bonds, lengths, opt_bond_mask, n, F, A, B);
    KM_ONE_LAUNCH(sum_to_kernel, y, parts);
}

__global__ static void bond_bwd_kernel(float *dx, const float *dy, const float *x, const float *target,
                                       const int32_t *bonds, const float *lengths, const float *opt_mask,
                                       const float *n, km_dim F, km_dim A, km_dim B)
{
    KM_EACH(at, F * B)
    {
        km_dim f = at / B, b = at % B, i = (f * A + bonds[2 * b]) * 3, j = (f * A + bonds[2 * b + 1]) * 3;
        if (target[f] == 0 || (opt_mask && opt_mask[b] == 0)) continue;
        float d[3], l = distance(d, x + i, x + j);
        for (int k = 0; k < 3 && l > 0; k++) {
            float g = dy[0] * 2 * (l - lengths[b]) * d[k] / l / n[0];
            atomicAdd(&dx[i + k], g);
            atomicAdd(&dx[j + k], -g);
        }
    }
}

void KM_CUDA(loss_bond_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *target,
                            const int32_t *bonds, const float *lengths, const float *opt_bond_mask, km_dim F, km_dim A,
                            km_dim B)
{
    if (!opt_dx || F * B == 0) return;
    const float *n = bond_count(target, opt_bond_mask, F, B);
    KM_EACH_LAUNCH(bond_bwd_kernel, F * B, opt_dx, dy, x, target, bonds, lengths, opt_bond_mask, n, F, A, B);
}

enum { LIGAND = 3 };

/* d [F, 4] = the difference of the ligand's centroids in frame f, and the number of its atoms; a warp a frame */
__global__ static void centroids_kernel(double *d, const float *x, const float *r, const int32_t *mol_type, km_dim F,
                                        km_dim A)
{
    KM_EACH_WARP(f, F)
    {
        double sum[4] = {0, 0, 0, 0};
        for (km_dim a = lane_of(); a < A; a += KM_WARP) {
            if (mol_type[a] != LIGAND) continue;
            for (int k = 0; k < 3; k++) sum[k] += (double)x[(f * A + a) * 3 + k] - r[(f * A + a) * 3 + k];
            sum[3]++;
        }
        for (int k = 0; k < 4; k++) sum[k] = warp_sum(sum[k]);
        for (int k = 0; k < 4 && lane_of() == 0; k++) d[f * 4 + k] = k == 3 ? sum[3] : sum[3] > 0 ? sum[k] / sum[3] : 0;
    }
}

static double *centroids(const float *x, const float *r, const int32_t *mol_type, km_dim F, km_dim A)
{
    double *d = (double *)km_cuda_scratch(0, (size_t)(F * 4) * sizeof *d);
    KM_WARP_LAUNCH(centroids_kernel, F, d, x, r, mol_type, F, A);
    return d;
}

__global__ static void center_kernel(float *y, const double *d, const float *target, km_dim F)
{
    double sum = 0;
    for (km_dim f = 0; f < F; f++)
        if (target[f] != 0)
            for (int k = 0; k < 3; k++) sum += d[f * 4 + k] * d[f * 4 + k] / count_of(target, F);
    y[0] = (float)sum;
}

void KM_CUDA(loss_center_fwd)(const km_exec *, float *y, const float *x, const float *r, const float *target,
                              const int32_t *mol_type, km_dim F, km_dim A)
{
    KM_ONE_LAUNCH(center_kernel, y, centroids(x, r, mol_type, F, A), target, F);
}

__global__ static void center_bwd_kernel(float *dx, const float *dy, const double *d, const float *target,
                                         const int32_t *mol_type, km_dim F, km_dim A)
{
    KM_EACH(i, F * A)
    {
        km_dim f = i / A;
        if (target[f] == 0 || mol_type[i % A] != LIGAND) continue;
        for (int k = 0; k < 3; k++)
            dx[i * 3 + k] += dy[0] * 2 * (float)(d[f * 4 + k] / d[f * 4 + 3]) / count_of(target, F);
    }
}

void KM_CUDA(loss_center_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                              const float *target, const int32_t *mol_type, km_dim F, km_dim A)
{
    if (!opt_dx) return;
    KM_EACH_LAUNCH(center_bwd_kernel, F * A, opt_dx, dy, centroids(x, r, mol_type, F, A), target, mol_type, F, A);
}
