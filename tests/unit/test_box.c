/* SPDX-License-Identifier: MIT
 * lib/base/box.h: boxes of cells, and nearest images against a search among many. */
#include "lib/base/box.h"

#include <math.h>
#include <string.h>

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

static double size_of(const double d[3]) { return d[0] * d[0] + d[1] * d[1] + d[2] * d[2]; }

/* The shortest of d plus up to eight steps along each of the box's own vectors. */
static double shortest(const float box[9], const double d[3])
{
    double least = size_of(d);
    for (int i = -8; i <= 8; i++)
        for (int j = -8; j <= 8; j++)
            for (int k = -8; k <= 8; k++) {
                double e[3];
                for (int c = 0; c < 3; c++)
                    e[c] = d[c] + i * (double)box[c] + j * (double)box[3 + c] + k * (double)box[6 + c];
                least = fmin(least, size_of(e));
            }
    return least;
}

static void test_nearest(void)
{
    static const struct {
        const char *name;
        float box[9];
    } boxes[] = {
        {"rectangular", {10, 0, 0, 0, 20, 0, 0, 0, 30}},
        {"truncated octahedron", {30, 0, 0, 10, 28.2843f, 0, -10, 14.1421f, 24.4949f}},
        {"rhombic dodecahedron", {30, 0, 0, 0, 30, 0, 15, 15, 21.2132f}},
        {"flat", {20, 0, 0, 9, 12, 0, 8, 5, 11}},
    };
    for (int b = 0; b < 4; b++) {
        km_lattice l;
        bool good = ok(km_lattice_of(boxes[b].box, &l), "%s: a box", boxes[b].name);
        km_rng r = km_rng_of(3, KM_RNG_TEST, 0, b, 0);
        for (uint32_t i = 0; i < 200 && good; i++) {
            float n[3];
            km_rng_normal3(&r, i, n);
            double d[3] = {15 * n[0], 15 * n[1], 15 * n[2]}, want = shortest(boxes[b].box, d);
            km_lattice_nearest(&l, d);
            good = fabs(size_of(d) - want) < 1e-6 * (want + 1);
        }
        ok(good, "%s: the nearest image is the nearest", boxes[b].name);
    }
}

static void test_cells(void)
{
    float box[9];
    km_lattice l;
    const double length[3] = {30, 40, 50}, angle[3] = {80, 75, 110}, none[3] = {0}, right[3] = {90, 90, 90};
    ok(km_box_of_degrees(length, angle, box) && box[0] == 30 && box[1] == 0 && box[2] == 0 && box[5] == 0, "a along x");
    double ab = (double)box[0] * box[3] / (30 * 40), bc = 0;
    for (int k = 0; k < 3; k++) bc += (double)box[3 + k] * box[6 + k] / (40 * 50);
    ok(fabs(ab - cos(110 * M_PI / 180)) < 1e-6 && fabs(bc - cos(80 * M_PI / 180)) < 1e-6, "angles");
    ok(km_box_of_degrees(length, right, box) && box[4] == 40 && box[3] == 0 && box[8] == 50, "a rectangular one");
    ok(km_box_of_degrees(none, right, box) && box[0] == 0 && !km_lattice_of(box, &l), "none");
    ok(!km_box_of_degrees(length, none, box), "angles of zero are refused");
    memset(box, 0, sizeof box);
    box[0] = box[4] = 10;
    ok(!km_lattice_of(box, &l), "no volume, no lattice");
    box[8] = INFINITY;
    ok(!km_lattice_of(box, &l), "nor with an infinite edge");
}

int main(void)
{
    test_nearest();
    test_cells();
    return tap_end();
}
