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

/* How many bonds take part. */
__global__ static void bond_count_kernel(float *n, const float *opt_mask, km_dim B) { n[0] = count_of(opt_mask, B); }

static float *bond_count(const float *opt_mask, km_dim B)
{
    float *n = (float *)km_cuda_scratch(1, sizeof *n);
    KM_ONE_LAUNCH(bond_count_kernel, n, opt_mask, B);
    return n;
}

__device__ static double bond_vector(double d[3], const float *x, const int32_t *bond)
{
    for (int k = 0; k < 3; k++) d[k] = (double)x[bond[0] * 3 + k] - x[bond[1] * 3 + k];
    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

struct bond_list {
    const float *r, *frame_weight;
    const int32_t *bonds;
    const float *opt_lengths, *opt_mask, *n;
    km_dim F, A, B;
};

/* How much longer bond b is in frame f than it should be; d along it, *length in x */
__device__ static double stretch(double d[3], double *length, const float *x, const bond_list &s, km_dim f, km_dim b)
{
    double unused[3];
    *length = bond_vector(d, x + f * s.A * 3, s.bonds + 2 * b);
    return *length - (s.opt_lengths ? s.opt_lengths[b] : bond_vector(unused, s.r + f * s.A * 3, s.bonds + 2 * b));
}

__global__ static void bond_kernel(sums *parts, const float *x, bond_list s)
{
    double sum = 0;
    KM_EACH(i, s.F * s.B)
    {
        km_dim f = i / s.B, b = i % s.B;
        if (s.opt_mask && s.opt_mask[b] == 0) continue;
        double d[3], l, off = stretch(d, &l, x, s, f, b);
        sum += s.frame_weight[f] * off * off / s.n[0];
    }
    leave_part(parts, sum, 0);
}

void KM_CUDA(loss_bond_fwd)(const km_exec *, float *y, const float *x, const float *r, const float *frame_weight,
                            const int32_t *bonds, const float *opt_lengths, const float *opt_bond_mask, km_dim F,
                            km_dim A, km_dim B)
{
    const bond_list s = {r, frame_weight, bonds, opt_lengths, opt_bond_mask, bond_count(opt_bond_mask, B), F, A, B};
    sums *parts = new_parts(0);
    KM_SUM_LAUNCH(bond_kernel, F * B, parts, x, s);
    KM_ONE_LAUNCH(sum_to_kernel, y, parts);
}

__global__ static void bond_bwd_kernel(float *dx, const float *dy, const float *x, bond_list s)
{
    KM_EACH(at, s.F * s.B)
    {
        km_dim f = at / s.B, b = at % s.B, i = (f * s.A + s.bonds[2 * b]) * 3, j = (f * s.A + s.bonds[2 * b + 1]) * 3;
        if (s.opt_mask && s.opt_mask[b] == 0) continue;
        double d[3], l, off = stretch(d, &l, x, s, f, b);
        for (int k = 0; k < 3 && l > 0; k++) {
            float g = (float)(dy[0] * s.frame_weight[f] * 2 * off * d[k] / l / s.n[0]);
            atomicAdd(&dx[i + k], g);
            atomicAdd(&dx[j + k], -g);
        }
    }
}

void KM_CUDA(loss_bond_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                            const float *frame_weight, const int32_t *bonds, const float *opt_lengths,
                            const float *opt_bond_mask, km_dim F, km_dim A, km_dim B)
{
    if (!opt_dx || F * B == 0) return;
    const bond_list s = {r, frame_weight, bonds, opt_lengths, opt_bond_mask, bond_count(opt_bond_mask, B), F, A, B};
    KM_EACH_LAUNCH(bond_bwd_kernel, F * B, opt_dx, dy, x, s);
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

__global__ static void center_kernel(float *y, const double *d, const float *frame_weight, km_dim F)
{
    double sum = 0;
    for (km_dim f = 0; f < F; f++)
        for (int k = 0; k < 3; k++) sum += frame_weight[f] * d[f * 4 + k] * d[f * 4 + k];
    y[0] = (float)sum;
}

void KM_CUDA(loss_center_fwd)(const km_exec *, float *y, const float *x, const float *r, const float *frame_weight,
                              const int32_t *mol_type, km_dim F, km_dim A)
{
    KM_ONE_LAUNCH(center_kernel, y, centroids(x, r, mol_type, F, A), frame_weight, F);
}

__global__ static void center_bwd_kernel(float *dx, const float *dy, const double *d, const float *frame_weight,
                                         const int32_t *mol_type, km_dim F, km_dim A)
{
    KM_EACH(i, F * A)
    {
        km_dim f = i / A;
        for (int k = 0; k < 3 && mol_type[i % A] == LIGAND; k++)
            dx[i * 3 + k] += dy[0] * frame_weight[f] * 2 * (float)(d[f * 4 + k] / d[f * 4 + 3]);
    }
}

void KM_CUDA(loss_center_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                              const float *frame_weight, const int32_t *mol_type, km_dim F, km_dim A)
{
    if (!opt_dx) return;
    KM_EACH_LAUNCH(center_bwd_kernel, F * A, opt_dx, dy, centroids(x, r, mol_type, F, A), frame_weight, mol_type, F, A);
}
