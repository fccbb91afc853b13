/* SPDX-License-Identifier: MIT */
#include "lib/base/superpose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/horn.h"
#include "lib/base/mem.h"

/* Compiled for several processors; which one it is is found out when the program starts. */
#define CLONES __attribute__((target_clones("avx2", "default")))
enum { LANES = 4 };
typedef double quad __attribute__((vector_size(LANES * sizeof(double)), aligned(8)));

static double centroid(const float *x, const float *w, int n, double c[3])
{
    double sum = 0;
    c[0] = c[1] = c[2] = 0;
    for (int i = 0; i < n; i++) {
        double wi = w ? w[i] : 1;
        sum += wi;
        for (int k = 0; k < 3; k++) c[k] += wi * x[3 * i + k];
    }
    KM_ASSERT(sum > 0);
    for (int k = 0; k < 3; k++) c[k] /= sum;
    return sum;
}

void km_rotation_of(const double q[4], double rot[9]) { km_horn_rotation(q, rot); }

double km_superpose(const float *x, const float *ref, const float *w, int n, double rot[9], double cx[3], double cr[3])
{
    double sum = centroid(x, w, n, cx), S[9] = {0}, square = 0;
    centroid(ref, w, n, cr);
    for (int i = 0; i < n; i++) {
        double a[3], b[3], wi = w ? w[i] : 1;
        for (int k = 0; k < 3; k++) a[k] = x[3 * i + k] - cx[k], b[k] = ref[3 * i + k] - cr[k];
        for (int k = 0; k < 3; k++) {
            square += wi * (a[k] * a[k] + b[k] * b[k]);
            for (int l = 0; l < 3; l++) S[3 * k + l] += wi * a[k] * b[l];
        }
    }
    return sqrt(fmax(square - km_horn_best(S, rot), 0) / sum);
}

CLONES void km_superpose_apply(const float *x, int n, const double rot[9], const double from[3], const double to[3],
                               float *y)
{
    const quad a = {rot[0], rot[3], rot[6]}, b = {rot[1], rot[4], rot[7]}, c = {rot[2], rot[5], rot[8]};
    const quad end = {to[0], to[1], to[2]};
    for (int i = 0; i < n; i++) {
        const float *p = x + 3 * (size_t)i;
        const quad q = a * (p[0] - from[0]) + b * (p[1] - from[1]) + c * (p[2] - from[2]) + end;
        for (int k = 0; k < 3; k++) y[3 * (size_t)i + (size_t)k] = (float)q[k];
    }
}

struct km_anchor {
    int n, wide;
    double center[3], square; /* of the reference: centroid, sum of squares about it */
    quad *ref;                /* [wide / LANES, 3] about the centroid, zeros at the end */
    int32_t *atoms;           /* [wide] the first one again at the end */
};

km_anchor *km_anchor_new(const float *ref, const int32_t *atoms, int n)
{
    km_anchor *a = KM_NEW(km_anchor);
    KM_ASSERT(n > 0);
    *a = (km_anchor){.n = n, .wide = (n + LANES - 1) / LANES * LANES};
    a->ref = KM_NEWN(quad, 3 * (size_t)(a->wide / LANES));
    a->atoms = KM_NEWN(int32_t, (size_t)a->wide);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3; k++) a->center[k] += (double)ref[3 * (size_t)atoms[i] + (size_t)k] / n;
    for (int i = 0; i < a->wide; i++) {
        a->atoms[i] = atoms[i < n ? i : 0];
        for (int k = 0; k < 3; k++) {
            const double d = i < n ? ref[3 * (size_t)atoms[i] + (size_t)k] - a->center[k] : 0;
            a->ref[i / LANES * 3 + k][i % LANES] = d;
            a->square += d * d;
        }
    }
    return a;
}

void km_anchor_free(km_anchor *opt_a)
{
    if (!opt_a) return;
    free(opt_a->ref), free(opt_a->atoms);
    free(opt_a);
}

/* Sums over the atoms, from the first of them: of coordinates, of squares, of products with the reference. */
CLONES static void sum_up(const km_anchor *a, const float *x, double sum[3], double *square, double S[9])
{
    const float *origin = x + 3 * (size_t)a->atoms[0];
    quad s[3] = {{0}}, squares = {0}, products[9] = {{0}};
    for (int i = 0; i < a->wide; i += LANES) {
        const quad *r = a->ref + i / LANES * 3;
        quad u[3];
#pragma GCC unroll 3
        for (int k = 0; k < 3; k++) {
            const float *p = x + k;
            const int32_t *at = a->atoms + i;
            u[k] = (quad){p[3 * (size_t)at[0]], p[3 * (size_t)at[1]], p[3 * (size_t)at[2]], p[3 * (size_t)at[3]]} -
                   (double)origin[k];
            s[k] += u[k], squares += u[k] * u[k];
        }
#pragma GCC unroll 9
        for (int k = 0; k < 9; k++) products[k] += u[k / 3] * r[k % 3];
    }
    *square = (squares[0] + squares[1]) + (squares[2] + squares[3]);
    for (int k = 0; k < 3; k++) sum[k] = (s[k][0] + s[k][1]) + (s[k][2] + s[k][3]);
    for (int k = 0; k < 9; k++) S[k] = (products[k][0] + products[k][1]) + (products[k][2] + products[k][3]);
}

double km_anchor_lay(const km_anchor *a, float *x, int n_atoms)
{
    double sum[3], square, S[9], rot[9], from[3];
    sum_up(a, x, sum, &square, S);
    for (int k = 0; k < 3; k++) {
        square -= sum[k] * sum[k] / a->n;
        from[k] = x[3 * (size_t)a->atoms[0] + (size_t)k] + sum[k] / a->n;
    }
    const double rmsd = sqrt(fmax(square + a->square - km_horn_best(S, rot), 0) / a->n);
    km_superpose_apply(x, n_atoms, rot, from, a->center, x);
    return rmsd;
}

void km_rotation_times(const double a[9], const double b[9], double product[9])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            product[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
}

void km_rotation_inverse(const double rot[9], double inverse[9])
{
    for (int k = 0; k < 9; k++) inverse[k] = rot[k % 3 * 3 + k / 3];
}

/* The unit quaternion of a rotation matrix, real part not negative (Shepperd 1978). */
static void quaternion_of(const double R[9], double q[4])
{
    double d[4] = {R[0] + R[4] + R[8], R[0], R[4], R[8]};
    int i = 0;
    for (int k = 1; k < 4; k++)
        if (d[k] > d[i]) i = k;
    if (i == 0) {
        q[0] = 1 + d[0], q[1] = R[7] - R[5], q[2] = R[2] - R[6], q[3] = R[3] - R[1];
    } else {
        int a = i - 1, b = (a + 1) % 3, c = (a + 2) % 3;
        q[1 + a] = 1 + R[4 * a] - R[4 * b] - R[4 * c];
        q[1 + b] = R[3 * a + b] + R[3 * b + a], q[1 + c] = R[3 * a + c] + R[3 * c + a];
        q[0] = R[3 * c + b] - R[3 * b + c];
    }
    double norm = copysign(sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]), q[0]);
    for (int k = 0; k < 4; k++) q[k] /= norm;
}

void km_rotation_part(const double rot[9], double f, double part[9])
{
    double q[4];
    quaternion_of(rot, q);
    double s = sqrt(q[1] * q[1] + q[2] * q[2] + q[3] * q[3]), half = atan2(s, q[0]) * f;
    const double r[4] = {cos(half), s > 0 ? q[1] / s * sin(half) : 0, s > 0 ? q[2] / s * sin(half) : 0,
                         s > 0 ? q[3] / s * sin(half) : 0};
    km_rotation_of(r, part);
}
