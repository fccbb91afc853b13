/* SPDX-License-Identifier: MIT */
#include "lib/nn/rows.h"

#include <string.h>

#include "lib/base/err.h"

typedef struct rows {
    const km_tensor *x;
    km_tensor *y;
    bool swapped;
    km_dim each;
    km_nn_rows *fn;
    const void *arg;
} rows;

/* Rows of pairs as columns of y [N, N, C]. */
static void put_swapped(km_tensor *y, const km_tensor *part, km_dim first)
{
    km_dim N = km_size(y, 0), C = km_size(y, 2);
    for (km_dim i = 0; i < km_size(part, 0); i++)
        for (km_dim j = 0; j < N; j++)
            memcpy(y->data + (j * N + first + i) * C, part->data + (i * N + j) * C, (size_t)C * sizeof(float));
}

/* Chunk number c on a thread of its own. */
static void run_chunk(km_ctx *cx, const rows *r, km_dim c)
{
    km_dim R = km_size(r->x, 0), first = c * r->each, n = R - first < r->each ? R - first : r->each;
    km_mark mark = km_scope_begin(cx);
    km_tensor *part = r->fn(cx, r->arg, km_slice(cx, r->x, first, n), first);
    KM_ASSERT(km_numel(part) * R == km_numel(r->y) * n);
    if (cx->dry) {
        /* nothing to keep */
    } else if (r->swapped) {
        put_swapped(r->y, part, first);
    } else {
        memcpy(r->y->data + first * (km_numel(r->y) / R), part->data, (size_t)km_numel(part) * sizeof(float));
    }
    km_arena_rewind(cx->arena, mark);
}

/* Chunks have the same sizes for any number of threads. */
static km_tensor *run(km_ctx *cx, const rows *r)
{
    km_dim R = km_size(r->x, 0), chunks = (R + r->each - 1) / r->each;
    int n = chunks < cx->ex.threads ? (int)chunks : cx->ex.threads;
    if (n <= 1 || 8 * km_numel(r->x) < cx->ex.team_work) {
        for (km_dim c = 0; c < chunks; c++) run_chunk(cx, r, c);
        return r->y;
    }
    km_ctx *const *team = km_ctx_team(cx, n);
    for (int i = 0; i < n; i++) team[i]->be = cx->be;
#pragma omp parallel for schedule(static, 1) num_threads(n)
    for (int i = 0; i < n; i++)
        for (km_dim c = chunks * i / n; c < chunks * (i + 1) / n; c++) run_chunk(team[i], r, c);
    return r->y;
}

km_tensor *km_nn_map(km_ctx *cx, const km_tensor *x, km_dim each, km_nn_rows *fn, const void *arg, km_dim C)
{
    if (cx->tape) return fn(cx, arg, x, 0);
    km_dim shape[KM_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->nd - 1] = C;
    return run(cx, &(rows){x, km_tensor_new(cx, x->nd, shape), false, each, fn, arg});
}

km_tensor *km_nn_update(km_ctx *cx, km_tensor *state, km_dim each, km_nn_rows *fn, const void *arg)
{
    if (cx->tape) return fn(cx, arg, state, 0);
    return run(cx, &(rows){state, state, false, each, fn, arg});
}

km_tensor *km_nn_map_swapped(km_ctx *cx, const km_tensor *x, km_tensor *to, km_dim each, km_nn_rows *fn,
                             const void *arg)
{
    if (cx->tape) return km_swap_pairs(cx, fn(cx, arg, x, 0));
    KM_ASSERT(x->data != to->data);
    return run(cx, &(rows){x, to, true, each, fn, arg});
}
