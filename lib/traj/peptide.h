/* SPDX-License-Identifier: MIT
 * The peptide panel: torsion distributions and their decorrelation after MDGen (Jing, Stärk, Jaakkola, Berger 2024,
 * bjing2016/mdgen), and fluctuations. Frames stream through; all sums in double.
 * Tests: tests/unit/test_peptide.c (against numpy's numbers), tests/cli/eval.bats */
#ifndef LIB_TRAJ_PEPTIDE_H
#define LIB_TRAJ_PEPTIDE_H

#include <stdint.h>

#include "lib/chem/geometry.h"
#include "lib/traj/fluctuation.h"
#include "lib/traj/turns.h"

/* Angles of n torsions in a frame x [A, 3], out [n] radians. */
void km_torsion_angles(const km_torsion *torsions, int32_t n, const float *x, float *out);
/* Are torsions i and i + 1 of n, as km_chem_torsions orders them, phi and psi of one residue? */
bool km_torsion_pair(const km_torsion *torsions, int32_t n, int32_t i);
/* All but omega; *ret is the caller's. Returns how many. */
int32_t km_torsions_turning(const km_system *s, km_torsion **ret);
/* Sines and cosines of n torsions in F frames x [F, A, 3], out [F, 2 n]. */
void km_torsion_features(const km_torsion *torsions, int32_t n, const float *x, int64_t F, int32_t A, double *out);

/* In which of n equal bins of [from, to] v falls; what lies beyond falls in the outermost. */
int km_bin_of(double v, double from, double to, int n);
/* The same of an angle in [-pi, pi]. */
int km_bin_of_angle(float angle, int n);
/* Jensen-Shannon distance (natural logarithm, no pseudo-count) of two histograms with counts p and q in n bins. */
double km_js_distance(const double *p, const double *q, int n);

/* A trajectory's torsions but omega, and its fluctuations. */
enum { KM_JSD_BINS = 100, KM_JSD_PAIR_BINS = 50, KM_MODEL_LAGS = 7 };
typedef struct km_peptide {
    km_torsion *torsions; /* [n] */
    int32_t n, n_pairs, A;
    int64_t dt;                                           /* fs, 0: not known */
    double (*bins)[KM_JSD_BINS];                          /* [n] counts over [-pi, pi] */
    double (*pairs)[KM_JSD_PAIR_BINS * KM_JSD_PAIR_BINS]; /* [n_pairs] of (phi, psi) */
    float *angles;                                        /* [n] room for a frame's */
    int64_t *lags;                                        /* of turns */
    km_turns turns;
    km_fluctuation moves;
} km_peptide;

/* F frames dt apart (0: not known, then nothing of time is computed) are to come. models [n_models]: spacings of the
 * trajectories it is compared with as a reference, 0 among them too; a model's is its own. */
km_peptide km_peptide_of(const km_system *s, int64_t F, int64_t dt, const int64_t *models, int n_models);
void km_peptide_add(km_peptide *p, const float *x, int64_t n); /* x [n, A, 3] */
void km_peptide_clear(km_peptide *p);

/* Model against reference; NaN where there is nothing of the kind. */
typedef struct km_peptide_scores {
    double jsd_backbone, jsd_side, jsd_phi_psi, jsd_all; /* means over torsions (phi psi; chi; pairs; phi psi chi) */
    double decorrelation_backbone, decorrelation_side;   /* mean over lags and torsions of |model - reference| */
    double autocorrelation; /* the same, not normalised, at 1 2 5 10 20 50 100 frames of the model: of fine steps */
    double rmsf_r, rmsf, rmsf_ref; /* Pearson over atoms; means, angstrom */
} km_peptide_scores;
/* Lags 5 10 20 50 100 200 500 1000 ps, as far as both trajectories reach (at most half of either); for the
 * autocorrelation the model's spacing is a multiple of the reference's. */
void km_peptide_compare(const km_peptide *model, const km_peptide *ref, km_peptide_scores *ret);

#endif
