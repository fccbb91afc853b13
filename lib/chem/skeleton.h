/* SPDX-License-Identifier: MIT
 * The same ligand under other names: a key of its heavy atoms' elements and which of them are bonded, whatever their
 * order, bond orders, charges, hydrogens and hands. What InChIKey's first block is for, but not that: it needs no
 * library, and tells from each other what refinement of neighbourhoods (Weisfeiler & Leman 1968) does.
 * Tests: tests/unit/test_skeleton.c */
#ifndef LIB_CHEM_SKELETON_H
#define LIB_CHEM_SKELETON_H

#include "lib/base/system.h"

/* The key of a chain; bonds to other chains do not count. */
uint64_t km_chem_skeleton(const km_system *s, int32_t chain);

#endif
