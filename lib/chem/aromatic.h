/* SPDX-License-Identifier: MIT
 * Aromatic bonds, found as RDKit finds them (rdkit.org/docs/RDKit_Book.html#aromaticity), because Boltz-2 was trained
 * on what it finds: rings, alone or fused up to six, around which there are 4n + 2 electrons.
 * Tests: tests/unit/test_aromatic.c */
#ifndef LIB_CHEM_AROMATIC_H
#define LIB_CHEM_AROMATIC_H

#include "lib/base/component.h"

/* Mark the aromatic ones among bonds that are given by their orders. The atoms' hydrogens and charges count. */
void km_chem_find_aromatic(const km_component_atom *atoms, int n_atoms, km_component_bond *bonds, int n_bonds);

#endif
