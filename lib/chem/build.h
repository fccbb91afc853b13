/* SPDX-License-Identifier: MIT
 * How a system is put together, residue by residue: atoms, dictionary bonds and tokens as Boltz-2 has them. Of lib/chem
 * alone.
 * Tests: tests/unit/test_tokens.c */
#ifndef LIB_CHEM_BUILD_H
#define LIB_CHEM_BUILD_H

#include "lib/base/component.h"

typedef struct km_build {
    km_system *s;
    int32_t *source;    /* [A] index of each atom in what it was built from, or -1 */
    int32_t room_atoms, room_residues, room_chains, room_tokens, room_bonds;
    int n_dictionary;   /* bonds that came with components */
} km_build;

km_build km_build_start(const char *name);

/* A chain behind the others; it belongs to the build. */
km_chain *km_build_chain(km_build *b, const char *name, int mol_type);

/* A residue of component c behind the last chain's others: one token, in a chain of KM_NONPOLYMER one for each atom.
 * like: name (the component's where empty), number, icode and index. opt_found [c->n_atoms]: source of each atom or -1;
 * NULL: none has one. present: the mark of atoms without a source. Returns its index. */
int32_t km_build_residue(km_build *b, const km_component *c, const km_residue *like, const int32_t *opt_found,
                         bool present);

/* A bond between two atoms, unless there is one. Returns whether it was added. */
bool km_build_bond(km_build *b, int32_t x, int32_t y, int type);
/* The link between neighbours in a polymer, which is new. */
void km_build_link(km_build *b, int32_t x, int32_t y);
/* The atom of that name in a residue, or -1. */
int32_t km_build_atom(const km_build *b, int32_t residue, const char *name);

/* Chains c for which entity[c] is equal are copies of each other: number them and their tokens. */
void km_build_finish(km_build *b, const int32_t *entity);

#endif
