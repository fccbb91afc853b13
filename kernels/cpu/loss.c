/* SPDX-License-Identifier: MIT
 * The losses that look at atoms one by one or at bonds: structure, bonds, centroid. A frame's sum is one thread's; the
 * frames' sums are added in order. */
#include "kernels/cpu/loss.h"

void KM_CPU(loss_struct_fwd)(const km_exec *ex, float *y, const float *x, const float *r, const float *frame_weight,
                             const float *atom_weight, km_dim F, km_dim A)
{
    double *sum = (double *)km_scratch(KM_SCRATCH_SHARED, (size_t)(2 * F));
    KM_PARALLEL_FOR (ex, F * A * 6, f, F) {
        sum[f] = 0;
        if (frame_weight[f] == 0) continue;
        for (km_dim a = 0; a < A; a++) {
            const float *xa = x + (f * A + a) * 3, *ra = r + (f * A + a) * 3;
            float d[3] = {xa[0] - ra[0], xa[1] - ra[1], xa[2] - ra[2]};
            sum[f] += (double)(atom_weight[a] * (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]));
        }
        sum[f] *= frame_weight[f];
    }
    y[0] = (float)sum_of(sum, F);
}

void KM_CPU(loss_struct_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, const float *r,
                             const float *frame_weight, const float *atom_weight, km_dim F, km_dim A)
{
    if (!dx) return;
    KM_PARALLEL_FOR (ex, F * A * 6, f, F)
        for (km_dim a = 0; a < A; a++) {
            float w = 2 * dy[0] * frame_weight[f] * atom_weight[a];
            for (km_dim i = (f * A + a) * 3; i < (f * A + a) * 3 + 3; i++) dx[i] += w * (x[i] - r[i]);
        }
}

static double bond_count(const float *opt_bond_mask, km_dim B)
{
    return (double)(opt_bond_mask ? count_of(opt_bond_mask, B) : B);
}

/* The length of a bond in a frame's x [A, 3], and the vector along it; in double, as a frame of little noise weighs
 * differences of less than a float's precision. */
static inline double bond_vector(double d[3], const float *x, const int32_t *bond)
{
    for (int i = 0; i < 3; i++) d[i] = (double)x[bond[0] * 3 + i] - x[bond[1] * 3 + i];
    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

/* How long bond b should be: as listed, or as in a frame's r [A, 3] */
static inline double bond_wanted(const float *r, const int32_t *bond, const float *opt_lengths, km_dim b)
{
    double d[3];
    return opt_lengths ? opt_lengths[b] : bond_vector(d, r, bond);
}

void KM_CPU(loss_bond_fwd)(const km_exec *ex, float *y, const float *x, const float *r, const float *frame_weight,
                           const int32_t *bonds, const float *opt_lengths, const float *bond_mask, km_dim F, km_dim A,
                           km_dim B)
{
    double *sum = (double *)km_scratch(KM_SCRATCH_SHARED, (size_t)(2 * F)), n = bond_count(bond_mask, B);
    KM_PARALLEL_FOR (ex, F * B * 12, f, F) {
        sum[f] = 0;
        for (km_dim b = 0; b < B && frame_weight[f] != 0; b++) {
            const int32_t *bond = bonds + b * 2;
            double d[3], off = bond_vector(d, x + f * A * 3, bond) - bond_wanted(r + f * A * 3, bond, opt_lengths, b);
            if (!bond_mask || bond_mask[b] != 0) sum[f] += off * off;
        }
        sum[f] *= frame_weight[f];
    }
    y[0] = n > 0 ? (float)(sum_of(sum, F) / n) : 0.0f;
}

void KM_CPU(loss_bond_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, const float *r,
                           const float *frame_weight, const int32_t *bonds, const float *opt_lengths,
                           const float *bond_mask, km_dim F, km_dim A, km_dim B)
{
    double n = bond_count(bond_mask, B);
    if (!dx || n == 0) return;
    KM_PARALLEL_FOR (ex, F * B * 12, f, F)
        for (km_dim b = 0; b < B && frame_weight[f] != 0; b++) {
            const int32_t *bond = bonds + b * 2;
            double d[3], length = bond_vector(d, x + f * A * 3, bond);
            if (length == 0 || (bond_mask && bond_mask[b] == 0)) continue;
            double off = length - bond_wanted(r + f * A * 3, bond, opt_lengths, b);
            double w = 2.0 * dy[0] * frame_weight[f] / n * off / length;
            for (int i = 0; i < 3; i++) {
                dx[(f * A + bond[0]) * 3 + i] += (float)(w * d[i]);
                dx[(f * A + bond[1]) * 3 + i] -= (float)(w * d[i]);
            }
        }
}

enum { LIGAND = 3 };

/* d = the centroid of the ligand in x less that in r, both [A, 3]; returns the number of its atoms */
static double centroid_offset(double d[3], const float *x, const float *r, const int32_t *mol_type, km_dim A)
{
    double n = 0;
    d[0] = d[1] = d[2] = 0;
    for (km_dim a = 0; a < A; a++) {
        if (mol_type[a] != LIGAND) continue;
        for (int i = 0; i < 3; i++) d[i] += (double)(x[a * 3 + i] - r[a * 3 + i]);
        n++;
    }
    for (int i = 0; i < 3 && n > 0; i++) d[i] /= n;
    return n;
}

void KM_CPU(loss_center_fwd)(const km_exec *ex, float *y, const float *x, const float *r, const float *frame_weight,
                             const int32_t *mol_type, km_dim F, km_dim A)
{
    (void)ex;
    double sum = 0;
    for (km_dim f = 0; f < F; f++) {
        double d[3];
        if (frame_weight[f] == 0) continue;
        centroid_offset(d, x + f * A * 3, r + f * A * 3, mol_type, A);
        sum += frame_weight[f] * (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    }
    y[0] = (float)sum;
}

void KM_CPU(loss_center_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, const float *r,
                             const float *frame_weight, const int32_t *mol_type, km_dim F, km_dim A)
{
    (void)ex;
    for (km_dim f = 0; f < F && dx; f++) {
        double d[3];
        if (frame_weight[f] == 0) continue;
        double n = centroid_offset(d, x + f * A * 3, r + f * A * 3, mol_type, A);
        for (km_dim a = 0; a < A; a++)
            for (int i = 0; i < 3 && mol_type[a] == LIGAND; i++)
                dx[(f * A + a) * 3 + i] += (float)(2 * dy[0] * frame_weight[f] * d[i] / n);
    }
}
