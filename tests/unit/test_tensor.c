/* SPDX-License-Identifier: MIT
 * Tensors, views, scopes and the tape. */
#include <stdlib.h>
#include <string.h>

#include "lib/tensor/ops.h"
#include "tests/unit/tap.h"

static km_tensor *counted(km_ctx *cx, bool leaf, int nd, const km_dim *shape)
{
    km_tensor *t = km_tensor_new(cx, nd, shape);
    for (km_dim i = 0; i < km_numel(t); i++) t->data[i] = (float)i;
    t->wants_grad = leaf;
    return t;
}
#define COUNTED(cx, leaf, ...) counted((cx), (leaf), KM_SHAPE(__VA_ARGS__))

static void test_shapes(void)
{
    km_ctx *cx = km_ctx_new(1);
    const km_tensor *t = COUNTED(cx, false, 2, 3, 5, 7), *like = km_tensor_like(cx, t);
    ok(km_numel(t) == 210 && km_rows(t, 1) == 30 && km_rows(t, 3) == 2 && km_rows(t, 4) == 1, "elements and rows");
    ok(km_size(t, 0) == 2 && km_size(t, 3) == 7 && km_size(t, -1) == 7 && km_size(t, -4) == 2, "sizes from either end");
    ok(like->nd == 4 && !memcmp(like->shape, t->shape, 4 * sizeof(km_dim)) && like->data != t->data,
       "another of the same shape");
    ok(km_numel(COUNTED(cx, false, 4, 0, 3)) == 0, "an empty tensor");
    float mine[6] = {1, 2, 3, 4, 5, 6};
    km_tensor *of = KM_TENSOR_OF(cx, mine, 2, 3);
    ok(of->data == mine && !of->wants_grad && of->param_offset == -1 && !of->base,
       "the caller's memory is wrapped as it is");
    ok((uintptr_t)t->data % 64 == 0 && (uintptr_t)like->data % 64 == 0, "data on a cache line's border");
    km_ctx_free(cx);
}

static void test_views(void)
{
    km_ctx *cx = km_ctx_new(1);
    km_tensor *t = COUNTED(cx, true, 4, 3, 2);
    km_tensor *rows = km_slice(cx, t, 1, 2), *flat = KM_RESHAPE(cx, rows, 12), *deep = km_slice(cx, flat, 5, 3);
    ok(rows->nd == 3 && rows->shape[0] == 2 && rows->shape[1] == 3 && rows->shape[2] == 2 && rows->data == t->data + 6,
       "a slice takes rows of the leading dimension");
    ok(flat->nd == 1 && flat->shape[0] == 12 && flat->data == rows->data, "a reshape keeps the data");
    ok(deep->data[0] == 11 && deep->base == t && deep->base_offset == 11,
       "a view of a view of a view looks at the first tensor");
    deep->data[2] = -1;
    ok(t->data[13] == -1, "and shares its memory");
    ok(km_numel(km_slice(cx, t, 4, 0)) == 0, "a slice of nothing at the end");
    ok(km_grad(cx, deep) == km_grad(cx, t) + 11 && km_grad(cx, flat) == km_grad(cx, rows), "and its gradient");
    ok(!km_grad(cx, km_slice(cx, COUNTED(cx, false, 3), 0, 2)) && !km_grad(cx, NULL),
       "what wants no gradient has none");
    km_ctx_free(cx);
}

static bool all_are(const float *x, km_dim n, float value)
{
    for (km_dim i = 0; i < n; i++)
        if (x[i] != value) return false;
    return true;
}

/* sum_i (i + 1) t_i as a product of one row, on the tape */
static km_tensor *weighed(km_ctx *cx, const km_tensor *t)
{
    km_dim n = km_numel(t);
    km_tensor *w = KM_TENSOR(cx, 1, n);
    for (km_dim i = 0; i < n; i++) w->data[i] = (float)(i + 1);
    return km_linear(cx, KM_RESHAPE(cx, t, 1, n), w, NULL);
}

static void test_gradients(void)
{
    km_ctx *cx = km_ctx_new(1);
    km_tape *tape = cx->tape = km_tape_new();
    km_tensor *t = COUNTED(cx, true, 4, 3);
    ok(!km_has_grad(t), "no gradient has reached a leaf");
    const float *g = km_grad(cx, t);
    ok(all_are(g, 12, 0) && km_grad(cx, t) == g, "asked for, it is made once, of zeros");
    /* rows 1 and 2 twice over, row 2 once more: by hand, element by element */
    km_tensor *both = km_slice(cx, t, 1, 2), *third = km_slice(cx, t, 2, 1);
    km_tensor *sum = km_add(cx, weighed(cx, km_add(cx, both, both)), weighed(cx, third));
    km_backprop(cx, sum, 0.5f);
    bool right = true;
    for (int i = 0; i < 12; i++) {
        double want = (i >= 3 && i < 9 ? 2 * (i - 2) : 0) + (i >= 6 && i < 9 ? i - 5 : 0);
        right = right && g[i] == 0.5 * want;
    }
    ok(right, "gradients of overlapping views add up in the base, times the seed");
    ok(km_has_grad(t) && km_has_grad(third), "a gradient has reached the base, and so its views");

    km_tape_clear(tape);
    km_arena_reset(cx->arena);
    t = COUNTED(cx, true, 2, 2);
    km_backprop(cx, weighed(cx, t), 1);
    g = km_grad(cx, t);
    ok(g[0] == 1 && g[1] == 2 && g[2] == 3 && g[3] == 4, "a cleared tape begins anew");
    km_ctx_free(cx);
    km_tape_free(tape);
}

static void test_parameters(void)
{
    float values[8] = {0, 0, 1, 2, 3, 4, 0, 0}, grad[8] = {0};
    km_ctx *cx = km_ctx_new(1);
    km_tape *tape = cx->tape = km_tape_new();
    km_tensor *p = KM_TENSOR_OF(cx, values + 2, 2, 2);
    p->wants_grad = true, p->param_offset = 2;
    ok(!km_grad(cx, p) && !km_grad(cx, km_slice(cx, p, 1, 1)), "without a block for them parameters are constants");
    cx->param_grad = grad;
    ok(km_grad(cx, p) == grad + 2 && km_grad(cx, km_slice(cx, p, 1, 1)) == grad + 4,
       "a parameter's gradient lies in the context's block");
    for (int i = 0; i < 2; i++) km_backprop(cx, weighed(cx, km_slice(cx, p, 1, 1)), 1), km_tape_clear(tape);
    ok(grad[4] == 2 && grad[5] == 4 && all_are(grad, 4, 0) && all_are(grad + 6, 2, 0), "passes add to it");
    km_ctx_free(cx);
    km_tape_free(tape);
}

static void count_up(km_ctx *cx, void *state)
{
    (void)cx;
    ++*(int *)state;
}

typedef struct mark_state {
    char *log, what;
} mark_state;

static void note(km_ctx *cx, void *state)
{
    (void)cx;
    const mark_state *s = state;
    s->log[strlen(s->log)] = s->what;
}

static void test_recording(void)
{
    km_ctx *cx = km_ctx_new(1);
    km_tape *tape = km_tape_new();
    km_tensor *constant = COUNTED(cx, false, 3), *leaf = COUNTED(cx, true, 3), *out;
    ok(!KM_RECORDING(cx, leaf), "nothing is recorded without a tape");
    ok(!km_add(cx, leaf, leaf)->wants_grad, "nor does a result want a gradient");
    cx->tape = tape;
    ok(!KM_RECORDING(cx, constant, NULL) && KM_RECORDING(cx, constant, NULL, leaf),
       "with one, what depends on a leaf is");
    ok(!km_add(cx, constant, constant)->wants_grad, "a constant's sum is a constant");
    out = km_add(cx, constant, leaf);
    ok(out->wants_grad && km_slice(cx, out, 0, 1)->wants_grad, "a leaf's sum is not, and neither is its view");
    char log[8] = "";
    mark_state a = {log, 'a'}, b = {log, 'b'};
    km_tensor *scalar = COUNTED(cx, false, 1);
    km_record(cx, out, note, &a);
    km_backprop(cx, COUNTED(cx, false, 1), 1);
    ok(!*log, "from a constant nothing runs backward");
    km_record(cx, scalar, note, &b);
    km_backprop(cx, scalar, 1);
    ok(scalar->wants_grad && !strcmp(log, "ba"), "records run last to first");
    km_tape_clear(tape);
    km_backprop(cx, scalar, 1);
    ok(!strcmp(log, "ba"), "cleared ones no more");
    enum { MANY = 3000 };
    int count = 0;
    for (int i = 0; i < MANY; i++) km_record(cx, scalar, count_up, &count);
    km_backprop(cx, scalar, 1);
    ok(count == MANY, "a tape grows");
    km_ctx_free(cx);
    km_tape_free(tape);
    km_tape_free(NULL);
    km_ctx_free(NULL);
}

/* A scope of one kind of result, in memory that begins at the mark. */
static void test_scope(const char *name, km_tensor *(*make)(km_ctx *cx, const km_tensor *before), km_dim n)
{
    km_ctx *cx = km_ctx_new(1);
    const km_tensor *before = COUNTED(cx, false, 5, 1000);
    km_mark m = km_scope_begin(cx);
    km_tensor *t = make(cx, before);
    float *want = km_alloc((size_t)n * sizeof *want);
    memcpy(want, t->data, (size_t)n * sizeof *want);
    km_tensor *kept = km_scope_end(cx, m, t);
    ok(km_numel(kept) == n && !memcmp(kept->data, want, (size_t)n * sizeof *want) && !kept->base,
       "%s is kept by a scope", name);
    memset(KM_TENSOR(cx, 4096)->data, 0xff, 4096 * sizeof(float));
    ok(!memcmp(kept->data, want, (size_t)n * sizeof *want), "%s: what comes after does not lie over it", name);
    bool whole = true;
    for (int i = 0; i < 5000; i++) whole = whole && before->data[i] == (float)i;
    ok(whole, "%s: what came before is whole", name);
    free(want);
    km_ctx_free(cx);
}

static km_tensor *last_of_many(km_ctx *cx, const km_tensor *before)
{
    km_tensor *t = NULL;
    for (int i = 0; i < 20; i++) t = km_add(cx, km_slice(cx, before, i % 4, 2), km_slice(cx, before, 1, 2));
    return t;
}
static km_tensor *part_of_new(km_ctx *cx, const km_tensor *before)
{
    return km_slice(cx, km_add(cx, before, before), 3, 1);
}
static km_tensor *part_of_old(km_ctx *cx, const km_tensor *before) { return km_slice(cx, before, 3, 1); }
/* Far beyond the arena's first block, with smaller blocks on the way. */
static km_tensor *large(km_ctx *cx, const km_tensor *before)
{
    (void)before;
    for (int i = 0; i < 4; i++) COUNTED(cx, false, 300000 << i);
    return COUNTED(cx, false, 5000000);
}

static void test_scopes(void)
{
    test_scope("the last of many", last_of_many, 2000);
    test_scope("a part of a new tensor", part_of_new, 1000);
    test_scope("a part of an older tensor", part_of_old, 1000);
    test_scope("a large tensor", large, 5000000);

    km_ctx *cx = km_ctx_new(1);
    size_t peak[2] = {0};
    for (int i = 0; i < 40; i++) {
        km_mark m = km_scope_begin(cx);
        const km_tensor *a = COUNTED(cx, false, 10000), *b = COUNTED(cx, false, 10000);
        km_scope_end(cx, m, km_slice(cx, km_add(cx, a, b), 0, 1));
        if (i < 2) peak[0] = km_arena_peak(cx->arena);
    }
    peak[1] = km_arena_peak(cx->arena);
    ok(peak[1] < peak[0] + 20000, "scopes give memory back: %zu after two, %zu after forty", peak[0], peak[1]);
    cx->tape = km_tape_new();
    km_mark m = km_scope_begin(cx);
    km_tensor *inner = COUNTED(cx, true, 4), *out = km_add(cx, inner, inner);
    ok(km_scope_end(cx, m, out) == out, "with a tape a scope keeps everything");
    km_backprop(cx, weighed(cx, out), 1);
    ok(km_grad(cx, inner)[3] == 8, "so that the gradient finds its way");
    km_tape_free(cx->tape);
    km_ctx_free(cx);
}

int main(void)
{
    test_shapes();
    test_views();
    test_gradients();
    test_parameters();
    test_recording();
    test_scopes();
    setenv("KM_NO_ARENA", "1", 1);
    test_scopes();
    return tap_end();
}
