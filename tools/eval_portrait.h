/* SPDX-License-Identifier: MIT
 * What the page draws of proteins, kept with a row: few enough frames of both sides, superposed on the start structure
 * by CA. Keys that begin with md_ are the reference's. */
#ifndef TOOLS_EVAL_PORTRAIT_H
#define TOOLS_EVAL_PORTRAIT_H

#include "tools/eval.h"

enum { KM_PORTRAIT_FRAMES = 1000 };

/* At most so many frames of a side, evenly spread. */
typedef struct km_portrait_side {
    float *x;  /* [F, A, 3] all common atoms */
    float *ca; /* [F, n_ca, 3] */
    int64_t F, *lengths;
    int n_runs;
    double spacing; /* ns between frames; 0 where it is not known */
} km_portrait_side;

typedef struct km_portrait {
    const km_eval_case *c;
    int32_t n_ca, *ca; /* [n_ca] places of the protein's CA among the atoms */
    float *start;      /* [n_ca, 3] */
    km_portrait_side md, model;
} km_portrait;

/* Fluctuations, pairs, drift, maps, contacts: of CA. */
void km_portrait_places(const km_portrait *p, km_eval_row *row);
/* Torsions, secondary structure, soundness over time, and the frames that are played. */
void km_portrait_chains(const km_portrait *p, km_eval_row *row);

#endif
