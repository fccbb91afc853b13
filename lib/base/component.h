/* SPDX-License-Identifier: MIT
 * A chemical component: what a residue of one name is made of, heavy atoms only. Formats read components from a
 * dictionary, lib/chem has the standard ones built in.
 * Tests: tests/unit/test_residues.c, tests/unit/test_ccd.c */
#ifndef KM_BASE_COMPONENT_H
#define KM_BASE_COMPONENT_H

#include <stdbool.h>

#include "lib/base/system.h"

typedef struct km_component_atom {
    km_name name;
    uint8_t element;   /* atomic number */
    int8_t charge;     /* formal charge, as the dictionary draws the free molecule */
    float pos[3];      /* ideal coordinates, angstrom */
    uint8_t hydrogens; /* bonded to it; 0 for the built-in residues */
    bool leaves;       /* goes when the residue becomes part of a polymer */
} km_component_atom;

typedef struct km_component_bond {
    uint16_t a, b; /* positions in the atom list, a < b */
    uint8_t type;  /* KM_BOND_SINGLE ... */
} km_component_bond;

typedef struct km_component {
    km_name name;      /* "ALA" */
    char letter;       /* 'A' */
    uint8_t mol_type;  /* KM_PROTEIN ...: the polymer it may be part of */
    int res_type;      /* the model's class */
    int n_atoms, n_bonds;
    int center, repr;  /* CA and CB (GLY: CA); C1' and C4 or C2; the first atom of what is not standard */
    const km_component_atom *atoms;
    const km_component_bond *bonds;
    bool standard;     /* one of the built-in residues */
    bool unplaced;     /* its source has no coordinates: pos is 0 */
    char parent;       /* the dictionary's one-letter code: of a modified residue, what it is made from; 0: none */
} km_component;

/* "C" for 6, "X" for what is no element; and back, in any case: 0 for what is none, 1 for D and T too. */
const char *km_element_symbol(int element);
int km_element_of(const char *symbol);

#endif
