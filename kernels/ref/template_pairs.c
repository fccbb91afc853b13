/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "kernels/ref/ref.h"

enum { BINS = 38, MASK_CB = BINS, VECTOR = 39, MASK_FRAME = 42, FEATURES = 109, TYPE_I = 43, TYPE_J = 76 };

/* x [FEATURES] of the pair (i, j), as they are written down */
static void features(double *x, const int32_t *restype, const int32_t *visibility, const double *rot,
                     const double *origin, const double *cb, const double *ca, const double *mask_cb,
                     const double *mask_frame, km_dim i, km_dim j)
{
    double distance = 0, visible = visibility[i] == visibility[j];
    for (int f = 0; f < FEATURES; f++) x[f] = 0;
    for (int k = 0; k < 3; k++) distance += (cb[3 * i + k] - cb[3 * j + k]) * (cb[3 * i + k] - cb[3 * j + k]);
    int bin = 0;
    for (int edge = 0; edge < BINS - 1; edge++) bin += sqrt(distance) > 3.25 + edge * (50.75 - 3.25) / (BINS - 2);
    x[bin] = visible;
    x[MASK_CB] = visible * mask_cb[i] * mask_cb[j];
    for (int r = 0; r < 3; r++) {
        double c = 0;
        for (int k = 0; k < 3; k++) c += rot[9 * j + 3 * k + r] * (ca[3 * i + k] - origin[3 * j + k]);
        x[VECTOR + r] = c == 0 ? 0 : visible * c / fabs(c);
    }
    x[MASK_FRAME] = visible * mask_frame[i] * mask_frame[j];
    x[TYPE_I + restype[i]] = 1;
    x[TYPE_J + restype[j]] = 1;
}

void km_ref_template_pairs_fwd(const km_exec *ex, double *y, const double *w, const int32_t *restype,
                               const int32_t *visibility, const double *rot, const double *origin, const double *cb,
                               const double *ca, const double *mask_cb, const double *mask_frame, km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim ij = 0; ij < N * N; ij++) {
        double x[FEATURES];
        features(x, restype, visibility, rot, origin, cb, ca, mask_cb, mask_frame, ij / N, ij % N);
        for (km_dim c = 0; c < C; c++) {
            y[ij * C + c] = 0;
            for (int f = 0; f < FEATURES; f++) y[ij * C + c] += w[c * FEATURES + f] * x[f];
        }
    }
}

void km_ref_template_pairs_bwd(const km_exec *ex, double *dw, const double *dy, const int32_t *restype,
                               const int32_t *visibility, const double *rot, const double *origin, const double *cb,
                               const double *ca, const double *mask_cb, const double *mask_frame, km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim ij = 0; dw && ij < N * N; ij++) {
        double x[FEATURES];
        features(x, restype, visibility, rot, origin, cb, ca, mask_cb, mask_frame, ij / N, ij % N);
        for (km_dim c = 0; c < C; c++)
            for (int f = 0; f < FEATURES; f++) dw[c * FEATURES + f] += dy[ij * C + c] * x[f];
    }
}
