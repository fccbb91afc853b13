/* SPDX-License-Identifier: MIT */
#include "tests/unit/opcase.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct run {
    const op_case *c;
    opt_want y, dx[OPC_INPUTS];
    double *x[OPC_INPUTS], *dy;
} run;

static km_dim numel(const op_case *c, int i)
{
    km_dim n = 1;
    for (int d = 0; d < c->in[i].nd; d++) n *= c->in[i].shape[d];
    return n;
}

static void reference(void *arg)
{
    run *r = arg;
    double *dx[OPC_INPUTS];
    for (int i = 0; i < r->c->inputs; i++) dx[i] = r->dx[i].x;
    r->c->fwd(r->c, r->y.x, r->x);
    if (r->c->bwd) r->c->bwd(r->c, dx, r->dy, r->x, r->y.x);
}

static double scalar(void *arg)
{
    run *r = arg;
    double sum = 0, *y = km_calloc((size_t)r->y.n, sizeof *y);
    r->c->fwd(r->c, y, r->x);
    for (km_dim i = 0; i < r->y.n; i++) sum += r->dy[i] * y[i];
    free(y);
    return sum;
}

/* Where the result is float32 though activations are not, the float32 bound holds. */
static opt_want held_to(const opt_want *w, const km_tensor *y)
{
    return (opt_want){w->n, w->x, y->half ? w->opt_naive : NULL};
}

static void on_backend(km_ctx *cx, void *arg)
{
    run *r = arg;
    const op_case *c = r->c;
    km_tensor *x[OPC_INPUTS] = {0};
    char name[80];
    for (int i = 0; i < c->inputs; i++)
        x[i] = (c->params >> i & 1 ? opt_param : opt_leaf)(cx, r->x[i], c->in[i].nd, c->in[i].shape);
    km_tensor *y = c->op(cx, c, x);
    opt_want want = held_to(&r->y, y);
    snprintf(name, sizeof name, "%s forward", c->name);
    opt_close_tensor(cx, name, y, &want, c->rtol);
    if (!c->bwd) return;
    opt_backward(cx, y, r->dy);
    for (int i = 0; i < c->inputs; i++) {
        snprintf(name, sizeof name, "%s gradient by input %d", c->name, i);
        want = held_to(&r->dx[i], y);
        opt_close_grad(cx, name, x[i], &want, 10 * c->rtol);
    }
}

void opc_run(const op_case *c)
{
    run r = {.c = c, .y = opt_want_new(c->results), .dy = opt_random(c->results, 99)};
    opt_want *all[OPC_INPUTS + 1] = {&r.y};
    char name[80];
    for (int i = 0; i < c->inputs; i++) {
        r.x[i] = opt_random(numel(c, i), 1 + (uint32_t)i);
        r.dx[i] = opt_want_new(numel(c, i));
        all[i + 1] = &r.dx[i];
    }
    opt_reference(reference, &r, all, c->inputs + 1);
    for (int i = 0; i < c->inputs && c->bwd; i++) {
        snprintf(name, sizeof name, "%s by input %d", c->name, i);
        opt_differences(name, scalar, &r, r.x[i], numel(c, i), r.dx[i].x);
    }
    opt_backends(on_backend, &r);
    for (int i = 0; i < c->inputs; i++) free(r.x[i]), opt_want_free(&r.dx[i]);
    opt_want_free(&r.y), free(r.dy);
}
