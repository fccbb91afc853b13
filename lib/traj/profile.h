/* SPDX-License-Identifier: MIT
 * What is drawn of a peptide's trajectory: histograms of its torsions, of its (phi, psi) pairs, of the deviations of
 * its bond lengths and angles from the dictionary, its fluctuations and its decorrelation curves. Frames stream
 * through; small whatever their number.
 * Tests: tests/unit/test_profile.c */
#ifndef LIB_TRAJ_PROFILE_H
#define LIB_TRAJ_PROFILE_H

#include "lib/chem/geometry.h"
#include "lib/traj/fluctuation.h"

enum { KM_TORSION_BINS = 72, KM_PAIR_BINS = 36, KM_BOND_BINS = 200, KM_ANGLE_BINS = 360, KM_MOST_LAGS = 64 };
#define KM_BOND_RANGE 1.0   /* angstrom: the bins span [-range, range], the outermost hold what lies beyond */
#define KM_ANGLE_RANGE 90.0 /* degrees */

/* Histograms are shares: each sums to 1, or is all 0 where there is nothing of the kind. */
typedef struct km_profile {
    int32_t n_torsions, n_pairs;
    double (*torsions)[KM_TORSION_BINS];          /* of every torsion of km_chem_torsions, over [-180, 180] degrees */
    double (*pairs)[KM_PAIR_BINS * KM_PAIR_BINS]; /* [psi, phi] of every residue that has both, in their order */
    int32_t *pair_residues;                       /* [n_pairs] which these are */
    double *rmsf;                                 /* [A] angstrom */
    double bonds[KM_BOND_BINS], angles[KM_ANGLE_BINS];
    /* Mean decorrelation over phi and psi, and over chi, at lags of 1 ... F / 2 frames, evenly spread over their
     * logarithm, from at most some 4,000 frames; NaN where there is no such torsion. */
    int n_lags;
    double lags[KM_MOST_LAGS]; /* ps */
    double backbone[KM_MOST_LAGS], side[KM_MOST_LAGS];
} km_profile;
void km_profile_clear(km_profile *p);

/* A profile while frames arrive. */
typedef struct km_profiler km_profiler;
/* F frames dt (fs) apart are to come; dt 0: the spacing is not known, and no lag. s is borrowed. */
km_profiler *km_profiler_new(const km_system *s, int64_t F, int64_t dt);
void km_profiler_add(km_profiler *p, const float *x); /* a frame, [A, 3] */
/* moves: of the same frames. Frees p. */
void km_profiler_end(km_profiler *p, const km_fluctuation *moves, km_profile *ret);

#endif
