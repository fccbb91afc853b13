/* SPDX-License-Identifier: MIT */
#include "tests/unit/opcase.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct run {
    const op_case *c;
    double *x[OPC_INPUTS], *dx[OPC_INPUTS], *y, *dy;
} run;

static km_dim numel(const op_case *c, int i)
{
    km_dim n = 1;
    for (int d = 0; d < c->in[i].nd; d++) n *= c->in[i].shape[d];
    return n;
}

static double scalar(void *arg)
{
    run *r = arg;
    double sum = 0;
    r->c->fwd(r->c, r->y, r->x);
    for (km_dim i = 0; i < r->c->results; i++) sum += r->dy[i] * r->y[i];
    return sum;
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
    snprintf(name, sizeof name, "%s forward", c->name);
    int stages = c->stages ? c->stages : 1;
    opt_close_staged(cx, name, y, r->y, c->results, c->rtol, stages);
    if (!c->bwd) return;
    opt_backward(cx, y, r->dy);
    for (int i = 0; i < c->inputs; i++) {
        snprintf(name, sizeof name, "%s gradient by input %d", c->name, i);
        km_tensor grad = opt_grad_of(cx, x[i]);
        opt_close_staged(cx, name, &grad, r->dx[i], numel(c, i), 10 * c->rtol, stages);
    }
}

void opc_run(const op_case *c)
{
    run r = {.c = c, .y = km_calloc((size_t)c->results, 8), .dy = opt_random(c->results, 99)};
    char name[80];
    for (int i = 0; i < c->inputs; i++) {
        r.x[i] = opt_random(numel(c, i), 1 + (uint32_t)i);
        r.dx[i] = km_calloc((size_t)numel(c, i), 8);
    }
    scalar(&r);
    if (c->bwd) {
        c->bwd(c, r.dx, r.dy, r.x, r.y);
        for (int i = 0; i < c->inputs; i++) {
            snprintf(name, sizeof name, "%s by input %d", c->name, i);
            opt_differences(name, scalar, &r, r.x[i], numel(c, i), r.dx[i]);
        }
        scalar(&r);
    }
    opt_backends(on_backend, &r);
    for (int i = 0; i < c->inputs; i++) free(r.x[i]), free(r.dx[i]);
    free(r.y), free(r.dy);
}
