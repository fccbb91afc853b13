/* SPDX-License-Identifier: MIT
 * Multiple sequence alignments: a3m (and a2m), Stockholm, and Boltz's csv with the columns `key` and `sequence`; plain
 * or gzip, kind by content.
 *
 * The first row is the query; its residues are the columns. What another row has between two of them counts as deleted
 * before the second (behind the last column it is lost, as in Boltz-2). A row that repeats an earlier one, gaps and
 * case aside, is left out, as are rows beyond the most that are asked for.
 * Tests: tests/unit/test_msa_file.c, tests/fuzz/fuzz_msa.c */
#ifndef FORMATS_MSA_H
#define FORMATS_MSA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"

/* S rows, L columns. Owned arrays. */
typedef struct km_alignment {
    char *name;         /* for messages: the file's, at most 100 characters */
    int32_t n_rows, n_columns;
    char *letters;      /* [S, L] A to Z, or '-' */
    int32_t *deletions; /* [S, L] letters deleted just before this column */
    int32_t *keys;      /* [S] rows of one organism share it; -1: none known */
} km_alignment;

typedef struct km_alignment_options {
    int32_t max_rows;    /* 0: no limit but KM_MSA_MAX_ROWS */
    bool header_keys;    /* keys from OX=N or TaxID=N in the headers of a3m and Stockholm (`#=GS NAME OX N` too) */
} km_alignment_options;

/* path "-" reads standard input. KM_INPUT names file, line and what is wrong: no alignment, rows of unequal length, a
 * letter that is none, a key that is no whole number, a damaged or truncated file. */
km_status km_alignment_read(const char *path, const km_alignment_options *o, km_alignment **ret, km_err *err)
    KM_MUST_USE;
/* The same from an open file of which nothing was read yet; name is for messages. */
km_status km_alignment_read_file(FILE *f, const char *name, const km_alignment_options *o, km_alignment **ret,
                                 km_err *err) KM_MUST_USE;
void km_alignment_free(km_alignment *a);

#endif
