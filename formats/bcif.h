/* SPDX-License-Identifier: MIT
 * BinaryCIF columns (github.com/molstar/BinaryCIF, version 0.3): a msgpack value to numbers or texts.
 * Tests: tests/unit/test_ccd.c, tests/fuzz/fuzz_ccd.c */
#ifndef FORMATS_BCIF_H
#define FORMATS_BCIF_H

#include <msgpack.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { KM_BCIF_MAX_ROWS = 1 << 23 };

/* The values of a column, or of a step on the way to them. One of the arrays is set; both belong to the column. Texts
 * lie in the file's bytes. */
typedef struct km_bcif_column {
    int64_t n;
    int32_t *ints; /* [n]: numbers, or which text (-1: none) when texts is set */
    double *reals; /* [n] */
    const char *texts;
    int32_t *offsets, n_texts; /* text i is texts[offsets[i]] ... texts[offsets[i + 1] - 1]; [n_texts + 1] */
    uint8_t *mask;             /* [n], 0 where there is a value; NULL: everywhere */
} km_bcif_column;

/* Decode a column's {data, mask} of a category with that many rows. KM_INPUT for what is not so. */
km_status km_bcif_column_read(const msgpack_object *column, int64_t rows, km_bcif_column *ret, km_err *err) KM_MUST_USE;
void km_bcif_column_clear(km_bcif_column *c);

#endif
