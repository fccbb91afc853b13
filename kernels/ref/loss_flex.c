/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "kernels/ref/ref.h"

/* Everything the formulas need, and where the gradient goes (NULL: nowhere). */
typedef struct flex {
    const double *x, *r, *target, *atom_mask, *parts;
    const int32_t *residue, *mol_type;
    bool type_weights;
    km_dim F, A;
    double *dx, dy, T, n;
} flex;

static double rmsf(double mean[3], const flex *s, const double *x, km_dim a)
{
    double variance = 0;
    for (int k = 0; k < 3; k++) {
        mean[k] = 0;
        for (km_dim f = 0; f < s->F; f++)
            if (s->target[f] != 0) mean[k] += x[(f * s->A + a) * 3 + k] / s->T;
        for (km_dim f = 0; f < s->F; f++)
            if (s->target[f] != 0) variance += pow(x[(f * s->A + a) * 3 + k] - mean[k], 2) / s->T;
    }
    return sqrt(variance + 1e-8);
}

static double absolute(const flex *s)
{
    double sum = 0;
    for (km_dim a = 0; a < s->A; a++) {
        if (s->atom_mask[a] == 0) continue;
        double mean[3], unused[3], got = rmsf(mean, s, s->x, a), off = got - rmsf(unused, s, s->r, a);
        double w = s->parts[0] / s->n * (s->type_weights && s->mol_type[a] == 3 ? 10 : 1);
        sum += w * off * off;
        for (km_dim i = 0; s->dx && i < s->F * 3; i++) {
            km_dim at = (i / 3 * s->A + a) * 3 + i % 3;
            if (s->target[i / 3] != 0) s->dx[at] += s->dy * w * 2 * off * (s->x[at] - mean[i % 3]) / got / s->T;
        }
    }
    return sum;
}

static double length(const flex *s, const double *x, km_dim f, km_dim a, km_dim b)
{
    double square = 0;
    for (int k = 0; k < 3; k++) square += pow(x[(f * s->A + a) * 3 + k] - x[(f * s->A + b) * 3 + k], 2);
    return sqrt(square);
}

static double deviation(double *mean, const flex *s, const double *x, km_dim a, km_dim b)
{
    double variance = 0;
    *mean = 0;
    for (km_dim f = 0; f < s->F; f++)
        if (s->target[f] != 0) *mean += length(s, x, f, a, b) / s->T;
    for (km_dim f = 0; f < s->F; f++)
        if (s->target[f] != 0) variance += pow(length(s, x, f, a, b) - *mean, 2) / s->T;
    return sqrt(variance + 1e-8);
}

/* l_rel_g's weight of the ordered pair */
static double global_weight(const flex *s, double mean_reference, km_dim a, km_dim b)
{
    int ligands = (s->mol_type[a] == 3) + (s->mol_type[b] == 3);
    double type = !s->type_weights || ligands == 0 ? 1 : ligands == 1 ? 5 : 10;
    return s->parts[1] / (s->n * s->n) * type * (mean_reference <= 5 ? 4 : mean_reference <= 10 ? 2 : 1);
}

static double residue_size(const flex *s, km_dim a)
{
    double m = 0;
    for (km_dim b = 0; b < s->A; b++) m += s->atom_mask[b] != 0 && s->residue[b] == s->residue[a];
    return m;
}

/* l_rel_l's weight of the ordered pair, half that of i < j */
static double local_weight(const flex *s, km_dim a, km_dim b)
{
    double m = residue_size(s, a), residues = 0;
    if (s->residue[a] != s->residue[b]) return 0;
    for (km_dim i = 0; i < s->A; i++) /* a residue of k atoms is met k times */
        if (s->atom_mask[i] != 0 && residue_size(s, i) > 1) residues += 1 / residue_size(s, i);
    return s->parts[2] / residues / (m * (m - 1));
}

static double relative(const flex *s)
{
    double sum = 0;
    for (km_dim a = 0; a < s->A; a++)
        for (km_dim b = 0; b < s->A; b++) {
            double mean, mean_r;
            if (a == b || s->atom_mask[a] == 0 || s->atom_mask[b] == 0) continue;
            double got = deviation(&mean, s, s->x, a, b), off = got - deviation(&mean_r, s, s->r, a, b);
            double w = global_weight(s, mean_r, a, b) + local_weight(s, a, b);
            sum += w * off * off;
            for (km_dim i = 0; s->dx && i < s->F * 3; i++) {
                km_dim f = i / 3, pa = (f * s->A + a) * 3 + i % 3, pb = (f * s->A + b) * 3 + i % 3;
                double d = length(s, s->x, f, a, b);
                if (s->target[f] == 0 || d == 0) continue;
                double g = s->dy * w * 2 * off * (d - mean) / got / s->T * (s->x[pa] - s->x[pb]) / d;
                s->dx[pa] += g, s->dx[pb] -= g;
            }
        }
    return sum;
}

static double both(flex s)
{
    for (km_dim f = 0; f < s.F; f++) s.T += s.target[f] != 0;
    for (km_dim a = 0; a < s.A; a++) s.n += s.atom_mask[a] != 0;
    return s.T < 2 ? 0 : absolute(&s) + relative(&s);
}

void km_ref_loss_flex_fwd(const km_exec *ex, double *y, const double *x, const double *r, const double *target,
                          const double *atom_mask, const int32_t *residue, const int32_t *mol_type, const double *parts,
                          bool type_weights, km_dim F, km_dim A)
{
    (void)ex;
    y[0] = both((flex){x, r, target, atom_mask, parts, residue, mol_type, type_weights, F, A, NULL, 0, 0, 0});
}

void km_ref_loss_flex_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, const double *r,
                          const double *target, const double *atom_mask, const int32_t *residue,
                          const int32_t *mol_type, const double *parts, bool type_weights, km_dim F, km_dim A)
{
    (void)ex;
    both((flex){x, r, target, atom_mask, parts, residue, mol_type, type_weights, F, A, dx, dy[0], 0, 0});
}
