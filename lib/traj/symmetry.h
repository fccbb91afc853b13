/* SPDX-License-Identifier: MIT
 * Atoms of a molecule that can be told apart by nothing but their names: the ways to put its graph onto itself.
 * Tests: tests/unit/test_symmetry.c */
#ifndef LIB_TRAJ_SYMMETRY_H
#define LIB_TRAJ_SYMMETRY_H

#include <stdbool.h>
#include <stdint.h>

enum { KM_SYMMETRY_MOST = 1024 };

typedef struct km_symmetry {
    int32_t n_atoms, n;
    int32_t *places; /* [n, n_atoms] a permutation each; the first leaves all where they are */
    bool cut;        /* there are more than KM_SYMMETRY_MOST */
} km_symmetry;

/* Of atoms of these elements with these bonds (of whatever order). */
km_symmetry km_symmetry_of(const uint8_t *elements, int32_t n_atoms, const int32_t (*bonds)[2], int32_t n_bonds);
void km_symmetry_clear(km_symmetry *s);
/* The smallest sum over atoms of |x - y|^2 of x [n_atoms, 3], permuted, and y; at least `enough` where it is no
 * less. opt_way: the first permutation that has it, left as it is where there is none. */
double km_symmetry_distance(const km_symmetry *s, const float *x, const float *y, double enough, int32_t *opt_way);

#endif
