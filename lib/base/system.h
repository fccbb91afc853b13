/* SPDX-License-Identifier: MIT
 * The plain records that flow through the programs: a system (what the molecule is), a frame (where its atoms are), the
 * trunk's result and the provenance. Formats fill them, chem completes them, the model reads them.
 *
 * Shapes: A atoms, R residues, C chains, N tokens, B bonds. Units: angstrom; time in femtoseconds (int64) inside.
 * Tests: tests/unit/test_system.c, tests/unit/test_km.c */
#ifndef KM_BASE_SYSTEM_H
#define KM_BASE_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/* Numbers as Boltz-2 has them (oracle notes: res_type, mol_type, bond types). */
enum { KM_PROTEIN = 0, KM_DNA = 1, KM_RNA = 2, KM_NONPOLYMER = 3 };
enum {
    KM_BOND_NONE = 0, KM_BOND_OTHER = 1, KM_BOND_SINGLE = 2, KM_BOND_DOUBLE = 3, KM_BOND_TRIPLE = 4,
    KM_BOND_AROMATIC = 5, KM_BOND_COVALENT = 6,
};

typedef char km_name[8]; /* an atom's, residue's or chain's name, NUL padded, at most 7 characters */

typedef struct km_atom {
    km_name name;          /* without blanks: "CA" */
    uint8_t element;       /* atomic number */
    int8_t charge;         /* formal charge */
    uint8_t present;       /* 1 where the input had coordinates for it */
    int32_t residue;       /* index of its residue */
    int32_t token;         /* index of its token, -1 before tokens are made */
    float ref_pos[3];      /* conformer position, angstrom */
    int32_t ref_space_uid; /* atoms of one conformer share it */
} km_atom;

typedef struct km_residue {
    km_name name;       /* "ALA" */
    int32_t chain;      /* index of its chain */
    int32_t number;     /* author's residue number */
    char icode;         /* insertion code, or ' ' */
    int32_t index;      /* 0-based position in its chain's sequence (the model's residue_index) */
    int32_t first_atom; /* its atoms are first_atom .. first_atom + n_atoms - 1 */
    int32_t n_atoms;
} km_residue;

typedef struct km_chain {
    km_name name;
    uint8_t mol_type; /* KM_PROTEIN ... */
    int32_t asym_id, entity_id, sym_id;
    int32_t cyclic_period; /* residues in the ring, 0 for an open chain */
    int32_t first_residue, n_residues;
} km_chain;

typedef struct km_token {
    int32_t residue, res_type; /* res_type: 33 classes */
    int32_t first_atom, n_atoms;
    int32_t center_atom, repr_atom;
    int32_t asym_id, entity_id, sym_id, residue_index, token_index, cyclic_period;
    uint8_t mol_type, modified;
} km_token;

/* A pair of tokens that the model is told to bring near each other. */
enum { KM_CONTACT_UNSPECIFIED = 0, KM_CONTACT_UNSELECTED, KM_CONTACT_POCKET, KM_CONTACT_BINDER, KM_CONTACT_PAIR };
typedef struct km_contact {
    int32_t a, b;    /* token indices */
    uint8_t type;    /* KM_CONTACT_POCKET (a of the pocket, b of the binder), _BINDER (the converse) or _PAIR */
    float threshold; /* angstrom */
} km_contact;

typedef struct km_bond {
    int32_t a, b;  /* atom indices, a < b */
    uint8_t type;  /* KM_BOND_SINGLE ... */
} km_bond;

/* What one program did, in the order of the pipe. Empty strings where a key does not apply. Owned strings. */
typedef struct km_provenance {
    char *program, *version, *arguments;
    uint64_t seed;
    char *weights_name, *weights_path, *weights_digest, *trunk_digest;
} km_provenance;

typedef struct km_system {
    char *name;             /* of the structure: a file's stem */
    int32_t n_atoms, n_residues, n_chains, n_tokens, n_bonds, n_contacts, n_provenance;
    km_atom *atoms;         /* [A], in Boltz-2's order within each residue */
    km_residue *residues;   /* [R] */
    km_chain *chains;       /* [C] */
    km_token *tokens;       /* [N]; n_tokens is 0 for a raw system */
    km_bond *bonds;         /* [B], covalent, no pair twice; those within a residue in its dictionary's order */
    km_contact *contacts;   /* in the order they were asked for: a later one counts where two speak of one pair */
    char family[16];        /* of models whose features these are (lib/model/family.h); "": Boltz-2's */
    int32_t method;         /* Boltz-2's experimental method class, 1 (X-ray) unless known */
    km_provenance *provenance;
    /* Unknown keys of the message it came from, as raw msgpack map entries, passed through. Owned. */
    void *extra;
    size_t extra_bytes;
    int32_t n_extra;
} km_system;

km_system *km_system_new(void);
void km_system_free(km_system *s);
km_system *km_system_copy(const km_system *s);
/* Every index in range, every range in order, every number finite: KM_OK, or KM_INPUT with the record at fault. */
km_status km_system_check(const km_system *s, km_err *err) KM_MUST_USE;
/* Append a record (strings are copied). */
void km_system_add_provenance(km_system *s, const km_provenance *p);

/* One frame. coords belongs to whoever made the frame. */
typedef struct km_frame {
    int64_t time_fs;
    int32_t trajectory; /* 0-based */
    bool given;         /* from the input, not generated */
    int32_t n_atoms;
    float *coords;      /* [A, 3], angstrom */
} km_frame;

/* The trunk's result for a system. All f32, owned. */
typedef struct km_trunk_result {
    int32_t n_tokens, inputs_s, token_s, token_z;
    float *s_inputs; /* [N, inputs_s] */
    float *s;        /* [N, token_s] */
    float *z;        /* [N, N, token_z] */
    char *weights_name, *weights_path, *weights_digest, *trunk_digest;
    int32_t recycles;
} km_trunk_result;
km_trunk_result *km_trunk_result_new(int32_t n_tokens, int32_t inputs_s, int32_t token_s, int32_t token_z);
void km_trunk_result_free(km_trunk_result *t);

/* Time: fs inside, ns in the stream. */
#define KM_FS_PER_NS 1000000.0
int64_t km_fs_of_ns(double ns);  /* nearest */
double km_ns_of_fs(int64_t fs);

#endif
