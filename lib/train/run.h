/* SPDX-License-Identifier: MIT
 * A training run: a directory that holds the resolved configuration, state.h5 (everything that resuming needs),
 * log.jsonl and the weights.
 * Tests: tests/unit/test_train_run.c, tests/cli/train.bats */
#ifndef LIB_TRAIN_RUN_H
#define LIB_TRAIN_RUN_H

#include "lib/nn/adam.h"
#include "lib/train/trunks.h"

typedef struct km_train_state {
    int64_t step;       /* optimiser steps done */
    double best;        /* lowest validation loss so far, infinity before the first */
    int64_t skipped;    /* steps left out for a loss or gradient that was not finite */
} km_train_state;

/* Write state.h5 in dir: parameters, moments, average, state and configuration, through a part and a rename. */
km_status km_state_write(const char *dir, const km_params *p, const km_adam *a, const km_train_state *s,
                         const char *config_json, km_err *err) KM_MUST_USE;
/* Is there a state in dir? */
bool km_state_exists(const char *dir);
/* Read it back into a store and an optimiser of the same model; KM_INPUT when they do not belong together. */
km_status km_state_read(const char *dir, km_params *p, km_adam *a, km_train_state *ret_state, km_err *err) KM_MUST_USE;
/* The configuration the state was made with. The caller frees it. */
km_status km_state_config(const char *dir, char **ret_json, km_err *err) KM_MUST_USE;

/* -- the loop */
typedef struct km_run {
    const km_train_config *config;
    km_model *model;
    km_dataset *data;
    km_trunk_store *opt_trunks; /* stored results of a trunk that is not trained */
    const char *dir;
    int threads;
    /* called after every step that is logged and at the end, with a line for a person; may be NULL */
    void (*say)(void *arg, const char *line);
    void (*progress)(void *arg, int64_t step, int64_t max_steps);
    void *arg;
} km_run;

/* Train from the state in dir when there is one, else from the model as it is. Ends at max_steps with KM_OK, or with
 * KM_INTERRUPTED after a signal, a checkpoint written. */
km_status km_run_train(km_run *r, km_err *err) KM_MUST_USE;

#endif
