/* SPDX-License-Identifier: MIT
 * A training run: a directory that holds the resolved configuration, state.h5 (everything that resuming needs),
 * log.jsonl and the weights.
 * Tests: tests/unit/test_train_run.c, tests/cli/train.bats */
#ifndef LIB_TRAIN_RUN_H
#define LIB_TRAIN_RUN_H

#include "lib/nn/adam.h"
#include "lib/train/ranks.h"
#include "lib/train/trunks.h"

typedef struct km_train_state {
    int64_t step;       /* optimiser steps done */
    double best;        /* lowest validation loss so far, infinity before the first */
    int64_t skipped, in_a_row; /* steps left out for a loss or gradient that is not finite or far too large */
    int64_t without_best;      /* validations since the best one */
    int64_t due;               /* 0/1: the validation of this step was interrupted */
    double mean_loss;          /* running mean of the steps' losses, 0 before the first */
    bool damaged;              /* read from the state before the latest, which is damaged */
} km_train_state;

/* Write state.h5 in dir: parameters, moments, average, state and configuration, with a checksum, through a part and a
 * rename; the one that was there stays as state-before.h5. */
km_status km_state_write(const char *dir, const km_params *p, const km_adam *a, const km_train_state *s,
                         const char *config_json, km_err *err) KM_MUST_USE;
/* Is there a state in dir? */
bool km_state_exists(const char *dir);
/* Read it back into a store and an optimiser of the same model, or the one before it where it is damaged; KM_INPUT when
 * they do not belong together or both are damaged. */
km_status km_state_read(const char *dir, km_params *p, km_adam *a, km_train_state *ret_state, km_err *err) KM_MUST_USE;
/* The configuration the state was made with. The caller frees it. */
km_status km_state_config(const char *dir, char **ret_json, km_err *err) KM_MUST_USE;

/* The step of the state in dir, -1 where there is none that can be read. */
int64_t km_state_step(const char *dir);
/* One process at a time trains in dir: the lock goes with it, however it ends. *ret_held is false where another process
 * has it, unless it is waited for. KM_SYSTEM when dir cannot be locked. */
km_status km_run_lock(const char *dir, bool wait, bool *ret_held, km_err *err) KM_MUST_USE;

/* -- the loop */
typedef struct km_run {
    const km_train_config *config;
    km_model *model;
    km_dataset *data;
    km_trunk_store *opt_trunks; /* stored results of a trunk that is not trained */
    const char *dir;
    km_ranks *opt_ranks; /* others that train with this one: the first of them, which has the lock, writes */
    int threads;
    /* called after every step that is logged and at the end, with a line for a person; may be NULL */
    void (*say)(void *arg, const char *line);
    void (*note)(void *arg, const char *line); /* what everybody should know: memory, a damaged state; may be NULL */
    void (*progress)(void *arg, int64_t step, int64_t max_steps);
    void *arg;
} km_run;

/* Train from the state in dir when there is one, else from the model as it is. Ends at max_steps with KM_OK, or with
 * KM_INTERRUPTED after a signal, a checkpoint written. Ends too after `patience` validations without a better one
 * (KM_OK), and with KM_INPUT after max_skipped steps in a row that had to be left out. KM_SYSTEM, before anything: a
 * step would not fit into memory. */
km_status km_run_train(km_run *r, km_err *err) KM_MUST_USE;

#endif
