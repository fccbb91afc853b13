/* SPDX-License-Identifier: MIT
 * RMSD of every frame with every other, each pair superposed: the largest root of the quaternion matrix's polynomial by
 * Newton's method (Theobald 2005), inner products in single precision.
 * Tests: tests/unit/test_superpose.c */
#ifndef LIB_TRAJ_PAIRS_H
#define LIB_TRAJ_PAIRS_H

#include <stdint.h>

/* Frames x [F, n, 3] to out [F, F], symmetric with a zero diagonal; exact to about 1e-3 of the frames' extent where it
 * is near zero, 1e-6 of it elsewhere. */
void km_rmsd_pairs(const float *x, int64_t F, int n, int threads, float *out);

#endif
