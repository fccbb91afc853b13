/* SPDX-License-Identifier: MIT
 * Lookups by index, and the two ways between tokens and atoms. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct gather_state {
    const km_tensor *x;
    const int32_t *index;
    km_dim per_row; /* indices that make up a row of lookup_columns */
    km_tensor *y;
} gather_state;

static void record(km_ctx *cx, km_backward *backward, gather_state state)
{
    if (!KM_RECORDING(cx, state.x)) return;
    gather_state *s = km_arena_get(cx->arena, sizeof *s);
    *s = state;
    km_record(cx, s->y, backward, s);
}

static void lookup_rows_backward(km_ctx *cx, void *state)
{
    gather_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->lookup_rows_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y),
                                     km_ints(cx, s->index, km_size(s->y, 0)), km_size(s->y, 0), km_rows(s->x, 1),
                                     km_size(s->x, -1));
}

km_tensor *km_lookup_rows(km_ctx *cx, const km_tensor *table, const int32_t *index, km_dim M)
{
    km_dim K = km_rows(table, 1), C = km_size(table, -1);
    km_tensor *y = KM_TENSOR_AS(cx, table, M, C);
    km_be(cx, table)->lookup_rows_fwd(&cx->ex, y->data, table->data, km_ints(cx, index, M), M, K, C);
    record(cx, lookup_rows_backward, (gather_state){table, index, 1, y});
    return y;
}

static void lookup_columns_backward(km_ctx *cx, void *state)
{
    gather_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->lookup_columns_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y),
                                        km_ints(cx, s->index, km_size(s->y, 0) * s->per_row), km_size(s->y, 0),
                                        km_size(s->x, 1), km_size(s->x, 0), s->per_row);
}

km_tensor *km_lookup_columns(km_ctx *cx, const km_tensor *w, const int32_t *index, km_dim M, km_dim P)
{
    KM_ASSERT(w->nd == 2);
    km_dim C = km_size(w, 0), K = km_size(w, 1);
    km_tensor *y = KM_TENSOR_AS(cx, w, M, C);
    km_be(cx, w)->lookup_columns_fwd(&cx->ex, y->data, w->data, km_ints(cx, index, M * P), M, K, C, P);
    record(cx, lookup_columns_backward, (gather_state){w, index, P, y});
    return y;
}

static void token_to_atom_backward(km_ctx *cx, void *state)
{
    gather_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->token_to_atom_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y),
                                       km_ints(cx, s->index, km_size(s->y, 1)), km_size(s->x, 0), km_size(s->x, 1),
                                       km_size(s->y, 1), km_size(s->x, 2));
}

km_tensor *km_token_to_atom(km_ctx *cx, const km_tensor *x, const int32_t *atom_token, km_dim A)
{
    KM_ASSERT(x->nd == 3);
    km_dim F = km_size(x, 0), N = km_size(x, 1), C = km_size(x, 2);
    km_tensor *y = KM_TENSOR_AS(cx, x, F, A, C);
    km_be(cx, x)->token_to_atom_fwd(&cx->ex, y->data, x->data, km_ints(cx, atom_token, A), F, N, A, C);
    record(cx, token_to_atom_backward, (gather_state){x, atom_token, 1, y});
    return y;
}

static void atom_to_token_backward(km_ctx *cx, void *state)
{
    gather_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->atom_to_token_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y),
                                       km_ints(cx, s->index, km_size(s->x, 1)), km_size(s->x, 0), km_size(s->y, 1),
                                       km_size(s->x, 1), km_size(s->x, 2));
}

km_tensor *km_atom_to_token(km_ctx *cx, const km_tensor *x, const int32_t *atom_token, km_dim N)
{
    KM_ASSERT(x->nd == 3);
    km_dim F = km_size(x, 0), A = km_size(x, 1), C = km_size(x, 2);
    km_tensor *y = KM_TENSOR_AS(cx, x, F, N, C);
    km_be(cx, x)->atom_to_token_fwd(&cx->ex, y->data, x->data, km_ints(cx, atom_token, A), F, N, A, C);
    record(cx, atom_to_token_backward, (gather_state){x, atom_token, 1, y});
    return y;
}
