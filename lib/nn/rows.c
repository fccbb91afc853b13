/* SPDX-License-Identifier: MIT */
#include "lib/nn/rows.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/nn/layers.h"

typedef struct rows {
    const km_tensor *x;
    km_tensor *y;
    bool swapped;
    km_dim each;
    km_nn_rows *fn;
    const void *arg;
    km_nn_share *opt_share;
} rows;

/* Into the caller's arg, or the copy for backward. */
static void share(km_ctx *cx, const rows *r)
{
    if (r->opt_share) r->opt_share(cx, (void *)r->arg);
}

/* Rows of pairs [N, T, C] as columns of y [T, N, C]. */
static void put_swapped(const km_ctx *cx, km_tensor *y, const km_tensor *part, km_dim first)
{
    km_dim T = km_size(y, 0), N = km_size(y, 1), C = km_size(y, 2), R = km_size(part, 0);
    size_t pair = km_bytes(y, C);
    if (cx->be->device) {
        cx->be->device->swap(y->data, part->data, first, R, T, N, pair, false);
        return;
    }
    for (km_dim i = 0; i < R * T; i++)
        memcpy(y->data + (i % T * N + first + i / T) * C, part->data + i * C, pair);
}

/* How many rows at a time: on a device, which has no cache to keep them in, so many that they fill it. */
static km_dim chunk_of(const km_ctx *cx, km_dim each)
{
    each = (cx->be->device ? each << KM_NN_WIDER : each) >> cx->halvings;
    return each > 0 ? each : 1;
}

/* Chunk number c, of `each` rows, on a thread of its own. */
static void run_chunk(km_ctx *cx, const rows *r, km_dim each, km_dim c)
{
    km_dim R = km_size(r->x, 0), first = c * each, n = R - first < each ? R - first : each;
    km_mark mark = km_scope_begin(cx);
    /* a copy within a processor's cache costs little, and its operations want memory of their own */
    km_tensor *to = r->swapped ? NULL : km_nn_place(cx, km_slice(cx, r->y, first, n));
    km_tensor *part = r->fn(cx, r->arg, km_slice(cx, r->x, first, n), first, to);
    KM_ASSERT(km_numel(part) * R == km_numel(r->y) * n && part->half == r->y->half);
    if (r->swapped && !cx->dry) put_swapped(cx, r->y, part, first);
    else if (!r->swapped && part != to) km_copy(cx, r->y, first * (km_numel(r->y) / R), part);
    km_arena_rewind(cx->arena, mark);
}

/* Chunks have the same sizes for any number of threads. */
static km_tensor *run(km_ctx *cx, const rows *r)
{
    km_dim R = km_size(r->x, 0), each = chunk_of(cx, r->each), chunks = (R + each - 1) / each;
    int n = chunks < cx->ex.threads ? (int)chunks : cx->ex.threads;
    if (cx->dry && !cx->ex.opt_flop) chunks = n; /* the others take no more memory */
    if (n <= 1 || 8 * km_numel(r->x) < cx->ex.team_work) {
        for (km_dim c = 0; c < chunks; c++) run_chunk(cx, r, each, c);
        return r->y;
    }
    km_ctx *const *team = km_ctx_team(cx, n);
    for (int i = 0; i < n; i++) {
        KM_ASSERT(team[i]->dry == cx->dry);
        team[i]->be = cx->be;
        team[i]->ex.opt_scratch = cx->ex.opt_scratch;
    }
#pragma omp parallel for schedule(static, 1) num_threads(n) if (!cx->dry)
    for (int i = 0; i < n; i++)
        for (km_dim c = chunks * i / n; c < chunks * (i + 1) / n; c++) run_chunk(team[i], r, each, c);
    return r->y;
}

/* -- with a tape */

/* part += columns of dy [T, N, C], on a device */
static void take_columns(km_ctx *cx, float *to, const rows *r, const float *dy, const km_tensor *part, km_dim first)
{
    km_dim T = km_size(r->y, 0), N = km_size(r->y, 1), C = km_size(r->y, 2), n = km_numel(part);
    float *turned = km_arena_data(cx->arena, (size_t)n * sizeof(float));
    cx->be->device->swap(turned, dy, first, km_size(part, 0), T, N, (size_t)C * sizeof(float), true);
    cx->be->add_bwd(&cx->ex, to, NULL, turned, n, n);
}

/* part += dy of its rows */
static void take_gradient(km_ctx *cx, float *to, const rows *r, const float *dy, const km_tensor *part, km_dim first)
{
    km_dim n = km_numel(part), R = km_size(r->x, 0);
    if (cx->be->device) {
        if (r->swapped) take_columns(cx, to, r, dy, part, first);
        else cx->be->add_bwd(&cx->ex, to, NULL, dy + first * (km_numel(r->y) / R), n, n);
        return;
    }
    if (!r->swapped) {
        dy += first * (km_numel(r->y) / R);
        for (km_dim i = 0; i < n; i++) to[i] += dy[i];
        return;
    }
    km_dim T = km_size(r->y, 0), N = km_size(r->y, 1), C = km_size(r->y, 2);
    for (km_dim i = 0; i < km_size(part, 0); i++)
        for (km_dim j = 0; j < T; j++)
            for (km_dim c = 0; c < C; c++) to[(i * T + j) * C + c] += dy[(j * N + first + i) * C + c];
}

/* One chunk once more, recorded, and its gradient. */
static void replay_chunk(km_ctx *cx, const rows *r, const float *dy, km_dim first, km_dim each)
{
    km_dim R = km_size(r->x, 0), n = R - first < each ? R - first : each;
    km_mark mark = km_scope_begin(cx);
    km_tensor *part = r->fn(cx, r->arg, km_slice(cx, r->x, first, n), first, NULL);
    float *to = km_grad(cx, part);
    if (to && !cx->dry) take_gradient(cx, to, r, dy, part, first);
    km_tape_backward(cx);
    km_tape_clear(cx->tape);
    km_arena_rewind(cx->arena, mark);
}

/* The contexts for chunks that are recorded by themselves and for what they share: in arenas of their own, so that
 * gradients of what lives on stay when their memory is given back. */
enum { CHUNKS, SHARED };

static km_ctx *begin_own(km_ctx *cx, int which, km_tape *tape)
{
    km_ctx *own = km_ctx_team(cx, which + 1)[which];
    own->be = cx->be, own->ex = cx->ex, own->param_grad = cx->param_grad, own->tape = tape;
    return own;
}

static void end_own(km_ctx *own)
{
    km_tape_free(own->tape);
    own->ex = (km_exec){.threads = 1, .team_work = KM_TEAM_WORK};
    own->param_grad = NULL, own->tape = NULL;
}

static void replay_backward(km_ctx *cx, void *state)
{
    const rows *r = state;
    if (!km_has_grad(r->y)) return;
    km_ctx *shared = begin_own(cx, SHARED, km_tape_new()), *own = begin_own(cx, CHUNKS, km_tape_new());
    km_mark mark = km_scope_begin(shared);
    share(shared, r);
    km_dim each = chunk_of(cx, r->each);
    for (km_dim first = 0; first < km_size(r->x, 0); first += each)
        replay_chunk(own, r, km_grad(cx, r->y), first, each);
    km_tape_backward(shared);
    km_arena_rewind(shared->arena, mark);
    end_own(own), end_own(shared);
}

/* One row reads what all read. False: nothing that wants a gradient. */
static bool note_uses(km_ctx *cx, const rows *r)
{
    km_ctx *own = begin_own(cx, CHUNKS, km_tape_inner(cx->tape));
    km_mark mark = km_scope_begin(own);
    share(own, r);
    r->fn(own, r->arg, km_slice(own, r->x, 0, 1), 0, NULL);
    bool recorded = km_tape_adopt(cx->tape, own->tape);
    km_arena_rewind(own->arena, mark);
    end_own(own);
    return recorded;
}

static km_tensor *run_shared(km_ctx *cx, const rows *r)
{
    km_mark mark = km_scope_begin(cx);
    share(cx, r);
    run(cx, r);
    km_arena_rewind(cx->arena, mark);
    return r->y;
}

/* r->y is new, and r->arg is copied. */
static km_tensor *run_taped(km_ctx *cx, const rows *r, size_t arg_bytes)
{
    km_tape *tape = cx->tape;
    bool recorded = note_uses(cx, r);
    cx->tape = NULL;
    run_shared(cx, r);
    cx->tape = tape;
    if (!recorded) return r->y;
    rows *kept = km_arena_get(cx->arena, sizeof *kept);
    *kept = *r;
    if (r->arg) kept->arg = memcpy(km_arena_get(cx->arena, arg_bytes), r->arg, arg_bytes);
    km_record(cx, r->y, replay_backward, kept);
    return r->y;
}

static bool is_small(const km_tensor *x) { return km_numel(x) <= KM_NN_KEPT; }

km_tensor *km_nn_map(km_ctx *cx, const km_tensor *x, km_dim each, km_nn_rows *fn, const void *arg, size_t arg_bytes,
                     km_dim C)
{
    if (cx->tape && is_small(x)) return fn(cx, arg, x, 0, NULL);
    km_dim shape[KM_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->nd - 1] = C;
    rows r = {x, km_tensor_new(cx, x->nd, shape), false, each, fn, arg, NULL};
    return cx->tape ? run_taped(cx, &r, arg_bytes) : run(cx, &r);
}

km_tensor *km_nn_update(km_ctx *cx, km_tensor *state, km_dim each, km_nn_rows *fn, const void *arg, size_t arg_bytes)
{
    if (cx->tape) return km_nn_map(cx, state, each, fn, arg, arg_bytes, km_size(state, -1));
    return run(cx, &(rows){state, state, false, each, fn, arg, NULL});
}

km_tensor *km_nn_update_strictly(km_ctx *cx, km_tensor *state, km_dim each, km_nn_rows *fn, const void *arg,
                                 size_t arg_bytes)
{
    if (!cx->tape) return run(cx, &(rows){state, state, false, each, fn, arg, NULL});
    if (km_size(state, 0) <= chunk_of(cx, each)) return fn(cx, arg, state, 0, NULL);
    return run_taped(cx, &(rows){state, km_tensor_like(cx, state), false, each, fn, arg, NULL}, arg_bytes);
}

km_tensor *km_nn_map_swapped(km_ctx *cx, const km_tensor *x, km_tensor *opt_to, km_dim each, km_nn_rows *fn,
                             km_nn_share *opt_share, void *arg, size_t arg_bytes)
{
    if (cx->tape && is_small(x) && !opt_to) {
        if (opt_share) opt_share(cx, arg);
        return km_swap_pairs(cx, fn(cx, arg, x, 0, NULL));
    }
    rows r = {x, opt_to ? opt_to : km_tensor_like(cx, x), true, each, fn, arg, opt_share};
    KM_ASSERT(x->data != r.y->data);
    return cx->tape ? run_taped(cx, &r, arg_bytes) : run_shared(cx, &r);
}
