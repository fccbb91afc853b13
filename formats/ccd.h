/* SPDX-License-Identifier: MIT
 * The chemical component dictionary of the wwPDB, or a part of it: mmCIF or BinaryCIF, plain or gzip.
 *
 * A dictionary of a mebibyte or more is read once; what is needed of it goes to an index, DICTIONARY.kmi beside it or,
 * where that cannot be written, kinematic/NAME-HASH.kmi in $XDG_CACHE_HOME (~/.cache). An index counts while size and
 * time of the dictionary are those it was made from; without a place for one the dictionary is read every time.
 * Tests: tests/unit/test_ccd.c, tests/fuzz/fuzz_ccd.c */
#ifndef FORMATS_CCD_H
#define FORMATS_CCD_H

#include <stdint.h>

#include "lib/base/component.h"

typedef struct km_ccd km_ccd;

/* KM_INPUT names the file and what is wrong with it. */
km_status km_ccd_open(const char *path, km_ccd **ret, km_err *err) KM_MUST_USE;
/* From bytes in memory (a whole file, not gzip); they are not needed afterwards. */
km_status km_ccd_parse(const char *text, size_t n, const char *name, km_ccd **ret, km_err *err) KM_MUST_USE;
void km_ccd_close(km_ccd *d);

int32_t km_ccd_count(const km_ccd *d);
/* The name of component i, in order of the alphabet. */
void km_ccd_name(const km_ccd *d, int32_t i, km_name ret);
/* Heavy atoms in the dictionary's order with ideal coordinates, or those of the model where the ideal ones are not
 * complete, else unplaced; bonds by the orders that are drawn, not aromatic; mol_type by its type ("L-peptide
 * linking"); res_type 0, letter X. *ret is one block, the caller's to free. 1; 0 when there is no such component;
 * KM_INPUT when the index is damaged. */
km_status km_ccd_find(const km_ccd *d, const char *name, km_component **ret, km_err *err) KM_MUST_USE;

#endif
