/* SPDX-License-Identifier: MIT
 * A molecule as MDL writes it: the first of an SDF or MOL file, V2000 or V3000 (BIOVIA, CTfile Formats 2020).
 * Tests: tests/unit/test_sdf.c */
#ifndef FORMATS_SDF_H
#define FORMATS_SDF_H

#include "lib/base/component.h"

/* Heavy atoms in the file's order, named by symbol and number ("C1", "CL7"); hydrogens counted, those that are not
 * drawn by the usual valences; bonds by their orders, or aromatic where the file says so. unplaced: it is drawn flat.
 * *ret is one block, the caller's to free. KM_INPUT names the file, the line and what is wrong. */
km_status km_sdf_read(const char *path, km_component **ret, km_err *err) KM_MUST_USE;
/* The same from text with a NUL behind it. */
km_status km_sdf_parse(const char *text, const char *name, km_component **ret, km_err *err) KM_MUST_USE;

#endif
