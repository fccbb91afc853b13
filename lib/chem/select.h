/* SPDX-License-Identifier: MIT
 * The selection language: a choice of atoms in words.
 *
 *   SEL     any number of TERMs joined with `and` (binds tighter) and `or`
 *   TERM    not TERM | ( SEL ) | all | protein | nucleic | ligand | ion | backbone
 *           | name WORD... | resname WORD... | chain WORD... | element WORD... | resid RANGE...      RANGE: 5, 5-20,
 * -3-4
 *
 * Tests: tests/unit/test_select.c */
#ifndef LIB_CHEM_SELECT_H
#define LIB_CHEM_SELECT_H

#include <stdbool.h>

#include "lib/base/system.h"

/* Fill mask [A]; returns how many atoms were chosen, or KM_USAGE with the place in the text. */
km_status km_chem_select(const km_system *s, const char *text, bool *mask, km_err *err) KM_MUST_USE;

/* The system of only these atoms: residues, chains and tokens that keep none are gone, the rest is renumbered; a token
 * whose centre or representative is gone takes its first atom instead; a ring that lost a residue is open. The caller
 * frees it. */
km_system *km_chem_cut(const km_system *s, const bool *mask);

#endif
