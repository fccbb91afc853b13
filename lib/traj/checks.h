/* SPDX-License-Identifier: MIT
 * Is every frame a sound molecule? Frames stream through.
 * Tests: tests/unit/test_peptide.c */
#ifndef LIB_TRAJ_CHECKS_H
#define LIB_TRAJ_CHECKS_H

#include "lib/chem/geometry.h"

/* Shares of frames in [0, 1]. */
typedef struct km_validity {
    double bond_rms_ok;  /* root-mean-square deviation of bond lengths from the dictionary below 0.1 A */
    double bond_all_ok;  /* every bond within 0.25 A of it */
    double no_clash;     /* no heavy-atom pair more than 3 bonds apart closer than 2.2 A */
    double chirality_ok; /* every CA is L */
    double all_ok;
    double bond_rms, angle_rms; /* over all frames: angstrom, degrees */
} km_validity;

typedef struct km_checks {
    const km_system *s; /* borrowed */
    float *ideal;       /* lengths of bonds */
    km_angle *angles;
    int32_t n_angles;
    int32_t (*pairs)[2]; /* that may clash */
    int64_t n_pairs, F;  /* frames that are to come */
    double bond, angle;  /* sums of mean squares */
    km_validity shares;
} km_checks;

/* F: how many frames are to come. */
km_checks km_checks_of(const km_system *s, int64_t F);
void km_checks_add(km_checks *c, const float *x); /* a frame, [A, 3] */
km_validity km_checks_validity(const km_checks *c);
void km_checks_clear(km_checks *c);

#endif
