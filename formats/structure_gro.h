/* SPDX-License-Identifier: MIT
 * GRO as a structure, for structure_gemmi.cc. */
#ifndef FORMATS_STRUCTURE_GRO_H
#define FORMATS_STRUCTURE_GRO_H

#include "formats/structure.h"

/* Is the text a GRO file? */
bool km_gro_is(const char *head, size_t n);
/* The first frame, in one chain without a name: the format has none, and no elements. */
km_status km_structure_of_gro(const char *text, size_t n, const char *name, km_structure **ret,
                              km_err *err) KM_MUST_USE;

#endif
