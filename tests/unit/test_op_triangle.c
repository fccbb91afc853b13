/* SPDX-License-Identifier: MIT
 * triangle_multiply, both directions. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/opcase.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

/* s: N C incoming; c: the mask [N, N] */
static void multiply_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_triangle_multiply_fwd(&one, y, x[0], c->c, c->s[2], c->s[0], c->s[1]);
}

static void multiply_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    (void)y;
    km_ref_triangle_multiply_bwd(&one, dx[0], dy, x[0], c->c, c->s[2], c->s[0], c->s[1]);
}

static km_tensor *multiply(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    float *mask = km_arena_get(cx->arena, (size_t)(c->s[0] * c->s[0]) * sizeof *mask);
    for (km_dim i = 0; i < c->s[0] * c->s[0]; i++) mask[i] = (float)c->c[i];
    return km_triangle_multiply(cx, x[0], mask, c->s[2]);
}

/* The last `padded` tokens have a mask of 0, as have some pairs in between. */
static void test_case(km_dim N, km_dim C, bool incoming, km_dim padded)
{
    double *mask = opt_random(N * N, 10);
    for (km_dim i = 0; i < N * N; i++)
        mask[i] = (mask[i] > -0.6 || i % (N + 1) == 0) && i / N < N - padded && i % N < N - padded;
    opc_run(&(op_case){.name = "triangle_multiply", .inputs = 1, .in = {{3, {N, N, 2 * C}}}, .results = N * N * C,
                       .s = {N, C, incoming}, .c = mask, .rtol = 2e-6, .fwd = multiply_fwd, .bwd = multiply_bwd,
                       .op = multiply});
    free(mask);
}

/* The same bytes with one thread and with three. */
static void test_threads(bool incoming)
{
    enum { N = 19, C = 50 };
    float mask[N * N], *want = NULL;
    double *x = opt_random(N * N * 2 * C, 1);
    bool same = true;
    for (int i = 0; i < N * N; i++) mask[i] = i % 5 != 0;
    for (int threads = 1; threads <= 3; threads += 2) {
        km_ctx *cx = km_ctx_new(threads);
        cx->ex.team_work = 0;
        km_tensor *y = km_triangle_multiply(cx, OPT_LEAF(cx, x, N, N, 2 * C), mask, incoming);
        size_t bytes = (size_t)km_numel(y) * sizeof(float);
        if (threads == 1) want = memcpy(km_alloc(bytes), y->data, bytes);
        same = same && !memcmp(want, y->data, bytes);
        km_ctx_free(cx);
    }
    ok(same, "the same bytes with one thread and with three");
    free(want), free(x);
}

int main(void)
{
    for (int incoming = 0; incoming < 2; incoming++) {
        test_case(1, 1, incoming, 0);
        test_case(5, 7, incoming, 0);
        test_case(6, 3, incoming, 2);
        test_case(9, 20, incoming, 1);
        test_case(10, 36, incoming, 2);
        test_threads(incoming);
    }
    return tap_end();
}
