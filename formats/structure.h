/* SPDX-License-Identifier: MIT
 * Structures: PDB and mmCIF, read through gemmi (structure_*.cc, in C++) and written by ourselves; GRO is read too
 * (structure_gro.c).
 *
 * Bonds are those between residues that struct_conn, LINK, SSBOND and CONECT state: KM_BOND_SINGLE a disulfide,
 * KM_BOND_COVALENT any other; coordination of metals is none.
 *
 * What comes back is what the file says: every atom (hydrogens and waters too) in file order, alternate locations
 * resolved to the one of highest occupancy (ties: the first), one model. Naming, order, tokens and bonds are lib/chem's
 * work.
 * Tests: tests/unit/test_structure.c, tests/fuzz/fuzz_structure.c */
#ifndef FORMATS_STRUCTURE_H
#define FORMATS_STRUCTURE_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/system.h"

typedef struct km_structure {
    km_system *system; /* atoms in file order, residues, chains, bonds where the file states them; no tokens */
    float *coords;     /* [M, A, 3]: M models */
    int32_t n_models;
    bool *is_polymer; /* [R] the file or gemmi's entity assignment says so */
    bool *is_het;     /* [R] its records are HETATM */
    int32_t *label_seq; /* [R] mmCIF label_seq_id, or 0 */
    char **sequence; /* [C] SEQRES / entity_poly_seq: residue names between blanks; NULL where the file has none */
    bool *opt_occupied; /* [A] occupancy above 0; NULL where the file has none, or none but 0 */
    int32_t *alt_dropped; /* how many alternate locations were left out, [1] */
} km_structure;

/* path "-" reads standard input; plain or gzip; kind by content. model: 0 all, else that 1-based one. KM_INPUT names
 * file and line or record for what cannot be read; NaN and absent coordinates are refused. */
km_status km_structure_read(const char *path, int model, km_structure **ret, km_err *err) KM_MUST_USE;
/* The same from an open file, to its end; name is for messages and for the system. opt_assembly: name ("1") of the
 * biological assembly to make, whose copies of chain A are A, A-2, A-3 and so on; copied atoms that fall upon each
 * other are one. KM_INPUT lists those that there are. */
km_status km_structure_read_file(FILE *f, const char *name, int model, const char *opt_assembly, km_structure **ret,
                                 km_err *err) KM_MUST_USE;
void km_structure_free(km_structure *s);

/* Write a system's atoms at these coordinates. PDB: TER between chains, CONECT for bonds that residue names do not
 * imply. */
typedef enum km_structure_kind { KM_STRUCTURE_PDB = 1, KM_STRUCTURE_CIF } km_structure_kind;
km_status km_structure_write_start(FILE *f, km_structure_kind kind, const km_system *s, km_err *err) KM_MUST_USE;
km_status km_structure_write_model(FILE *f, km_structure_kind kind, const km_system *s, const float *coords, int model,
                                   km_err *err) KM_MUST_USE;
km_status km_structure_write_end(FILE *f, km_structure_kind kind, const km_system *s, km_err *err) KM_MUST_USE;

#endif
