/* SPDX-License-Identifier: MIT
 * The trajectories of the panel peptide: complete systems, brought to the atoms that all of them share, read in pieces.
 */
#ifndef TOOLS_EVAL_FRAMES_H
#define TOOLS_EVAL_FRAMES_H

#include "tools/eval.h"

typedef struct km_eval_file {
    const char *path;
    km_eval_kind kind;
    km_reel reel;
    km_clip *clips; /* [n] what the options choose */
    int n;
    int64_t F, dt;   /* frames of all clips; fs, 0: not known; of a single frame what stands for it */
    int32_t *shared; /* [A] where the shared atoms are in the reel, in the first file's order */
} km_eval_file;

/* The target's files: the first reference, the models, the other references, one behind the other; their shared atoms'
 * system is e->system. Notes on what is left out. To be closed whatever comes. */
km_status km_eval_files_open(const km_eval_options *o, km_eval *e, km_eval_file **ret, int *ret_n,
                             km_err *err) KM_MUST_USE;
void km_eval_files_close(km_eval_file *files, int n);
/* What the file is called in rows and notes. */
const char *km_eval_file_name(const km_eval_file *f);

/* Frames to be measured: a file's, or those of a baseline: F times the first of them, with noise of each atom's
 * fluctuation. */
typedef struct km_eval_frames {
    const km_eval_file *file;
    const double *opt_noise; /* [A] angstrom */
    float *opt_start;        /* [A, 3] the frame that is repeated */
    int32_t A;
    int threads;
    int64_t *lengths; /* [file->n] of each clip */
    km_status status; /* of reading: the first failure stays, */
    km_err *err;      /* in here */
} km_eval_frames;
km_eval_frames km_eval_frames_of(const km_eval_options *o, const km_eval *e, const km_eval_file *file, km_err *err);
/* Frames first ... first + n - 1 into x [n, A, 3]; zeros once it has failed. */
void km_eval_frames_read(km_eval_frames *f, int64_t first, int64_t n, float *x);
void km_eval_frames_clear(km_eval_frames *f);

#endif
