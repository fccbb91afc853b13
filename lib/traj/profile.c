/* SPDX-License-Identifier: MIT */
#include "lib/traj/profile.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/traj/peptide.h"

static const double pi = 3.14159265358979323846;

/* Pairs of frames a lag apart begin in so many. */
enum { BEGIN = 4096 };

struct km_profiler {
    const km_system *s;
    int64_t F, dt;
    km_torsion *torsions;
    float *ideal, *row; /* lengths of bonds; room for a frame's torsions */
    km_angle *angles;
    int32_t n_angles;
    int64_t lags[KM_MOST_LAGS];
    km_turns turns;
    km_profile out; /* while frames arrive: counts */
};

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

km_profiler *km_profiler_new(const km_system *s, int64_t F, int64_t dt)
{
    km_profiler *p = KM_NEW(km_profiler);
    *p = (km_profiler){.s = s, .F = F, .dt = dt};
    km_profile *out = &p->out;
    int32_t n = out->n_torsions = km_chem_torsions(s, &p->torsions);
    out->torsions = km_calloc((size_t)n, sizeof *out->torsions);
    out->pairs = km_calloc((size_t)n, sizeof *out->pairs);
    out->pair_residues = KM_NEWN(int32_t, (size_t)n);
    for (int32_t i = 0; i < n; i++)
        if (km_torsion_pair(p->torsions, n, i)) out->pair_residues[out->n_pairs++] = p->torsions[i].residue;
    out->n_lags = dt > 0 ? spread_lags(F, p->lags) : 0;
    p->turns = km_turns_of(n, p->lags, out->n_lags, (F - 1) / BEGIN + 1);
    p->row = KM_NEWN(float, (size_t)n + 1), p->ideal = KM_NEWN(float, (size_t)s->n_bonds + 1);
    p->n_angles = km_chem_angles(s, &p->angles);
    km_chem_bonds_ideal(s, p->ideal);
    return p;
}

static void add_torsions(km_profiler *p, const float *x)
{
    const float *row = p->row;
    int32_t n = p->out.n_torsions;
    km_torsion_angles(p->torsions, n, x, p->row);
    for (int32_t i = 0, pair = 0; i < n; i++) {
        p->out.torsions[i][km_bin_of_angle(row[i], KM_TORSION_BINS)]++;
        if (km_torsion_pair(p->torsions, n, i))
            p->out.pairs[pair++][km_bin_of_angle(row[i + 1], KM_PAIR_BINS) * KM_PAIR_BINS +
                                 km_bin_of_angle(row[i], KM_PAIR_BINS)]++;
    }
    km_turns_add(&p->turns, row);
}

static void add_geometry(km_profiler *p, const float *x)
{
    for (int b = 0; b < p->s->n_bonds; b++) {
        double d = km_chem_distance(x + 3 * p->s->bonds[b].a, x + 3 * p->s->bonds[b].b) - p->ideal[b];
        if (!isnan(d)) p->out.bonds[km_bin_of(d, -KM_BOND_RANGE, KM_BOND_RANGE, KM_BOND_BINS)]++;
    }
    for (int32_t i = 0; i < p->n_angles; i++) {
        const int32_t *a = p->angles[i].atoms;
        double d = (km_chem_angle(x + 3 * a[0], x + 3 * a[1], x + 3 * a[2]) - p->angles[i].ideal) * 180 / pi;
        if (!isnan(d)) p->out.angles[km_bin_of(d, -KM_ANGLE_RANGE, KM_ANGLE_RANGE, KM_ANGLE_BINS)]++;
    }
}

void km_profiler_add(km_profiler *p, const float *x) { add_torsions(p, x), add_geometry(p, x); }

static void to_shares(double *bins, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += bins[i];
    for (int i = 0; i < n && sum > 0; i++) bins[i] /= sum;
}

static void decorrelate(km_profiler *p)
{
    for (int l = 0; l < p->out.n_lags; l++) {
        double sum[2] = {0, 0};
        int n[2] = {0, 0};
        for (int32_t i = 0; i < p->out.n_torsions; i++) {
            bool chi = p->torsions[i].kind >= KM_CHI1;
            if (p->torsions[i].kind == KM_OMEGA) continue;
            sum[chi] += km_turns_decorrelation(&p->turns, i, l), n[chi]++;
        }
        p->out.lags[l] = (double)(p->lags[l] * p->dt) / 1000;
        p->out.backbone[l] = n[0] ? sum[0] / n[0] : NAN, p->out.side[l] = n[1] ? sum[1] / n[1] : NAN;
    }
}

void km_profiler_end(km_profiler *p, const km_fluctuation *moves, km_profile *ret)
{
    km_profile *out = &p->out;
    for (int32_t i = 0; i < out->n_torsions; i++) to_shares(out->torsions[i], KM_TORSION_BINS);
    for (int32_t i = 0; i < out->n_pairs; i++) to_shares(out->pairs[i], KM_PAIR_BINS * KM_PAIR_BINS);
    to_shares(out->bonds, KM_BOND_BINS), to_shares(out->angles, KM_ANGLE_BINS);
    decorrelate(p);
    out->rmsf = KM_NEWN(double, (size_t)p->s->n_atoms);
    km_fluctuation_rms(moves, out->rmsf);
    *ret = *out;
    km_turns_clear(&p->turns);
    free(p->torsions), free(p->ideal), free(p->row), free(p->angles);
    free(p);
}

void km_profile_clear(km_profile *p)
{
    free(p->torsions), free(p->pairs), free(p->pair_residues), free(p->rmsf);
    *p = (km_profile){0};
}
