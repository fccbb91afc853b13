/* SPDX-License-Identifier: MIT */
#include "lib/traj/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/peptide.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"

static void make(const km_system *s, const peptide_frames *t, km_profile *ret)
{
    km_profiler *p = km_profiler_new(s, t->F, t->dt);
    km_fluctuation moves = km_fluctuation_of(s->n_atoms);
    for (int64_t f = 0; f < t->F; f++) {
        km_profiler_add(p, t->coords + f * s->n_atoms * 3);
        km_fluctuation_add(&moves, t->coords + f * s->n_atoms * 3);
    }
    km_profiler_end(p, &moves, ret);
    km_fluctuation_clear(&moves);
}

static double sum(const double *v, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++) s += v[i];
    return s;
}

static double rms(const double *shares, int n, double range)
{
    double s = 0;
    for (int i = 0; i < n; i++) s += shares[i] * pow(-range + (i + 0.5) * 2 * range / n, 2);
    return sqrt(s);
}

static void test_shares(const km_system *s, const peptide_frames *t, const km_profile *p)
{
    km_torsion *torsions;
    int32_t n = km_chem_torsions(s, &torsions);
    bool whole = true;
    for (int32_t i = 0; i < n; i++) whole = whole && fabs(sum(p->torsions[i], KM_TORSION_BINS) - 1) < 1e-9;
    ok(p->n_torsions == n && whole, "the histogram of every torsion is whole");
    ok(p->n_pairs == 1 && p->pair_residues[0] == 1, "glycine in the middle has phi and psi");
    /* the pair's margins are phi and psi: bins of 10 degrees are two of 5 */
    double worst = 0;
    for (int32_t i = 0; i < n; i++) {
        bool phi = torsions[i].kind == KM_PHI;
        if (torsions[i].residue != 1 || torsions[i].kind > KM_PSI) continue;
        for (int b = 0; b < KM_PAIR_BINS; b++) {
            double margin = -p->torsions[i][2 * b] - p->torsions[i][2 * b + 1];
            for (int k = 0; k < KM_PAIR_BINS; k++)
                margin += p->pairs[0][phi ? k * KM_PAIR_BINS + b : b * KM_PAIR_BINS + k];
            worst = fmax(worst, fabs(margin));
        }
    }
    ok(worst < 1e-9, "phi runs along the rows of the map, psi up its columns");
    km_validity v = peptide_validity(s, t);
    ok(fabs(sum(p->bonds, KM_BOND_BINS) - 1) < 1e-9 &&
           fabs(rms(p->bonds, KM_BOND_BINS, KM_BOND_RANGE) - v.bond_rms) < 0.0005,
       "the bonds' histogram has the panel's rms (%.4f)", v.bond_rms);
    ok(fabs(sum(p->angles, KM_ANGLE_BINS) - 1) < 1e-9 &&
           fabs(rms(p->angles, KM_ANGLE_BINS, KM_ANGLE_RANGE) - v.angle_rms) < 0.02,
       "and the angles' (%.3f)", v.angle_rms);
    free(torsions);
}

/* Mean over the torsions from kind `from` to `to` of all frames' decorrelation, as it is defined. */
static double decorrelation(const km_system *s, const peptide_frames *t, int from, int to, int64_t lag, int *ret_n)
{
    km_torsion *torsions;
    int32_t n = km_chem_torsions(s, &torsions), found = 0;
    float *angles = KM_NEWN(float, (size_t)(t->F * n));
    double out = 0;
    for (int64_t f = 0; f < t->F; f++) km_torsion_angles(torsions, n, t->coords + f * s->n_atoms * 3, angles + f * n);
    for (int32_t i = 0; i < n; i++) {
        double c = 0, d = 0, both = 0;
        if (torsions[i].kind < from || torsions[i].kind > to) continue;
        for (int64_t f = 0; f < t->F; f++) {
            c += cos(angles[f * n + i]) / (double)t->F, d += sin(angles[f * n + i]) / (double)t->F;
            if (f + lag < t->F)
                both += cos((double)angles[(f + lag) * n + i] - angles[f * n + i]) / (double)(t->F - lag);
        }
        out += (both - c * c - d * d) / (1 - c * c - d * d), found++;
    }
    free(torsions), free(angles);
    *ret_n = found;
    return out / found;
}

static void test_lags(const km_system *s, const peptide_frames *t, const km_profile *p)
{
    bool rising = true;
    for (int i = 1; i < p->n_lags; i++) rising = rising && p->lags[i] > p->lags[i - 1];
    ok(rising && p->lags[0] == 1 && p->lags[p->n_lags - 1] == 1000, "lags from a frame to half of the trajectory");
    int nb, ns, l = p->n_lags / 2;
    int64_t lag = (int64_t)p->lags[l];
    double backbone = decorrelation(s, t, KM_PHI, KM_PSI, lag, &nb);
    double side = decorrelation(s, t, KM_CHI1, KM_CHI5, lag, &ns);
    ok(nb == 4 && ns == 5 && fabs(p->backbone[l] - backbone) < 1e-12 && fabs(p->side[l] - side) < 1e-12,
       "the means over phi and psi, and over chi, without omega");
}

static void test_few_frames(const km_system *s, const peptide_frames *t)
{
    km_profile p;
    make(s, &(peptide_frames){t->coords, 1, t->dt}, &p);
    double high = 0;
    for (int i = 0; i < KM_TORSION_BINS; i++) high = fmax(high, p.torsions[0][i]);
    ok(p.n_lags == 0 && high == 1 && sum(p.rmsf, s->n_atoms) == 0, "one frame: one bin, no fluctuation, no lag");
    km_profile_clear(&p);
    make(s, &(peptide_frames){t->coords, 2, t->dt}, &p);
    ok(p.n_lags == 1 && p.lags[0] == 1 && isfinite(p.backbone[0]), "two frames: one lag");
    km_profile_clear(&p);
    ok(p.torsions == NULL && p.n_torsions == 0, "cleared");
    make(s, &(peptide_frames){t->coords, t->F, 0}, &p);
    ok(p.n_lags == 0 && fabs(sum(p.torsions[0], KM_TORSION_BINS) - 1) < 1e-9, "no lag without times");
    km_profile_clear(&p);
}

static void test_bins(void)
{
    ok(km_bin_of(-1, -1, 1, 4) == 0 && km_bin_of(-0.5, -1, 1, 4) == 1 && km_bin_of(0.99, -1, 1, 4) == 3,
       "bins hold their lower edge");
    ok(km_bin_of(1, -1, 1, 4) == 3 && km_bin_of(1e300, -1, 1, 4) == 3 && km_bin_of(-7, -1, 1, 4) == 0 &&
           km_bin_of(NAN, -1, 1, 4) == 0,
       "what lies beyond falls in the outermost");
}

int main(void)
{
    int32_t *source;
    km_system *s = peptide_system("pipelines/mini/examples/LGE.pdb", &source, NULL);
    peptide_frames t = peptide_dynamics(s, source, 0, 1, 2001);
    km_profile p;
    make(s, &t, &p);
    test_shares(s, &t, &p);
    test_lags(s, &t, &p);
    double *rmsf = KM_NEWN(double, (size_t)s->n_atoms);
    peptide_rmsf(&t, s->n_atoms, rmsf);
    ok(!memcmp(rmsf, p.rmsf, (size_t)s->n_atoms * sizeof *rmsf), "fluctuations as the panel has them");
    test_few_frames(s, &t);
    test_bins();
    free(rmsf), free(t.coords), free(source);
    km_profile_clear(&p);
    km_system_free(s);
    return tap_end();
}
