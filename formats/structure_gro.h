/* SPDX-License-Identifier: MIT
 * GRO as a structure, for structure_gemmi.cc, and the lines of GRO files.
 * Tests: tests/unit/test_structure.c, tests/unit/test_traj_text.c */
#ifndef FORMATS_STRUCTURE_GRO_H
#define FORMATS_STRUCTURE_GRO_H

#include "formats/structure.h"

/* Is the text a GRO file? */
bool km_gro_is(const char *head, size_t n);
/* The coordinates on an atom's line, angstrom; false where there are not three. */
bool km_gro_place(const char *line, size_t n, float x[3]);
/* The box on a frame's last line, v1x v2y v3z and, where it is triclinic, v1y v1z v2x v2z v3x v3y, as rows in angstrom;
 * false: not three numbers or nine. */
bool km_gro_box(const char *line, size_t n, float box[9]);
/* The first frame, in one chain without a name: the format has none, and no elements. */
km_status km_structure_of_gro(const char *text, size_t n, const char *name, km_structure **ret,
                              km_err *err) KM_MUST_USE;

#endif
