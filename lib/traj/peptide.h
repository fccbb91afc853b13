/* SPDX-License-Identifier: MIT
 * The peptide panel: torsion distributions and their decorrelation after MDGen (Jing, Stärk, Jaakkola, Berger 2024,
 * bjing2016/mdgen), fluctuations, and whether every frame is a sound molecule.
 *
 * A trajectory here is coords [F, A, 3] f32 angstrom of one system, frames dt apart. All sums in double.
 * Tests: tests/unit/test_peptide.c (against numpy's numbers), tests/cli/eval.bats */
#ifndef LIB_TRAJ_PEPTIDE_H
#define LIB_TRAJ_PEPTIDE_H

#include <stdint.h>

#include "lib/chem/geometry.h"

typedef struct km_frames {
    const float *coords; /* [F, A, 3] */
    int64_t F;
    int64_t dt; /* fs */
} km_frames;

/* Angles of every torsion in every frame, [n, F] radians, of n torsions; the caller frees it. */
float *km_torsion_angles(const km_torsion *torsions, int32_t n, const km_frames *t, int32_t n_atoms);
/* Are torsions i and i + 1 of n, as km_chem_torsions orders them, phi and psi of one residue? */
bool km_torsion_pair(const km_torsion *torsions, int32_t n, int32_t i);
/* In which of n equal bins of [from, to] v falls; what lies beyond falls in the outermost. */
int km_bin_of(double v, double from, double to, int n);

/* Jensen-Shannon distance (natural logarithm, no pseudo-count) of two histograms with counts p and q in n bins. */
double km_js_distance(const double *p, const double *q, int n);
/* Of two sets of angles, 100 bins on [-pi, pi]; and of two sets of pairs, 50 x 50 bins. */
double km_torsion_jsd(const float *a, int64_t na, const float *b, int64_t nb);
double km_torsion_jsd2(const float *a1, const float *a2, int64_t na, const float *b1, const float *b2, int64_t nb);

/* Sines and cosines of phi, psi and chi, [F, *ret_D]; the caller's. */
double *km_torsion_features(const km_system *s, const km_frames *t, int *ret_D);

/* mean cos(theta(t + lag) - theta(t)); lag in frames, below F. */
double km_torsion_autocorrelation(const float *angles, int64_t F, int64_t lag);
/* (mean cos(theta(t + lag) - theta(t)) - R2) / (1 - R2), R2 = mean(sin)^2 + mean(cos)^2: 1 at lag 0, towards 0 when the
 * torsion has been everywhere it goes. A constant torsion is 1 at every lag. */
double km_torsion_decorrelation(const float *angles, int64_t F, int64_t lag);

/* Model against reference; NaN where there is nothing of the kind. */
typedef struct km_peptide_scores {
    double jsd_backbone, jsd_side, jsd_phi_psi, jsd_all; /* means over torsions (phi psi; chi; pairs; phi psi chi) */
    double decorrelation_backbone, decorrelation_side;   /* mean over lags and torsions of |model - reference| */
    double autocorrelation; /* the same, not normalised, at 1 2 5 10 20 50 100 frames of the model: of fine steps */
    double rmsf_r, rmsf, rmsf_ref;                       /* Pearson over atoms; means, angstrom */
} km_peptide_scores;
/* Lags 5 10 20 50 100 200 500 1000 ps, as far as both trajectories reach (at most half of either). Frames must be
 * equally spaced in both; for the autocorrelation the model's spacing a multiple of the reference's. */
void km_peptide_compare(const km_system *s, const km_frames *model, const km_frames *ref, km_peptide_scores *ret);

/* Root-mean-square fluctuation of each atom about the mean structure, every frame superposed on the first by all atoms;
 * out [A]. */
void km_rmsf(const km_frames *t, int32_t n_atoms, double *out);

/* Is every frame a sound molecule? Shares of frames in [0, 1]. */
typedef struct km_validity {
    double bond_rms_ok; /* root-mean-square deviation of bond lengths from the dictionary below 0.1 A */
    double bond_all_ok; /* every bond within 0.25 A of it */
    double no_clash;    /* no heavy-atom pair more than 3 bonds apart closer than 2.2 A */
    double chirality_ok; /* every CA is L */
    double all_ok;
    double bond_rms, angle_rms; /* over all frames: angstrom, degrees */
} km_validity;
void km_peptide_validity(const km_system *s, const km_frames *t, km_validity *ret);

#endif
