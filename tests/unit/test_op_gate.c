/* SPDX-License-Identifier: MIT
 * gate_add, silu_mul, swish_gate, sigmoid_mul. */
#include "tests/unit/opcase.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

static void gate_add_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_gate_add_fwd(&one, y, x[0], x[1], x[2], c->index, c->s[0], c->s[1], c->s[2], c->s[3]);
}

static void gate_add_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    (void)y;
    km_ref_gate_add_bwd(&one, dx[0], dx[1], dx[2], dy, x[1], x[2], c->index, c->s[0], c->s[1], c->s[2], c->s[3]);
}

static km_tensor *gate_add(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    return km_gate_add(cx, x[0], x[1], x[2], c->index, NULL);
}

static km_tensor *gate_add_in_place(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    km_tape *tape = cx->tape;
    cx->tape = NULL;
    km_tensor *y = km_gate_add(cx, x[0], x[1], x[2], c->index, x[0]);
    cx->tape = tape;
    return y;
}

static void test_gate_add(km_dim F, km_dim L, km_dim N, km_dim C, const int32_t *level)
{
    op_case c = {.name = "gate_add", .inputs = 3, .in = {{3, {F, N, C}}, {3, {L, N, C}}, {3, {F, N, C}}},
                 .results = F * N * C, .s = {F, L, N, C}, .index = level, .rtol = 1e-6, .fwd = gate_add_fwd,
                 .bwd = gate_add_bwd, .op = gate_add};
    opc_run(&c);
    c.name = "gate_add in place", c.bwd = NULL, c.op = gate_add_in_place;
    opc_run(&c);
}

static void silu_mul_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_silu_mul_fwd(&one, y, x[0], x[1], c->results);
}

static void silu_mul_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    (void)y;
    km_ref_silu_mul_bwd(&one, dx[0], dx[1], dy, x[0], x[1], c->results);
}

static km_tensor *silu_mul(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    (void)c;
    return km_silu_mul(cx, x[0], x[1]);
}

static void sigmoid_mul_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_sigmoid_mul_fwd(&one, y, x[0], x[1], c->results);
}

static void sigmoid_mul_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    (void)y;
    km_ref_sigmoid_mul_bwd(&one, dx[0], dx[1], dy, x[0], x[1], c->results);
}

static km_tensor *sigmoid_mul(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    (void)c;
    return km_sigmoid_mul(cx, x[0], x[1]);
}

static void swish_gate_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_swish_gate_fwd(&one, y, x[0], x[1], c->s[0], c->s[1]);
}

static void swish_gate_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y)
{
    (void)y;
    km_ref_swish_gate_bwd(&one, dx[0], dx[1], dy, x[0], x[1], c->s[0], c->s[1]);
}

static km_tensor *swish_gate(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    (void)c;
    return km_swish_gate(cx, x[0], x[1]);
}

static void test_products(km_dim M, km_dim C)
{
    opc_run(&(op_case){.name = "silu_mul",
                       .inputs = 2,
                       .in = {{2, {M, C}}, {2, {M, C}}},
                       .results = M * C,
                       .rtol = 2e-6,
                       .fwd = silu_mul_fwd,
                       .bwd = silu_mul_bwd,
                       .op = silu_mul});
    opc_run(&(op_case){.name = "sigmoid_mul", .inputs = 2, .in = {{2, {M, C}}, {2, {M, C}}}, .results = M * C,
                       .rtol = 2e-6, .fwd = sigmoid_mul_fwd, .bwd = sigmoid_mul_bwd, .op = sigmoid_mul});
    opc_run(&(op_case){.name = "swish_gate", .inputs = 2, .in = {{2, {M, 2 * C}}, {2, {M, C}}}, .results = M * C,
                       .s = {M, C}, .rtol = 3e-6, .fwd = swish_gate_fwd, .bwd = swish_gate_bwd, .op = swish_gate});
}

int main(void)
{
    test_gate_add(1, 1, 1, 1, (const int32_t[]){0});
    test_gate_add(4, 2, 3, 17, (const int32_t[]){1, 0, 1, 1});
    test_gate_add(3, 2, 3, 12, (const int32_t[]){1, 0, 1});
    test_products(1, 1);
    test_products(7, 37);
    test_products(65, 64); /* past one chunk of the loops */
    return tap_end();
}
