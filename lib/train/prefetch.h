/* SPDX-License-Identifier: MIT
 * Samples drawn ahead of their steps, on a thread of its own.
 * Tests: tests/unit/test_train_run.c */
#ifndef LIB_TRAIN_PREFETCH_H
#define LIB_TRAIN_PREFETCH_H

#include "lib/train/data.h"

/* Which samples: groups first .. first + count - 1 of every batch, of steps from .. to - 1. */
typedef struct km_reading {
    const km_dataset *data;
    const km_train_config *config;
    const km_config *model;
    int first, count;
    int64_t from, to;
} km_reading;

typedef struct km_prefetch km_prefetch;
km_prefetch *km_prefetch_new(const km_reading *what);
/* The groups [count] of the next step, the caller's to clear. KM_INPUT: what drawing them said. */
km_status km_prefetch_take(km_prefetch *r, km_group *groups, km_err *err) KM_MUST_USE;
double km_prefetch_waited(const km_prefetch *r); /* seconds that km_prefetch_take has waited so far */
void km_prefetch_free(km_prefetch *r);           /* stops the thread after the sample that it is at */

#endif
