/* SPDX-License-Identifier: MIT
 * layer_norm and adaln. */
#include <stdlib.h>

#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

typedef struct norm_case {
    km_dim M, C;
    double *x, *w, *b, *dy;
    opt_want y, dx, dw, db;
} norm_case;

static double norm_scalar(void *arg)
{
    norm_case *c = arg;
    double sum = 0;
    km_ref_layer_norm_fwd(&one, c->y.x, c->x, c->w, c->b, c->M, c->C);
    for (km_dim i = 0; i < c->M * c->C; i++) sum += c->dy[i] * c->y.x[i];
    return sum;
}

static void norm_reference(void *arg)
{
    norm_case *c = arg;
    norm_scalar(c);
    km_ref_layer_norm_bwd(&one, c->dx.x, c->dw.x, c->db.x, c->dy, c->x, c->w, c->M, c->C);
}

static void norm_on_backend(km_ctx *cx, void *arg)
{
    norm_case *c = arg;
    km_tensor *x = OPT_LEAF(cx, c->x, c->M, c->C), *w = OPT_PARAM(cx, c->w, c->C), *b = OPT_PARAM(cx, c->b, c->C);
    km_tensor *y = km_layer_norm(cx, x, w, b);
    opt_close_tensor(cx, "layer_norm forward", y, &c->y, 2e-6);
    opt_backward(cx, y, c->dy);
    opt_close_grad(cx, "layer_norm dx", x, &c->dx, 2e-5);
    opt_close_grad(cx, "layer_norm dw", w, &c->dw, 2e-5);
    opt_close_grad(cx, "layer_norm db", b, &c->db, 2e-5);
}

static void test_layer_norm(km_dim M, km_dim C)
{
    km_dim n = M * C;
    norm_case c = {M, C, opt_random(n, 1), opt_random(C, 2), opt_random(C, 3), opt_random(n, 4),
                   opt_want_new(n), opt_want_new(n), opt_want_new(C), opt_want_new(C)};
    opt_want *wants[] = {&c.y, &c.dx, &c.dw, &c.db};
    opt_reference(norm_reference, &c, wants, 4);
    opt_differences("layer_norm by x", norm_scalar, &c, c.x, n, c.dx.x);
    opt_differences("layer_norm by w", norm_scalar, &c, c.w, C, c.dw.x);
    opt_differences("layer_norm by b", norm_scalar, &c, c.b, C, c.db.x);
    norm_scalar(&c);
    opt_backends(norm_on_backend, &c);
    free(c.x), free(c.w), free(c.b), free(c.dy);
    for (int i = 0; i < 4; i++) opt_want_free(wants[i]);
}

typedef struct adaln_case {
    km_dim F, L, N, C;
    const int32_t *level;
    double *x, *scale, *shift, *dy;
    opt_want y, dx, dscale, dshift;
} adaln_case;

static double adaln_scalar(void *arg)
{
    adaln_case *c = arg;
    double sum = 0;
    km_ref_adaln_fwd(&one, c->y.x, c->x, c->scale, c->shift, c->level, c->F, c->L, c->N, c->C);
    for (km_dim i = 0; i < c->F * c->N * c->C; i++) sum += c->dy[i] * c->y.x[i];
    return sum;
}

static void adaln_reference(void *arg)
{
    adaln_case *c = arg;
    adaln_scalar(c);
    km_ref_adaln_bwd(&one, c->dx.x, c->dscale.x, c->dshift.x, c->dy, c->x, c->scale, c->level, c->F, c->L, c->N, c->C);
}

static void adaln_on_backend(km_ctx *cx, void *arg)
{
    adaln_case *c = arg;
    km_tensor *x = OPT_LEAF(cx, c->x, c->F, c->N, c->C), *scale = OPT_LEAF(cx, c->scale, c->L, c->N, c->C);
    km_tensor *shift = OPT_LEAF(cx, c->shift, c->L, c->N, c->C);
    km_tensor *y = km_adaln(cx, x, scale, shift, c->level);
    opt_close_tensor(cx, "adaln forward", y, &c->y, 5e-6);
    opt_backward(cx, y, c->dy);
    opt_close_grad(cx, "adaln dx", x, &c->dx, 2e-5);
    opt_close_grad(cx, "adaln dscale", scale, &c->dscale, 2e-5);
    opt_close_grad(cx, "adaln dshift", shift, &c->dshift, 2e-5);
}

static void test_adaln(km_dim F, km_dim L, km_dim N, km_dim C, const int32_t *level)
{
    km_dim n = F * N * C, nl = L * N * C;
    adaln_case c = {F, L, N, C, level, opt_random(n, 1), opt_random(nl, 2), opt_random(nl, 3), opt_random(n, 4),
                    opt_want_new(n), opt_want_new(n), opt_want_new(nl), opt_want_new(nl)};
    opt_want *wants[] = {&c.y, &c.dx, &c.dscale, &c.dshift};
    opt_reference(adaln_reference, &c, wants, 4);
    opt_differences("adaln by x", adaln_scalar, &c, c.x, n, c.dx.x);
    opt_differences("adaln by scale", adaln_scalar, &c, c.scale, nl, c.dscale.x);
    opt_differences("adaln by shift", adaln_scalar, &c, c.shift, nl, c.dshift.x);
    adaln_scalar(&c);
    opt_backends(adaln_on_backend, &c);
    free(c.x), free(c.scale), free(c.shift), free(c.dy);
    for (int i = 0; i < 4; i++) opt_want_free(wants[i]);
}

int main(void)
{
    test_layer_norm(1, 3);
    test_layer_norm(7, 37);
    test_layer_norm(5, 64);
    test_adaln(3, 2, 5, 19, (const int32_t[]){0, 1, 0});
    test_adaln(1, 1, 1, 16, (const int32_t[]){0});
    test_adaln(3, 2, 5, 140, (const int32_t[]){0, 1, 0});
    return tap_end();
}
