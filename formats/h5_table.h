/* SPDX-License-Identifier: MIT
 * Columns of numbers and texts in HDF5 files of other layouts than ours. Each call opens the file anew.
 * Tests: tests/cli/strip_sets.bats */
#ifndef FORMATS_H5_TABLE_H
#define FORMATS_H5_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/* A one-dimensional data set of whole numbers or floating-point numbers, [*ret_n] the caller's; NULL on failure. */
km_status km_h5_numbers(const char *path, const char *set, double **ret, int64_t *ret_n, km_err *err) KM_MUST_USE;
/* A one-dimensional data set of texts of any kind, or one text alone (n 1); free with km_h5_texts_free. */
km_status km_h5_texts(const char *path, const char *set, char ***ret, int64_t *ret_n, km_err *err) KM_MUST_USE;
/* The names in a group, in order. */
km_status km_h5_names(const char *path, const char *group, char ***ret, int64_t *ret_n, km_err *err) KM_MUST_USE;
void km_h5_texts_free(char **texts, int64_t n);
bool km_h5_has(const char *path, const char *object);

#endif
