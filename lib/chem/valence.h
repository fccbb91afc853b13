/* SPDX-License-Identifier: MIT
 * Are ligands what their atoms and hydrogens say?
 * Tests: tests/unit/test_perceive.c */
#ifndef LIB_CHEM_VALENCE_H
#define LIB_CHEM_VALENCE_H

#include "lib/chem/tokens.h"

/* KM_NEGATIVE: a ligand of the system t that has hydrogens and elements in the raw structure, but an atom of another
 * valence than its element has, no orders for its bonds, or bonds where its atoms are far apart; says which. */
km_status km_chem_check_valences(const km_structure *raw, const km_tokenized *t, km_err *err) KM_MUST_USE;

#endif
