/* SPDX-License-Identifier: MIT
 * add, scale, relu, sigmoid, concat, heads_first, swap_pairs, outer_add, fourier, frame_axpby. */
#include "tests/unit/opcase.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};
static const float factor = -1.75f;

/* fwd, bwd and op of a case: the calls that stand in the arguments, on c, x, y, dx, dy and cx. */
#define CASE(name, forward, backward, operation)                                                                       \
    static void name##_fwd(const op_case *c, double *y, double *const x[])                                            \
    {                                                                                                                  \
        (void)c;                                                                                                       \
        forward;                                                                                                       \
    }                                                                                                                  \
    static void name##_bwd(const op_case *c, double *const dx[], const double *dy, double *const x[], const double *y) \
    {                                                                                                                  \
        (void)c, (void)dx, (void)dy, (void)x, (void)y;                                                                 \
        backward;                                                                                                      \
    }                                                                                                                  \
    static km_tensor *name(km_ctx *cx, const op_case *c, km_tensor *const x[])                                         \
    {                                                                                                                  \
        (void)c;                                                                                                       \
        return operation;                                                                                              \
    }

CASE(add, km_ref_add_fwd(&one, y, x[0], x[1], c->s[0], c->s[1]),
     km_ref_add_bwd(&one, dx[0], dx[1], dy, c->s[0], c->s[1]), km_add(cx, x[0], x[1]))
CASE(scale, km_ref_scale_fwd(&one, y, x[0], factor, c->results), km_ref_scale_bwd(&one, dx[0], dy, factor, c->results),
     km_scale(cx, x[0], factor))
CASE(relu, km_ref_relu_fwd(&one, y, x[0], c->results), km_ref_relu_bwd(&one, dx[0], dy, x[0], c->results),
     km_relu(cx, x[0]))
CASE(sigmoid, km_ref_sigmoid_fwd(&one, y, x[0], c->results), km_ref_sigmoid_bwd(&one, dx[0], dy, y, c->results),
     km_sigmoid(cx, x[0]))
CASE(concat, km_ref_concat_fwd(&one, y, x[0], x[1], c->s[0], c->s[1], c->s[2]),
     km_ref_concat_bwd(&one, dx[0], dx[1], dy, c->s[0], c->s[1], c->s[2]), km_concat(cx, x[0], x[1]))
CASE(heads_first, km_ref_heads_first_fwd(&one, y, x[0], c->s[0], c->s[1]),
     km_ref_heads_first_bwd(&one, dx[0], dy, c->s[0], c->s[1]), km_heads_first(cx, x[0]))
CASE(swap_pairs, km_ref_swap_pairs_fwd(&one, y, x[0], c->s[0], c->s[1]),
     km_ref_swap_pairs_bwd(&one, dx[0], dy, c->s[0], c->s[1]), km_swap_pairs(cx, x[0]))
CASE(outer_add, km_ref_outer_add_fwd(&one, y, x[0], x[1], c->s[0], c->s[1]),
     km_ref_outer_add_bwd(&one, dx[0], dx[1], dy, c->s[0], c->s[1]), km_outer_add(cx, x[0], x[1]))

static const float times[] = {0.0f, 0.25f, -1.5f, 2.0f}, others[] = {1.0f, -0.5f, 0.0f, 3.0f};
static const double times_d[] = {0.0, 0.25, -1.5, 2.0}, others_d[] = {1.0, -0.5, 0.0, 3.0};

static void fourier_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_fourier_fwd(&one, y, times_d, x[0], x[1], c->s[0], c->s[1]);
}

static km_tensor *fourier(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    return km_fourier(cx, times, c->s[0], x[0], x[1]);
}

CASE(axpby, km_ref_frame_axpby_fwd(&one, y, x[0], times_d, x[1], others_d, c->s[0], c->s[1]),
     km_ref_frame_axpby_bwd(&one, dx[0], dx[1], dy, times_d, others_d, c->s[0], c->s[1]),
     km_frame_axpby(cx, x[0], times, x[1], others))
CASE(ax, km_ref_frame_axpby_fwd(&one, y, x[0], times_d, NULL, NULL, c->s[0], c->s[1]),
     km_ref_frame_axpby_bwd(&one, dx[0], NULL, dy, times_d, NULL, c->s[0], c->s[1]),
     km_frame_axpby(cx, x[0], times, NULL, NULL))

#define RUN(fn, n_results, tolerance, ...)                                                                             \
    opc_run(&(op_case){.name = #fn,                                                                                    \
                       .results = (n_results),                                                                         \
                       .rtol = (tolerance),                                                                            \
                       .fwd = fn##_fwd,                                                                                \
                       .bwd = fn##_bwd,                                                                                \
                       .op = fn,                                                                                       \
                       __VA_ARGS__})

static void test_sizes(km_dim M, km_dim C)
{
    RUN(add, M * C, 1e-6, .inputs = 2, .in = {{2, {M, C}}, {2, {M, C}}}, .s = {M * C, M * C});
    RUN(add, M * C, 1e-6, .inputs = 2, .in = {{2, {M, C}}, {1, {C}}}, .s = {M * C, C});
    RUN(scale, M * C, 1e-6, .inputs = 1, .in = {{2, {M, C}}});
    RUN(relu, M * C, 1e-6, .inputs = 1, .in = {{2, {M, C}}});
    RUN(sigmoid, M * C, 1e-6, .inputs = 1, .in = {{2, {M, C}}});
    RUN(concat, M * (C + 3), 1e-6, .inputs = 2, .in = {{2, {M, C}}, {2, {M, 3}}}, .s = {M, C, 3});
    RUN(heads_first, M * C, 1e-6, .inputs = 1, .in = {{2, {M, C}}}, .s = {M, C});
    RUN(swap_pairs, M * M * C, 1e-6, .inputs = 1, .in = {{3, {M, M, C}}}, .s = {M, C});
    RUN(outer_add, M * M * C, 1e-6, .inputs = 2, .in = {{2, {M, C}}, {2, {M, C}}}, .s = {M, C});
}

static void test_frames(km_dim F, km_dim n)
{
    RUN(axpby, F * n, 1e-6, .inputs = 2, .in = {{2, {F, n}}, {2, {F, n}}}, .s = {F, n});
    RUN(ax, F * n, 1e-6, .inputs = 1, .in = {{2, {F, n}}}, .s = {F, n});
    opc_run(&(op_case){.name = "fourier",
                       .inputs = 2,
                       .params = 3,
                       .in = {{1, {n}}, {1, {n}}},
                       .results = F * n,
                       .s = {F, n},
                       .rtol = 5e-6,
                       .fwd = fourier_fwd,
                       .op = fourier}); /* not differentiated */
}

/* Shapes that only the operation makes: the last dimension comes first, the others keep their order. */
static void test_shapes(void)
{
    km_ctx *cx = km_ctx_new(1);
    km_tensor *y = km_heads_first(cx, KM_TENSOR(cx, 0, 3, 5));
    ok(y->nd == 3 && y->shape[0] == 5 && y->shape[1] == 0 && y->shape[2] == 3, "heads_first of an empty tensor");
    y = km_concat(cx, KM_TENSOR(cx, 0, 2, 4), KM_TENSOR(cx, 0, 2, 3));
    ok(y->nd == 3 && y->shape[1] == 2 && y->shape[2] == 7, "concat of empty tensors");
    km_ctx_free(cx);
}

int main(void)
{
    test_sizes(1, 1);
    test_sizes(19, 7);
    test_sizes(33, 16);
    test_frames(1, 1);
    test_frames(4, 37);
    test_shapes();
    return tap_end();
}
