/* SPDX-License-Identifier: MIT
 * Validation: the loss on the same windows every time, and some of them generated, with the averaged parameters.
 * Tests: tests/unit/test_train_run.c */
#ifndef LIB_TRAIN_VALIDATE_H
#define LIB_TRAIN_VALIDATE_H

#include "lib/train/generate.h"

enum { KM_LEVELS = 4 };

typedef struct km_validation {
    double loss; /* of windows as they are drawn for training */
    /* the structure loss where all noisy frames of a window have one level: -1.5, -0.5, 0.5 and 1.5 deviations about
     * the mean of its logarithm; each level has its own share of the windows */
    double sigma[KM_LEVELS], structure[KM_LEVELS];
    int windows[KM_LEVELS];
    km_likeness likeness; /* of the first validation_samples groups of windows */
} km_validation;

/* On the systems to validate with, else on those to train on; a model that is overfitted on its own windows.
 * opt_average: parameters to use instead of the store's. Ranks deal the groups out
 * among themselves; all of them have the result. */
km_status km_validate(const km_run *r, km_stepper *s, const float *opt_average, km_validation *ret,
                      km_err *err) KM_MUST_USE;

#endif
