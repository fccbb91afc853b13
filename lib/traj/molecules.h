/* SPDX-License-Identifier: MIT
 * Molecules in periodic boxes: what is bonded is made whole, followed through time, and at first brought together.
 * Tests: tests/unit/test_molecules.c */
#ifndef LIB_TRAJ_MOLECULES_H
#define LIB_TRAJ_MOLECULES_H

#include "lib/base/box.h"
#include "lib/base/system.h"

/* The atoms that bonds connect, as trees: atom order[i] hangs on atom parent[i], or, -1, begins a molecule. */
typedef struct km_molecules {
    int32_t n_atoms, count;
    int32_t *order, *parent; /* [A] */
    int32_t *first;          /* [count + 1] where each molecule begins in order */
} km_molecules;

km_molecules *km_molecules_of(const km_system *s);
void km_molecules_free(km_molecules *m);

/* Every atom at the image nearest to the one it hangs on. coords [A, 3]. */
void km_molecules_make_whole(const km_molecules *m, const km_lattice *l, float *coords);
/* The middle of each, centres [count, 3]. */
void km_molecules_centres(const km_molecules *m, const float *coords, double *centres);
/* Move each molecule, whole, to the image nearest to where it was; centres follow. */
void km_molecules_follow(const km_molecules *m, const km_lattice *l, const double *before, double *centres,
                         float *coords);
/* Move molecules, whole, so that what is in contact through a wall is so without: from the largest on, always the one
 * with an atom nearest to those in place. */
void km_molecules_bring_together(const km_molecules *m, const km_lattice *l, float *coords);

#endif
