/* SPDX-License-Identifier: MIT
 * Work on rows: the same bytes in one piece or many, on any number of threads, with a tape and without. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/nn/rows.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

enum { N = 13, C = 6 };

/* Twice the row's numbers and, of each, the number of the row it came from. */
static km_tensor *doubled(km_ctx *cx, const void *arg, const km_tensor *x, km_dim first, km_tensor *opt_to)
{
    float add[N];
    for (km_dim i = 0; i < km_size(x, 0); i++) add[i] = (float)(first + i);
    (void)arg, (void)opt_to;
    km_tensor *y = km_scale(cx, x, 2);
    for (km_dim i = 0; i < km_numel(y) && !cx->dry; i++) y->data[i] += add[i / (km_numel(y) / km_size(x, 0))];
    return y;
}

static km_tensor *wider(km_ctx *cx, const void *arg, const km_tensor *x, km_dim first, km_tensor *opt_to)
{
    (void)arg, (void)first, (void)opt_to;
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
    ok(is_doubled(km_nn_map_swapped(cx, in, to, each, doubled, NULL, NULL, 0), x, true), "rows become columns");
    km_tensor *wide = km_nn_map(cx, in, each, wider, NULL, 0, 2 * C);
    ok(km_size(wide, 2) == 2 * C && wide->data[0] == in->data[0] && wide->data[(N * N - 1) * 2 * C + C] ==
           in->data[(N * N - 1) * C], "another width");
    ok(is_doubled(km_nn_update(cx, in, each, doubled, NULL, 0), x, false) && in->data[0] == expected(x, 0), "in place");
    km_ctx_free(cx);
    free(x);
}

static void test_tape(void)
{
    double *x = opt_random(N * N * C, 3);
    km_ctx *cx = km_ctx_new(2);
    cx->tape = km_tape_new();
    km_tensor *in = OPT_LEAF(cx, x, N, N, C);
    km_tensor *y = km_nn_map_swapped(cx, in, NULL, 2, doubled, NULL, NULL, 0);
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

/* x w^T + b in every row, with b of all rows beside it, as layers see what was made of others. */
typedef struct affine {
    const km_tensor *w, *half, *b;
} affine;

static void make_beside(km_ctx *cx, void *arg)
{
    affine *a = arg;
    a->b = km_scale(cx, a->half, 2);
}

static km_tensor *apply(km_ctx *cx, const void *arg, const km_tensor *x, km_dim first, km_tensor *opt_to)
{
    const affine *a = arg;
    (void)opt_to;
    km_tensor *y = km_relu(cx, km_linear(cx, x, a->w, NULL));
    return km_add(cx, km_sigmoid_mul(cx, y, x), km_slice(cx, a->b, first, km_size(x, 0)));
}

enum { M = 81, D = 24 }; /* more numbers than a tape keeps */

typedef struct gradients {
    float *y, *x, *w, *b;
    size_t peak;
} gradients;

static float *copy_of(const float *x, km_dim n) { return memcpy(km_alloc((size_t)n * 4), x, (size_t)n * 4); }

/* apply over M M rows, `each` at a time or (0) recorded at once. */
static gradients run_taped(km_dim each, bool swapped)
{
    double *x = opt_random(M * M * D, 3), *w = opt_random(D * D, 4), *b = opt_random(M * M * D, 5);
    km_ctx *cx = km_ctx_new(2);
    cx->tape = km_tape_new();
    km_tensor *in = OPT_LEAF(cx, x, M, M, D), *weight = OPT_LEAF(cx, w, D, D), *beside = OPT_LEAF(cx, b, M, M, D), *y;
    {
        affine a = {weight, beside, NULL};
        if (!swapped || !each) make_beside(cx, &a);
        if (swapped && each) y = km_nn_map_swapped(cx, in, NULL, each, apply, make_beside, KM_NN_ARG(&a));
        else if (swapped) y = km_swap_pairs(cx, apply(cx, &a, in, 0, NULL));
        else y = each ? km_nn_update(cx, in, each, apply, KM_NN_ARG(&a)) : apply(cx, &a, in, 0, NULL);
    }
    gradients g = {.y = copy_of(y->data, M * M * D)};
    opt_backward(cx, y, b);
    g.x = copy_of(km_grad(cx, in), M * M * D), g.w = copy_of(km_grad(cx, weight), D * D);
    g.b = copy_of(km_grad(cx, beside), M * M * D);
    g.peak = km_ctx_peak(cx);
    km_tape_free(cx->tape);
    km_ctx_free(cx);
    free(x), free(w), free(b);
    return g;
}

static bool near(const float *a, const float *b, km_dim n, double tolerance)
{
    double worst = 0, largest = 0;
    for (km_dim i = 0; i < n; i++) worst = fmax(worst, fabs(a[i] - b[i])), largest = fmax(largest, fabs(b[i]));
    return worst <= tolerance * largest && largest > 0;
}

static void clear(gradients *g) { free(g->y), free(g->x), free(g->w), free(g->b); }

static void test_replay(km_dim each, bool swapped)
{
    gradients once = run_taped(0, swapped), parts = run_taped(each, swapped);
    ok(!memcmp(once.y, parts.y, M * M * D * 4), "%lld rows at a time: the same bytes forward", (long long)each);
    ok(!memcmp(once.x, parts.x, M * M * D * 4) && !memcmp(once.b, parts.b, M * M * D * 4) &&
           near(parts.w, once.w, D * D, 1e-5),
       "the same gradients, those of what all rows share but for the order of the sum");
    ok(parts.peak < once.peak * 3 / 4, "and less memory: %zu of %zu bytes", parts.peak, once.peak);
    clear(&once), clear(&parts);
}

static void ignore(void *arg, size_t record)
{
    (void)arg, (void)record;
}

/* What pieces read, their one record reads; where nothing is to be differentiated by, there is none. */
static void test_uses(void)
{
    double *x = opt_random(M * M * D, 3), *w = opt_random(D * D, 4);
    km_ctx *cx = km_ctx_new(2);
    cx->tape = km_tape_new();
    km_tape_watch(cx->tape, ignore, NULL);
    km_tensor *in = OPT_LEAF(cx, x, M, M, D), *weight = OPT_LEAF(cx, w, D, D);
    affine a = {weight, NULL, in};
    weight->param_offset = 7;
    km_tensor *first = km_nn_update(cx, in, 8, apply, KM_NN_ARG(&a));
    km_tensor *second = km_nn_update(cx, first, 8, apply, KM_NN_ARG(&a));
    size_t n;
    const km_param_use *uses = km_tape_uses(cx->tape, &n);
    ok(n == 2 && uses[0].offset == 7 && uses[0].record == 0 && uses[1].record == 1 && second->wants_grad,
       "a watched tape knows what the pieces read");
    weight->wants_grad = in->wants_grad = false;
    ok(!km_nn_update(cx, in, 8, apply, KM_NN_ARG(&a))->wants_grad, "nothing wanted, nothing recorded");
    km_tape_free(cx->tape);
    km_ctx_free(cx);
    free(x), free(w);
}

/* Bytes that doubling four rows at a time takes besides x, the rows halved so often. */
static size_t piece(bool dry, int halvings)
{
    km_ctx *cx = dry ? km_ctx_dry(NULL) : km_ctx_new(1);
    cx->halvings = halvings;
    km_tensor *in = KM_TENSOR(cx, 4 * N, 4 * N, C);
    if (!dry) memset(in->data, 0, (size_t)km_numel(in) * sizeof(float));
    size_t before = km_ctx_peak(cx);
    km_nn_update(cx, in, 4, doubled, NULL, 0);
    size_t bytes = km_ctx_peak(cx) - before;
    km_ctx_free(cx);
    return bytes;
}

static void test_dry(void)
{
    for (int halvings = 0; halvings <= 3; halvings++)
        ok(piece(true, halvings) == piece(false, halvings), "a dry run takes the memory of a piece: %zu bytes",
           piece(true, halvings));
    ok(piece(false, 1) < piece(false, 0) && piece(false, 2) < piece(false, 1) && piece(false, 3) == piece(false, 2),
       "half the rows take less, down to one at a time");
}

int main(void)
{
    test_pieces(1, 1);
    test_pieces(1, N);
    test_pieces(3, 2);
    test_pieces(2, 5);
    test_tape();
    test_replay(8, false);
    test_replay(5, true);
    test_uses();
    test_dry();
    return tap_end();
}
