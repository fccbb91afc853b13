/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "kernels/ref/ref.h"

static double count(const double *x, km_dim n)
{
    double c = 0;
    for (km_dim i = 0; i < n; i++) c += x[i] != 0;
    return c;
}

/* |a - b|, and their difference */
static double distance(double d[3], const double *a, const double *b)
{
    for (int i = 0; i < 3; i++) d[i] = a[i] - b[i];
    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

void km_ref_loss_struct_fwd(const km_exec *ex, double *y, const double *x, const double *r, const double *frame_weight,
                            const double *atom_weight, km_dim F, km_dim A)
{
    (void)ex;
    y[0] = 0;
    for (km_dim i = 0; i < F * A * 3; i++)
        y[0] += frame_weight[i / 3 / A] * atom_weight[i / 3 % A] * (x[i] - r[i]) * (x[i] - r[i]);
}

void km_ref_loss_struct_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                            const double *frame_weight, const double *atom_weight, km_dim F, km_dim A)
{
    (void)ex;
    for (km_dim i = 0; i < F * A * 3; i++)
        dx[i] += dy[0] * frame_weight[i / 3 / A] * atom_weight[i / 3 % A] * 2 * (x[i] - r[i]);
}

void km_ref_loss_bond_fwd(const km_exec *ex, double *y, const double *x, const double *target, const int32_t *bonds,
                          const double *lengths, const double *bond_mask, km_dim F, km_dim A, km_dim B)
{
    (void)ex;
    double n = count(target, F) * (bond_mask ? count(bond_mask, B) : (double)B);
    y[0] = 0;
    for (km_dim f = 0; f < F; f++)
        for (km_dim b = 0; b < B; b++) {
            if (target[f] == 0 || (bond_mask && bond_mask[b] == 0)) continue;
            double d[3], l = distance(d, x + (f * A + bonds[2 * b]) * 3, x + (f * A + bonds[2 * b + 1]) * 3);
            y[0] += (l - lengths[b]) * (l - lengths[b]) / n;
        }
}

void km_ref_loss_bond_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *target,
                          const int32_t *bonds, const double *lengths, const double *bond_mask, km_dim F, km_dim A,
                          km_dim B)
{
    (void)ex;
    double n = count(target, F) * (bond_mask ? count(bond_mask, B) : (double)B);
    for (km_dim f = 0; f < F; f++)
        for (km_dim b = 0; b < B; b++) {
            if (target[f] == 0 || (bond_mask && bond_mask[b] == 0)) continue;
            km_dim i = (f * A + bonds[2 * b]) * 3, j = (f * A + bonds[2 * b + 1]) * 3;
            double d[3], l = distance(d, x + i, x + j);
            for (int k = 0; k < 3 && l > 0; k++) {
                dx[i + k] += dy[0] * 2 * (l - lengths[b]) * d[k] / l / n;
                dx[j + k] -= dy[0] * 2 * (l - lengths[b]) * d[k] / l / n;
            }
        }
}

/* The pair's score and, in *slope, its derivative by the predicted distance. */
static double score(double *slope, double predicted, double reference)
{
    static const double threshold[4] = {0.5, 1, 2, 4};
    double u = fabs(predicted - reference), sum = 0;
    *slope = 0;
    for (int c = 0; c < 4; c++) {
        double s = 1 / (1 + exp(u - threshold[c]));
        sum += s / 4;
        *slope -= s * (1 - s) / 4 * (predicted > reference ? 1 : predicted < reference ? -1 : 0);
    }
    return sum;
}

/* The sum over pairs of scores; the gradient of that sum times `factor` is added to opt_dx; *pairs is their number. */
static double lddt(double *opt_dx, double factor, double *pairs, const double *x, const double *r, const double *target,
                   const double *atom_mask, double radius, km_dim F, km_dim A)
{
    double sum = 0;
    *pairs = 0;
    for (km_dim f = 0; f < F; f++)
        for (km_dim i = 0; i < A; i++)
            for (km_dim j = 0; j < A; j++) {
                double d[3], unused[3], slope, real = distance(unused, r + (f * A + i) * 3, r + (f * A + j) * 3);
                if (i == j || target[f] == 0 || atom_mask[i] == 0 || atom_mask[j] == 0 || real >= radius) continue;
                double got = distance(d, x + (f * A + i) * 3, x + (f * A + j) * 3);
                sum += score(&slope, got, real), ++*pairs;
                for (int k = 0; k < 3 && opt_dx && got > 0; k++) {
                    opt_dx[(f * A + i) * 3 + k] += factor * slope * d[k] / got;
                    opt_dx[(f * A + j) * 3 + k] -= factor * slope * d[k] / got;
                }
            }
    return sum;
}

void km_ref_loss_lddt_fwd(const km_exec *ex, double *y, const double *x, const double *r, const double *target,
                          const double *atom_mask, double radius, km_dim F, km_dim A)
{
    (void)ex;
    double pairs, sum = lddt(NULL, 0, &pairs, x, r, target, atom_mask, radius, F, A);
    y[0] = pairs > 0 ? 1 - sum / pairs : 0;
}

void km_ref_loss_lddt_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                          const double *target, const double *atom_mask, double radius, km_dim F, km_dim A)
{
    (void)ex;
    double pairs;
    lddt(NULL, 0, &pairs, x, r, target, atom_mask, radius, F, A);
    if (pairs > 0) lddt(dx, -dy[0] / pairs, &pairs, x, r, target, atom_mask, radius, F, A);
}

/* d = the difference of the ligand's centroids in frame f; returns the number of its atoms */
static double centroids(double d[3], const double *x, const double *r, const int32_t *mol_type, km_dim f, km_dim A)
{
    double n = 0;
    for (km_dim a = 0; a < A; a++) n += mol_type[a] == 3;
    for (int k = 0; k < 3; k++) {
        d[k] = 0;
        for (km_dim a = 0; a < A; a++)
            if (mol_type[a] == 3) d[k] += (x[(f * A + a) * 3 + k] - r[(f * A + a) * 3 + k]) / n;
    }
    return n;
}

void km_ref_loss_center_fwd(const km_exec *ex, double *y, const double *x, const double *r, const double *target,
                            const int32_t *mol_type, km_dim F, km_dim A)
{
    (void)ex;
    y[0] = 0;
    for (km_dim f = 0; f < F; f++) {
        double d[3];
        if (target[f] == 0) continue;
        centroids(d, x, r, mol_type, f, A);
        y[0] += (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) / count(target, F);
    }
}

void km_ref_loss_center_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                            const double *target, const int32_t *mol_type, km_dim F, km_dim A)
{
    (void)ex;
    for (km_dim f = 0; f < F; f++) {
        double d[3], n = centroids(d, x, r, mol_type, f, A);
        for (km_dim a = 0; a < A; a++)
            for (int k = 0; k < 3 && target[f] != 0 && mol_type[a] == 3; k++)
                dx[(f * A + a) * 3 + k] += dy[0] * 2 * d[k] / n / count(target, F);
    }
}
