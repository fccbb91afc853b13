/* SPDX-License-Identifier: MIT
 * The lines of a trajectory that is text, one after another, whatever the size of the file. */
#ifndef FORMATS_TRAJ_LINES_H
#define FORMATS_TRAJ_LINES_H

#include "formats/traj_impl.h"

enum { KM_LINE_MAX = 16384 }; /* longer lines are refused */

typedef struct km_lines {
    const km_traj *t;
    int64_t offset; /* of the block in the file */
    size_t n, at;   /* bytes in the block, and those that have been given out */
    bool whole;     /* the line given out last ended with a line feed */
    char *block;
} km_lines;

km_lines km_lines_from(const km_traj *t, int64_t offset);
void km_lines_free(km_lines *l);
/* The next line, without its end, until the next call; *ret_offset is where it begins. 1, or 0 at the end of the
 * file. */
km_status km_lines_next(km_lines *l, const char **ret_line, size_t *ret_n, int64_t *opt_offset,
                        km_err *err) KM_MUST_USE;

/* A frame of so many atoms ends at `end`, where the next one may begin. KM_INPUT: another number than before, or too
 * many. */
km_status km_text_end_frame(km_traj *t, int64_t atoms, int64_t end, km_err *err) KM_MUST_USE;
/* A decimal number that the n bytes are, blanks at both ends apart, as strtod reads it; false: none, or not finite. */
bool km_text_number(const char *p, size_t n, double *ret);
/* The time that a title tells as GROMACS writes it, "t= 10.0" in picoseconds, at its end or before "step= 5"; false:
 * none. */
bool km_text_title_fs(const char *title, size_t n, int64_t *ret_fs);

#endif
