/* SPDX-License-Identifier: MIT
 * The memory that generating takes, known before it starts: the network is run with kernels that compute nothing
 * (kernels/dry.c), or rehearsed on the model's device, and what it asks for is counted. With a device all of this is of
 * its memory, where one thread works.
 * Tests: tests/unit/test_footprint.c */
#ifndef LIB_SAMPLE_FOOTPRINT_H
#define LIB_SAMPLE_FOOTPRINT_H

#include "lib/sample/schedule.h"

/* Bytes: once for the system, once for every thread, and for every frame (clean ones too) that is being denoised at a
 * time. */
typedef struct km_footprint {
    double system, thread, frame;
    bool on_device;
} km_footprint;

/* KM_DEVICE where the model computes on a device, else KM_SYSTEM: what too little memory is. */
km_status km_footprint_code(const km_model *m);
/* What a run may take of where the model computes: what the user allows, or (0) all that there is. */
int64_t km_footprint_room(const km_model *m, int64_t asked);

/* Bytes that a run of the trunk takes, its result besides, when the rows that are taken at a time are halved so often.
 * The weights are not in it. */
double km_footprint_trunk(const km_model *m, const km_features *f, int recycles, int threads, int halvings);

/* The weights are not in it: they are there already. */
km_footprint km_footprint_of(const km_model *m, const km_features *f);

/* Are the levels of a schedule to be kept for a run that has so many frames at once? Where they take a quarter of the
 * bytes at most, and leave room for the frames; then they are a part of p->system. */
bool km_footprint_keep(km_footprint *p, const km_model *m, const km_features *f, const km_schedule *s, int threads,
                       int64_t frames, int64_t bytes);
/* The peak with so many frames (B windows x T) at once. */
double km_footprint_bytes(const km_footprint *p, int threads, int64_t frames);
/* The most frames at once that stay within so many bytes; 0 when not even one does. */
int64_t km_footprint_frames(const km_footprint *p, int threads, int64_t bytes);
/* KM_SYSTEM, KM_DEVICE on a device: a window of T frames does not fit; with the figures and what would help. */
km_status km_footprint_fail(const km_footprint *p, int threads, int64_t T, int64_t bytes, const char *advice,
                            km_err *err) KM_MUST_USE;

#endif
