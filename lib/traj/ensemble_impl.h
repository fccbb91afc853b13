/* SPDX-License-Identifier: MIT
 * The parts of the ensemble panel, one file each. */
#ifndef LIB_TRAJ_ENSEMBLE_IMPL_H
#define LIB_TRAJ_ENSEMBLE_IMPL_H

#include "lib/traj/ensemble.h"
#include "lib/traj/linear.h"

enum { RAND1, RAND2, RAND1K, DRAWS };

/* Frames that were drawn or generated: all atoms, and CA superposed once more, less the start structure's. */
typedef struct frames {
    int64_t n;
    float *x;     /* [n, A, 3] */
    double *ca;   /* [n, 3 n_ca] */
    double *rmsf; /* [A] over every frame that came, drawn or not */
    km_moments ca_moments;
} frames;

struct km_ensemble {
    const km_ensemble_atoms *atoms;
    int threads;
    int64_t n_ref, n_model, seen;
    int64_t n_draws[DRAWS], *draws[DRAWS]; /* first frame numbers, then places among the frames kept */
    int32_t *slot;                         /* [n_ref] place among the frames kept, -1 */
    float *start_ca;                       /* [n_ca, 3] */
    double *sum, *square;                  /* [A, 3], [A] of the frames' distance from the start structure */
    frames md, model;
};

/* Row i of a draw: CA of the reference's frame. */
const double *ensemble_drawn_ca(const km_ensemble *e, int draw, int64_t i);
void ensemble_rmsd(const km_ensemble *e, km_ensemble_scores *s);
void ensemble_rmwd(const km_ensemble *e, km_ensemble_scores *s);
void ensemble_pca(const km_ensemble *e, km_ensemble_scores *s);
void ensemble_contacts(const km_ensemble *e, km_ensemble_scores *s);
void ensemble_exposure(const km_ensemble *e, km_ensemble_scores *s);

#endif
