/* SPDX-License-Identifier: MIT
 * Continuing trajectories: window after window, each conditioned on the frames before it.
 * Tests: tests/unit/test_forecast.c, tests/cli/forecast.bats, tests/cli/generate.bats */
#ifndef LIB_SAMPLE_FORECAST_H
#define LIB_SAMPLE_FORECAST_H

#include "lib/sample/window.h"

typedef struct km_forecast_options {
    km_sampler sampler;         /* boltz2: not causal, and no frame before: each new one is a structure by itself */
    bool causal;                /* frame after frame (causal.h), window and history apart */
    int steps, window, history; /* window: new frames at a time; history: at most so many frames before them */
    double noise_scale, step_scale;
    int64_t dt, n_new;          /* spacing in fs; new frames of each trajectory */
    uint64_t seed;
    int threads;
    const km_stereo *opt_stereo; /* hold the hand of these centres; borrowed */
    int64_t memory; /* bytes that may be taken, 0: what the machine has left; trajectories are batched accordingly */
} km_forecast_options;

/* The last frames of a trajectory, oldest first. */
typedef struct km_history {
    int32_t trajectory;
    int count, room;
    int64_t done;   /* how many of its newest an interrupted run has made already */
    int64_t *times; /* [count] fs */
    float *coords;  /* [count, A, 3] */
} km_history;
/* Add a frame; of more than keep, where that is not 0, the oldest goes. */
void km_history_add(km_history *h, int64_t time_fs, const float *coords, int32_t n_atoms, int keep);
/* May a frame of that time come next? KM_INPUT when it is not later than the newest. */
km_status km_history_check(const km_history *h, int64_t time_fs, km_err *err) KM_MUST_USE;
/* Room for so many frames: until then coords stay where they are. */
void km_history_reserve(km_history *h, int frames, int32_t n_atoms);
void km_history_clear(km_history *h);

/* A new frame, handed over in order of time within each trajectory. A negative return ends the run with it. */
typedef km_status km_emit(void *arg, const km_frame *frame, km_err *err);

/* Continue every trajectory by n_new frames dt apart from its last one (or, without any frame, from time 0 on: drawn
 * from noise). Trajectories with equally many frames are batched; the result does not depend on that. The histories are
 * moved on. t: the trunk's result. A window that does not fit into o->memory is KM_SYSTEM before anything is made,
 * naming the --window that does.
 *
 * To go on with an interrupted run, histories hold history + window frames where there are as many, the `done` ones of
 * the run among them: a window of which a part is there is computed again, and of its frames those that are not there
 * are handed over. KM_INPUT when what is there is not the beginning of such a run. */
km_status km_forecast(const km_model *m, const km_features *f, const km_trunk_result *t, const km_forecast_options *o,
                      km_history *histories, int n, km_emit *emit, void *arg, km_err *err) KM_MUST_USE;

#endif
