/* SPDX-License-Identifier: MIT
 * What the tests of the trajectory formats share. */
#ifndef TESTS_UNIT_TRAJ_CHECK_H
#define TESTS_UNIT_TRAJ_CHECK_H

#include <stdbool.h>

#include "formats/traj.h"

/* A whole file; the caller frees it. Aborts where there is none. */
void *check_slurp(const char *path, size_t *ret_bytes);
void check_spill(const char *path, const void *data, size_t bytes);
/* Open path and decode every frame. The number of frames, or the status of the first failure. */
int64_t check_read_all(const char *path, bool *ret_truncated, km_err *err);
/* Read src and write it to dst as kind. */
km_status check_copy(const char *src, const char *dst, km_traj_kind kind, km_err *err);
/* Whether src decodes to what NAME.raw has (float32). */
bool check_same_as_raw(const char *src, const char *raw);
/* Cut src at every byte: true where each cut gives whole frames and `truncated`, a whole file, or a refusal with a
 * message, and never more frames than whole_frames(cut). */
bool check_truncation(const char *src, const char *scratch, int64_t (*whole_frames)(const void *data, size_t bytes));
/* Flip every bit of src in turn and read: each must be answered by frames or by a message. The number of refusals. */
int check_flips(const char *src, const char *scratch);

#endif
