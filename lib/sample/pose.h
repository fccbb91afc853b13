/* SPDX-License-Identifier: MIT
 * Where windows stand when the network sees them: all frames superposed on one of them, the anchor, and its centroid at
 * the origin. A model trained in random poses takes any orientation. One with `canonical_pose` was trained, and is
 * sampled, with the anchor turned so that the frame of its middle token lies along the axes: orientations that it need
 * not learn cost it neither parameters nor training.
 * Tests: tests/unit/test_pose.c */
#ifndef LIB_SAMPLE_POSE_H
#define LIB_SAMPLE_POSE_H

#include "lib/model/model.h"

typedef struct km_pose {
    const float *anchor; /* [A, 3] angstrom, borrowed, needed to enter */
    double turn[9];      /* rotation of the anchor */
    double origin[3];    /* its centroid */
} km_pose;

/* The rotation that lays a frame of x [A, 3] along the axes: that of the first three atoms (of an amino acid N, CA, C)
 * of the middle one of the tokens with as many; CA to C is x, N lies in the upper half of the plane of x and y. The
 * identity where there is no such token or its atoms are in line. */
void km_pose_turn(const km_features *f, const float *x, double turn[9]);
km_pose km_pose_of(const km_config *c, const km_features *f, const float *anchor);
/* out = x superposed on the anchor, in the pose; both [A, 3], x may be the anchor itself. */
void km_pose_enter(const km_pose *p, const km_features *f, const float *x, float *out);
/* x back to where the anchor stands, in place. */
void km_pose_leave(const km_pose *p, const km_features *f, float *x);

#endif
