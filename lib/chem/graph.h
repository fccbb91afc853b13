/* SPDX-License-Identifier: MIT
 * Two drawings of one molecule: which atom is which.
 * Tests: tests/unit/test_sdf.c */
#ifndef LIB_CHEM_GRAPH_H
#define LIB_CHEM_GRAPH_H

#include <stdbool.h>

#include "lib/base/component.h"

/* Half of a single bond, angstrom (Pyykko & Atsumi 2009); 1.4 for what is not a nonmetal of life or a halogen. */
double km_chem_bond_radius(int element);

/* Atoms of n elements at coords [n, 3], bonded where they are as near as covalent bonds are: the place of each of the
 * component's atoms among them, found [c->n_atoms]. Of several ways the first in the order of atoms. False where the
 * elements or bonds are others. */
bool km_chem_match_graph(const km_component *c, const int *elements, const float *coords, int n, int *found);

#endif
