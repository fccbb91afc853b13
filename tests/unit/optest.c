/* SPDX-License-Identifier: MIT */
#include "tests/unit/optest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/rng.h"
#include "tests/unit/tap_shared.h"

double *opt_random(km_dim n, uint32_t seed)
{
    double *x = km_alloc((size_t)(n ? n : 1) * sizeof *x);
    km_rng r = km_rng_of(seed, KM_RNG_TEST, 0, 0, 0);
    for (km_dim i = 0; i < n; i++) {
        double u[4];
        km_rng_uniform4(&r, (uint32_t)i, u);
        x[i] = (float)(2 * u[0] - 1); /* a float exactly, so that both precisions start from the same number */
    }
    return x;
}

km_tensor *opt_leaf(km_ctx *cx, const double *x, int nd, const km_dim *shape)
{
    km_tensor *t = km_tensor_new(cx, nd, shape);
    for (km_dim i = 0; i < km_numel(t); i++) t->data[i] = (float)x[i];
    t->wants_grad = true;
    return t;
}

void opt_close(const char *name, const float *got, const double *want, km_dim n, double rtol)
{
    double worst = 0, square = 0;
    bool finite = true;
    for (km_dim i = 0; i < n; i++) {
        finite = finite && isfinite(got[i]);
        worst = fmax(worst, fabs(got[i] - want[i]));
        square += want[i] * want[i];
    }
    double error = worst / fmax(sqrt(square / (double)(n ? n : 1)), 1e-6);
    tap_result(finite && error <= rtol, "%s: error %.1e, allowed %.0e", name, error, rtol);
}

void opt_differences(const char *name, double (*f)(void *arg), void *arg, double *x, km_dim n, const double *g)
{
    const double h = 1e-5;
    double worst = 0, square = 0;
    for (km_dim i = 0; i < n; i++) {
        double was = x[i];
        x[i] = was + h;
        double up = f(arg);
        x[i] = was - h;
        double down = f(arg);
        x[i] = was;
        worst = fmax(worst, fabs((up - down) / (2 * h) - g[i]));
        square += g[i] * g[i];
    }
    double error = worst / fmax(sqrt(square / (double)(n ? n : 1)), 1e-6);
    tap_result(error <= 1e-5, "%s: gradient off the central differences by %.1e", name, error);
}

void opt_backends(void (*body)(km_ctx *cx, void *arg), void *arg)
{
    static const char *const isas[] = {"base", "avx2", "avx512"};
    for (int i = 0; i < 3; i++) {
        const km_backend *be = km_backend_cpu(isas[i]);
        if (!be) continue;
        km_ctx *cx = km_ctx_new(2);
        cx->be = be;
        cx->tape = km_tape_new();
        body(cx, arg);
        km_tape_free(cx->tape);
        km_ctx_free(cx);
    }
}

/* A scalar whose backward hands dy to y. */
typedef struct seed_state {
    km_tensor *y;
    const double *dy;
} seed_state;

static void seed_backward(km_ctx *cx, void *state)
{
    seed_state *s = state;
    float *g = km_grad(cx, s->y);
    for (km_dim i = 0; g && i < km_numel(s->y); i++) g[i] += (float)s->dy[i];
}

void opt_backward(km_ctx *cx, km_tensor *y, const double *dy)
{
    km_tensor *scalar = KM_TENSOR(cx, 1);
    seed_state *s = km_arena_get(cx->arena, sizeof *s);
    *s = (seed_state){y, dy};
    km_record(cx, scalar, seed_backward, s);
    km_backprop(cx, scalar, 1);
}
