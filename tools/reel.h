/* SPDX-License-Identifier: MIT
 * Anybody's trajectory, read in pieces: its heavy atoms under the dictionary's names, whatever else it lacks.
 *
 * Frames stay on disk: those of streams and multi-model structures in a temporary file. */
#ifndef TOOLS_REEL_H
#define TOOLS_REEL_H

#include <stdio.h>

#include "formats/h5md.h"
#include "formats/traj.h"
#include "tools/source.h"

/* One trajectory of a file. */
typedef struct km_run {
    int trajectory; /* its number in the file */
    int64_t F;
    int64_t start; /* of the first frame, fs */
    int64_t first; /* where its frames begin among all that are held */
} km_run;

typedef enum km_reel_kind {
    KM_REEL_HEAVY,    /* heavy atoms without waters and ions; of a stream that was generated no given frames */
    KM_REEL_COMPLETE, /* a structure's atoms as the model sees them (lib/chem/tokens.h), with bonds and tokens, those
                         that are missing with present 0; a stream's or H5MD's system as it is, and all frames */
} km_reel_kind;

typedef struct km_reel {
    const char *path; /* borrowed */
    km_reel_kind kind;
    km_system *system;
    int32_t *source; /* [A] where each atom lies in a frame of the file, -1: nowhere */
    int32_t in_file; /* atoms of such a frame */
    km_run *runs;    /* [n_runs] each with a frame at least */
    int n_runs;
    int64_t dt;     /* fs between frames, 0 where a run has one frame or the spacing is not even */
    char note[160]; /* what had to be found out about the file, or "" */
    float *model;   /* [A, 3] the topology's own coordinates, NULL without a topology; of heavy atoms alone */
    km_traj *traj;  /* one of these three */
    km_h5md *h5;
    FILE *held;     /* [frames, in_file, 3] f32 */
    int64_t *order; /* where the frames of the runs, one behind the other, are held */
} km_reel;

/* KM_INPUT: cannot be read, no frames, a frame of another size than the topology. A stream's or H5MD's trajectory
 * number `trajectory` alone, or all (-1); opt_top for files that do not say what their atoms are. */
km_status km_reel_open(const char *path, const char *opt_top, int trajectory, km_reel_kind kind, km_reel *ret,
                       km_err *err) KM_MUST_USE;
void km_reel_close(km_reel *r);

/* Some atoms and frames of a reel. */
typedef struct km_clip {
    const km_reel *reel;
    int run;
    const int32_t *atoms; /* [n_atoms] of the reel's system, none that lies nowhere */
    int32_t n_atoms;
    int64_t first, stride, F; /* in frames of the run */
} km_clip;
/* Frames i ... i + n - 1 of the clip into out [n, n_atoms, 3]. KM_INPUT for what is not finite. */
km_status km_clip_read(const km_clip *c, int64_t i, int64_t n, int threads, float *out, km_err *err) KM_MUST_USE;

#endif
