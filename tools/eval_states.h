/* SPDX-License-Identifier: MIT
 * Conformations: references of one frame, how near a frame is to them, and what of a region is folded. */
#ifndef TOOLS_EVAL_STATES_H
#define TOOLS_EVAL_STATES_H

#include "lib/traj/populations.h"
#include "tools/eval.h"

typedef struct km_eval_states {
    km_eval_ca backbone; /* what is compared; its dynamics are the references of more frames */
    int n_ca;
    int32_t *ca; /* [n_ca] where CA are among its atoms */
    int n;
    float *x;           /* [n, backbone.n, 3] */
    bool local;         /* the target names residues: */
    bool *region;       /* [backbone.n] to be compared, */
    float *weights;     /* [backbone.n] to be laid upon each other; 0 or 1 */
    km_native contacts; /* of CA in the region */
    km_clip *dynamics;  /* [n_dynamics] references of more than one frame */
    int n_dynamics;
} km_eval_states;

/* To be cleared whatever comes. Notes where fewer than three atoms can be laid upon each other or none is compared;
 * there are no conformations then. */
km_status km_eval_states_of(const km_eval_case *c, km_eval *e, const km_eval_row *row, km_eval_states *ret,
                            km_err *err) KM_MUST_USE;
void km_eval_states_clear(km_eval_states *s);
/* How far a frame x [backbone.n, 3] is from conformation i: RMSD, or the mean distance in the region. */
double km_eval_states_distance(const km_eval_states *s, const float *x, int i);

#endif
