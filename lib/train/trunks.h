/* SPDX-License-Identifier: MIT
 * The frozen trunk's results for a data set, from a folder that km-trunk --cache filled: looked for at the start, read
 * when a step wants them, and kept while there is room.
 *
 * A store may be used by several threads at once.
 * Tests: tests/unit/test_trunks.c, tests/cli/cache.bats */
#ifndef LIB_TRAIN_TRUNKS_H
#define LIB_TRAIN_TRUNKS_H

#include "lib/train/data.h"

typedef struct km_trunk_store km_trunk_store;

/* d outlives the store. Every system to train on or to validate with needs a result for the model's trunk, the drawn
 * rows and the recycles of the configuration; what its features held for the trunk alone is given back. room: bytes of
 * results to keep that nobody uses at the moment. KM_INPUT names the first system without one, says whether the folder
 * has it by other weights or recycles, and gives the command that makes it. */
km_status km_trunk_store_open(km_dataset *d, const km_model *m, const km_train_config *c, const char *folder,
                              int64_t room, km_trunk_store **ret, km_err *err) KM_MUST_USE;
void km_trunk_store_close(km_trunk_store *s);
/* The result of a system of d, the store's own; each call wants a km_trunk_store_release. KM_INPUT: it was damaged or
 * has gone since the store was opened. */
km_status km_trunk_store_take(km_trunk_store *s, const km_train_system *y, const km_trunk_result **ret,
                              km_err *err) KM_MUST_USE;
void km_trunk_store_release(km_trunk_store *s, const km_train_system *y);
size_t km_trunk_store_peak(km_trunk_store *s); /* the most bytes of results held so far */

#endif
