/* SPDX-License-Identifier: MIT
 * Raw structures out of simulations: chains that lie across the walls of a periodic box, and files without chains.
 * Tests: tests/unit/test_molecules.c, tests/cli/strip.bats */
#ifndef LIB_CHEM_WHOLE_H
#define LIB_CHEM_WHOLE_H

#include "formats/structure.h"

/* Move atoms of the first model by vectors of the box such that residues, and chains of residues, are whole, and metals
 * lie at the nearest image of what holds them. Does nothing without a volume. */
void km_chem_raw_whole(km_structure *raw, const float box[9]);
/* A chain without a name becomes one chain for each molecule: residues stay together that a peptide or phosphate bond
 * links. The new ones have no name either. */
void km_chem_raw_split(km_structure *raw);

#endif
