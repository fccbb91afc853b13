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

/* How much longer bond b is in frame f than it should be, or than in r; d along it, *length in x */
static double stretch(double d[3], double *length, const double *x, const double *r, const double *lengths,
                      const int32_t *bond, km_dim b, km_dim f, km_dim A)
{
    double unused[3];
    *length = distance(d, x + (f * A + bond[0]) * 3, x + (f * A + bond[1]) * 3);
    return *length - (lengths ? lengths[b] : distance(unused, r + (f * A + bond[0]) * 3, r + (f * A + bond[1]) * 3));
}

void km_ref_loss_bond_fwd(const km_exec *ex, double *y, const double *x, const double *r, const double *frame_weight,
                          const int32_t *bonds, const double *lengths, const double *bond_mask, km_dim F, km_dim A,
                          km_dim B)
{
    (void)ex;
    double n = bond_mask ? count(bond_mask, B) : (double)B;
    y[0] = 0;
    for (km_dim i = 0; i < F * B; i++) {
        km_dim f = i / B, b = i % B;
        double d[3], l, off = stretch(d, &l, x, r, lengths, bonds + 2 * b, b, f, A);
        if (!bond_mask || bond_mask[b] != 0) y[0] += frame_weight[f] * off * off / n;
    }
}

void km_ref_loss_bond_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                          const double *frame_weight, const int32_t *bonds, const double *lengths,
                          const double *bond_mask, km_dim F, km_dim A, km_dim B)
{
    (void)ex;
    double n = bond_mask ? count(bond_mask, B) : (double)B;
    for (km_dim at = 0; at < F * B; at++) {
        km_dim f = at / B, b = at % B, i = (f * A + bonds[2 * b]) * 3, j = (f * A + bonds[2 * b + 1]) * 3;
        double d[3], l, off = stretch(d, &l, x, r, lengths, bonds + 2 * b, b, f, A);
        double g = dy[0] * frame_weight[f] * 2 * off / l / n;
        for (int k = 0; k < 3 && l > 0 && !(bond_mask && bond_mask[b] == 0); k++)
            dx[i + k] += g * d[k], dx[j + k] -= g * d[k];
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

/* The atoms of a call, and of an atom how near another must be to count. */
typedef struct atoms {
    const double *mask;
    const int32_t *opt_mol_type;
    double radius;
    km_dim A;
} atoms;

static double radius_of(const atoms *s, km_dim i)
{
    return s->opt_mol_type && (s->opt_mol_type[i] == 1 || s->opt_mol_type[i] == 2) ? 2 * s->radius : s->radius;
}

static double pair_weight(const atoms *s, km_dim i, km_dim j)
{
    int ligands = s->opt_mol_type ? (s->opt_mol_type[i] == 3) + (s->opt_mol_type[j] == 3) : 0;
    return ligands == 0 ? 1 : ligands == 1 ? 5 : 10;
}

/* The sum over a frame's pairs of weighted scores; the gradient of that sum times `factor` is added to opt_dx; *pairs
 * is what all weigh. */
static double frame_lddt(double *opt_dx, double factor, double *pairs, const double *x, const double *r, const atoms *s)
{
    double sum = 0;
    *pairs = 0;
    for (km_dim i = 0; i < s->A; i++)
        for (km_dim j = 0; j < s->A; j++) {
            double d[3], unused[3], slope, real = distance(unused, r + i * 3, r + j * 3), w = pair_weight(s, i, j);
            if (i == j || s->mask[i] == 0 || s->mask[j] == 0 || real >= radius_of(s, i)) continue;
            double got = distance(d, x + i * 3, x + j * 3);
            sum += w * score(&slope, got, real), *pairs += w;
            for (int k = 0; k < 3 && opt_dx && got > 0; k++) {
                opt_dx[i * 3 + k] += factor * w * slope * d[k] / got;
                opt_dx[j * 3 + k] -= factor * w * slope * d[k] / got;
            }
        }
    return sum;
}

static double lddt(double *opt_dx, double dy, const double *x, const double *r, const double *target, const atoms *s,
                   km_dim F)
{
    double sum = 0, all = 0, each = 0, n = (double)F;
    for (int pass = 0; pass < (opt_dx ? 2 : 1); pass++)
        for (km_dim f = 0; f < F; f++) {
            km_dim at = f * s->A * 3;
            double pairs, score = target[f] != 0 ? frame_lddt(NULL, 0, &pairs, x + at, r + at, s) : 0;
            if (target[f] == 0) continue;
            if (pass == 0) sum += score, all += pairs, each += (1 - score / (pairs + 1e-6)) / n;
            double factor = s->opt_mol_type ? -dy / (pairs + 1e-6) / n : all > 0 ? -dy / all : 0;
            if (pass == 1) frame_lddt(opt_dx + at, factor, &pairs, x + at, r + at, s);
        }
    return s->opt_mol_type ? each : all > 0 ? 1 - sum / all : 0;
}

void km_ref_loss_lddt_fwd(const km_exec *ex, double *y, const double *x, const double *r, const double *target,
                          const double *atom_mask, const int32_t *opt_mol_type, double radius, km_dim F, km_dim A)
{
    (void)ex;
    y[0] = lddt(NULL, 0, x, r, target, &(atoms){atom_mask, opt_mol_type, radius, A}, F);
}

void km_ref_loss_lddt_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                          const double *target, const double *atom_mask, const int32_t *opt_mol_type, double radius,
                          km_dim F, km_dim A)
{
    (void)ex;
    lddt(dx, dy[0], x, r, target, &(atoms){atom_mask, opt_mol_type, radius, A}, F);
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

void km_ref_loss_center_fwd(const km_exec *ex, double *y, const double *x, const double *r, const double *frame_weight,
                            const int32_t *mol_type, km_dim F, km_dim A)
{
    (void)ex;
    y[0] = 0;
    for (km_dim f = 0; f < F; f++) {
        double d[3];
        centroids(d, x, r, mol_type, f, A);
        y[0] += frame_weight[f] * (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    }
}

void km_ref_loss_center_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                            const double *frame_weight, const int32_t *mol_type, km_dim F, km_dim A)
{
    (void)ex;
    for (km_dim f = 0; f < F; f++) {
        double d[3], n = centroids(d, x, r, mol_type, f, A);
        for (km_dim a = 0; a < A; a++)
            for (int k = 0; k < 3 && mol_type[a] == 3; k++)
                dx[(f * A + a) * 3 + k] += dy[0] * frame_weight[f] * 2 * d[k] / n;
    }
}
