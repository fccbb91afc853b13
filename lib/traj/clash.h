/* SPDX-License-Identifier: MIT
 * Atoms nearer to each other than they may be.
 * Tests: tests/unit/test_clean.c */
#ifndef LIB_TRAJ_CLASH_H
#define LIB_TRAJ_CLASH_H

#include "lib/base/system.h"

/* Two of these n atoms of residues more than two apart in their chain, or of two chains, nearer than `least` angstrom?
 * Which two, in ret_atoms. coords [A, 3] finite. For several threads at once. */
bool km_clash_find(const km_system *s, const int32_t *atoms, int32_t n, const float *coords, float least,
                   int32_t ret_atoms[2]);

#endif
