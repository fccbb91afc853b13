/* SPDX-License-Identifier: MIT
 * Conformers of standard residues as RDKit makes them (ETKDGv3), which Protenix 0.2 and its descendants are used to.
 * Tests: tests/unit/test_protenix.c */
#ifndef LIB_CHEM_CONFORMERS_H
#define LIB_CHEM_CONFORMERS_H

/* Where the conformer of that residue (canonical) has its heavy atom, OXT and OP3 too: [3] angstrom; NULL for what is
 * no atom of a standard residue. */
const float *km_chem_conformer_place(const char *residue, const char *atom);

#endif
