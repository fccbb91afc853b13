/* SPDX-License-Identifier: MIT
 * Parameters that have other names in a family's own weights (BioKinema's and Protenix's) under ours: a table of names,
 * and what little is done to numbers. Two projections that are one of ours are stacked; offsets of atom pairs change
 * their sign; slopes become logarithms of decay rates (a slope that is not negative: of no decay, -infinity).
 * Tests: reference cases of kinds `biokinema_...` */
#ifndef LIB_MODEL_IMPORT_H
#define LIB_MODEL_IMPORT_H

#include "formats/safetensors.h"
#include "lib/model/family.h"

/* A family's names. Lists end with NULL. */
typedef struct km_import_names {
    const char *const *known_by;    /* beginnings that no other family's names have */
    const char *const *trunk, *const *run; /* those of the trunk's parameters, and of all that are run */
    const char *const *left;        /* those of parameters among them that nothing reads */
    const struct km_import_row *table;
} km_import_names;
extern const km_import_names km_import_protenix;

/* The family of a model that names its parameters so; NULL: these are our names, or nobody's. */
const km_family *km_import_family(const km_st_tensor *tensors, int n);
/* Theirs of one of ours (the first of two that are stacked), or NULL. The caller frees it. */
char *km_import_original(const km_import_names *names, const char *ours);
/* Does it belong to a part that is not run? */
bool km_import_left(const km_import_names *names, const char *theirs);

typedef struct km_imported {
    int n, n_owned;
    km_st_tensor *tensors; /* [n] in no order; data in the caller's memory or in `owned` */
    char **names;          /* [n] theirs, of the tensors */
    void **owned;          /* [n_owned] */
} km_imported;
/* All but those of parts that are not run (templates, confidence). KM_INPUT names the first that has no place and says
 * how many more there are, or names half of a stack whose other half is missing or does not fit. */
km_status km_import(const km_import_names *names, const km_st_tensor *tensors, int n, km_imported *ret,
                    km_err *err) KM_MUST_USE;
void km_imported_clear(km_imported *t);

#endif
