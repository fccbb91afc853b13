/* SPDX-License-Identifier: MIT
 * The atoms that two systems have in common, by name.
 * Tests: tests/unit/test_common.c */
#ifndef LIB_TRAJ_COMMON_H
#define LIB_TRAJ_COMMON_H

#include "lib/base/system.h"

/* How residues were told: by chain and number as the files have them; by the chain's place in its file and the number;
 * by places alone. */
typedef enum km_common_by { KM_BY_NAMES = 0, KM_BY_CHAIN_PLACE, KM_BY_PLACE, KM_BY_KINDS } km_common_by;

typedef struct km_common {
    int32_t n;
    int32_t *a, *b; /* [n] the atoms' places in the one and the other, in the order of the first */
    km_common_by by;
    int32_t lost_a, lost_b;        /* atoms without a partner */
    char list_a[120], list_b[120]; /* the first of them: "A GLY 5 CA, ..." */
} km_common;

/* Atoms of the same residue (its name too) and name; of several alike the first. Of the three ways to tell residues the
 * one that finds most, the first of those. Names are those of the dictionary (lib/chem/residues.h) already. */
void km_common_find(const km_system *a, const km_system *b, km_common *ret);
void km_common_clear(km_common *c);
const char *km_common_by_name(km_common_by by);

#endif
