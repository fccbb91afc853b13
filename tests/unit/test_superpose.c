/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/traj/pairs.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

enum { N = 17 };

static double det(const double R[9])
{
    return R[0] * (R[4] * R[8] - R[5] * R[7]) - R[1] * (R[3] * R[8] - R[5] * R[6]) + R[2] * (R[3] * R[7] - R[4] * R[6]);
}

static double distance(const float *a, const float *b)
{
    double d = 0;
    for (int i = 0; i < 3 * N; i++) d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(d / N);
}

static void turn(double angle, double R[9])
{
    const double m[9] = {cos(angle), -sin(angle), 0, sin(angle), cos(angle), 0, 0, 0, 1};
    for (int i = 0; i < 9; i++) R[i] = m[i];
}

static void test_known(void)
{
    double *r = opt_random(3 * N, 1), R[9], rot[9], cx[3], cr[3], half[9];
    const double zero[3] = {0}, shift[3] = {5, -3, 20};
    float x[3 * N], y[3 * N], z[3 * N];
    for (int i = 0; i < 3 * N; i++) x[i] = (float)r[i];
    turn(2.5, R);
    km_superpose_apply(x, N, R, zero, shift, y);
    double rmsd = km_superpose(x, y, NULL, N, rot, cx, cr);
    km_superpose_apply(x, N, rot, cx, cr, z);
    ok(rmsd < 1e-5 && distance(y, z) < 1e-5, "a known motion is found: %.1e", distance(y, z));
    km_rotation_part(rot, 0.5, half);
    double back[9];
    turn(1.25, back);
    double worst = 0;
    for (int i = 0; i < 9; i++) worst = fmax(worst, fabs(half[i] - back[i]));
    ok(worst < 1e-6, "half a rotation has half the angle: %.1e", worst);
    const double q[4] = {cos(1.25), 0, 0, sin(1.25)};
    km_rotation_of(q, rot);
    worst = 0;
    for (int i = 0; i < 9; i++) worst = fmax(worst, fabs(rot[i] - R[i]));
    ok(worst < 1e-15, "the rotation of a quaternion: %.1e", worst);
    for (int i = 0; i < N; i++) z[3 * i] = -x[3 * i], z[3 * i + 1] = x[3 * i + 1], z[3 * i + 2] = x[3 * i + 2];
    rmsd = km_superpose(x, z, NULL, N, rot, cx, cr);
    ok(fabs(det(rot) - 1) < 1e-9 && rmsd > 0.1, "a mirror image does not fit by a proper rotation");
    km_superpose_apply(x, N, rot, cx, cr, y);
    ok(fabs(distance(y, z) - rmsd) < 1e-5, "the distance returned is the one that is left");
    free(r);
}

/* No rotation near the one found does better, by small turns about each axis. */
static void test_minimum(void)
{
    double *r = opt_random(3 * N, 2), *s = opt_random(3 * N, 3), rot[9], cx[3], cr[3];
    float x[3 * N], y[3 * N], z[3 * N], w[N];
    for (int i = 0; i < 3 * N; i++) x[i] = (float)r[i], y[i] = (float)(r[i] + 0.5 * s[i]);
    km_superpose(x, y, NULL, N, rot, cx, cr);
    km_superpose_apply(x, N, rot, cx, cr, z);
    double best = distance(y, z);
    bool lowest = true;
    for (int axis = 0; axis < 3; axis++)
        for (int sign = -1; sign <= 1; sign += 2) {
            double t = 0.01 * sign, m[9] = {0}, both[9];
            int a = axis, b = (axis + 1) % 3, c = (axis + 2) % 3;
            m[4 * a] = 1, m[4 * b] = m[4 * c] = cos(t), m[3 * b + c] = -sin(t), m[3 * c + b] = sin(t);
            for (int i = 0; i < 9; i++)
                both[i] =
                    m[i / 3 * 3] * rot[i % 3] + m[i / 3 * 3 + 1] * rot[3 + i % 3] + m[i / 3 * 3 + 2] * rot[6 + i % 3];
            km_superpose_apply(x, N, both, cx, cr, z);
            lowest = lowest && distance(y, z) >= best;
        }
    ok(lowest, "no small turn does better");
    for (int i = 0; i < N; i++) w[i] = i < 3 ? 1 : 0;
    for (int i = 9; i < 3 * N; i++) y[i] = 1e3f;
    ok(km_superpose(x, y, w, N, rot, cx, cr) < 1, "atoms of weight 0 do not count");
    for (int i = 0; i < 3 * N; i++) x[i] = y[i] = 1;
    ok(km_superpose(x, y, NULL, N, rot, cx, cr) == 0 && fabs(det(rot) - 1) < 1e-12,
       "coinciding points give some rotation");
    free(r), free(s);
}

/* All pairs at once beside one after the other: shaken, turned and moved frames, mirror images, the same frame. */
static void test_pairs(int n)
{
    enum { F = 21 };
    float *x = KM_NEWN(float, (size_t)(F * n) * 3), out[F * F];
    double worst = 0;
    for (int f = 0; f < F; f++) {
        const double t = f * 0.7, turn[9] = {cos(t), -sin(t), 0, sin(t), cos(t), 0, 0, 0, f % 5 == 3 ? -1 : 1};
        for (int i = 0; i < n; i++) {
            double p[3] = {5 * sin(i * 1.3), 4 * cos(i * 0.7) + i * 0.2, 6 * sin(i * 2.9 + 1)};
            for (int k = 0; k < 3; k++) {
                double v = turn[3 * k] * p[0] + turn[3 * k + 1] * p[1] + turn[3 * k + 2] * p[2] + 10 * f;
                x[(f * n + i) * 3 + k] = (float)(v + (f > 1) * 0.1 * f * sin(f * 12.9 + i * 78.2 + k * 37.7));
            }
        }
    }
    km_rmsd_pairs(x, F, n, 2, out);
    for (int i = 0; i < F; i++)
        for (int j = 0; j < F; j++) {
            double rot[9], cx[3], cr[3];
            double want = km_superpose(x + (ptrdiff_t)3 * i * n, x + (ptrdiff_t)3 * j * n, NULL, n, rot, cx, cr);
            worst = fmax(worst, fabs(out[i * F + j] - want) / (want < 0.1 ? 100 : 1));
        }
    ok(worst < 2e-4, "pairs of %d points: within %g", n, worst);
    free(x);
}

/* A few of a frame's atoms, far from the origin, beside the way that says the rotation. */
static void test_anchor(int n)
{
    double *r = opt_random(3 * N, 4), *s = opt_random(3 * N, 5), R[9], rot[9], cx[3], cr[3], worst = 0;
    const double zero[3] = {0}, shift[3] = {500, -3, 2000};
    int32_t atoms[N];
    float x[3 * N], y[3 * N], z[3 * N], few[2][3 * N];
    for (int i = 0; i < 3 * N; i++) x[i] = (float)r[i], z[i] = (float)(r[i] + 0.2 * s[i]);
    turn(2.5, R);
    km_superpose_apply(z, N, R, zero, shift, y);
    for (int i = 0; i < n; i++) {
        atoms[i] = (3 + 5 * i) % N;
        for (int k = 0; k < 3; k++) few[0][3 * i + k] = y[3 * atoms[i] + k], few[1][3 * i + k] = x[3 * atoms[i] + k];
    }
    km_anchor *a = km_anchor_new(x, atoms, n);
    const double want = km_superpose(few[0], few[1], NULL, n, rot, cx, cr);
    km_superpose_apply(y, N, rot, cx, cr, z);
    const double rmsd = km_anchor_lay(a, y, N);
    for (int i = 0; i < 3 * N; i++) worst = fmax(worst, fabs((double)y[i] - z[i]));
    ok(fabs(rmsd - want) < 1e-6 && (n < 3 || worst < 1e-5), "laid on %d atoms: %.1e, %.1e", n, rmsd - want, worst);
    km_anchor_free(a);
    free(r), free(s);
}

int main(void)
{
    const int some[] = {1, 3, 4, 7, N};
    for (int i = 0; i < 5; i++) test_anchor(some[i]);
    test_known();
    test_pairs(1), test_pairs(2), test_pairs(8), test_pairs(37), test_pairs(100);
    test_minimum();
    return tap_end();
}
