/* SPDX-License-Identifier: MIT
 * A whole file in memory, plain or gzip.
 * Tests: tests/unit/test_ccd.c */
#ifndef FORMATS_SLURP_H
#define FORMATS_SLURP_H

#include <stddef.h>
#include <stdio.h>

#include "lib/base/err.h"

/* What is left of f, unpacked where it is gzip (several members too), with a NUL behind it that does not count.
 * *ret_text is the caller's (free). KM_INPUT for damaged or truncated gzip and for 4 GiB or more; name is for
 * messages. */
km_status km_slurp_file(FILE *f, const char *name, char **ret_text, size_t *ret_n, km_err *err) KM_MUST_USE;
/* The same by path; "-" is standard input. */
km_status km_slurp(const char *path, char **ret_text, size_t *ret_n, km_err *err) KM_MUST_USE;

#endif
