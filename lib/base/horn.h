/* SPDX-License-Identifier: MIT
 * The best rotation of one set of points onto another (Horn 1987), in float64: one text for the processor
 * (lib/base/superpose.c) and for kernels on a device (kernels/cuda/superpose.cu).
 * Tests: tests/unit/test_superpose.c, tests/unit/test_op_sampler.c */
#ifndef KM_BASE_HORN_H
#define KM_BASE_HORN_H

#include <math.h>

#ifdef __CUDACC__
#define KM_HORN __device__ static inline
#else
#define KM_HORN static inline
#endif

/* Rows and columns p and q of a symmetric n so turned that n[p][q] is 0, v with them. */
KM_HORN void km_horn_turn(double n[4][4], double v[4][4], int p, int q)
{
    if (n[p][q] == 0) return;
    double theta = (n[q][q] - n[p][p]) / (2 * n[p][q]);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < 4; k++) {
        double a = n[k][p], b = n[k][q];
        n[k][p] = c * a - s * b, n[k][q] = s * a + c * b;
    }
    for (int k = 0; k < 4; k++) {
        double a = n[p][k], b = n[q][k];
        n[p][k] = c * a - s * b, n[q][k] = s * a + c * b;
        a = v[k][p], b = v[k][q];
        v[k][p] = c * a - s * b, v[k][q] = s * a + c * b;
    }
}

/* Cyclic Jacobi: a symmetric n becomes diagonal, v its eigenvectors as columns. */
KM_HORN void km_horn_diagonalize(double n[4][4], double v[4][4])
{
    for (int i = 0; i < 16; i++) v[i / 4][i % 4] = i / 4 == i % 4;
    for (int sweep = 0; sweep < 50; sweep++) {
        double off = 0, scale = 0;
        for (int i = 0; i < 16; i++) *(i / 4 == i % 4 ? &scale : &off) += n[i / 4][i % 4] * n[i / 4][i % 4];
        if (off <= 1e-30 * scale || off == 0) return;
        for (int p = 0; p < 3; p++)
            for (int q = p + 1; q < 4; q++) km_horn_turn(n, v, p, q);
    }
}

/* The rotation [3, 3] that a unit quaternion (real part first) stands for. */
KM_HORN void km_horn_rotation(const double q[4], double rot[9])
{
    const double w = q[0], x = q[1], y = q[2], z = q[3];
    rot[0] = w * w + x * x - y * y - z * z, rot[1] = 2 * (x * y - w * z), rot[2] = 2 * (x * z + w * y);
    rot[3] = 2 * (x * y + w * z), rot[4] = w * w - x * x + y * y - z * z, rot[5] = 2 * (y * z - w * x);
    rot[6] = 2 * (x * z - w * y), rot[7] = 2 * (y * z + w * x), rot[8] = w * w - x * x - y * y + z * z;
}

/* The best rotation, from the sums s [3, 3] of products of coordinates about the centroids; returns by how much the
 * sums of their squares exceed that of what is left. */
KM_HORN double km_horn_best(const double s[9], double rot[9])
{
    double v[4][4];
    double n[4][4] = {{s[0] + s[4] + s[8], s[5] - s[7], s[6] - s[2], s[1] - s[3]},
                      {s[5] - s[7], s[0] - s[4] - s[8], s[1] + s[3], s[6] + s[2]},
                      {s[6] - s[2], s[1] + s[3], s[4] - s[0] - s[8], s[5] + s[7]},
                      {s[1] - s[3], s[6] + s[2], s[5] + s[7], s[8] - s[0] - s[4]}};
    km_horn_diagonalize(n, v);
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (n[i][i] > n[best][best]) best = i;
    const double q[4] = {v[0][best], v[1][best], v[2][best], v[3][best]};
    km_horn_rotation(q, rot);
    return 2 * n[best][best];
}

#endif
