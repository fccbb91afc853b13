/* SPDX-License-Identifier: MIT
 * Ways out of a pocket: frames and paths of a ligand beside those of dynamics.
 * Tests: tests/unit/test_ligand.c (against numpy's numbers) */
#ifndef LIB_TRAJ_UNBINDING_H
#define LIB_TRAJ_UNBINDING_H

#include "lib/traj/lags.h"

enum { KM_PATH_POINTS = 50 };

/* For each frame of a the distance to the nearest frame of b: root-mean-square over atoms, without superposition;
 * out [frames of a]. Both have the same atoms. */
void km_frames_nearest(const km_runs *a, const km_runs *b, int threads, double *out);
/* The path [KM_PATH_POINTS, 3] of the centre of n_atoms through frames x [F, n_atoms, 3], at equal steps along it; a
 * point that does not move is that point throughout. */
void km_path_of(const float *x, int64_t F, int n_atoms, double *out);
/* Discrete Frechet distance of two such paths; and the root-mean-square distance of their points. */
double km_path_frechet(const double *p, const double *q);
double km_path_rmsd(const double *p, const double *q);

#endif
