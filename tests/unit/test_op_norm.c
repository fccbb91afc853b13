/* SPDX-License-Identifier: MIT
 * layer_norm and adaln. */
#include <stdlib.h>

#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

typedef struct norm_case {
    km_dim M, C;
    double *x, *w, *b, *dy, *y, *dx, *dw, *db;
} norm_case;

static double norm_scalar(void *arg)
{
    norm_case *c = arg;
    double sum = 0;
    km_ref_layer_norm_fwd(&one, c->y, c->x, c->w, c->b, c->M, c->C);
    for (km_dim i = 0; i < c->M * c->C; i++) sum += c->dy[i] * c->y[i];
    return sum;
}

static void norm_on_backend(km_ctx *cx, void *arg)
{
    norm_case *c = arg;
    km_dim n = c->M * c->C;
    km_tensor *x = OPT_LEAF(cx, c->x, c->M, c->C), *w = OPT_PARAM(cx, c->w, c->C), *b = OPT_PARAM(cx, c->b, c->C);
    km_tensor *y = km_layer_norm(cx, x, w, b);
    opt_close_tensor(cx, "layer_norm forward", y, c->y, n, 2e-6);
    opt_backward(cx, y, c->dy);
    opt_close_grad(cx, "layer_norm dx", x, c->dx, n, 2e-5);
    opt_close_grad(cx, "layer_norm dw", w, c->dw, c->C, 2e-5);
    opt_close_grad(cx, "layer_norm db", b, c->db, c->C, 2e-5);
}

static void test_layer_norm(km_dim M, km_dim C)
{
    km_dim n = M * C;
    norm_case c = {M, C, opt_random(n, 1), opt_random(C, 2), opt_random(C, 3), opt_random(n, 4), opt_random(n, 5),
                   km_calloc((size_t)n, 8), km_calloc((size_t)C, 8), km_calloc((size_t)C, 8)};
    km_ref_layer_norm_bwd(&one, c.dx, c.dw, c.db, c.dy, c.x, c.w, M, C);
    opt_differences("layer_norm by x", norm_scalar, &c, c.x, n, c.dx);
    opt_differences("layer_norm by w", norm_scalar, &c, c.w, C, c.dw);
    opt_differences("layer_norm by b", norm_scalar, &c, c.b, C, c.db);
    norm_scalar(&c);
    opt_backends(norm_on_backend, &c);
    free(c.x), free(c.w), free(c.b), free(c.dy), free(c.y), free(c.dx), free(c.dw), free(c.db);
}

typedef struct adaln_case {
    km_dim F, L, N, C;
    const int32_t *level;
    double *x, *scale, *shift, *dy, *y, *dx, *dscale, *dshift;
} adaln_case;

static double adaln_scalar(void *arg)
{
    adaln_case *c = arg;
    double sum = 0;
    km_ref_adaln_fwd(&one, c->y, c->x, c->scale, c->shift, c->level, c->F, c->L, c->N, c->C);
    for (km_dim i = 0; i < c->F * c->N * c->C; i++) sum += c->dy[i] * c->y[i];
    return sum;
}

static void adaln_on_backend(km_ctx *cx, void *arg)
{
    adaln_case *c = arg;
    km_dim n = c->F * c->N * c->C, nl = c->L * c->N * c->C;
    km_tensor *x = OPT_LEAF(cx, c->x, c->F, c->N, c->C), *scale = OPT_LEAF(cx, c->scale, c->L, c->N, c->C);
    km_tensor *shift = OPT_LEAF(cx, c->shift, c->L, c->N, c->C);
    km_tensor *y = km_adaln(cx, x, scale, shift, c->level);
    opt_close_tensor(cx, "adaln forward", y, c->y, n, 5e-6);
    opt_backward(cx, y, c->dy);
    opt_close_grad(cx, "adaln dx", x, c->dx, n, 2e-5);
    opt_close_grad(cx, "adaln dscale", scale, c->dscale, nl, 2e-5);
    opt_close_grad(cx, "adaln dshift", shift, c->dshift, nl, 2e-5);
}

static void test_adaln(km_dim F, km_dim L, km_dim N, km_dim C, const int32_t *level)
{
    km_dim n = F * N * C, nl = L * N * C;
    adaln_case c = {F, L, N, C, level, opt_random(n, 1), opt_random(nl, 2), opt_random(nl, 3), opt_random(n, 4),
                    opt_random(n, 5), km_calloc((size_t)n, 8), km_calloc((size_t)nl, 8), km_calloc((size_t)nl, 8)};
    km_ref_adaln_bwd(&one, c.dx, c.dscale, c.dshift, c.dy, c.x, c.scale, level, F, L, N, C);
    opt_differences("adaln by x", adaln_scalar, &c, c.x, n, c.dx);
    opt_differences("adaln by scale", adaln_scalar, &c, c.scale, nl, c.dscale);
    opt_differences("adaln by shift", adaln_scalar, &c, c.shift, nl, c.dshift);
    adaln_scalar(&c);
    opt_backends(adaln_on_backend, &c);
    free(c.x), free(c.scale), free(c.shift), free(c.dy), free(c.y), free(c.dx), free(c.dscale), free(c.dshift);
}

int main(void)
{
    test_layer_norm(1, 3);
    test_layer_norm(7, 37);
    test_layer_norm(5, 64);
    test_adaln(3, 2, 5, 19, (const int32_t[]){0, 1, 0});
    test_adaln(1, 1, 1, 16, (const int32_t[]){0});
    return tap_end();
}
