/* SPDX-License-Identifier: MIT */
#include "lib/base/box.h"

#include <math.h>
#include <string.h>

static const double DEGREE = 0.017453292519943295;

void km_box_of_cell(const double length[3], const double cosine[3], float box[9])
{
    const double ca = cosine[0], cb = cosine[1], cg = cosine[2], sg = sqrt(1 - cg * cg);
    const double cy = sg > 0 ? (ca - cb * cg) / sg : 0, cz = 1 - cb * cb - cy * cy;
    const double v[9] = {length[0],
                         0,
                         0,
                         length[1] * cg,
                         length[1] * sg,
                         0,
                         length[2] * cb,
                         length[2] * cy,
                         length[2] * sqrt(cz > 0 ? cz : 0)};
    for (int k = 0; k < 9; k++) box[k] = (float)(fabs(v[k]) < 1e-5 * fabs(v[k / 3 * 4]) ? 0 : v[k]);
}

bool km_box_of_degrees(const double length[3], const double angle[3], float box[9])
{
    double cosine[3];
    memset(box, 0, 9 * sizeof *box);
    if (length[0] == 0 && length[1] == 0 && length[2] == 0) return true;
    for (int k = 0; k < 3; k++) {
        if (!(length[k] >= 0 && length[k] < 1e9 && angle[k] > 0 && angle[k] < 180)) return false;
        cosine[k] = angle[k] == 90 ? 0 : cos(angle[k] * DEGREE);
    }
    km_box_of_cell(length, cosine, box);
    return true;
}

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void cross(const double a[3], const double b[3], double out[3])
{
    for (int k = 0; k < 3; k++) out[k] = a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3];
}

/* Take the nearest multiple of each vector from each of the others until none becomes shorter. */
static void reduce(double v[3][3])
{
    for (int round_ = 0, changed = 1; changed && round_ < 100; round_++) {
        changed = 0;
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                if (i == j) continue;
                double n = round(dot(v[i], v[j]) / dot(v[j], v[j]) * (1 - 1e-9));
                if (n == 0) continue;
                for (int k = 0; k < 3; k++) v[i][k] -= n * v[j][k];
                changed = 1;
            }
    }
}

bool km_lattice_of(const float box[9], km_lattice *l)
{
    double size = 1, normal[3];
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) l->vectors[i][k] = box[3 * i + k];
        size *= sqrt(dot(l->vectors[i], l->vectors[i]));
    }
    cross(l->vectors[1], l->vectors[2], normal);
    if (!(fabs(dot(l->vectors[0], normal)) > 1e-3 * size) || !isfinite(size)) return false;
    reduce(l->vectors);
    cross(l->vectors[1], l->vectors[2], normal);
    const double volume = dot(l->vectors[0], normal);
    for (int i = 0; i < 3; i++) {
        cross(l->vectors[(i + 1) % 3], l->vectors[(i + 2) % 3], l->inverse[i]);
        for (int k = 0; k < 3; k++) l->inverse[i][k] /= volume;
    }
    l->skewed = false;
    for (int i = 0; i < 3; i++) {
        const double *a = l->vectors[i], *b = l->vectors[(i + 1) % 3];
        l->skewed |= fabs(dot(a, b)) > 1e-6 * sqrt(dot(a, a) * dot(b, b));
    }
    return true;
}

void km_lattice_nearest(const km_lattice *l, double d[3])
{
    for (int i = 0; i < 3; i++) {
        const double n = round(dot(l->inverse[i], d));
        for (int k = 0; k < 3 && n != 0; k++) d[k] -= n * l->vectors[i][k];
    }
    if (!l->skewed) return;
    /* Of reduced vectors, one step along each at most leads from here to the nearest. */
    double best[3] = {d[0], d[1], d[2]}, least = dot(d, d);
    for (int step = 0; step < 27; step++) {
        const int n[3] = {step % 3 - 1, step / 3 % 3 - 1, step / 9 - 1};
        double e[3];
        for (int k = 0; k < 3; k++)
            e[k] = d[k] + n[0] * l->vectors[0][k] + n[1] * l->vectors[1][k] + n[2] * l->vectors[2][k];
        if (dot(e, e) < least * (1 - 1e-12)) least = dot(e, e), memcpy(best, e, sizeof best);
    }
    memcpy(d, best, sizeof best);
}
