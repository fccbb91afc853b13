/* SPDX-License-Identifier: MIT
 * Tokenised systems from structure files, and training data made up of one, for tests. */
#ifndef TESTS_UNIT_PEPTIDE_H
#define TESTS_UNIT_PEPTIDE_H

#include "lib/base/system.h"

/* opt_source: [A] where each atom lies in the file; opt_coords: [A, 3] its first model; both the caller's. Exits when
 * the file cannot be read. */
km_system *peptide_system(const char *path, int32_t **opt_source, float **opt_coords);

/* A whole number that a frame tells of itself: its trajectory and its place there, hidden in the distance of the first
 * two atoms. */
int peptide_frame_told(const float *x);
/* Frame `frame` of made-up trajectory `trajectory` of the example peptide LGE: bent a little, turned and shifted with
 * the frame. */
void peptide_frame(const km_system *s, const float *start, int trajectory, int frame, float *x);
/* Write PATH, H5MD: trajectories of so many frames dt apart of the example peptide. Exits on failure. */
void peptide_write(const char *path, int trajectories, int frames, int64_t dt);

#endif
