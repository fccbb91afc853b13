/* SPDX-License-Identifier: MIT
 * The components that systems are made of: built-in residues, ions of one atom, those of a dictionary, and ligands that
 * the user gives.
 * Tests: tests/unit/test_ligands.c */
#ifndef LIB_CHEM_LIBRARY_H
#define LIB_CHEM_LIBRARY_H

#include "formats/ccd.h"
#include "formats/structure.h"

typedef struct km_library km_library;

/* path: of a dictionary (formats/ccd.h), or NULL for what is built in; it is opened when it is first needed. */
km_library *km_library_new(const char *opt_path);
void km_library_free(km_library *l);

/* The residue of that name in a polymer: a built-in one, else the dictionary's without its leaving atoms. */
km_status km_library_residue(km_library *l, const char *name, const km_component **ret, km_err *err) KM_MUST_USE;
/* The molecule of that name by itself, with all its heavy atoms and aromatic bonds marked. Both stay the library's.
 * KM_INPUT names a component that there is no such thing as. */
km_status km_library_molecule(km_library *l, const char *name, const km_component **ret, km_err *err) KM_MUST_USE;
/* The ligand of a chain is the molecule of an SDF or MOL file (formats/sdf.h), aromatic bonds marked. KM_USAGE: the
 * chain has one already. */
km_status km_library_draw(km_library *l, const char *chain, const char *path, km_err *err) KM_MUST_USE;
/* That of this chain, or NULL; use: it is made use of. */
const km_component *km_library_drawn(km_library *l, const char *chain, bool use);
/* KM_INPUT names a file of which no use was made, of this chain or of any. */
km_status km_library_check_used(const km_library *l, const char *opt_chain, km_err *err) KM_MUST_USE;
/* The molecule of SMILES (formats/smiles.h); it stays the library's. */
km_status km_library_smiles(km_library *l, const char *smiles, const km_component **ret, km_err *err) KM_MUST_USE;
/* A molecule by its coordinates (lib/chem/perceive.h); it stays the library's. */
km_status km_library_perceive(km_library *l, const km_structure *raw, int32_t residue, const km_component **ret,
                              km_err *err) KM_MUST_USE;
/* c with these names and, where it is unplaced, at these places; it stays the library's. */
const km_component *km_library_named(km_library *l, const km_component *c, const km_name *names, const float *pos);

/* c without these atoms, leave [c->n_atoms]; it stays the library's. */
const km_component *km_library_without(km_library *l, const km_component *c, const bool *leave);

#endif
