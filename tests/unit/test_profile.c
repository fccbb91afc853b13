/* SPDX-License-Identifier: MIT */
#include "lib/traj/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "lib/chem/tokens.h"
#include "tests/unit/tap.h"

/* A tripeptide's dynamics: LEU-GLY-GLU, frames 1 ps apart. */
static km_tokenized load(km_frames *ret)
{
    const char *pdb = "pipelines/mini/examples/LGE.pdb", *xtc = "pipelines/mini/examples/LGE.xtc";
    km_structure *raw;
    km_traj *traj;
    km_tokenized t;
    km_err err = {0};
    km_token_options options = {0};
    bool good = km_structure_read(pdb, 1, &raw, &err) == KM_OK && km_chem_tokenize(raw, &options, &t, &err) == KM_OK &&
                km_traj_open(xtc, &traj, &err) == KM_OK;
    ok(good, "an example %s", err.msg);
    if (!good) exit(1);
    int64_t F = km_traj_frames(traj), *times = KM_NEWN(int64_t, (size_t)F);
    size_t all = (size_t)km_traj_atoms(traj) * 3, heavy = (size_t)t.system->n_atoms * 3;
    float *x = KM_NEWN(float, (size_t)F *all), *coords = KM_NEWN(float, (size_t)F *heavy);
    ok(km_traj_read_many(traj, 0, 1, F, 1, x, times, &err) == KM_OK, "its frames %s", err.msg);
    for (int64_t f = 0; f < F; f++) km_chem_gather(&t, x + (size_t)f * all, coords + (size_t)f * heavy);
    *ret = (km_frames){coords, F, times[1] - times[0]};
    free(x), free(times);
    km_traj_close(traj);
    km_structure_free(raw);
    return t;
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

static void test_shares(const km_system *s, const km_frames *t, const km_profile *p)
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
    km_validity v;
    km_peptide_validity(s, t, &v);
    ok(fabs(sum(p->bonds, KM_BOND_BINS) - 1) < 1e-9 &&
           fabs(rms(p->bonds, KM_BOND_BINS, KM_BOND_RANGE) - v.bond_rms) < 0.0005,
       "the bonds' histogram has the panel's rms (%.4f)", v.bond_rms);
    ok(fabs(sum(p->angles, KM_ANGLE_BINS) - 1) < 1e-9 &&
           fabs(rms(p->angles, KM_ANGLE_BINS, KM_ANGLE_RANGE) - v.angle_rms) < 0.02,
       "and the angles' (%.3f)", v.angle_rms);
    free(torsions);
}

static void test_lags(const km_system *s, const km_frames *t, const km_profile *p)
{
    km_torsion *torsions;
    int32_t n = km_chem_torsions(s, &torsions);
    float *angles = km_torsion_angles(torsions, n, t, s->n_atoms);
    bool rising = true;
    for (int i = 1; i < p->n_lags; i++) rising = rising && p->lags[i] > p->lags[i - 1];
    ok(rising && p->lags[0] == 1 && p->lags[p->n_lags - 1] == 1000, "lags from a frame to half of the trajectory");
    double backbone = 0, side = 0;
    int nb = 0, ns = 0, l = p->n_lags / 2;
    int64_t lag = (int64_t)p->lags[l];
    for (int32_t i = 0; i < n; i++) {
        double c = km_torsion_decorrelation(angles + i * t->F, t->F, lag);
        if (torsions[i].kind <= KM_PSI) backbone += c, nb++;
        else if (torsions[i].kind >= KM_CHI1) side += c, ns++;
    }
    ok(nb == 4 && ns == 5 && fabs(p->backbone[l] - backbone / nb) < 1e-12 && fabs(p->side[l] - side / ns) < 1e-12,
       "the means over phi and psi, and over chi, without omega");
    free(torsions), free(angles);
}

static void test_few_frames(const km_system *s, const km_frames *t)
{
    km_profile p;
    km_profile_make(s, &(km_frames){t->coords, 1, t->dt}, &p);
    double high = 0;
    for (int i = 0; i < KM_TORSION_BINS; i++) high = fmax(high, p.torsions[0][i]);
    ok(p.n_lags == 0 && high == 1 && sum(p.rmsf, s->n_atoms) == 0, "one frame: one bin, no fluctuation, no lag");
    km_profile_clear(&p);
    km_profile_make(s, &(km_frames){t->coords, 2, t->dt}, &p);
    ok(p.n_lags == 1 && p.lags[0] == 1 && isfinite(p.backbone[0]), "two frames: one lag");
    km_profile_clear(&p);
    ok(p.torsions == NULL && p.n_torsions == 0, "cleared");
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
    km_frames t;
    km_tokenized tokens = load(&t);
    km_profile p;
    km_profile_make(tokens.system, &t, &p);
    test_shares(tokens.system, &t, &p);
    test_lags(tokens.system, &t, &p);
    double *rmsf = KM_NEWN(double, (size_t)tokens.system->n_atoms);
    km_rmsf(&t, tokens.system->n_atoms, rmsf);
    ok(!memcmp(rmsf, p.rmsf, (size_t)tokens.system->n_atoms * sizeof *rmsf), "fluctuations as the panel has them");
    test_few_frames(tokens.system, &t);
    test_bins();
    free(rmsf), free((void *)t.coords);
    km_profile_clear(&p);
    km_tokenized_clear(&tokens);
    return tap_end();
}
