/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "kernels/ref/ref.h"
#include "lib/base/rng.h"

void km_ref_add_noise_fwd(const km_exec *ex, double *y, const double *x, const int32_t *keys, const double *scale,
                          km_dim F, km_dim A)
{
    (void)ex;
    for (km_dim i = 0; i < F * A; i++) {
        km_rng r;
        float draw[3];
        memcpy(&r, keys + 4 * (i / A), sizeof r);
        km_rng_normal3(&r, (uint32_t)(i % A), draw);
        for (int c = 0; c < 3; c++) y[3 * i + c] = x[3 * i + c] + scale[i / A] * draw[c];
    }
}

void km_ref_sampler_move_fwd(const km_exec *ex, double *y, const double *x, const double *u, const double *d,
                             const double *factor, km_dim F, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < F * n; i++) y[i] = factor[i / n] == 0 ? x[i] : u[i] + factor[i / n] * (u[i] - d[i]);
}

static double determinant(const double *a, const double *b, const double *c)
{
    return a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
}

void km_ref_hold_hands_fwd(const km_exec *ex, double *y, const double *x, const int32_t *centres, const int32_t *held,
                           km_dim S, km_dim F, km_dim A)
{
    (void)ex;
    memcpy(y, x, (size_t)(F * A * 3) * sizeof *y);
    for (km_dim i = 0; i < F * S; i++) {
        const int32_t *at = centres + 4 * (i % S);
        double *c = y + (i / S * A + at[0]) * 3, edge[3][3], to[2][3], normal[3], along = 0, square = 0;
        const double *a = y + (i / S * A + at[1]) * 3;
        for (int k = 0; k < 9; k++) edge[k / 3][k % 3] = y[(i / S * A + at[1 + k / 3]) * 3 + k % 3] - c[k % 3];
        if (!held[i / S] || !(determinant(edge[0], edge[1], edge[2]) < 0)) continue;
        for (int k = 0; k < 6; k++) to[k / 3][k % 3] = y[(i / S * A + at[2 + k / 3]) * 3 + k % 3] - a[k % 3];
        for (int k = 0; k < 3; k++) {
            normal[k] = to[0][(k + 1) % 3] * to[1][(k + 2) % 3] - to[0][(k + 2) % 3] * to[1][(k + 1) % 3];
            along += (c[k] - a[k]) * normal[k], square += normal[k] * normal[k];
        }
        for (int k = 0; k < 3 && square > 0; k++) c[k] -= 2 * along / square * normal[k];
    }
}

static void move_all(double *y, const double *x, const double *rot, const double *from, const double *to, km_dim A)
{
    for (km_dim i = 0; i < 3 * A; i++) {
        const double *row = rot + i % 3 * 3, *p = x + i / 3 * 3;
        y[i] = to[i % 3];
        for (int k = 0; k < 3; k++) y[i] += row[k] * (p[k] - from[k]);
    }
}

void km_ref_turn_fwd(const km_exec *ex, double *y, const double *x, const double *motion, const int32_t *held, km_dim F,
                     km_dim A)
{
    (void)ex;
    memcpy(y, x, (size_t)(F * A * 3) * sizeof *y);
    for (km_dim f = 0; f < F; f++) {
        double mean[3] = {0};
        const double *m = motion + 12 * f;
        for (km_dim i = 0; i < 3 * A; i++) mean[i % 3] += x[f * A * 3 + i] / (double)A;
        if (held[f]) move_all(y + f * A * 3, x + f * A * 3, m, mean, m + 9, A);
    }
}

/* The leading eigenvector of a symmetric matrix, by squaring it, made positive, again and again; of zeros the first. */
static void leading(double n[4][4], double q[4])
{
    double size = 0, square[4][4], length = 0;
    int best = 0;
    for (int i = 0; i < 16; i++) size += n[i / 4][i % 4] * n[i / 4][i % 4];
    for (int i = 0; i < 4; i++) n[i][i] += size > 0 ? sqrt(size) : i == 0;
    for (int round = 0; round < 60; round++) {
        const double trace = n[0][0] + n[1][1] + n[2][2] + n[3][3];
        memset(square, 0, sizeof square);
        for (int i = 0; i < 64; i++)
            square[i / 16][i / 4 % 4] += n[i / 16][i % 4] / trace * (n[i % 4][i / 4 % 4] / trace);
        memcpy(n, square, sizeof square);
    }
    for (int i = 1; i < 4; i++)
        if (n[i][i] > n[best][best]) best = i;
    for (int i = 0; i < 4; i++) length += n[i][best] * n[i][best];
    for (int i = 0; i < 4; i++) q[i] = n[i][best] / sqrt(length);
}

static void frame_onto(double *y, const double *x, const double *to, const double *weight, km_dim A)
{
    double all = 0, a[3] = {0}, b[3] = {0}, s[3][3] = {{0}}, n[4][4], q[4], rot[9];
    for (km_dim i = 0; i < A; i++) all += weight[i];
    for (km_dim i = 0; i < 3 * A; i++) a[i % 3] += weight[i / 3] * x[i] / all, b[i % 3] += weight[i / 3] * to[i] / all;
    for (km_dim i = 0; i < 9 * A; i++) {
        const km_dim at = i / 9 * 3, k = i / 3 % 3, l = i % 3;
        s[k][l] += weight[i / 9] * (x[at + k] - a[k]) * (to[at + l] - b[l]);
    }
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++) {
            double v = s[0][0] + s[1][1] + s[2][2];
            if (i && k) v = i == k ? 2 * s[i - 1][i - 1] - v : s[i - 1][k - 1] + s[k - 1][i - 1];
            else if (i + k) v = s[(i + k) % 3][(i + k + 1) % 3] - s[(i + k + 1) % 3][(i + k) % 3];
            n[i][k] = v;
        }
    leading(n, q);
    for (int i = 0; i < 9; i++) {
        const int k = i / 3, l = i % 3, other = 3 - k - l;
        const double around = (l - k + 3) % 3 == 1 ? -q[1 + other] : q[1 + other];
        if (k != l) rot[i] = 2 * (q[1 + k] * q[1 + l] + q[0] * around);
        else rot[i] = 2 * (q[0] * q[0] + q[1 + k] * q[1 + k]) - 1;
    }
    move_all(y, x, rot, a, b, A);
}

void km_ref_superpose_fwd(const km_exec *ex, double *y, const double *x, const double *to, const double *weight,
                          const int32_t *held, km_dim F, km_dim A)
{
    (void)ex;
    memcpy(y, x, (size_t)(F * A * 3) * sizeof *y);
    for (km_dim at = 0; at < F * A * 3; at += A * 3)
        if (held[at / A / 3]) frame_onto(y + at, x + at, to + at, weight, A);
}
