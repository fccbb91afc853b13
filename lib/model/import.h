/* SPDX-License-Identifier: MIT
 * Parameters of BioKinema and Protenix under our names: a table of names, and what little is done to numbers. Two
 * projections that are one of ours are stacked; offsets of atom pairs change their sign; slopes become logarithms of
 * decay rates (a slope that is not negative: of no decay, -infinity).
 * Tests: reference cases of kinds `biokinema_...` */
#ifndef LIB_MODEL_IMPORT_H
#define LIB_MODEL_IMPORT_H

#include <stdbool.h>

#include "formats/safetensors.h"

/* Theirs of one of ours (the first of two that are stacked), or NULL. The caller frees it. */
char *km_import_original(const char *ours);
/* Are these the names of such a model? */
bool km_import_is(const km_st_tensor *tensors, int n);

typedef struct km_imported {
    int n, n_owned;
    km_st_tensor *tensors; /* [n] in no order; data in the caller's memory or in `owned` */
    char **names;          /* [n] theirs, of the tensors */
    void **owned;          /* [n_owned] */
} km_imported;
/* All that have a place, but for those of parts that are not run (templates, confidence). KM_INPUT names one that has
 * none, or is half of a stack whose other half is missing or does not fit. */
km_status km_import(const km_st_tensor *tensors, int n, km_imported *ret, km_err *err) KM_MUST_USE;
void km_imported_clear(km_imported *t);

#endif
