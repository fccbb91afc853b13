/* SPDX-License-Identifier: MIT
 * Least-squares superposition of two sets of points (Horn 1987: the quaternion is the leading eigenvector of a 4 x 4
 * matrix).
 * Tests: tests/unit/test_superpose.c */
#ifndef KM_BASE_SUPERPOSE_H
#define KM_BASE_SUPERPOSE_H

#include <stdint.h>

/* The proper rotation rot [3, 3] (row-major) and centroids such that rot (x - center_x) + center_ref is as near to ref
 * as can be, weights (NULL: 1) at least one of them positive; x and ref [n, 3]. Returns the weighted root-mean-square
 * distance left. */
double km_superpose(const float *x, const float *ref, const float *opt_weights, int n, double rot[9],
                    double center_x[3], double center_ref[3]);
/* y = rot (x - from) + to for n points; y may be x. */
void km_superpose_apply(const float *x, int n, const double rot[9], const double from[3], const double to[3], float *y);
/* A reference upon which many frames are laid by some of its atoms. */
typedef struct km_anchor km_anchor;
/* ref [A, 3] is copied, as far as atoms, indices into it, n > 0, say. */
km_anchor *km_anchor_new(const float *ref, const int32_t *atoms, int n);
void km_anchor_free(km_anchor *opt_a);
/* Lay a frame x [n_atoms, 3], finite, on it, all atoms by those of the anchor; returns the root-mean-square distance of
 * these. */
double km_anchor_lay(const km_anchor *a, float *x, int n_atoms);
/* The rotation that a unit quaternion (real part first) stands for. */
void km_rotation_of(const double q[4], double rot[9]);
/* product = a b, and the way back; product and inverse are not their inputs. */
void km_rotation_times(const double a[9], const double b[9], double product[9]);
void km_rotation_inverse(const double rot[9], double inverse[9]);
/* The part f in [0, 1] of a rotation: same axis, f times the angle. */
void km_rotation_part(const double rot[9], double f, double part[9]);

#endif
