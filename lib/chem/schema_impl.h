/* SPDX-License-Identifier: MIT
 * Parts of the reader of Boltz-2's input. */
#ifndef LIB_CHEM_SCHEMA_IMPL_H
#define LIB_CHEM_SCHEMA_IMPL_H

#include "lib/chem/build.h"
#include "lib/chem/schema.h"

/* FASTA as the document that YAML would give. */
km_status km_schema_of_fasta(const char *text, size_t n, json_t **ret, km_err *err) KM_MUST_USE;
/* Bonds, pockets and contacts; every chain is built. *forced becomes true where one is to be forced. */
km_status km_schema_constrain(km_build *b, const json_t *constraints, bool *forced, km_err *err) KM_MUST_USE;
/* The chain of that name, or NULL. */
km_chain *km_schema_chain(const km_build *b, const char *name);
/* A whole number in [low, high] that the value's text is. */
bool km_schema_int(const json_t *v, long low, long high, long *ret);
bool km_schema_bool(const json_t *v, bool *ret);

#endif
