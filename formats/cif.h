/* SPDX-License-Identifier: MIT
 * The words of a CIF file (IUCr CIF 1.1 syntax), one after another: what a dictionary of hundreds of megabytes needs.
 * Structures are read through gemmi.
 * Tests: tests/unit/test_ccd.c */
#ifndef FORMATS_CIF_H
#define FORMATS_CIF_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

typedef enum km_cif_kind { KM_CIF_END = 0, KM_CIF_DATA, KM_CIF_LOOP, KM_CIF_TAG, KM_CIF_VALUE } km_cif_kind;

typedef struct km_cif_word {
    km_cif_kind kind;
    const char *text; /* DATA: the block's name; TAG: with its underscore; VALUE: without quotes; not terminated */
    size_t n;
    bool null;        /* a value `?` or `.`, not quoted */
} km_cif_word;

typedef struct km_cif {
    const char *at, *start, *end; /* the text, which must outlive this; *end is NUL */
} km_cif;

/* The next word. KM_INPUT with the line for a quotation or a text that does not end, and for save frames. */
km_status km_cif_next(km_cif *c, km_cif_word *ret, km_err *err) KM_MUST_USE;
/* The line of a place in the text, from 1. */
size_t km_cif_line(const km_cif *c, const char *at);

#endif
