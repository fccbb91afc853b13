/* SPDX-License-Identifier: MIT
 * Work on rows: the same bytes in one piece or many, on any number of threads, with a tape and without. */
#include <stdlib.h>
#include <string.h>

#include "lib/nn/rows.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

enum { N = 13, C = 6 };

/* Twice the row's numbers and, of each, the number of the row it came from. */
static km_tensor *doubled(km_ctx *cx, const void *arg, const km_tensor *x, km_dim first)
{
    float add[N];
    for (km_dim i = 0; i < km_size(x, 0); i++) add[i] = (float)(first + i);
    (void)arg;
    km_tensor *y = km_scale(cx, x, 2);
    for (km_dim i = 0; i < km_numel(y) && !cx->dry; i++) y->data[i] += add[i / (km_numel(y) / km_size(x, 0))];
    return y;
}

static km_tensor *wider(km_ctx *cx, const void *arg, const km_tensor *x, km_dim first)
{
    (void)arg, (void)first;
    return km_concat(cx, x, x);
}

static float expected(const double *x, km_dim i) { return 2 * (float)x[i] + (float)(i / (N * C)); }

static bool is_doubled(const km_tensor *y, const double *x, bool swapped)
{
    for (km_dim i = 0; i < N * N * C; i++) {
        km_dim from = swapped ? ((i / C % N) * N + i / (N * C)) * C + i % C : i;
        if (y->data[i] != expected(x, from)) return false;
    }
    return true;
}

static void test_pieces(int threads, km_dim each)
{
    double *x = opt_random(N * N * C, 3);
    km_ctx *cx = km_ctx_new(threads);
    cx->ex.team_work = 0;
    km_tensor *in = OPT_LEAF(cx, x, N, N, C), *to = km_tensor_like(cx, in);
    ok(is_doubled(km_nn_map_swapped(cx, in, to, each, doubled, NULL), x, true), "rows become columns");
    km_tensor *wide = km_nn_map(cx, in, each, wider, NULL, 2 * C);
    ok(km_size(wide, 2) == 2 * C && wide->data[0] == in->data[0] && wide->data[(N * N - 1) * 2 * C + C] ==
           in->data[(N * N - 1) * C], "another width");
    ok(is_doubled(km_nn_update(cx, in, each, doubled, NULL), x, false) && in->data[0] == expected(x, 0), "in place");
    km_ctx_free(cx);
    free(x);
}

static void test_tape(void)
{
    double *x = opt_random(N * N * C, 3);
    km_ctx *cx = km_ctx_new(2);
    cx->tape = km_tape_new();
    km_tensor *in = OPT_LEAF(cx, x, N, N, C);
    km_tensor *y = km_nn_map_swapped(cx, in, NULL, 2, doubled, NULL);
    ok(is_doubled(y, x, true) && in->data[0] == (float)x[0] && y->wants_grad, "with a tape the input stays as it is");
    opt_backward(cx, y, x);
    bool good = true;
    for (km_dim i = 0; i < N * N * C; i++)
        good = good && km_grad(cx, in)[((i / C % N) * N + i / (N * C)) * C + i % C] == 2 * (float)x[i];
    ok(good, "and gradients find their way back");
    km_tape_free(cx->tape);
    km_ctx_free(cx);
    free(x);
}

static void test_dry(void)
{
    km_ctx *cx = km_ctx_dry(NULL);
    km_tensor *in = KM_TENSOR(cx, N, N, C);
    size_t before = km_ctx_peak(cx);
    ok(km_nn_update(cx, in, 1, doubled, NULL) == in && km_ctx_peak(cx) - before < N * N * C * sizeof(float),
       "a dry run takes the memory of a piece");
    km_ctx_free(cx);
}

int main(void)
{
    test_pieces(1, 1);
    test_pieces(1, N);
    test_pieces(3, 2);
    test_pieces(2, 5);
    test_tape();
    test_dry();
    return tap_end();
}
