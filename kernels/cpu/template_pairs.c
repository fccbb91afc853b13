/* SPDX-License-Identifier: MIT
 * What a template says of pairs of tokens, times its projection: few of the features of a pair are not 0, so the
 * product is a sum of the weight's columns. Which ones is decided in double: signs and bins are not continuous. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "lib/base/mem.h"

enum { BINS = 38, MASK_CB = BINS, VECTOR = 39, MASK_FRAME = 42, TYPE_I = 43, TYPE_J = 76, FEATURES = 109, MOST = 8 };

typedef struct template {
    const int32_t *restype, *visibility;
    const float *rot, *origin, *cb, *ca, *mask_cb, *mask_frame;
    km_dim N;
} template;

/* The features of a pair that are not 0. */
typedef struct some {
    int n, at[MOST];
    float value[MOST];
} some;

static inline void add(some *x, int at, float value)
{
    if (value == 0) return;
    x->at[x->n] = at;
    x->value[x->n++] = value;
}

static int bin_of(const float *a, const float *b)
{
    double square = 0;
    for (int k = 0; k < 3; k++) square += ((double)a[k] - b[k]) * ((double)a[k] - b[k]);
    double edges = ceil((sqrt(square) - 3.25) / ((50.75 - 3.25) / (BINS - 2)));
    return edges > 0 ? edges < BINS - 1 ? (int)edges : BINS - 1 : 0;
}

static some features(const template *t, km_dim i, km_dim j)
{
    some x = {0};
    if (t->visibility[i] == t->visibility[j]) {
        add(&x, bin_of(t->cb + 3 * i, t->cb + 3 * j), 1);
        add(&x, MASK_CB, t->mask_cb[i] * t->mask_cb[j]);
        for (int r = 0; r < 3; r++) {
            double c = 0;
            for (int k = 0; k < 3; k++)
                c += t->rot[9 * j + 3 * k + r] * ((double)t->ca[3 * i + k] - t->origin[3 * j + k]);
            add(&x, VECTOR + r, (float)((c > 0) - (c < 0)));
        }
        add(&x, MASK_FRAME, t->mask_frame[i] * t->mask_frame[j]);
    }
    add(&x, TYPE_I + t->restype[i], 1);
    add(&x, TYPE_J + t->restype[j], 1);
    return x;
}

void KM_CPU(template_pairs_fwd)(const km_exec *ex, float *y, const float *w, const int32_t *restype,
                                const int32_t *visibility, const float *rot, const float *origin, const float *cb,
                                const float *ca, const float *mask_cb, const float *mask_frame, km_dim N, km_dim C)
{
    const template t = {restype, visibility, rot, origin, cb, ca, mask_cb, mask_frame, N};
    float *wt = km_alloc((size_t)(FEATURES * C) * sizeof *wt); /* columns as rows */
    for (km_dim c = 0; c < C; c++)
        for (km_dim f = 0; f < FEATURES; f++) wt[f * C + c] = w[c * FEATURES + f];
    KM_PARALLEL_FOR (ex, N * N * C * MOST, ij, N * N) {
        some x = features(&t, ij / N, ij % N);
        float *out = y + ij * C;
        memset(out, 0, (size_t)C * sizeof *out);
        for (int n = 0; n < x.n; n++)
            for (km_dim c = 0; c < C; c++) out[c] += x.value[n] * wt[x.at[n] * C + c];
    }
    free(wt);
}

void KM_CPU(template_pairs_bwd)(const km_exec *ex, float *dw, const float *dy, const int32_t *restype,
                                const int32_t *visibility, const float *rot, const float *origin, const float *cb,
                                const float *ca, const float *mask_cb, const float *mask_frame, km_dim N, km_dim C)
{
    const template t = {restype, visibility, rot, origin, cb, ca, mask_cb, mask_frame, N};
    (void)ex;
    if (!dw) return;
    float *dwt = km_calloc((size_t)(FEATURES * C), sizeof *dwt);
    for (km_dim ij = 0; ij < N * N; ij++) {
        some x = features(&t, ij / N, ij % N);
        for (int n = 0; n < x.n; n++)
            for (km_dim c = 0; c < C; c++) dwt[x.at[n] * C + c] += x.value[n] * dy[ij * C + c];
    }
    for (km_dim c = 0; c < C; c++)
        for (km_dim f = 0; f < FEATURES; f++) dw[c * FEATURES + f] += dwt[f * C + c];
    free(dwt);
}
