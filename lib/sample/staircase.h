/* SPDX-License-Identifier: MIT
 * Sampling a window as a staircase: each new frame goes through the same schedule, and begins it some evaluations after
 * the frame before, so that what is nearly done leads what is still noise.
 * Source: BioKinema (generator.py, steps_per_stage).
 * Tests: tests/unit/test_sampler.c */
#ifndef LIB_SAMPLE_STAIRCASE_H
#define LIB_SAMPLE_STAIRCASE_H

#include "lib/sample/window.h"

/* The most noise levels that an evaluation has at once */
int km_staircase_levels(int n_steps, int stage);
/* Windows first ... first + B - 1 of w, from x as it is, one evaluation for all their frames at a time: those that wait
 * are told the first level, those that are done are as given ones. Returns as km_windows_run. */
km_status km_staircase_run(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s,
                           const km_windows *w, km_dim first, km_dim B, km_err *err) KM_MUST_USE;

#endif
