/* SPDX-License-Identifier: MIT */
#include "lib/traj/profile.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"

static const double pi = 3.14159265358979323846;

static void count_torsion(const float *angles, int64_t F, double *bins)
{
    for (int64_t f = 0; f < F; f++) bins[km_bin_of(angles[f], -pi, pi, KM_TORSION_BINS)] += 1 / (double)F;
}

static void count_pair(const float *phi, const float *psi, int64_t F, double *bins)
{
    for (int64_t f = 0; f < F; f++)
        bins[km_bin_of(psi[f], -pi, pi, KM_PAIR_BINS) * KM_PAIR_BINS + km_bin_of(phi[f], -pi, pi, KM_PAIR_BINS)] +=
            1 / (double)F;
}

/* Lags of 1 to F / 2 frames, each a little longer than the one before. */
static int spread_lags(int64_t F, int64_t lags[KM_MOST_LAGS])
{
    int n = 0;
    int64_t longest = F / 2;
    for (int i = 0; i < KM_MOST_LAGS && longest > 0; i++) {
        int64_t lag = llround(pow((double)longest, i / (KM_MOST_LAGS - 1.0)));
        if (n == 0 || lag > lags[n - 1]) lags[n++] = lag;
    }
    return n;
}

static void decorrelate(const km_torsion *t, const float *angles, const km_frames *frames, km_profile *p)
{
    int64_t lags[KM_MOST_LAGS];
    p->n_lags = spread_lags(frames->F, lags);
    for (int l = 0; l < p->n_lags; l++) {
        double sum[2] = {0, 0};
        int n[2] = {0, 0};
        for (int32_t i = 0; i < p->n_torsions; i++) {
            bool chi = t[i].kind >= KM_CHI1;
            if (t[i].kind == KM_OMEGA) continue;
            sum[chi] += km_torsion_decorrelation(angles + i * frames->F, frames->F, lags[l]), n[chi]++;
        }
        p->lags[l] = (double)(lags[l] * frames->dt) / 1000;
        p->backbone[l] = n[0] ? sum[0] / n[0] : NAN, p->side[l] = n[1] ? sum[1] / n[1] : NAN;
    }
}

static void profile_torsions(const km_system *s, const km_frames *frames, km_profile *p)
{
    km_torsion *t;
    int32_t n = p->n_torsions = km_chem_torsions(s, &t);
    float *angles = km_torsion_angles(t, n, frames, s->n_atoms);
    p->torsions = km_calloc((size_t)n, sizeof *p->torsions);
    p->pairs = km_calloc((size_t)n, sizeof *p->pairs);
    p->pair_residues = KM_NEWN(int32_t, (size_t)n);
    for (int32_t i = 0; i < n; i++) {
        const float *x = angles + i * frames->F;
        count_torsion(x, frames->F, p->torsions[i]);
        if (!km_torsion_pair(t, n, i)) continue;
        p->pair_residues[p->n_pairs] = t[i].residue;
        count_pair(x, x + frames->F, frames->F, p->pairs[p->n_pairs++]);
    }
    decorrelate(t, angles, frames, p);
    free(t), free(angles);
}

static void to_shares(double *bins, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += bins[i];
    for (int i = 0; i < n && sum > 0; i++) bins[i] /= sum;
}

static void profile_geometry(const km_system *s, const km_frames *frames, km_profile *p)
{
    km_angle *angles;
    int32_t n_angles = km_chem_angles(s, &angles);
    float *ideal = KM_NEWN(float, (size_t)s->n_bonds);
    km_chem_bonds_ideal(s, ideal);
    for (int64_t f = 0; f < frames->F; f++) {
        const float *x = frames->coords + f * s->n_atoms * 3;
        for (int b = 0; b < s->n_bonds; b++) {
            double d = km_chem_distance(x + 3 * s->bonds[b].a, x + 3 * s->bonds[b].b) - ideal[b];
            if (!isnan(d)) p->bonds[km_bin_of(d, -KM_BOND_RANGE, KM_BOND_RANGE, KM_BOND_BINS)]++;
        }
        for (int32_t i = 0; i < n_angles; i++) {
            const int32_t *a = angles[i].atoms;
            double d = (km_chem_angle(x + 3 * a[0], x + 3 * a[1], x + 3 * a[2]) - angles[i].ideal) * 180 / pi;
            if (!isnan(d)) p->angles[km_bin_of(d, -KM_ANGLE_RANGE, KM_ANGLE_RANGE, KM_ANGLE_BINS)]++;
        }
    }
    to_shares(p->bonds, KM_BOND_BINS), to_shares(p->angles, KM_ANGLE_BINS);
    free(ideal), free(angles);
}

void km_profile_make(const km_system *s, const km_frames *t, km_profile *ret)
{
    *ret = (km_profile){.rmsf = KM_NEWN(double, (size_t)s->n_atoms)};
    profile_torsions(s, t, ret);
    profile_geometry(s, t, ret);
    km_rmsf(t, s->n_atoms, ret->rmsf);
}

void km_profile_clear(km_profile *p)
{
    free(p->torsions), free(p->pairs), free(p->pair_residues), free(p->rmsf);
    *p = (km_profile){0};
}
