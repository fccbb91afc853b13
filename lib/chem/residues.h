/* SPDX-License-Identifier: MIT
 * The residues every program knows without a dictionary: the 20 amino acids, UNK, and the nucleotides, with Boltz-2's
 * heavy atoms in Boltz-2's order, and the ideal coordinates and bonds of the chemical component dictionary; and the
 * many names that force fields and older files give to them.
 * Tests: tests/unit/test_residues.c */
#ifndef LIB_CHEM_RESIDUES_H
#define LIB_CHEM_RESIDUES_H

#include <stdbool.h>

#include "lib/base/component.h"

/* How the residues of a polymer are joined: N-C of a peptide, P-O3' of a nucleic acid. Angstrom. */
#define KM_PEPTIDE_BOND 1.329f    /* C-N, Engh & Huber 1991; to proline 1.341 */
#define KM_PHOSPHATE_BOND 1.607f  /* Parkinson et al. 1996 */
#define KM_DISULFIDE_BOND 2.033f  /* Engh & Huber 1991 */
#define KM_LINK_MAX 2.0f          /* C-N and P-O3' nearer than this are links, where nothing else says so */
#define KM_DISULFIDE_MAX 2.5f     /* SG-SG nearer than this are bonded */

enum { KM_RES_CLASSES = 33, KM_RES_FIRST = 2 };

/* The component of that exact name (canonical), or NULL. */
const km_component *km_chem_component(const char *name);
/* The component of a residue class 2 ... 32, or NULL. */
const km_component *km_chem_component_of_class(int res_type);
/* By one-letter code: amino acids (KM_PROTEIN), DNA or RNA; NULL where there is none. */
const km_component *km_chem_component_of_letter(char letter, int mol_type);
/* Position of an atom in a component, or -1. */
int km_chem_component_atom(const km_component *c, const char *name);
/* Positions of the three atoms that carry a residue's frame, the origin in the middle: N, CA, C or C4', C1', C3'. */
void km_chem_component_frame(const km_component *c, int out[3]);

/* The dictionary's name for what CHARMM, Amber, GROMACS and old PDB files write (HSD, CYX, NALA, RA5 ...), itself where
 * there is nothing to change. MSE is read as MET. */
const char *km_chem_residue_name(const char *name);
/* The deoxynucleotide of a (canonical) nucleotide, itself where there is none: CHARMM and old PDB files name both
 * alike.
 */
const char *km_chem_deoxy_name(const char *residue);
/* The dictionary's name of a heavy atom of that (canonical) residue; itself where there is nothing to change. MSE's SE
 * is SD. */
const char *km_chem_atom_name(const char *residue, const char *atom);

bool km_chem_is_water(const char *residue);
/* Lipids and detergents of membranes and micelles, of which a simulation has many: one alone may be a ligand of that
 * name. */
bool km_chem_is_lipid(const char *residue);
/* Ions of one atom, by the dictionary's or a force field's name (NA, NA+, SOD, CLA, ZN ...). */
bool km_chem_is_ion(const char *residue);
/* The dictionary's name of such an ion; itself where there is nothing to change. */
const char *km_chem_ion_name(const char *residue);
/* One that macromolecules hold in place (MG, CA, ZN ...). */
bool km_chem_is_metal(const char *residue);
/* Its atomic number, 0 for what is no ion, and charge. */
int km_chem_ion(const char *name, int *ret_charge);
/* Salts, buffers and cryoprotectants of crystallisation (SO4, GOL, EDO ...). */
bool km_chem_is_additive(const char *residue);
/* The atomic number an atom's name suggests where the file says none: H C N O P S, and ions by residue name; 0 unknown.
 */
int km_chem_guess_element(const char *residue, const char *atom);

#endif
