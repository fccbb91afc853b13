/* SPDX-License-Identifier: MIT
 * What is a polymer in a raw structure, and what only lies beside one. Of lib/chem alone.
 * Tests: tests/unit/test_tokens.c */
#ifndef LIB_CHEM_POLYMER_H
#define LIB_CHEM_POLYMER_H

#include "formats/structure.h"

/* Distance of two atoms in the first model, angstrom. */
float km_chem_raw_distance(const km_structure *raw, int32_t a, int32_t b);

/* What the file says it is, else what its name does; 0: not known. */
int km_chem_raw_element(const km_structure *raw, int32_t atom);
bool km_chem_raw_has_hydrogens(const km_structure *raw, const km_residue *r);
/* The atom of that name in a residue, or -1. */
int32_t km_chem_raw_atom(const km_system *s, int32_t residue, const char *name);

/* The dictionary's name of a residue of a polymer; a nucleotide with C2' but not O2' is a deoxynucleotide. */
const char *km_chem_raw_residue_name(const km_structure *raw, int32_t residue);


/* The chains from `chain` on that are one molecule: a polymer, and residues that the file lists as chains of their own
 * but which are linked to it where a residue would be (caps, modified ends). Returns the first chain behind them.
 * stays [R]: the residues that count. */
int32_t km_chem_raw_chain_end(const km_structure *raw, const bool *stays, int32_t chain);

/* KM_PROTEIN ... of the chains first ... last - 1: that of their first standard residue, unless the file has it as a
 * molecule by itself, else what the file says. *ret_chain: the one that is a polymer, or first. */
int km_chem_raw_mol_type(const km_structure *raw, const bool *stays, int32_t first, int32_t last, int32_t *ret_chain);

#endif
