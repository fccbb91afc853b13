/* SPDX-License-Identifier: MIT
 * linear, linear_add, linear_relu, gated_linear: against the reference, and the promise that a row's bytes depend on
 * neither threads nor batch. */
#include <stdlib.h>
#include <string.h>

#include "lib/nn/layers.h"
#include "tests/unit/opcase.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};
enum { ADDED = 3 }; /* the input that a case of four has */

static void linear_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_linear_fwd(&one, y, x[0], x[1], x[2], c->inputs > ADDED ? x[ADDED] : NULL, false, NULL, c->s[0],
                      c->s[1], c->s[2]);
}

static void linear_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    (void)y;
    km_ref_linear_bwd(&one, dx[0], dx[1], dx[2], dy, x[0], x[1], NULL, c->s[0], c->s[1], c->s[2]);
    for (km_dim i = 0; i < c->results && c->inputs > ADDED; i++) dx[ADDED][i] += dy[i];
}

static km_tensor *linear_plain(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    return c->inputs > ADDED ? km_linear_add(cx, x[0], x[1], x[2], x[ADDED], NULL) : km_linear(cx, x[0], x[1], x[2]);
}

/* Onto what is added, where a device does so. */
static km_tensor *linear_in_place(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    (void)c;
    km_tape *tape = cx->tape;
    cx->tape = NULL;
    km_tensor *to = km_nn_place(cx, x[ADDED]), *y = km_linear_add(cx, x[0], x[1], x[2], x[ADDED], to);
    ok(!to || y == to, "a sum lies where it was wanted");
    cx->tape = tape;
    return y;
}

static void relu_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_linear_fwd(&one, y, x[0], x[1], x[2], NULL, true, NULL, c->s[0], c->s[1], c->s[2]);
}

/* Without the tape, which would have it made of two. */
static km_tensor *relu(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    (void)c;
    km_tape *tape = cx->tape;
    cx->tape = NULL;
    km_tensor *y = km_linear_relu(cx, x[0], x[1], x[2]);
    cx->tape = tape;
    return y;
}

static km_tensor *linear_packed(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    x[1]->pack = cx->be->pack_new(x[1]->data, c->s[2], c->s[1]);
    km_tensor *y = linear_plain(cx, c, x);
    ok(cx->be->pack_bytes(x[1]->pack) >= (size_t)(c->s[1] * c->s[2]) * (cx->be->device ? 2 : 4), "a pack has a size");
    cx->be->pack_free(x[1]->pack);
    x[1]->pack = NULL;
    return y;
}

static void test_against_reference(km_dim M, km_dim I, km_dim O)
{
    op_case c = {.name = "linear",
                 .inputs = 3,
                 .params = 6,
                 .in = {{2, {M, I}}, {2, {O, I}}, {1, {O}}},
                 .results = M * O,
                 .s = {M, I, O},
                 .rtol = 2e-6,
                 .fwd = linear_fwd,
                 .bwd = linear_bwd,
                 .op = linear_plain};
    opc_run(&c);
    c.name = "linear packed";
    c.op = linear_packed;
    opc_run(&c);
    c.name = "linear_add";
    c.op = linear_plain;
    c.inputs = 4, c.in[ADDED].nd = 2, c.in[ADDED].shape[0] = M, c.in[ADDED].shape[1] = O;
    opc_run(&c);
    c.name = "linear_add in place";
    c.bwd = NULL, c.op = linear_in_place;
    opc_run(&c);
    c.name = "linear_relu";
    c.inputs = 3;
    c.fwd = relu_fwd, c.op = relu;
    opc_run(&c);
}

/* -- gated_linear; c->s: M I O silu alone in_place. The norm has one array for its weight and bias; alone: the value's
 * rows are the gate's */

enum { GATE_X, NORM, GATE_W, VALUE_X, VALUE_W, BIAS, TO_ADD, GATED_INPUTS };

static void side_fwd(const op_case *c, double *to, double *const x[], int rows, int w)
{
    km_dim M = c->s[0], I = c->s[1], O = c->s[2];
    double *n = km_calloc((size_t)(M * I), sizeof *n);
    km_ref_layer_norm_fwd(&one, n, x[rows], x[NORM], x[NORM], M, I);
    for (km_dim i = 0; i < M * I; i++) n[i] = km_ref_stored(n[i]);
    km_ref_linear_fwd(&one, to, n, x[w], x[BIAS], NULL, false, NULL, M, I, O);
    for (km_dim i = 0; i < M * O; i++) to[i] = km_ref_stored(to[i]);
    free(n);
}

static void gated_fwd(const op_case *c, double *y, double *const x[])
{
    size_t n = (size_t)c->results;
    double *gate = km_calloc(n, sizeof *gate), *value = km_calloc(n, sizeof *value);
    side_fwd(c, gate, x, GATE_X, GATE_W), side_fwd(c, value, x, c->s[4] ? GATE_X : VALUE_X, VALUE_W);
    (c->s[3] ? km_ref_silu_mul_fwd : km_ref_sigmoid_mul_fwd)(&one, y, gate, value, c->results);
    for (size_t i = 0; i < n; i++) y[i] = km_ref_stored(y[i]) + x[TO_ADD][i];
    free(gate), free(value);
}

/* With the weights packed and no tape, as in inference. */
static km_tensor *gated(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    km_tape *tape = cx->tape;
    cx->tape = NULL;
    for (int i = GATE_W; i <= VALUE_W; i += VALUE_W - GATE_W)
        x[i]->pack = cx->be->pack_new(x[i]->data, c->s[2], c->s[1]);
    const km_normed_linear gate = {x[GATE_X], x[NORM], x[NORM], x[GATE_W], x[BIAS]};
    const km_normed_linear value = {x[c->s[4] ? GATE_X : VALUE_X], x[NORM], x[NORM], x[VALUE_W], x[BIAS]};
    km_tensor *to = c->s[5] ? km_nn_place(cx, x[c->s[1] == c->s[2] ? GATE_X : TO_ADD]) : NULL;
    km_tensor *y = km_gated_linear(cx, &gate, &value, c->s[3], x[TO_ADD], to);
    for (int i = GATE_W; i <= VALUE_W; i += VALUE_W - GATE_W) {
        cx->be->pack_free(x[i]->pack);
        x[i]->pack = NULL;
    }
    cx->tape = tape;
    return y;
}

/* in_place: over the gate's rows where there is room for the result, else over what is added */
static void test_gated(km_dim M, km_dim I, km_dim O, bool silu, bool alone, bool in_place)
{
    opc_run(&(op_case){.name = "gated_linear", .inputs = GATED_INPUTS,
                       .params = 1 << NORM | 1 << GATE_W | 1 << VALUE_W | 1 << BIAS,
                       .in = {{2, {M, I}}, {1, {I}}, {2, {O, I}}, {2, {M, I}}, {2, {O, I}}, {1, {O}}, {2, {M, O}}},
                       .results = M * O, .s = {M, I, O, silu, alone, in_place}, .rtol = 5e-6, .fwd = gated_fwd,
                       .op = gated});
}

static float *floats(km_dim n, uint32_t seed)
{
    double *d = opt_random(n, seed);
    float *f = km_alloc((size_t)n * sizeof *f);
    for (km_dim i = 0; i < n; i++) f[i] = (float)d[i];
    free(d);
    return f;
}

/* The whole on one thread, against more threads and against two parts. */
static void test_same_bytes(const km_backend *be, km_dim M, km_dim I, km_dim O, km_dim cut, bool packed)
{
    float *x = floats(M * I, 1), *w = floats(O * I, 2), *b = floats(O, 3);
    size_t bytes = (size_t)(M * O) * sizeof(float);
    float *want = km_calloc(1, bytes), *got = km_calloc(1, bytes);
    km_pack *pack = packed ? be->pack_new(w, O, I) : NULL;
    be->linear_fwd(&one, want, x, w, b, NULL, false, pack, M, I, O);
    for (int threads = 2; threads <= 3; threads++) {
        memset(got, 0, bytes);
        be->linear_fwd(&(km_exec){threads}, got, x, w, b, NULL, false, pack, M, I, O);
        ok(memcmp(got, want, bytes) == 0, "the same bytes on more threads");
    }
    memset(got, 0, bytes);
    be->linear_fwd(&(km_exec){2}, got, x, w, b, NULL, false, pack, cut, I, O);
    be->linear_fwd(&(km_exec){2}, got + cut * O, x + cut * I, w, b, NULL, false, pack, M - cut, I, O);
    ok(memcmp(got, want, bytes) == 0, "the same bytes in two batches");
    be->pack_free(pack);
    free(x), free(w), free(b), free(want), free(got);
}

static void test_same_gradients(const km_backend *be, km_dim M, km_dim I, km_dim O)
{
    float *x = floats(M * I, 1), *w = floats(O * I, 2), *dy = floats(M * O, 3), *g[4];
    km_dim n = M * I + O * I + O;
    for (int t = 1; t <= 3; t++) {
        g[t] = km_calloc((size_t)n, sizeof(float));
        be->linear_bwd(&(km_exec){t}, g[t], g[t] + M * I, g[t] + M * I + O * I, dy, x, w, NULL, M, I, O);
    }
    ok(memcmp(g[1], g[2], (size_t)n * sizeof(float)) == 0, "the same gradients on 2 threads");
    ok(memcmp(g[1], g[3], (size_t)n * sizeof(float)) == 0, "the same gradients on 3 threads");
    free(x), free(w), free(dy), free(g[1]), free(g[2]), free(g[3]);
}

int main(void)
{
    test_against_reference(1, 1, 1);
    test_against_reference(5, 3, 16);
    test_against_reference(67, 37, 4);
    test_against_reference(130, 16, 19);
    test_gated(1, 16, 1, false, false, false);
    test_gated(37, 48, 70, true, true, false);
    test_gated(131, 112, 67, false, false, false);
    test_gated(9, 144, 5, true, true, false);
    test_gated(131, 112, 72, false, false, true);
    test_gated(40, 144, 136, true, true, true);
    test_gated(300, 128, 128, false, false, true);
    test_gated(37, 144, 144, true, true, true);
    test_gated(5, 19, 3, true, false, false); /* widths that are not fused */
    test_gated(3, 144, 5, true, false, false);
    static const char *const isas[] = {"base", "avx2", "avx512"};
    for (int i = 0; i < 3; i++) {
        const km_backend *be = km_backend_cpu(isas[i]);
        if (!be) continue;
        for (int packed = 0; packed < 2; packed++) {
            test_same_bytes(be, 301, 128, 144, 77, packed);
            test_same_bytes(be, 300, 388, 64, 1, packed);
            test_same_bytes(be, 291, 256, 300, 130, packed);
            test_same_bytes(be, 100000, 3, 16, 99937, packed);
        }
        test_same_gradients(be, 300, 97, 200);
    }
    return tap_end();
}
