/* SPDX-License-Identifier: MIT
 * The hand of a stereo centre c with neighbours a, b, d: the sign of (a - c) . ((b - c) x (d - c)).
 * Tests: tests/unit/test_stereo.c */
#ifndef KM_BASE_HAND_H
#define KM_BASE_HAND_H

typedef struct km_vec {
    double x, y, z;
} km_vec;

static inline km_vec km_vec_from(const float *a, const float *b)
{
    return (km_vec){(double)b[0] - a[0], (double)b[1] - a[1], (double)b[2] - a[2]};
}
static inline km_vec km_vec_cross(km_vec a, km_vec b)
{
    return (km_vec){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
static inline double km_vec_dot(km_vec a, km_vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

static inline double km_hand_volume(const float *c, const float *a, const float *b, const float *d)
{
    return km_vec_dot(km_vec_from(c, a), km_vec_cross(km_vec_from(c, b), km_vec_from(c, d)));
}

/* A centre whose volume is negative goes to the other side of its neighbours' plane, which leaves its bonds' lengths
 * and the angles at it as they are. */
static inline void km_hand_hold(float *c, const float *a, const float *b, const float *d)
{
    if (!(km_hand_volume(c, a, b, d) < 0)) return;
    km_vec normal = km_vec_cross(km_vec_from(a, b), km_vec_from(a, d));
    double size = km_vec_dot(normal, normal);
    if (!(size > 0)) return;
    double twice = 2 * km_vec_dot(km_vec_from(a, c), normal) / size;
    c[0] = (float)(c[0] - twice * normal.x), c[1] = (float)(c[1] - twice * normal.y),
    c[2] = (float)(c[2] - twice * normal.z);
}

#endif
