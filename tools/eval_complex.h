/* SPDX-License-Identifier: MIT
 * What the panels of complexes share. */
#ifndef TOOLS_EVAL_COMPLEX_H
#define TOOLS_EVAL_COMPLEX_H

#include "lib/traj/ligand.h"
#include "tools/eval.h"

typedef struct km_eval_complex {
    km_complex list;
    int32_t *ligand, *protein, *residue, (*bonds)[2];
    float *fit; /* [A] weights: 1 for the protein's backbone */
    int32_t n_fit;
    bool guessed; /* the bonds, from distances */
    km_symmetry symmetry;
} km_eval_complex;

/* False, with a note, where there is no ligand in common or too little protein. To be cleared either way. */
bool km_eval_complex_of(const km_eval_case *c, km_eval *e, const km_eval_row *row, km_eval_complex *ret);
/* n frames [n, A, 3] onto the start structure, by the protein's backbone. */
void km_eval_complex_superpose(const km_eval_case *c, const km_eval_complex *x, float *frames, int64_t n);
void km_eval_complex_clear(km_eval_complex *x);

#endif
