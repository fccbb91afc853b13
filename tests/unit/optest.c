/* SPDX-License-Identifier: MIT */
#include "tests/unit/optest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cuda.h"
#include "lib/base/rng.h"
#include "tests/unit/tap_shared.h"

double *opt_random(km_dim n, uint32_t seed)
{
    double *x = km_alloc((size_t)(n ? n : 1) * sizeof *x);
    km_rng r = km_rng_of(seed, KM_RNG_TEST, 0, 0, 0);
    for (km_dim i = 0; i < n; i++) {
        double u[4];
        km_rng_uniform4(&r, (uint32_t)i, u);
        x[i] = km_ref_bf16(2 * u[0] - 1);
    }
    return x;
}

km_tensor *opt_param(km_ctx *cx, const double *x, int nd, const km_dim *shape)
{
    km_dim n = 1;
    for (int i = 0; i < nd; i++) n *= shape[i];
    float *numbers = km_arena_get(cx->arena, (size_t)n * sizeof *numbers);
    for (km_dim i = 0; i < n; i++) numbers[i] = (float)x[i];
    km_tensor *t = km_tensor_of(cx, numbers, nd, shape);
    t->wants_grad = true;
    return t;
}

km_tensor *opt_leaf(km_ctx *cx, const double *x, int nd, const km_dim *shape)
{
    km_tensor *t = opt_param(cx, x, nd, shape);
    t->wants_grad = false; /* the conversion is not part of what is tested */
    t = km_cast(cx, t);
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

opt_want opt_want_new(km_dim n)
{
    return (opt_want){n, km_calloc((size_t)n, sizeof(double)), km_calloc((size_t)n, sizeof(double))};
}

void opt_want_free(opt_want *w) { free(w->x), free(w->opt_naive); }

void opt_reference(void (*reference)(void *arg), void *arg, opt_want *const *w, int count)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < count; i++) {
            double *x = w[i]->x;
            w[i]->x = w[i]->opt_naive, w[i]->opt_naive = x;
            memset(w[i]->x, 0, (size_t)w[i]->n * sizeof *x);
        }
        km_ref_naive = pass == 0;
        reference(arg);
    }
}

/* The error of a naive composition as opt_close counts it. A few numbers may be lucky, so that one of the largest size
 * with a half of its last bit off counts too. */
static double naive_error(const opt_want *w)
{
    double worst = 0, most = 0, square = 0;
    for (km_dim i = 0; i < w->n; i++) {
        worst = fmax(worst, fabs(km_ref_bf16(w->opt_naive[i]) - w->x[i]));
        most = fmax(most, fabs(w->x[i]));
        square += w->x[i] * w->x[i];
    }
    return fmax(worst, most / 512) / fmax(sqrt(square / (double)(w->n ? w->n : 1)), 1e-6);
}

void opt_close_tensor(km_ctx *cx, const char *name, const km_tensor *got, const opt_want *want, double rtol)
{
    char full[96];
    snprintf(full, sizeof full, "%s on %s", name, cx->be->name);
    if (cx->be->half && want->opt_naive) rtol = fmax(rtol, 3 * naive_error(want));
    opt_close(full, km_read(cx, got), want->x, want->n, rtol);
}

void opt_close_grad(km_ctx *cx, const char *name, const km_tensor *of, const opt_want *want, double rtol)
{
    km_tensor grad = *of;
    grad.data = km_grad(cx, of), grad.half = false;
    opt_close_tensor(cx, name, &grad, want, rtol);
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

static void run_on(const km_backend *be, void (*body)(km_ctx *cx, void *arg), void *arg)
{
    km_ctx *cx = km_ctx_new_on(be, 2);
    cx->tape = km_tape_new();
    body(cx, arg);
    km_tape_free(cx->tape);
    km_ctx_free(cx);
}

static void device_failed(const char *why)
{
    tap_result(false, "the CUDA library: %s", why);
    exit(1);
}

const km_backend *opt_cuda(void)
{
    static const km_backend *cuda;
    char why[512];
    if (!cuda) cuda = km_cuda_load(0, device_failed, why, sizeof why);
    if (!cuda) device_failed(why);
    return cuda;
}

void opt_backends(void (*body)(km_ctx *cx, void *arg), void *arg)
{
    const km_backend *cuda = opt_cuda();
    static const char *const isas[] = {"base", "avx2", "avx512"};
    for (int i = 0; i < 3; i++) {
        const km_backend *be = km_backend_cpu(isas[i]);
        if (be) run_on(be, body, arg);
    }
    run_on(cuda->plain, body, arg);
    run_on(cuda, body, arg);
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
    km_dim n = km_numel(s->y);
    float *dy = km_arena_get(cx->arena, (size_t)n * sizeof *dy);
    for (km_dim i = 0; i < n; i++) dy[i] = (float)s->dy[i];
    cx->be->add_bwd(&cx->ex, g, NULL, km_floats(cx, dy, n), n, n);
}

void opt_backward(km_ctx *cx, km_tensor *y, const double *dy)
{
    km_tensor *scalar = KM_TENSOR(cx, 1); /* its number is of no account */
    seed_state *s = km_arena_get(cx->arena, sizeof *s);
    *s = (seed_state){y, dy};
    km_record(cx, scalar, seed_backward, s);
    km_backprop(cx, scalar, 1);
}
