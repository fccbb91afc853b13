/* SPDX-License-Identifier: MIT
 * H5MD (nongnu.org/h5md, version 1.1) with a `kinematic` group: trajectories for training, any frame at the cost of a
 * chunk.
 *
 * /particles/NAME/position/{value [F, A, 3] f32 angstrom, step, time ps}, one group a trajectory; chunk = max(1, 64 KiB
 * / frame bytes) whole frames, no compression, but HDF5's checksum (fletcher32, a half more of the time of a random
 * frame), which every read compares; /kinematic holds the system record (a .km `system` message, as bytes, so
 * that there is one definition of it), alignment and templates where there are any (h5md_tensors.h), the set's name and
 * licence. HDF5 is not safe for threads: one thread at a time, over all files together. Its own printing of errors is
 * turned off.
 * Tests: tests/unit/test_h5md.c, tests/cli/strip.bats (read back by h5py) */
#ifndef FORMATS_H5MD_H
#define FORMATS_H5MD_H

#include "lib/base/alignment.h"
#include "lib/base/system.h"

/* Is this an HDF5 file with a `kinematic` group? */
bool km_h5md_is(const char *path);

typedef struct km_h5md km_h5md;
/* KM_SYSTEM: no such file; KM_INPUT: not HDF5, truncated, another program's, or lying about its sizes. */
km_status km_h5md_open(const char *path, km_h5md **ret, km_err *err) KM_MUST_USE;
void km_h5md_close(km_h5md *h);
const km_system *km_h5md_system(const km_h5md *h);
const km_msa *km_h5md_msa(const km_h5md *h);             /* NULL where none is stored */
void km_h5md_forget_msa(km_h5md *h);                        /* give back its memory: from now on there is none */
const km_templates *km_h5md_templates(const km_h5md *h); /* likewise */
const char *km_h5md_set(const km_h5md *h);           /* "" where none is stored */
const char *km_h5md_license(const km_h5md *h);       /* likewise */
int km_h5md_trajectories(const km_h5md *h);
int64_t km_h5md_frames(const km_h5md *h, int trajectory);
/* Times of all frames, fs, owned by h. */
const int64_t *km_h5md_times(const km_h5md *h, int trajectory);
/* Frames first, first + stride, ... (n of them; stride >= 1) into coords [n, A, 3]. KM_INPUT: damage, or a number not
 * finite. */
km_status km_h5md_read(km_h5md *h, int trajectory, int64_t first, int64_t stride, int64_t n, float *coords, km_err *err)
    KM_MUST_USE;

typedef struct km_h5md_writer km_h5md_writer;
/* Through PATH.part and a rename on commit. */
km_status km_h5md_create(const char *path, const km_system *s, const char *set, const char *license,
                         km_h5md_writer **ret, km_err *err) KM_MUST_USE;
/* What goes with the system, before any frame. */
km_status km_h5md_put(km_h5md_writer *w, const km_msa *opt_msa, const km_templates *opt_templates, km_err *err)
    KM_MUST_USE;
/* trajectory (0-based) must be the last one or one more than that. KM_INPUT: a number not finite. */
km_status km_h5md_write(km_h5md_writer *w, int trajectory, const float *coords, int64_t time_fs,
                        km_err *err) KM_MUST_USE;
/* Take out trajectories `from` and on. */
km_status km_h5md_take_back(km_h5md_writer *w, int from, km_err *err) KM_MUST_USE;
/* Note a text: an attribute of a trajectory (-1: of the kinematic group), which is overwritten. */
km_status km_h5md_note(km_h5md_writer *w, int trajectory, const char *key, const char *text, km_err *err) KM_MUST_USE;
km_status km_h5md_commit(km_h5md_writer *w, km_err *err) KM_MUST_USE; /* frees w */
void km_h5md_abandon(km_h5md_writer *w);                              /* removes the part, frees w */

#endif
