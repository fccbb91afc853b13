/* SPDX-License-Identifier: MIT
 * A molecule as SMILES tells it, with a conformer made as Boltz-2 makes it (ETKDGv3, then UFF) by RDKit.
 * What knows RDKit is a library of its own, libkm-rdkit.so, made where its headers are and opened when it is needed.
 * Tests: tests/cli/tokenize.bats, tests/fuzz/fuzz_smiles.c */
#ifndef FORMATS_SMILES_H
#define FORMATS_SMILES_H

#include "lib/base/component.h"

/* Heavy atoms in the order of the text, named as Boltz-2 names them: the symbol and the place in RDKit's canonical
 * order, hydrogens included ("C12"); hydrogens counted; bonds by their orders or aromatic; the same text gives the same
 * conformer. *ret is one block, the caller's to free. KM_INPUT: not a molecule, one without heavy atoms, with names of
 * more than 4 characters (as Boltz-2 has it) or without a conformer; KM_SYSTEM: no libkm-rdkit.so. */
km_status km_smiles_read(const char *smiles, km_component **ret, km_err *err) KM_MUST_USE;

/* What libkm-rdkit.so has under the name km_rdkit_component: the molecule in malloc's memory, or NULL and the reason in
 * why [room]. */
typedef km_component *km_rdkit_component_fn(const char *smiles, char *why, size_t room);

#endif
