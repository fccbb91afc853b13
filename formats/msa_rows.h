/* SPDX-License-Identifier: MIT
 * What the readers of alignments share: lines of a file that may be compressed, and rows as they become known. */
#ifndef FORMATS_MSA_ROWS_H
#define FORMATS_MSA_ROWS_H

#include <stdio.h>
#include <zlib.h>

#include "formats/msa.h"

enum { KM_MSA_MAX_COLUMNS = 1 << 17, KM_MSA_MAX_LINE = 1 << 24 };

/* A text file line by line. */
typedef struct km_msa_lines {
    const char *name;
    gzFile gz;
    char *line; /* without its end */
    size_t n, size;
    int64_t number; /* of this line, from 1 */
    bool again;     /* the next call gives this line once more */
} km_msa_lines;
/* 1 a line; 0 the end; KM_INPUT: damaged, truncated, no text, a line too long. */
km_status km_msa_next_line(km_msa_lines *l, km_err *err) KM_MUST_USE;
/* KM_INPUT with file and line before the message. */
km_status km_msa_fail(const km_msa_lines *l, km_err *err, const char *fmt, ...) KM_PRINTF(3, 4);

/* Text that grows. */
typedef struct km_msa_text {
    char *s; /* NUL-terminated */
    size_t n, size;
} km_msa_text;
void km_msa_append(km_msa_text *t, const char *s, size_t n);

/* The alignment while it grows. */
typedef struct km_msa_rows {
    const km_alignment_options *options;
    km_alignment *a;
    int32_t room;
    int64_t count;       /* sequences that came, repeated ones too */
    bool full;           /* no further row will be taken */
    char **seen;         /* [table] residues of the rows so far, by hash; NULL: free */
    size_t table;
    km_msa_text residues; /* of the row in hand: upper case, no gaps */
} km_msa_rows;
/* A row as a3m writes it: columns in upper case or '-', deletions in lower case, '.' nothing. */
km_status km_msa_add_row(km_msa_rows *r, const km_msa_lines *l, const char *text, int32_t key, km_err *err) KM_MUST_USE;
/* The number behind OX= or TaxID= in a header, or -1. */
int32_t km_msa_header_key(const char *header);

km_status km_msa_read_a3m(km_msa_lines *l, km_msa_rows *r, km_err *err) KM_MUST_USE;
km_status km_msa_read_csv(km_msa_lines *l, km_msa_rows *r, km_err *err) KM_MUST_USE;
km_status km_msa_read_stockholm(km_msa_lines *l, km_msa_rows *r, km_err *err) KM_MUST_USE;

#endif
