/* SPDX-License-Identifier: MIT
 * From what a file says to what the model sees: a raw structure becomes a complete system, its atoms in Boltz-2's
 * order, with tokens, bonds and reference conformers. Solvent, ions that no molecule holds, crystallisation agents,
 * ten lipids and more, hydrogens and the leaving atoms OXT and OP3 go. A residue of a polymer is one token, modified
 * or not; anything else has one for each atom. Ligands and modified residues come from the library's dictionary, or a
 * ligand's bonds from where its atoms and hydrogens are.
 * Tests: tests/unit/test_tokens.c, tests/cli/tokenize.bats */
#ifndef LIB_CHEM_TOKENS_H
#define LIB_CHEM_TOKENS_H

#include "formats/structure.h"
#include "lib/chem/library.h"

/* What to do about a heavy atom that the file lacks. */
typedef enum km_missing {
    KM_MISSING_REFUSE = 0,
    KM_MISSING_DROP,  /* keep it with present = 0; its coordinates are a placeholder, by the ideal residue */
    KM_MISSING_BUILD, /* put it where the ideal residue has it, laid on N, CA and C (C4', C1', C3') or, in what is not
                         standard, on the three nearest atoms that are there; present = 1 */
} km_missing;

/* Is there a residue that is an atom of a metal? */
bool km_chem_has_metals(const km_system *s);
/* Add 1 to counts [R] of each that two or more N, O or S of macromolecules or ligands hold within 2.8 angstrom, in
 * whatever image, where coords [A, 3] of the raw structure's atoms are these. */
void km_chem_count_held(const km_structure *raw, const float *coords, const float *opt_box, int32_t *counts);

typedef struct km_token_options {
    const char *chains; /* "A,B", or NULL for all */
    km_missing missing;
    bool keep;           /* waters, ions, crystallisation agents and lipids too */
    bool unresolved;     /* residues of the file's sequence that the model lacks too, with present = 0 */
    km_library *library; /* NULL: what is built in */
    const int32_t
        *opt_held; /* [R] of the raw structure: is this ion, if it is one, held? NULL: as the first model has it */
} km_token_options;

/* What was left out and added. */
typedef struct km_token_report {
    int hydrogens, waters, ions, additives, lipids; /* all but hydrogens: residues */
    int leaving, alternates, missing;               /* atoms */
    int unresolved;                                 /* residues of the file's sequences that the model lacks */
    int held;                                       /* ions that stay because a molecule holds them */
    int perceived; /* ligands whose bonds their coordinates tell (lib/chem/perceive.h) */
    int bonds_dictionary, bonds_file, bonds_distance;
    char missing_list[160]; /* the first of them: "ARG 5 A: CG CD" */
} km_token_report;

typedef struct km_tokenized {
    km_system *system;
    int32_t *source; /* [A] index of each atom in the raw structure, -1 for a missing one */
    km_token_report report;
} km_tokenized;

/* KM_INPUT names the residue and what is wrong with it. The result is freed with km_tokenized_clear. */
km_status km_chem_tokenize(const km_structure *raw, const km_token_options *options, km_tokenized *ret,
                           km_err *err) KM_MUST_USE;
/* The same as Protenix 0.2 and its descendants (BioKinema) have it: the atoms that the file has, in its order, OXT and
 * OP3 too; what is not a standard residue of a polymer has a token for each atom, a modified residue of its parent's
 * class; residues are numbered as in the file; every conformer lies about the origin, shifted and turned at random
 * (seed), that of a molecule which is no polymer is one point. An atom of occupancy 0 lies where the file has it, with
 * present = 0 (Protenix: any that is not exactly 1, at the origin). Bonds of a ligand are the dictionary's or perceived
 * (Protenix: pairs within a range of distances). options->missing and unresolved are not looked at. */
km_status km_chem_tokenize_protenix(const km_structure *raw, const km_token_options *options, uint64_t seed,
                                    km_tokenized *ret, km_err *err) KM_MUST_USE;
void km_tokenized_clear(km_tokenized *t);

/* A frame of the raw structure, raw [A_raw, 3], in the system's order, out [A, 3]; missing atoms at their ideal places,
 * unresolved residues around the nearest one of their chain. */
void km_chem_gather(const km_tokenized *t, const float *raw, float *out);

#endif
