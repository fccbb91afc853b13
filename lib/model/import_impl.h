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

/* A row's text is a beginning; # is a number, the same in both. What comes behind it is looked up in `rest`, or is the
 * same in both. */
typedef struct km_import_row {
    const char *theirs, *ours; /* NULL ends a table */
    const struct km_import_row *rest;
    km_import_how how;
} km_import_row;

/* Our name, which the caller frees, or NULL. */
char *km_import_rewrite(const km_import_names *names, const char *theirs, km_import_how *ret_how);
/* Does it begin with one of a NULL-ended list? */
bool km_import_begins(const char *name, const char *const *list);

#endif
