/* SPDX-License-Identifier: MIT
 * Molecules of which nobody has told the orders of bonds, hydrogens included: who is bonded as somebody tells, or by
 * distance; how often by what the elements' valences leave over.
 * Tests: tests/unit/test_perceive.c */
#ifndef LIB_CHEM_PERCEIVE_H
#define LIB_CHEM_PERCEIVE_H

#include "formats/structure.h"
#include "lib/base/component.h"

/* n atoms with their elements, names, coords [n, 3] and numbers of bonds to atoms elsewhere (NULL: 0) as one
 * component, bonded as opt_bonds has it (NULL: by distance): heavy atoms in their order, hydrogens counted, formal
 * charges (as few as can be), aromatic bonds marked, pos as given. *ret is one block, the caller's to free. KM_INPUT:
 * an atom without an element or with more neighbours than it can have, pieces that hang on nothing, or valences that no
 * bond orders fill, as where hydrogens are missing. */
km_status km_chem_perceive(const int *elements, const km_name *names, const float *coords, const int *opt_elsewhere,
                           int n, const km_bond *opt_bonds, int n_bonds, km_component **ret, km_err *err) KM_MUST_USE;
/* The same of a residue with hydrogens, by the bonds that the structure has within it, if it has any. */
km_status km_chem_perceive_raw(const km_structure *raw, int32_t residue, km_component **ret, km_err *err) KM_MUST_USE;

#endif
