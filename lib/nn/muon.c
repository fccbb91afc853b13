/* SPDX-License-Identifier: MIT */
#include "lib/nn/muon.h"

#include <math.h>

static const float momentum = 0.95f;
static const km_exec one = {.threads = 1};

enum { SUM = 16 }; /* floats at the beginning of scratch: a double, and the rest aligned */

static km_dim less(km_dim a, km_dim b) { return a < b ? a : b; }
static km_dim more(km_dim a, km_dim b) { return a < b ? b : a; }

/* a sum, a square and its square of the smaller side, the polynomial's result, and the matrix itself, lying down */
size_t km_muon_scratch(km_dim R, km_dim C)
{
    km_dim r = less(R, C);
    return (size_t)(SUM + 2 * r * r + 2 * R * C);
}

void km_muon_orthogonalize(const km_backend *be, float *x, km_dim R, km_dim C, float *scratch)
{
    enum { ITERATIONS = 5 };
    const float a = 3.4445f, b = -4.7750f, c = 2.0315f; /* Jordan's: steepest at zero that still settle near one */
    float *gram = scratch + SUM, *square = gram + R * R, *next = square + R * R;
    be->square_sum_fwd(&one, (double *)scratch, x, R * C);
    be->normalize_fwd(&one, x, x, (double *)scratch, R * C); /* by Frobenius' norm: no singular value is above one */
    for (int k = 0; k < ITERATIONS; k++) {
        be->linear_fwd(&one, gram, x, x, NULL, NULL, false, NULL, R, C, R);
        be->linear_fwd(&one, square, gram, gram, NULL, NULL, false, NULL, R, R, R); /* gram is its own transpose */
        be->axpby_fwd(&one, square, gram, b, square, c, R * R);
        be->axpby_fwd(&one, next, x, a, NULL, 0, R * C);
        be->linear_bwd(&one, next, NULL, NULL, square, x, x, NULL, R, C, R); /* next += square x */
        be->axpby_fwd(&one, x, next, 1, NULL, 0, R * C);
    }
}

void km_muon_step(const km_backend *be, float *w, float *m, const float *g, km_dim R, km_dim C, double lr, double decay,
                  float *scratch)
{
    km_dim r = less(R, C), n = R * C;
    float *x = scratch + SUM + 2 * r * r + n; /* `next` of orthogonalize lies before x */
    float keep = (float)(1 - lr * decay), step = (float)(lr * 0.2 * sqrt((double)more(R, C)));
    bool tall = R > C;
    float *u = tall ? scratch + SUM + 2 * r * r : x; /* upright, then lying */
    be->axpby_fwd(&one, m, m, momentum, g, 1 - momentum, n);
    be->axpby_fwd(&one, u, m, momentum, g, 1 - momentum, n);
    if (tall) be->heads_first_fwd(&one, x, u, R, C);
    km_muon_orthogonalize(be, x, r, more(R, C), scratch);
    if (tall) be->heads_first_fwd(&one, u, x, C, R);
    be->axpby_fwd(&one, w, w, keep, u, -step, n);
}
