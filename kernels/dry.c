/* SPDX-License-Identifier: MIT
 * A table of kernels that compute nothing: what a run will allocate, and how much arithmetic it is, is found by running
 * it with these. Forward products and attentions add their multiply-adds, two operations each, to ex->opt_flop, and
 * what grows with N^2 leaves its scratch in ex->opt_scratch; the rest is not worth counting. */
#include "kernels/backend.h"
#include "kernels/scratch.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Woverride-init"

#define real float
#define KM_KERNEL(name, args)                                                                                          \
    static void name args {}
#include "kernels/kernels.def"
#undef KM_KERNEL

static void count(const km_exec *ex, km_dim multiply_adds)
{
    if (ex->opt_flop) *ex->opt_flop += 2 * (double)multiply_adds;
}

static void note_scratch(const km_exec *ex, size_t floats)
{
    size_t bytes = floats * sizeof(float);
    if (ex->opt_scratch && *ex->opt_scratch < bytes) *ex->opt_scratch = bytes;
}

static void linear(const km_exec *ex, float *y, const float *x, const float *w, const float *opt_b,
                   const float *opt_add, bool cut, const km_pack *opt_pack, km_dim M, km_dim I, km_dim O)
{
    count(ex, M * I * O);
}

static void pair_attention(const km_exec *ex, float *y, const float *q, const float *k, const float *v,
                           const float *opt_g, const float *bias, const float *opt_mask, km_dim F, km_dim Nq, km_dim N,
                           km_dim H, km_dim D)
{
    count(ex, 2 * F * Nq * N * H * D);
}

static void window_attention(const km_exec *ex, float *y, const float *q, const float *k, const float *v,
                             const float *opt_g, const float *bias, const float *atom_mask, km_dim F, km_dim A,
                             km_dim H, km_dim D, km_dim Q, km_dim K)
{
    count(ex, 2 * F * A * K * H * D);
}

static void temporal_attention(const km_exec *ex, float *y, const float *q, const float *k, const float *v,
                               const float *opt_g, const float *log_lambda, const float *time_q, const float *time_k,
                               float beta, float least, bool causal, km_dim B, km_dim Tq, km_dim Tk, km_dim N, km_dim H,
                               km_dim D)
{
    count(ex, 2 * B * Tq * Tk * N * H * D);
}

static void triangle_multiply(const km_exec *ex, float *y, const float *ab, const float *mask, bool incoming, km_dim N,
                              km_dim C)
{
    count(ex, N * N * N * C);
    note_scratch(ex, km_scratch_triangle((size_t)N));
}

static void outer_products(const km_exec *ex, float *y, const float *a, const float *b, const float *opt_scale,
                           km_dim first, km_dim n, km_dim S, km_dim N, km_dim C, km_dim D)
{
    count(ex, S * n * N * C * D);
}

static void pair_average(const km_exec *ex, float *y, const float *v, const float *g, const float *logits,
                         const float *opt_mask, km_dim S, km_dim Nq, km_dim N, km_dim H, km_dim D)
{
    count(ex, S * Nq * N * H * D);
    note_scratch(ex, km_scratch_average((size_t)Nq, (size_t)N, (size_t)D));
}

static km_pack *pack_new(const float *w, km_dim out, km_dim in) { return NULL; }
static void pack_free(km_pack *p) {}
static size_t pack_bytes(const km_pack *p) { return 0; }

const km_backend *km_backend_dry(void)
{
    static const km_backend table = {
        .name = "dry",
        .pack_new = pack_new,
        .pack_free = pack_free,
        .pack_bytes = pack_bytes,
#define KM_KERNEL(name, args) .name = name,
#include "kernels/kernels.def"
#undef KM_KERNEL
        .linear_fwd = linear,
        .pair_attention_fwd = pair_attention,
        .window_attention_fwd = window_attention,
        .temporal_attention_fwd = temporal_attention,
        .triangle_multiply_fwd = triangle_multiply,
        .outer_products_fwd = outer_products,
        .pair_average_fwd = pair_average,
    };
    return &table;
}
