/* SPDX-License-Identifier: MIT
 * outer_products, pair_average, template_pairs. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/opcase.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

enum { S, N, C, D, FIRST, COUNT };

static void outer_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_outer_products_fwd(&one, y, x[0], x[1], c->c, c->s[FIRST], c->s[COUNT], c->s[S], c->s[N], c->s[C], c->s[D]);
}

static void outer_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    (void)y;
    km_ref_outer_products_bwd(&one, dx[0], dx[1], dy, x[0], x[1], c->c, c->s[FIRST], c->s[COUNT], c->s[S], c->s[N],
                              c->s[C], c->s[D]);
}

/* The case's numbers as floats that live as long as the context. */
static float *constants(km_ctx *cx, const double *x, km_dim n)
{
    float *f = km_arena_get(cx->arena, (size_t)n * sizeof *f);
    for (km_dim i = 0; i < n; i++) f[i] = (float)x[i];
    return f;
}

static km_tensor *outer(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    const float *scale = c->c ? constants(cx, c->c, c->s[N] * c->s[N]) : NULL;
    return km_outer_products(cx, x[0], x[1], scale, c->s[FIRST], c->s[COUNT]);
}

static void test_outer(km_dim rows, km_dim n, km_dim c, km_dim d, km_dim first, km_dim count, bool scaled)
{
    double *scale = opt_random(n * n, 5);
    opc_run(&(op_case){.name = "outer_products", .inputs = 2, .in = {{3, {rows, n, c}}, {3, {rows, n, d}}},
                       .results = count * n * c * d, .s = {rows, n, c, d, first, count}, .c = scaled ? scale : NULL,
                       .rtol = 2e-6, .fwd = outer_fwd, .bwd = outer_bwd, .op = outer});
    free(scale);
}

/* c: the mask [N]; s: S Nq N H D */
static void average_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_pair_average_fwd(&one, y, x[0], x[1], x[2], c->c, c->s[0], c->s[1], c->s[2], c->s[3], c->s[4]);
}

static void average_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    (void)y;
    km_ref_pair_average_bwd(&one, dx[0], dx[1], dx[2], dy, x[0], x[1], x[2], c->c, c->s[0], c->s[1], c->s[2], c->s[3],
                            c->s[4]);
}

static km_tensor *average(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    return km_pair_average(cx, x[0], x[1], x[2], c->c ? constants(cx, c->c, c->s[2]) : NULL);
}

static void test_average(km_dim rows, km_dim queries, km_dim n, km_dim heads, km_dim width, const double *mask)
{
    km_dim channels = heads * width;
    opc_run(&(op_case){.name = "pair_average", .inputs = 3,
                       .in = {{3, {rows, n, channels}}, {3, {rows, queries, channels}}, {3, {heads, queries, n}}},
                       .results = rows * queries * channels, .s = {rows, queries, n, heads, width}, .c = mask,
                       .rtol = 2e-6,
                       .fwd = average_fwd, .bwd = average_bwd, .op = average});
}

/* A made-up template of n tokens: each 7th lies at the origin without a frame. */
typedef struct facts {
    double *x[6]; /* rot origin cb ca mask_cb mask_frame */
    float *f[6];
    int32_t restype[16], visibility[16];
} facts;
static const km_dim sizes[6] = {9, 3, 3, 3, 1, 1};

static void facts_make(facts *t, km_dim n)
{
    for (int k = 0; k < 6; k++) {
        t->x[k] = opt_random(sizes[k] * n, 20 + (uint32_t)k);
        t->f[k] = km_alloc((size_t)(sizes[k] * n) * sizeof(float));
        for (km_dim i = 0; i < sizes[k] * n; i++) {
            double scale = k == 1 || k == 2 || k == 3 ? 40 : 1;
            t->f[k][i] = k >= 4 ? t->x[k][i] > -0.5 : i / sizes[k] % 7 == 6 ? 0 : (float)(t->x[k][i] * scale);
            t->x[k][i] = t->f[k][i];
        }
    }
    for (km_dim i = 0; i < n; i++) t->restype[i] = (int32_t)(i * 5 % 33), t->visibility[i] = i % 3 == 2 ? -1 : 4;
}

static facts here;

static void template_fwd(const op_case *c, double *y, double *const x[])
{
    double *const *t = here.x;
    km_ref_template_pairs_fwd(&one, y, x[0], here.restype, here.visibility, t[0], t[1], t[2], t[3], t[4], t[5], c->s[0],
                              c->s[1]);
}

static void template_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    double *const *t = here.x;
    (void)x, (void)y;
    km_ref_template_pairs_bwd(&one, dx[0], dy, here.restype, here.visibility, t[0], t[1], t[2], t[3], t[4], t[5],
                              c->s[0], c->s[1]);
}

static km_tensor *template_op(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    float *const *f = here.f;
    const km_template_facts t = {here.restype, here.visibility, f[0], f[1], f[2], f[3], f[4], f[5]};
    return km_template_pairs(cx, x[0], &t, c->s[0]);
}

static void test_template(km_dim n, km_dim c)
{
    facts_make(&here, n);
    opc_run(&(op_case){.name = "template_pairs",
                       .inputs = 1,
                       .params = 1,
                       .in = {{2, {c, 109}}},
                       .results = n * n * c,
                       .s = {n, c},
                       .rtol = 1e-6,
                       .fwd = template_fwd,
                       .bwd = template_bwd,
                       .op = template_op});
    for (int k = 0; k < 6; k++) free(here.x[k]), free(here.f[k]);
}

/* The same bytes with one thread and with three, and of rows made in parts. */
static void test_same_bytes(void)
{
    enum { ROWS = 21, TOKENS = 37, WIDTH = 5, HEADS = 3, MOST = TOKENS * TOKENS * WIDTH * WIDTH };
    double *x = opt_random(ROWS * TOKENS * WIDTH * HEADS, 1), *l = opt_random(HEADS * TOKENS * TOKENS, 2);
    float *want[2] = {0};
    bool same[2] = {true, true};
    for (int threads = 1; threads <= 3; threads++) {
        km_ctx *cx = km_ctx_new(threads);
        cx->ex.team_work = 0;
        km_tensor *a = OPT_LEAF(cx, x, ROWS, TOKENS, WIDTH), *v = OPT_LEAF(cx, x, ROWS, TOKENS, WIDTH * HEADS);
        km_tensor *logits = OPT_LEAF(cx, l, HEADS, TOKENS, TOKENS);
        km_tensor *y[2] = {km_outer_products(cx, a, a, NULL, 0, TOKENS), km_pair_average(cx, v, v, logits, NULL)};
        for (int k = 0; k < 2; k++) {
            size_t bytes = (size_t)km_numel(y[k]) * sizeof(float);
            if (threads == 1) want[k] = memcpy(km_alloc(bytes), y[k]->data, bytes);
            same[k] = same[k] && !memcmp(want[k], y[k]->data, bytes);
        }
        km_tensor *part = km_outer_products(cx, a, a, NULL, 16, 8);
        same[0] = same[0] && !memcmp(want[0] + 16 * TOKENS * WIDTH * WIDTH, part->data,
                                     8 * TOKENS * WIDTH * WIDTH * sizeof(float));
        km_ctx_free(cx);
    }
    ok(same[0], "outer_products: the same bytes on any number of threads, and in parts");
    ok(same[1], "pair_average: the same bytes on any number of threads");
    free(x), free(l), free(want[0]), free(want[1]);
}

int main(void)
{
    test_outer(1, 1, 1, 1, 0, 1, false);
    test_outer(3, 5, 2, 3, 1, 3, true);
    test_outer(7, 11, 3, 2, 0, 11, true);
    test_average(1, 1, 1, 1, 1, NULL);
    test_average(3, 5, 5, 2, 3, NULL);
    test_average(3, 2, 5, 2, 3, NULL);
    test_average(19, 4, 4, 2, 3, (const double[]){1, 0, 1, 1});
    test_average(19, 1, 4, 2, 3, (const double[]){1, 0, 1, 1});
    test_average(2, 3, 3, 1, 2, (const double[]){0, 0, 0});
    test_template(1, 1);
    test_template(13, 5);
    test_same_bytes();
    return tap_end();
}
