/* SPDX-License-Identifier: MIT
 * Filling intervals between frames, both ends held.
 * Tests: tests/unit/test_forecast.c, tests/cli/generate.bats */
#ifndef LIB_SAMPLE_INTERP_H
#define LIB_SAMPLE_INTERP_H

#include "lib/sample/forecast.h"

typedef struct km_interp_options {
    km_sampler sampler;
    int steps, batch; /* batch: intervals at once, 0 for as many as make a good size */
    double noise_scale, step_scale;
    int64_t dt; /* spacing of the frames put in, fs */
    uint64_t seed;
    int threads;
    const km_stereo *opt_stereo; /* hold the hand of these centres; borrowed */
    int64_t memory; /* bytes that may be taken, 0: what the machine has left */
} km_interp_options;

typedef struct km_interp km_interp;
/* What is given must outlive it. Frames leave through emit in order of time within their trajectory. */
km_interp *km_interp_new(const km_model *m, const km_features *f, const km_trunk_result *t, const km_interp_options *o,
                         km_emit *emit, void *arg);
void km_interp_free(km_interp *p);
/* The next frame of its trajectory. KM_INPUT for an interval that is longer than dt and no multiple of it, or a time
 * that does not rise; KM_SYSTEM for one that does not fit into the memory. */
km_status km_interp_add(km_interp *p, const km_frame *frame, km_err *err) KM_MUST_USE;
/* No more frames: what is held back leaves. */
km_status km_interp_finish(km_interp *p, km_err *err) KM_MUST_USE;

#endif
