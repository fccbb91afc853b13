/* SPDX-License-Identifier: MIT
 * Parts of the readers of data sets. */
#ifndef LIB_SETS_SETS_IMPL_H
#define LIB_SETS_SETS_IMPL_H

#include <jansson.h>

#include "lib/base/text.h"
#include "lib/sets/sets.h"

/* All files of the operands, those of folders and of folders in them too, by name; free with km_files_free. */
typedef struct km_files {
    char **paths;
    int count;
} km_files;
km_status km_files_of(const char *const *paths, int n, km_files *ret, km_err *err) KM_MUST_USE;
void km_files_free(km_files *f);
/* The first whose name is this, or ends with it where it begins with a dot or an underscore; NULL: none. */
const char *km_files_find(const km_files *f, const char *name);
const char *km_files_name(const char *path); /* behind the last slash */

km_set_trajectory *km_set_add(km_set_system *s, const char *path, const char *name, int64_t dt);
/* An object; KM_INPUT names the file and line. */
km_status km_set_json(const char *path, json_t **ret, km_err *err) KM_MUST_USE;

typedef struct km_set_call {
    const char *set, *id, *temperatures, *replicas;
    const km_files *files;
    km_set_system *to;
} km_set_call;
/* The topology from a PDB file, and its box. */
km_status km_set_pdb(const km_set_call *c, const char *path, km_err *err) KM_MUST_USE;

km_status km_set_atlas(const km_set_call *c, km_err *err) KM_MUST_USE;
km_status km_set_bioemu(const km_set_call *c, km_err *err) KM_MUST_USE;
km_status km_set_mdposit(const km_set_call *c, km_err *err) KM_MUST_USE;
km_status km_set_misato(const km_set_call *c, km_err *err) KM_MUST_USE;
km_status km_set_dd13m(const km_set_call *c, km_err *err) KM_MUST_USE;
km_status km_set_mdcath(const km_set_call *c, km_err *err) KM_MUST_USE;

#endif
