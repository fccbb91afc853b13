/* SPDX-License-Identifier: MIT
 * Ways out of a pocket: frames and paths of a ligand beside those of dynamics.
 * Tests: tests/unit/test_ligand.c (against numpy's numbers) */
#ifndef LIB_TRAJ_UNBINDING_H
#define LIB_TRAJ_UNBINDING_H

#include "lib/traj/symmetry.h"

enum { KM_PATH_POINTS = 50 };

/* For each of the F frames of a the distance to the nearest of the G frames of b, both [frames, n_atoms, 3]:
 * root-mean-square over atoms, without superposition, those of a exchanged as the symmetry allows; out [F]. */
void km_frames_nearest(const float *a, int64_t F, const float *b, int64_t G, const km_symmetry *s, int threads,
                       double *out);
/* The path [KM_PATH_POINTS, 3] of the centre of n_atoms through frames x [F, n_atoms, 3], at equal steps along it; a
 * point that does not move is that point throughout. */
void km_path_of(const float *x, int64_t F, int n_atoms, double *out);
/* Discrete Frechet distance of two such paths; and the root-mean-square distance of their points. */
double km_path_frechet(const double *p, const double *q);
double km_path_rmsd(const double *p, const double *q);

#endif
