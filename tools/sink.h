/* SPDX-License-Identifier: MIT
 * Where the frames of a stream go in other formats: one file for each trajectory, or one for all of them (H5MD).
 * Nothing appears under its own name before km_sink_commit. */
#ifndef TOOLS_SINK_H
#define TOOLS_SINK_H

#include "lib/base/system.h"

typedef struct km_sink km_sink;
/* The format is that of path's ending: xtc, trr, dcd, pdb, cif, h5 (KM_USAGE for another). path and s must last.
 * Precision is XTC's, per nm. */
km_status km_sink_open(const char *path, const km_system *s, float precision, km_sink **ret, km_err *err) KM_MUST_USE;
km_status km_sink_write(km_sink *k, const km_frame *frame, km_err *err) KM_MUST_USE;
/* Finish and rename: PATH for one trajectory, else PATH with -1, -2 ... before its ending. Frees k. */
km_status km_sink_commit(km_sink *k, km_err *err) KM_MUST_USE;
void km_sink_abandon(km_sink *k); /* leaves no file; frees k */

/* PDB or, where path ends in .cif, mmCIF of one frame. */
km_status km_sink_top(const char *path, const km_system *s, const float *coords, km_err *err) KM_MUST_USE;
/* Whether the ending of path is one of a format that can be written; else KM_USAGE. */
km_status km_sink_check(const char *path, km_err *err) KM_MUST_USE;

#endif
