/* SPDX-License-Identifier: MIT
 * A trunk's result in a file of its own, DIR/<key>.h5: /s_inputs [N, inputs_s], /s [N, token_s], /z [N, N, token_z],
 * each float16, or float32 where a number is beyond 6e4; attributes of the root: key, input (a digest of what the trunk
 * read), trunk_digest, weights_name, weights_path, weights_digest (texts) and recycles. HDF5 1.10's layout; rows and
 * headers have checksums.
 * Tests: tests/unit/test_trunk_h5.c, tests/cli/cache.bats */
#ifndef FORMATS_TRUNK_H5_H
#define FORMATS_TRUNK_H5_H

#include "lib/base/system.h"

/* What the file will hold, in place of what was computed: with it, fresh and stored results are the same. */
void km_trunk_h5_round(km_trunk_result *t);
/* Through a temporary name beside it and a rename; two writers of one file do not disturb each other. t is rounded. */
km_status km_trunk_h5_write(const char *folder, const char *key, const char *input, const km_trunk_result *t,
                            km_err *err) KM_MUST_USE;
/* 1 and the result; 0 where there is no such file; KM_INPUT: damaged, truncated, of another key or of another number of
 * tokens; KM_SYSTEM: it cannot be read. */
km_status km_trunk_h5_read(const char *folder, const char *key, int32_t n_tokens, km_trunk_result **ret, km_err *err)
    KM_MUST_USE;

/* What a file says of itself, without its numbers. */
typedef struct km_trunk_h5_label {
    char key[65], input[65], trunk_digest[65], weights_name[128]; /* longer ones are cut */
    int32_t n_tokens, token_s, token_z, recycles;
} km_trunk_h5_label;
/* 1 and the label; 0 where there is no such file; else as km_trunk_h5_read. */
km_status km_trunk_h5_label_read(const char *path, km_trunk_h5_label *ret, km_err *err) KM_MUST_USE;

#endif
