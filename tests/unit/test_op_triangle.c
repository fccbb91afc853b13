/* SPDX-License-Identifier: MIT
 * triangle_multiply and triangle_attention, both directions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

enum { MOST = 6 };

/* in: p g, or q k v g bias; sizes n[]. */
typedef struct tri_case {
    bool attention, second; /* second: incoming, ending */
    int padded;             /* the last tokens: rows and columns of the mask are 0 */
    km_dim N, C, H, D;
    int count;
    km_dim n[MOST], ny;
    double *in[MOST], *grad[MOST], *y, *dy, *mask;
    float *mask_f;
} tri_case;

static void forward(tri_case *c)
{
    if (c->attention)
        km_ref_triangle_attention_fwd(&one, c->y, c->in[0], c->in[1], c->in[2], c->in[3], c->in[4], c->mask, c->second,
                                      c->N, c->H, c->D);
    else
        km_ref_triangle_multiply_fwd(&one, c->y, c->in[0], c->in[1], c->mask, c->second, c->N, c->C);
}

static double scalar(void *arg)
{
    tri_case *c = arg;
    double sum = 0;
    forward(c);
    for (km_dim i = 0; i < c->ny; i++) sum += c->dy[i] * c->y[i];
    return sum;
}

static void on_backend(km_ctx *cx, void *arg)
{
    tri_case *c = arg;
    km_tensor *in[MOST], *y;
    const char *what = c->attention ? "triangle_attention" : "triangle_multiply";
    char name[64];
    for (int i = 0; i < c->count; i++)
        in[i] = i == 4 ? OPT_LEAF(cx, c->in[i], c->H, c->N, c->N)
                       : OPT_LEAF(cx, c->in[i], c->N, c->N, c->n[i] / (c->N * c->N));
    y = c->attention ? km_triangle_attention(cx, in[0], in[1], in[2], in[3], in[4], c->mask_f, c->second)
                     : km_triangle_multiply(cx, in[0], in[1], c->mask_f, c->second);
    opt_close(what, y->data, c->y, c->ny, 1e-5);
    opt_backward(cx, y, c->dy);
    for (int i = 0; i < c->count; i++) {
        snprintf(name, sizeof name, "%s: gradient %d", what, i);
        opt_close(name, km_grad(cx, in[i]), c->grad[i], c->n[i], 5e-5);
    }
}

/* The same bytes with one thread and with three. */
static void test_threads(tri_case *c)
{
    float *bytes[2];
    for (int round = 0; round < 2; round++) {
        km_ctx *cx = km_ctx_new(round ? 3 : 1);
        km_tensor *in[MOST];
        for (int i = 0; i < c->count; i++)
            in[i] = i == 4 ? OPT_LEAF(cx, c->in[i], c->H, c->N, c->N)
                           : OPT_LEAF(cx, c->in[i], c->N, c->N, c->n[i] / (c->N * c->N));
        km_tensor *y = c->attention ? km_triangle_attention(cx, in[0], in[1], in[2], in[3], in[4], c->mask_f, c->second)
                                    : km_triangle_multiply(cx, in[0], in[1], c->mask_f, c->second);
        bytes[round] = km_alloc((size_t)c->ny * sizeof(float));
        memcpy(bytes[round], y->data, (size_t)c->ny * sizeof(float));
        km_ctx_free(cx);
    }
    ok(!memcmp(bytes[0], bytes[1], (size_t)c->ny * sizeof(float)), "the same bytes with one thread and with three");
    free(bytes[0]), free(bytes[1]);
}

static void test_case(tri_case c, bool threads)
{
    km_dim pairs = c.N * c.N;
    c.count = c.attention ? 5 : 2;
    c.ny = pairs * (c.attention ? c.H * c.D : c.C);
    for (int i = 0; i < c.count; i++) {
        c.n[i] = c.attention ? (i == 4 ? c.H * pairs : c.ny) : 2 * c.ny;
        c.in[i] = opt_random(c.n[i], (uint32_t)i + 1);
        c.grad[i] = km_calloc((size_t)c.n[i], sizeof(double));
    }
    c.y = km_calloc((size_t)c.ny, sizeof(double)), c.dy = opt_random(c.ny, 9), c.mask = opt_random(pairs, 10);
    c.mask_f = km_calloc((size_t)pairs, sizeof(float));
    for (km_dim i = 0; i < pairs; i++) c.mask[i] = c.mask[i] > -0.6 || i % (c.N + 1) == 0;
    for (km_dim i = 0; i < pairs; i++)
        if (i / c.N >= c.N - c.padded || i % c.N >= c.N - c.padded) c.mask[i] = 0;
    for (km_dim i = 0; i < pairs; i++) c.mask_f[i] = (float)c.mask[i];
    if (c.attention)
        km_ref_triangle_attention_bwd(&one, c.grad[0], c.grad[1], c.grad[2], c.grad[3], c.grad[4], c.dy, c.in[0],
                                      c.in[1], c.in[2], c.in[3], c.in[4], c.mask, c.second, c.N, c.H, c.D);
    else
        km_ref_triangle_multiply_bwd(&one, c.grad[0], c.grad[1], c.dy, c.in[0], c.in[1], c.mask, c.second, c.N, c.C);
    for (int i = 0; !threads && i < c.count; i++)
        opt_differences(c.attention ? "attention" : "multiply", scalar, &c, c.in[i], c.n[i], c.grad[i]);
    forward(&c);
    opt_backends(on_backend, &c);
    if (threads) test_threads(&c);
    for (int i = 0; i < c.count; i++) free(c.in[i]), free(c.grad[i]);
    free(c.y), free(c.dy), free(c.mask), free(c.mask_f);
}

/* What padded tokens hold, however large, reaches no pair of others, and nothing becomes NaN. */
static void test_padding(bool second)
{
    enum { N = 9, REAL = 7, H = 2, D = 5, LARGE = 1000 };
    double *x[5];
    float mask_f[N * N] = {0}, *y[2];
    for (int i = 0; i < 5; i++) x[i] = opt_random(i == 4 ? H * N * N : N * N * H * D, (uint32_t)i + 1);
    for (int i = 0; i < N * N; i++) mask_f[i] = i / N < REAL && i % N < REAL;
    for (int round = 0; round < 2; round++) {
        km_ctx *cx = km_ctx_new(1);
        km_tensor *in[5];
        for (int i = 0; i < 4; i++) in[i] = OPT_LEAF(cx, x[i], N, N, H * D);
        in[4] = OPT_LEAF(cx, x[4], H, N, N);
        for (int i = 0; round && i < 4; i++)
            for (int ij = 0; ij < N * N; ij++)
                for (int c = 0; mask_f[ij] == 0 && c < H * D; c++) in[i]->data[ij * H * D + c] *= LARGE;
        km_tensor *t = km_triangle_attention(cx, in[0], in[1], in[2], in[3], in[4], mask_f, second);
        y[round] = memcpy(km_alloc(N * N * H * D * sizeof(float)), t->data, N * N * H * D * sizeof(float));
        km_ctx_free(cx);
    }
    bool same = true, finite = true;
    for (int i = 0; i < N * N * H * D; i++) {
        if (mask_f[i / (H * D)] != 0) same = same && y[0][i] == y[1][i];
        finite = finite && isfinite(y[0][i]) && isfinite(y[1][i]);
    }
    ok(same, "padded pairs reach no others");
    ok(finite, "and are numbers themselves");
    for (int i = 0; i < 5; i++) free(x[i]);
    free(y[0]), free(y[1]);
}

int main(void)
{
    for (int second = 0; second < 2; second++) {
        test_case((tri_case){.second = second, .N = 1, .C = 1}, false);
        test_case((tri_case){.second = second, .N = 5, .C = 7}, false);
        test_case((tri_case){.attention = true, .second = second, .N = 1, .H = 1, .D = 1}, false);
        test_case((tri_case){.attention = true, .second = second, .N = 5, .H = 3, .D = 4}, false);
        test_case((tri_case){.attention = true, .second = second, .padded = 2, .N = 6, .H = 2, .D = 3}, false);
        test_case((tri_case){.second = second, .padded = 2, .N = 6, .C = 3}, false);
        test_padding(second);
    }
    test_case((tri_case){.N = 19, .C = 24}, true);
    test_case((tri_case){.attention = true, .second = true, .N = 19, .H = 2, .D = 11}, true);
    return tap_end();
}
