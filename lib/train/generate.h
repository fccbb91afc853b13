/* SPDX-License-Identifier: MIT
 * Short trajectories generated while a model is trained, and how they compare with the dynamics.
 * Tests: tests/unit/test_train_run.c */
#ifndef LIB_TRAIN_GENERATE_H
#define LIB_TRAIN_GENERATE_H

#include "lib/train/run.h"
#include "lib/train/step.h"

/* Every window's noisy frames become what the model makes of its clean ones, from pure noise, as its weights say how to
 * sample; all in g->noisy [B, T, A, 3]. The seed and the group's number decide the noise. */
km_status km_generate(const km_run *r, const km_stepper *s, km_group *groups, int n, uint64_t seed,
                      km_err *err) KM_MUST_USE;

/* Of windows generated so, against the true ones. NaN: not defined. */
typedef struct km_likeness {
    int windows;
    double rmsf_r;     /* Pearson's r of fluctuations, over the atoms that stand for residues and ligands' */
    double pairwise_r; /* of the mean RMSD of these atoms between frames of a window, over windows */
    double rmsd;       /* of all atoms, mean over generated frames, from the true one of that time; angstrom */
} km_likeness;
/* Of all ranks' groups together, the same on all of them: their numbers are below `all`, each on one rank. */
km_status km_likeness_of(const km_group *groups, int n, int all, km_ranks *opt_ranks, km_likeness *ret,
                         km_err *err) KM_MUST_USE;

#endif
