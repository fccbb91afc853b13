/* SPDX-License-Identifier: MIT
 * Sampling a window as a staircase: each new frame goes through the same schedule, and begins it some evaluations after
 * the frame before, so that what is nearly done leads what is still noise.
 * Source: BioKinema (generator.py, steps_per_stage).
 * Tests: tests/unit/test_sampler.c */
#ifndef LIB_SAMPLE_STAIRCASE_H
#define LIB_SAMPLE_STAIRCASE_H

#include "lib/sample/window.h"

/* How every frame stands at an evaluation, [F] each */
typedef struct km_stand {
    float *raised;  /* scale of the noise that is added */
    int *draw;      /* the step that it is drawn for */
    float *factor;  /* of the step that follows, 0: none does */
    int32_t *level; /* which of the schedule's `told` the network is told */
} km_stand;

/* The most noise levels that an evaluation has at once */
int km_staircase_levels(int n_steps, int stage);
/* Evaluations of a window */
int km_staircase_steps(const km_schedule *s, const km_windows *w);
/* F frames, of windows one after another; those that wait are told the first level, those that are done are as given
 * ones. */
void km_staircase_stand(const km_schedule *s, const km_windows *w, int step, km_dim F, km_stand *at);

#endif
