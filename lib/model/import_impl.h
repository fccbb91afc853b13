/* SPDX-License-Identifier: MIT
 * Between the table of names and what is done to numbers. */
#ifndef LIB_MODEL_IMPORT_IMPL_H
#define LIB_MODEL_IMPORT_IMPL_H

#include "lib/model/import.h"

typedef enum km_import_how {
    KM_IMPORT_SAME,
    KM_IMPORT_FIRST,  /* the rows above */
    KM_IMPORT_SECOND, /* and below */
    KM_IMPORT_NEGATIVE,
    KM_IMPORT_LOG,    /* log(-x), or -infinity */
    KM_IMPORT_COLUMN, /* [n] as [n, 1] */
} km_import_how;

/* Our name, which the caller frees, or NULL. */
char *km_import_rewrite(const char *theirs, km_import_how *ret_how);

#endif
