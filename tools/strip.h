/* SPDX-License-Identifier: MIT
 * What km-strip does to the frames of one system after another trajectory. */
#ifndef TOOLS_STRIP_H
#define TOOLS_STRIP_H

#include "formats/h5md.h"
#include "formats/km.h"
#include "formats/traj.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/base/superpose.h"
#include "lib/chem/stereo.h"
#include "lib/chem/tokens.h"
#include "lib/traj/clean.h"
#include "lib/traj/molecules.h"

/* One trajectory to come. */
typedef struct km_strip_input {
    const char *path, *name; /* name: for messages and the file's notes */
    km_traj *traj;
    int64_t dt; /* fs; 0: by the file's clock */
} km_strip_input;

/* What was dropped, over all trajectories. */
typedef struct km_strip_counts {
    int64_t frames, pieces, dropped[KM_FAULTS], duplicates, leaps, gaps, alone, mirrored;
    int refused;
} km_strip_counts;

typedef struct km_strip {
    const km_cli *cli;
    int stride;
    bool raw, strict;
    const km_tokenized *tokens; /* NULL: raw */
    const km_system *system;
    km_clean *clean;
    km_molecules *molecules;
    km_stereo *stereo;
    int32_t *backbone, n_backbone; /* the atoms by which frames are laid on each other */
    km_anchor *anchor;             /* the frame that all others are laid upon, once there is one */
    double least_rmsd, most_rmsd;
    km_strip_counts counts;
    /* where to: one of the two */
    km_writer *writer;
    km_h5md_writer *h5;
} km_strip;

/* tokens, system, cli, stride and raw are set; the rest is made. */
void km_strip_start(km_strip *s);
void km_strip_clear(km_strip *s);
/* Clean a trajectory and write it, as one or, where it has holes, as several. KM_NEGATIVE: it is refused, and nothing
 * of it is left in an H5MD file; a stream cannot take back what has been written of it. */
km_status km_strip_trajectory(km_strip *s, const km_strip_input *in, km_err *err) KM_MUST_USE;

#endif
