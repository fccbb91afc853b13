/* SPDX-License-Identifier: MIT
 * Adding gradients up over ranks while backward still runs: parameters in the order in which backward finishes with
 * them, packed into buckets, each sent when its last gradient is whole. The order is rank 0's, from its first step; a
 * bucket waits for those before it.
 * Tests: tests/cli/ranks.bats */
#ifndef LIB_TRAIN_BUCKETS_H
#define LIB_TRAIN_BUCKETS_H

#include "lib/nn/params.h"
#include "lib/train/ranks.h"

typedef struct km_buckets km_buckets;
/* p and ranks outlive them. */
km_buckets *km_buckets_new(const km_params *p, km_ranks *ranks);
void km_buckets_free(km_buckets *b);
/* A backward is about to run over this watched tape, the last to add to grad; opt_tape NULL: grad is whole already. */
km_status km_buckets_begin(km_buckets *b, const km_tape *opt_tape, float *grad, km_err *err) KM_MUST_USE;
/* Backward of a record is through (a km_tape_watcher; arg: the buckets). */
void km_buckets_after(void *arg, size_t record);
/* All that is left is sent; grad [km_params_size] is the sum over ranks. Frozen parameters' gradients stay. */
km_status km_buckets_end(km_buckets *b, km_err *err) KM_MUST_USE;

#endif
