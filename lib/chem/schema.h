/* SPDX-License-Identifier: MIT
 * Boltz-2's input: sequences, ligands by component code or SMILES, modifications, rings and constraints as YAML (also
 * JSON), or sequences alone as FASTA with headers >CHAIN|protein|MSA, >CHAIN|dna, >CHAIN|rna, >CHAIN|ccd and
 * >CHAIN|smiles (github.com/jwohlwend/boltz, docs/prediction.md). A system comes of it, without coordinates.
 *
 * Chains stand in Boltz-2's order: those of one type and sequence together, where the first of them was. An affinity,
 * and `force` (potentials that pull atoms while Boltz-2 samples: its network does not see it), are noted. A drawing
 * that the library has of a chain takes the place of its ligand.
 * Tests: tests/unit/test_schema.c, tests/cli/tokenize.bats, tests/oracle.c (kind features) */
#ifndef LIB_CHEM_SCHEMA_H
#define LIB_CHEM_SCHEMA_H

#include <jansson.h>

#include "lib/chem/library.h"

typedef struct km_schema_msa {
    char *chain, *path; /* path "empty": the sequence alone is asked for */
} km_schema_msa;

typedef struct km_schema {
    km_system *system;  /* no atom is present */
    km_schema_msa *msa; /* of the chains that name an alignment */
    int n_msa;
    bool affinity;      /* is asked for: nothing of it is computed */
    bool forced;        /* a constraint or template is to be forced: it is a condition of the network alone */
    json_t *templates;  /* the list as the file has it, every scalar a string; NULL where there is none */
} km_schema;

/* Does the text begin like such an input, rather than like PDB or mmCIF? */
bool km_schema_is(const char *text, size_t n);
/* KM_INPUT says which sequence or constraint is wrong, and how. Free the contents with km_schema_clear. */
km_status km_schema_read(const char *text, size_t n, const char *name, km_library *l, km_schema *ret,
                         km_err *err) KM_MUST_USE;
void km_schema_clear(km_schema *s);

#endif
