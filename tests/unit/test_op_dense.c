/* SPDX-License-Identifier: MIT
 * linear: against the reference, and the promise that a row's bytes depend on neither threads nor batch. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/opcase.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

static void linear_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_linear_fwd(&one, y, x[0], x[1], x[2], NULL, c->s[0], c->s[1], c->s[2]);
}

static void linear_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    (void)y;
    km_ref_linear_bwd(&one, dx[0], dx[1], dx[2], dy, x[0], x[1], c->s[0], c->s[1], c->s[2]);
}

static km_tensor *linear_plain(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    (void)c;
    return km_linear(cx, x[0], x[1], x[2]);
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
    be->linear_fwd(&one, want, x, w, b, pack, M, I, O);
    for (int threads = 2; threads <= 3; threads++) {
        memset(got, 0, bytes);
        be->linear_fwd(&(km_exec){threads}, got, x, w, b, pack, M, I, O);
        ok(memcmp(got, want, bytes) == 0, "the same bytes on more threads");
    }
    memset(got, 0, bytes);
    be->linear_fwd(&(km_exec){2}, got, x, w, b, pack, cut, I, O);
    be->linear_fwd(&(km_exec){2}, got + cut * O, x + cut * I, w, b, pack, M - cut, I, O);
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
        be->linear_bwd(&(km_exec){t}, g[t], g[t] + M * I, g[t] + M * I + O * I, dy, x, w, M, I, O);
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
