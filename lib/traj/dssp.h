/* SPDX-License-Identifier: MIT
 * Secondary structure by hydrogen bonds of the backbone (Kabsch & Sander 1983), in three classes.
 * Tests: tests/unit/test_dssp.c (against mdtraj's assignment) */
#ifndef LIB_TRAJ_DSSP_H
#define LIB_TRAJ_DSSP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/system.h"

/* Helix (alpha, 3-10, pi), strand (ladders and single bridges), neither; a residue without N, CA, C and O. */
enum { KM_COIL = 0, KM_HELIX, KM_STRAND, KM_NO_STRUCTURE };

/* The residues with a whole backbone, and where it is. */
typedef struct km_backbone {
    int32_t n, n_residues;
    int32_t *residue;    /* [n] */
    int32_t (*atoms)[4]; /* [n] N CA C O */
    bool *proline;       /* [n] */
    int32_t *segment;    /* [n] equal where no chain ends and no number is missing between */
} km_backbone;
km_backbone km_backbone_of(const km_system *s);
void km_backbone_clear(km_backbone *b);
/* The class of every residue [n_residues] in frame x [A, 3]. Thread-safe. */
void km_dssp(const km_backbone *b, const float *x, uint8_t *out);

#endif
