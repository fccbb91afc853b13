/* SPDX-License-Identifier: MIT
 * Protein chains of a structure file as templates need them: their whole sequence, and where the model has each
 * residue. PDB and mmCIF through gemmi (template_gemmi.cc), plain or gzip, kind by content.
 *
 * The first model; no assembly. Of alternative locations the first stays, whatever its occupancy; waters and hydrogens
 * go. Chains are mmCIF's label_asym_id; a PDB file's chain X is X1, and what else carries its letter X2, X3 ... The
 * model is aligned to the sequence of the file (_entity_poly_seq, SEQRES); where it has none, the model's residues are
 * it.
 * Tests: tests/unit/test_templates.c */
#ifndef FORMATS_TEMPLATE_H
#define FORMATS_TEMPLATE_H

#include <stdbool.h>

#include "lib/base/system.h"

typedef struct km_template_atom {
    km_name name;
    float pos[3];
} km_template_atom;

typedef struct km_template_residue {
    km_name name;
    bool present; /* in the model; else it has no atoms */
    int32_t first_atom, n_atoms;
} km_template_residue;

typedef struct km_template_chain {
    char *name;
    char *letters; /* [n_residues] one letter a residue, X for every modified one (MSE too) */
    int32_t first_residue, n_residues;
} km_template_chain;

/* Owned arrays. */
typedef struct km_template {
    int32_t n_chains, n_residues, n_atoms;
    km_template_chain *chains;
    km_template_residue *residues;
    km_template_atom *atoms;
} km_template;

/* KM_INPUT names the file and what is wrong: no structure, no protein chain, a name too long, numbers not finite. */
km_status km_template_read(const char *path, km_template **ret, km_err *err) KM_MUST_USE;
void km_template_free(km_template *t);

#endif
