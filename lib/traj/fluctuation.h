/* SPDX-License-Identifier: MIT
 * How much each atom moves. Frames stream through.
 * Tests: tests/unit/test_peptide.c */
#ifndef LIB_TRAJ_FLUCTUATION_H
#define LIB_TRAJ_FLUCTUATION_H

#include <stdint.h>

typedef struct km_fluctuation {
    int32_t A;
    int64_t F;            /* frames so far */
    float *first;         /* [A, 3] the first of them; */
    float *x;             /* [A, 3] room for one */
    double *sum, *square; /* [A, 3], [A] of what frames differ from the first by */
} km_fluctuation;

km_fluctuation km_fluctuation_of(int32_t A);
void km_fluctuation_add(km_fluctuation *u, const float *x); /* a frame, [A, 3] */
/* Root-mean-square fluctuation of each atom about the mean structure, every frame superposed on the first by all atoms;
 * out [A]. */
void km_fluctuation_rms(const km_fluctuation *u, double *out);
void km_fluctuation_clear(km_fluctuation *u);

#endif
