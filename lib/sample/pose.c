/* SPDX-License-Identifier: MIT */
#include "lib/sample/pose.h"

#include <math.h>
#include <string.h>

#include "lib/base/superpose.h"

static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};

/* The first atom of token number `which` of those that have three, or -1; *ret_count: how many there are. */
static km_dim first_atom(const km_features *f, km_dim which, km_dim *ret_count)
{
    km_dim count = 0, found = -1, length = 0;
    for (km_dim a = 0; a < f->A; a++) {
        length = a > 0 && f->atom_token[a] == f->atom_token[a - 1] ? length + 1 : 1;
        if (length != 3 || f->atom_token[a] < 0) continue;
        if (count++ == which) found = a - 2;
    }
    *ret_count = count;
    return found;
}

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* false: too short to have a direction */
static bool normalise(double v[3])
{
    double length = sqrt(dot(v, v));
    for (int i = 0; i < 3; i++) v[i] /= length;
    return length > 1e-3;
}

void km_pose_turn(const km_features *f, const float *x, double turn[9])
{
    km_dim count;
    first_atom(f, -1, &count);
    km_dim a = first_atom(f, (count - 1) / 2, &count);
    memcpy(turn, identity, sizeof identity);
    if (a < 0) return;
    const float *n = x + 3 * a, *ca = n + 3, *c = n + 6;
    double e1[3], e2[3];
    for (int i = 0; i < 3; i++) e1[i] = (double)c[i] - ca[i], e2[i] = (double)n[i] - ca[i];
    if (!normalise(e1)) return;
    double along = dot(e1, e2);
    for (int i = 0; i < 3; i++) e2[i] -= along * e1[i];
    if (!normalise(e2)) return;
    const double e3[3] = {e1[1] * e2[2] - e1[2] * e2[1], e1[2] * e2[0] - e1[0] * e2[2], e1[0] * e2[1] - e1[1] * e2[0]};
    for (int i = 0; i < 3; i++) turn[i] = e1[i], turn[3 + i] = e2[i], turn[6 + i] = e3[i];
}

km_pose km_pose_of(const km_config *c, const km_features *f, const float *anchor)
{
    km_pose p = {.anchor = anchor};
    double rot[9], from[3];
    km_superpose(anchor, anchor, f->there, (int)f->A, rot, from, p.origin);
    if (c->canonical_pose) km_pose_turn(f, anchor, p.turn);
    else memcpy(p.turn, identity, sizeof identity);
    return p;
}

void km_pose_enter(const km_pose *p, const km_features *f, const float *x, float *out)
{
    const double zero[3] = {0};
    double rot[9], both[9], from[3], to[3];
    if (x == p->anchor) {
        km_superpose_apply(x, (int)f->A, p->turn, p->origin, zero, out);
        return;
    }
    km_superpose(x, p->anchor, f->there, (int)f->A, rot, from, to);
    km_rotation_times(p->turn, rot, both);
    km_superpose_apply(x, (int)f->A, both, from, zero, out);
}

void km_pose_leave(const km_pose *p, const km_features *f, float *x)
{
    const double zero[3] = {0};
    double back[9];
    km_rotation_inverse(p->turn, back);
    km_superpose_apply(x, (int)f->A, back, zero, p->origin, x);
}
