/* SPDX-License-Identifier: MIT */
#include "lib/traj/pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define INLINE static inline __attribute__((always_inline)) /* into every clone */

enum { LANES = 8 };
typedef float pack __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
typedef double many __attribute__((vector_size(LANES * sizeof(double))));

/* Frames about their centroids, coordinate by coordinate: [F, 3, wide] with zeros at the end, and sums of squares. */
typedef struct centred {
    int wide;
    float *x;
    double *square;
} centred;

static centred centre(const float *x, int64_t F, int n)
{
    centred c = {.wide = (n + LANES - 1) / LANES * LANES};
    c.x = KM_NEWN(float, (size_t)F * 3 * (size_t)c.wide), c.square = KM_NEWN(double, (size_t)F + 1);
    for (int64_t f = 0; f < F; f++)
        for (int k = 0; k < 3; k++) {
            double mean = 0;
            for (int i = 0; i < n; i++) mean += (double)x[(f * n + i) * 3 + k] / n;
            for (int i = 0; i < n; i++) {
                float v = (float)(x[(f * n + i) * 3 + k] - mean);
                c.x[(f * 3 + k) * c.wide + i] = v, c.square[f] += (double)v * v;
            }
        }
    return c;
}

/* m[row, column] of one pair, into a lane. */
INLINE void inner(const float *a, const float *b, int wide, many m[9], int lane)
{
    pack sum[9] = {{0}};
    for (int i = 0; i < wide; i += LANES) {
        pack u[3], v[3];
#pragma GCC unroll 3
        for (int k = 0; k < 3; k++) u[k] = *(const pack *)(a + k * wide + i), v[k] = *(const pack *)(b + k * wide + i);
#pragma GCC unroll 9
        for (int k = 0; k < 9; k++) sum[k] += u[k / 3] * v[k % 3];
    }
#pragma GCC unroll 9
    for (int k = 0; k < 9; k++)
        m[k][lane] =
            (sum[k][0] + sum[k][4]) + (sum[k][1] + sum[k][5]) + ((sum[k][2] + sum[k][6]) + (sum[k][3] + sum[k][7]));
}

/* The largest root of l^4 + c2 l^2 + c1 l + c0, from above. With singular values s of m (the last with det's sign) the
 * roots are s1 + s2 + s3 and the like, hence the coefficients. */
INLINE void largest_root(const many m[9], many *root)
{
    enum { ROUNDS = 50 };
    many cofactor[9], square = {0}, minors = {0}, l = *root;
#pragma GCC unroll 9
    for (int i = 0; i < 9; i++) {
        int r = i / 3, c = i % 3, r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
        cofactor[i] = m[3 * r1 + c1] * m[3 * r2 + c2] - m[3 * r1 + c2] * m[3 * r2 + c1];
        square += m[i] * m[i], minors += cofactor[i] * cofactor[i];
    }
    many det = m[0] * cofactor[0] + m[1] * cofactor[1] + m[2] * cofactor[2];
    many c2 = -2 * square, c1 = -8 * det, c0 = square * square - 4 * minors;
    for (int round = 0; round < ROUNDS; round++) {
        many l2 = l * l, slope = 4 * l2 * l + 2 * c2 * l + c1, step = ((l2 + c2) * l2 + c1 * l + c0) / (slope + 1e-300);
        double most = 0;
        l -= step;
        for (int k = 0; k < LANES; k++) most = fmax(most, fabs(step[k]) - 1e-9 * l[k]);
        if (most <= 0) break;
    }
    *root = l;
}

/* Compiled for several processors; which one it is is found out when the program starts. */
__attribute__((target_clones("avx2", "default"))) static void row_of(const centred *c, int64_t i, int64_t F,
                                                                             int n, float *out)
{
    const float *a = c->x + i * 3 * c->wide;
    for (int64_t j = i + 1; j < F; j += LANES) {
        many m[9] = {{0}}, half = {0};
        int64_t count = F - j < LANES ? F - j : LANES;
        for (int64_t k = 0; k < LANES; k++) {
            int64_t at = j + (k < count ? k : 0);
            inner(a, c->x + at * 3 * c->wide, c->wide, m, (int)k);
            half[k] = (c->square[i] + c->square[at]) / 2;
        }
        many root = half;
        largest_root(m, &root);
        for (int64_t k = 0; k < count; k++)
            out[i * F + j + k] = out[(j + k) * F + i] = (float)sqrt(fmax(0, 2 * (half[k] - root[k]) / n));
    }
}

void km_rmsd_pairs(const float *x, int64_t F, int n, int threads, float *out)
{
    centred c = centre(x, F, n);
#pragma omp parallel for schedule(dynamic, 4) num_threads(threads)
    for (int64_t i = 0; i < F; i++) {
        out[i * F + i] = 0;
        row_of(&c, i, F, n, out);
    }
    free(c.x), free(c.square);
}
