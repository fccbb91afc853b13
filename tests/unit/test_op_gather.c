/* SPDX-License-Identifier: MIT
 * lookup_rows, lookup_columns, token_to_atom, atom_to_token. */
#include "tests/unit/opcase.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

/* The reference's forward and backward of op under the names that a case takes; s holds the sizes in the kernel's
 * order. */
#define GATHER(op, ...)                                                                                                \
    static void op##_fwd(const op_case *c, double *y, double *const x[])                                              \
    {                                                                                                                  \
        km_ref_##op##_fwd(&one, y, x[0], c->index, __VA_ARGS__);                                                       \
    }                                                                                                                  \
    static void op##_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)   \
    {                                                                                                                  \
        (void)x, (void)y;                                                                                              \
        km_ref_##op##_bwd(&one, dx[0], dy, c->index, __VA_ARGS__);                                                     \
    }

GATHER(lookup_rows, c->s[0], c->s[1], c->s[2])
GATHER(lookup_columns, c->s[0], c->s[1], c->s[2], c->s[3])
GATHER(token_to_atom, c->s[0], c->s[1], c->s[2], c->s[3])
GATHER(atom_to_token, c->s[0], c->s[1], c->s[2], c->s[3])

static km_tensor *lookup_rows(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    return km_lookup_rows(cx, x[0], c->index, c->s[0]);
}

static km_tensor *lookup_columns(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    return km_lookup_columns(cx, x[0], c->index, c->s[0], c->s[3]);
}

static km_tensor *token_to_atom(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    return km_token_to_atom(cx, x[0], c->index, c->s[2]);
}

static km_tensor *atom_to_token(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    return km_atom_to_token(cx, x[0], c->index, c->s[1]);
}

static void test_lookups(km_dim M, km_dim K, km_dim C, km_dim P, const int32_t *rows, const int32_t *columns)
{
    opc_run(&(op_case){.name = "lookup_rows",
                       .inputs = 1,
                       .in = {{2, {K, C}}},
                       .results = M * C,
                       .s = {M, K, C},
                       .index = rows,
                       .rtol = 1e-6,
                       .fwd = lookup_rows_fwd,
                       .bwd = lookup_rows_bwd,
                       .op = lookup_rows});
    opc_run(&(op_case){.name = "lookup_columns",
                       .inputs = 1,
                       .params = 1,
                       .in = {{2, {C, K}}},
                       .results = M * C,
                       .s = {M, K, C, P},
                       .index = columns,
                       .rtol = 1e-6,
                       .fwd = lookup_columns_fwd,
                       .bwd = lookup_columns_bwd,
                       .op = lookup_columns});
}

static void test_tokens(km_dim F, km_dim N, km_dim A, km_dim C, const int32_t *atom_token)
{
    opc_run(&(op_case){.name = "token_to_atom", .inputs = 1, .in = {{3, {F, N, C}}}, .results = F * A * C,
                       .s = {F, N, A, C}, .index = atom_token, .rtol = 1e-6, .fwd = token_to_atom_fwd,
                       .bwd = token_to_atom_bwd, .op = token_to_atom});
    opc_run(&(op_case){.name = "atom_to_token", .inputs = 1, .in = {{3, {F, A, C}}}, .results = F * N * C,
                       .s = {F, N, A, C}, .index = atom_token, .rtol = 1e-6, .fwd = atom_to_token_fwd,
                       .bwd = atom_to_token_bwd, .op = atom_to_token});
}

int main(void)
{
    test_lookups(1, 1, 1, 1, (const int32_t[]){0}, (const int32_t[]){0});
    test_lookups(5, 3, 19, 2, (const int32_t[]){2, 0, 2, 2, 1}, (const int32_t[]){0, 2, 1, 1, -1, 0, -1, -1, 2, -7});
    test_tokens(1, 1, 1, 1, (const int32_t[]){0});
    /* atoms out of order, a padded one in between, and a token without any */
    test_tokens(3, 4, 7, 17, (const int32_t[]){3, 0, 0, -1, 3, 1, 0});
    return tap_end();
}
