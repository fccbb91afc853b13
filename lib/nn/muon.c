/* SPDX-License-Identifier: MIT */
#include "lib/nn/muon.h"

#include <math.h>
#include <string.h>

static const float momentum = 0.95f;

static km_dim less(km_dim a, km_dim b) { return a < b ? a : b; }
static km_dim more(km_dim a, km_dim b) { return a < b ? b : a; }

/* a square and its square of the smaller side, the polynomial's result, and the matrix itself, lying down */
size_t km_muon_scratch(km_dim R, km_dim C)
{
    km_dim r = less(R, C);
    return (size_t)(2 * r * r + 2 * R * C);
}

void km_muon_orthogonalize(const km_backend *be, float *x, km_dim R, km_dim C, float *scratch)
{
    enum { ITERATIONS = 5 };
    const float a = 3.4445f, b = -4.7750f, c = 2.0315f; /* Jordan's: steepest at zero that still settle near one */
    const km_exec one = {.threads = 1};
    float *gram = scratch, *square = gram + R * R, *next = square + R * R;
    double norm = 0;
    for (km_dim i = 0; i < R * C; i++) norm += (double)x[i] * x[i];
    float scale = (float)(1 / (sqrt(norm) + 1e-30)); /* Frobenius: no singular value is above one */
    for (km_dim i = 0; i < R * C; i++) x[i] *= scale;
    for (int k = 0; k < ITERATIONS; k++) {
        be->linear_fwd(&one, gram, x, x, NULL, NULL, R, C, R);
        be->linear_fwd(&one, square, gram, gram, NULL, NULL, R, R, R); /* gram is its own transpose */
        for (km_dim i = 0; i < R * R; i++) square[i] = b * gram[i] + c * square[i];
        for (km_dim i = 0; i < R * C; i++) next[i] = a * x[i];
        be->linear_bwd(&one, next, NULL, NULL, square, x, x, R, C, R); /* next += square x */
        memcpy(x, next, (size_t)(R * C) * sizeof(float));
    }
}

/* y [C, R] of x [R, C] */
static void transpose(float *y, const float *x, km_dim R, km_dim C)
{
    for (km_dim i = 0; i < R; i++)
        for (km_dim j = 0; j < C; j++) y[j * R + i] = x[i * C + j];
}

void km_muon_step(const km_backend *be, float *w, float *m, const float *g, km_dim R, km_dim C, double lr, double decay,
                  float *scratch)
{
    km_dim r = less(R, C), n = R * C;
    float *x = scratch + 2 * r * r + n, *rest = scratch; /* `next` of orthogonalize lies before x */
    float keep = (float)(1 - lr * decay), step = (float)(lr * 0.2 * sqrt((double)more(R, C)));
    bool tall = R > C;
    float *u = tall ? rest + 2 * r * r : x; /* upright, then lying */
    for (km_dim i = 0; i < n; i++) {
        m[i] = momentum * m[i] + (1 - momentum) * g[i];
        u[i] = momentum * m[i] + (1 - momentum) * g[i];
    }
    if (tall) transpose(x, u, R, C);
    km_muon_orthogonalize(be, x, r, more(R, C), rest);
    if (tall) transpose(u, x, C, R);
    for (km_dim i = 0; i < n; i++) w[i] = keep * w[i] - step * u[i];
}
