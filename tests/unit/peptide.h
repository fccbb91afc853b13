/* SPDX-License-Identifier: MIT
 * Tokenised systems from structure files, and training data made up of one, for tests. */
#ifndef TESTS_UNIT_PEPTIDE_H
#define TESTS_UNIT_PEPTIDE_H

#include "lib/base/system.h"
#include "lib/traj/checks.h"

/* opt_source: [A] where each atom lies in the file; opt_coords: [A, 3] its first model; both the caller's. Exits when
 * the file cannot be read. */
km_system *peptide_system(const char *path, int32_t **opt_source, float **opt_coords);

/* n frames first, first + stride, ... of the example peptide's dynamics in the system's order; source as above. The
 * coordinates are the caller's. */
typedef struct peptide_frames {
    float *coords; /* [F, A, 3] */
    int64_t F, dt; /* fs */
} peptide_frames;
peptide_frames peptide_dynamics(const km_system *s, const int32_t *source, int64_t first, int64_t stride, int64_t n);
/* What the panel makes of frames. */
void peptide_rmsf(const peptide_frames *t, int32_t A, double *out);
km_validity peptide_validity(const km_system *s, const peptide_frames *t);

/* A whole number that a frame tells of itself: its trajectory and its place there, hidden in the distance of the first
 * two atoms. */
int peptide_frame_told(const float *x);
/* Frame `frame` of made-up trajectory `trajectory` of the example peptide LGE: bent a little, turned and shifted with
 * the frame. */
void peptide_frame(const km_system *s, const float *start, int trajectory, int frame, float *x);
/* Write PATH, H5MD: trajectories of so many frames dt apart of the example peptide. Exits on failure. */
void peptide_write(const char *path, int trajectories, int frames, int64_t dt);

#endif
