/* SPDX-License-Identifier: MIT */
#include "lib/traj/ligand.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/geometry.h"
#include "lib/traj/stats.h"

/* -- what is asked of the ligand's bonds */

/* Bonds between two atoms of the ligand, 3 for three or more. */
static uint8_t *bonds_apart(const km_complex *c)
{
    int32_t n = c->n_ligand;
    uint8_t *apart = KM_NEWN(uint8_t, (size_t)n * (size_t)n);
    for (int32_t i = 0; i < n * n; i++) apart[i] = i % (n + 1) ? 3 : 0;
    for (int32_t b = 0; b < c->n_bonds; b++)
        apart[c->bonds[b][0] * n + c->bonds[b][1]] = apart[c->bonds[b][1] * n + c->bonds[b][0]] = 1;
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++)
            for (int32_t k = 0; k < n && apart[i * n + j] == 1; k++)
                if (apart[j * n + k] == 1 && apart[i * n + k] == 3) apart[i * n + k] = 2;
    return apart;
}

static void find_angles(km_ligand *l, const uint8_t *apart)
{
    int32_t n = l->complex->n_ligand;
    for (int32_t v = 0; v < n; v++)
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = i + 1; j < n; j++) {
                if (apart[v * n + i] != 1 || apart[v * n + j] != 1) continue;
                l->angle = km_realloc(l->angle, (size_t)(l->n_angles + 1) * sizeof *l->angle);
                int32_t *a = l->angle[l->n_angles++];
                a[0] = i, a[1] = v, a[2] = j;
            }
}

km_ligand km_ligand_of(const km_complex *c)
{
    size_t A = (size_t)c->n_atoms, n = (size_t)c->n_ligand;
    km_ligand l = {.complex = c,
                   .contacts = KM_NEWN(int32_t, (size_t)c->n_protein * n + 1),
                   .residues = KM_NEWN(int32_t, (size_t)c->n_residues),
                   .sum = KM_NEWN(double, A * 3),
                   .square = KM_NEWN(double, A),
                   .sum_best = KM_NEWN(double, n * 3 + 1),
                   .square_best = KM_NEWN(double, n + 1),
                   .far = km_alloc((n * n + 1) * sizeof *l.far)};
    uint8_t *apart = bonds_apart(c);
    for (int32_t i = 0; i < c->n_ligand; i++)
        for (int32_t j = i + 1; j < c->n_ligand; j++) {
            if (apart[i * c->n_ligand + j] < 3) continue;
            l.far[l.n_far][0] = i, l.far[l.n_far++][1] = j;
        }
    find_angles(&l, apart);
    free(apart);
    return l;
}

void km_ligand_clear(km_ligand *l)
{
    free(l->contacts), free(l->residues), free(l->sum), free(l->square), free(l->angle), free(l->far);
    free(l->sum_best), free(l->square_best);
    *l = (km_ligand){0};
}

/* -- a frame */

static const float *at(const km_complex *c, const float *x, int32_t ligand_atom)
{
    return x + 3 * (ptrdiff_t)c->ligand[ligand_atom];
}

static double centre_moved(const km_complex *c, const float *x)
{
    double d[3] = {0};
    for (int32_t i = 0; i < c->n_ligand; i++)
        for (int k = 0; k < 3; k++) d[k] += ((double)at(c, x, i)[k] - at(c, c->start, i)[k]) / c->n_ligand;
    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

bool km_ligand_is_out(const km_complex *c, const float *x)
{
    if (centre_moved(c, x) > KM_EXIT_CENTRE) return true;
    for (int32_t p = 0; p < c->n_protein; p++)
        for (int32_t i = 0; i < c->n_ligand; i++)
            if (km_chem_distance(x + 3 * (ptrdiff_t)c->protein[p], at(c, x, i)) <= KM_EXIT_DISTANCE) return false;
    return true;
}

static void add_contacts(km_ligand *l, const float *x)
{
    const km_complex *c = l->complex;
    int32_t last = -1;
    for (int32_t p = 0; p < c->n_protein; p++) {
        const float *y = x + 3 * (ptrdiff_t)c->protein[p];
        int32_t residue = c->residue[c->protein[p]], any = 0;
        for (int32_t i = 0; i < c->n_ligand; i++) {
            if (km_chem_distance(y, at(c, x, i)) >= KM_CONTACT_RANGE) continue;
            l->contacts[(int64_t)p * c->n_ligand + i]++, any = 1;
        }
        if (any && residue != last) l->residues[residue]++, last = residue; /* a residue's atoms follow each other */
    }
}

static void add_shape(km_ligand *l, const float *x)
{
    const km_complex *c = l->complex;
    double gap = 0;
    for (int32_t b = 0; b < c->n_bonds; b++) {
        int32_t i = c->bonds[b][0], j = c->bonds[b][1];
        gap +=
            fabs(km_chem_distance(at(c, x, i), at(c, x, j)) - km_chem_distance(at(c, c->start, i), at(c, c->start, j)));
    }
    l->bonds += c->n_bonds ? gap / c->n_bonds : NAN;
    gap = 0;
    for (int32_t a = 0; a < l->n_angles; a++) {
        const int32_t *t = l->angle[a];
        gap += fabs(km_chem_angle(at(c, x, t[0]), at(c, x, t[1]), at(c, x, t[2])) -
                    km_chem_angle(at(c, c->start, t[0]), at(c, c->start, t[1]), at(c, c->start, t[2])));
    }
    l->angles += l->n_angles ? gap / l->n_angles : NAN;
    for (int32_t p = 0; p < l->n_far; p++) {
        if (km_chem_distance(at(c, x, l->far[p][0]), at(c, x, l->far[p][1])) >= KM_LIGAND_CLASH) continue;
        l->clashes++;
        break;
    }
}

/* The ligand's atoms, where they are and where they were at the start. */
static void add_best(km_ligand *l, const float *x, const float *start)
{
    int32_t n = l->complex->n_ligand, way = 0;
    l->rmsd += sqrt(km_symmetry_distance(l->complex->symmetry, x, start, INFINITY, &way) / n);
    const int32_t *place = l->complex->symmetry->places + (ptrdiff_t)way * n;
    for (int32_t i = 0; i < 3 * n; i++) {
        double d = (double)x[3 * place[i / 3] + i % 3] - start[i];
        l->sum_best[i] += d, l->square_best[i / 3] += d * d;
    }
}

void km_ligand_add(km_ligand *l, const float *x, int64_t n)
{
    const km_complex *c = l->complex;
    float *ligand = KM_NEWN(float, 6 * (size_t)c->n_ligand + 1), *start = ligand + 3 * (ptrdiff_t)c->n_ligand;
    for (int32_t i = 0; i < 3 * c->n_ligand; i++) start[i] = at(c, c->start, i / 3)[i % 3];
    for (int64_t f = 0; f < n; f++, x += 3 * (ptrdiff_t)c->n_atoms) {
        add_contacts(l, x);
        add_shape(l, x);
        for (int32_t i = 0; i < 3 * c->n_atoms; i++) {
            double d = (double)x[i] - c->start[i];
            l->sum[i] += d, l->square[i / 3] += d * d;
        }
        for (int32_t i = 0; i < 3 * c->n_ligand; i++) ligand[i] = at(c, x, i / 3)[i % 3];
        add_best(l, ligand, start);
        l->outs += km_ligand_is_out(c, x), l->frames++;
    }
    free(ligand);
}

/* -- both sides */

/* Fluctuations of n atoms, the caller's. opt_atoms: their places among the sums. */
static double *rmsf_of(const double *sum, const double *square, int64_t frames, const int32_t *opt_atoms, int32_t n)
{
    double *out = KM_NEWN(double, (size_t)n + 1), F = (double)frames;
    for (int32_t i = 0; i < n; i++) {
        int32_t a = opt_atoms ? opt_atoms[i] : i;
        double mean = 0;
        for (int k = 0; k < 3; k++) mean += pow(sum[3 * a + k] / F, 2);
        out[i] = sqrt(fmax(0, square[a] / F - mean));
    }
    return out;
}

/* Pearson of two such and their means; frees them. */
static double correlate(double *a, double *b, int32_t n, double mean[2])
{
    double r = n > 1 ? km_pearson(a, b, n) : NAN;
    mean[0] = km_mean(a, n), mean[1] = km_mean(b, n);
    free(a), free(b);
    return r;
}

static double compare_rmsf(const km_ligand *md, const km_ligand *model, const int32_t *atoms, int32_t n, double mean[2])
{
    return correlate(rmsf_of(md->sum, md->square, md->frames, atoms, n),
                     rmsf_of(model->sum, model->square, model->frames, atoms, n), n, mean);
}

static void compare_contacts(const km_ligand *md, const km_ligand *model, km_ligand_scores *s)
{
    const km_complex *c = md->complex;
    int64_t n = (int64_t)c->n_protein * c->n_ligand, m = 0;
    double *a = KM_NEWN(double, (size_t)n + 1), *b = KM_NEWN(double, (size_t)n + 1);
    double each_md = 1 / (double)md->frames, each = 1 / (double)model->frames;
    for (int64_t i = 0; i < n; i++) a[i] = md->contacts[i] * each_md, b[i] = model->contacts[i] * each;
    s->ims = n > 1 ? km_pearson(a, b, n) : NAN;
    for (int64_t i = 0; i < n; i++)
        if (a[i] > 0 || b[i] > 0) a[m] = a[i], b[m++] = b[i];
    s->ims_touched = m > 1 ? km_pearson(a, b, m) : NAN;
    m = 0;
    for (int32_t p = 0, last = -1; p < c->n_protein; p++) {
        int32_t residue = c->residue[c->protein[p]];
        if (residue == last) continue;
        a[m] = md->residues[residue] * each_md, b[m++] = model->residues[residue] * each, last = residue;
    }
    s->ims_residue = m > 1 ? km_pearson(a, b, m) : NAN;
    free(a), free(b);
}

void km_ligand_compare(const km_ligand *md, const km_ligand *model, km_ligand_scores *s)
{
    const km_complex *c = md->complex;
    double n = (double)model->frames, m = (double)md->frames, mean[2];
    *s = (km_ligand_scores){.bond_mae = model->bonds / n,
                            .md_bond_mae = md->bonds / m,
                            .angle_mae = model->angles / n,
                            .md_angle_mae = md->angles / m,
                            .clash = c->n_bonds ? (double)model->clashes / n : NAN,
                            .md_clash = c->n_bonds ? (double)md->clashes / m : NAN,
                            .out = (double)model->outs / n,
                            .md_out = (double)md->outs / m,
                            .rmsd = model->rmsd / n,
                            .md_rmsd = md->rmsd / m};
    compare_contacts(md, model, s);
    s->protein_rmsf_r = compare_rmsf(md, model, c->protein, c->n_protein, mean);
    s->rmsf_r = compare_rmsf(md, model, c->ligand, c->n_ligand, mean);
    s->md_rmsf = mean[0], s->rmsf = mean[1];
    s->rmsf_best_r =
        correlate(rmsf_of(md->sum_best, md->square_best, md->frames, NULL, c->n_ligand),
                  rmsf_of(model->sum_best, model->square_best, model->frames, NULL, c->n_ligand), c->n_ligand, mean);
    s->md_rmsf_best = mean[0], s->rmsf_best = mean[1];
}
