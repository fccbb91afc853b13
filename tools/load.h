/* SPDX-License-Identifier: MIT
 * A whole trajectory in memory, from whatever file holds it. */
#ifndef TOOLS_LOAD_H
#define TOOLS_LOAD_H

#include "lib/base/system.h"

typedef struct km_loaded {
    km_system *system;
    float *coords;  /* [F, A, 3] angstrom, in the system's order */
    int64_t *times; /* [F] fs */
    int64_t F;
    int64_t *lengths; /* [n_runs] frames of each trajectory, one behind the other */
    int n_runs;
} km_loaded;

/* A .km stream or an .h5 file (trajectory number `trajectory` of it, or all: -1), a structure of one model or many, or
 * any of formats/traj.h with the topology opt_top. threads decode.
 * Atoms that a structure lacks have present 0, and coordinates that mean nothing. */
km_status km_load(const char *path, const char *opt_top, int trajectory, int threads, km_loaded *ret,
                  km_err *err) KM_MUST_USE;
void km_loaded_clear(km_loaded *l);
/* The common spacing of the frames; KM_INPUT when they are not equally spaced or nowhere two. */
km_status km_loaded_spacing(const km_loaded *l, int64_t *ret_dt, km_err *err) KM_MUST_USE;
/* Of each trajectory keep every stride-th frame of those from time `from` to time `to`, fs. */
void km_loaded_cut(km_loaded *l, int64_t from, int64_t to, int64_t stride);

#endif
