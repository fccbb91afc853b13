/* SPDX-License-Identifier: MIT
 * temporal_attention. */
#include "tests/unit/attention_case.h"

enum { IN_Q, IN_K, IN_V, IN_G, IN_LAMBDA, INPUTS };

typedef struct temporal_case {
    km_dim B, Tq, Tk, N, H, D;
    double beta, least;
    bool causal, gated;
    double *time_q, *time_k; /* [B, Tq], [B, Tk] */
    input in[INPUTS];
    double *dy;
    opt_want y;
} temporal_case;

static double temporal_scalar(void *arg)
{
    temporal_case *c = arg;
    km_ref_temporal_attention_fwd(&attention_threads[0], c->y.x, c->in[IN_Q].x, c->in[IN_K].x, c->in[IN_V].x,
                                  c->gated ? c->in[IN_G].x : NULL, c->in[IN_LAMBDA].x, c->time_q, c->time_k, c->beta,
                                  c->least, c->causal, c->B, c->Tq, c->Tk, c->N, c->H, c->D);
    return input_scalar(&c->y, c->dy);
}

static void temporal_reference(void *arg)
{
    temporal_case *c = arg;
    input *in = c->in;
    km_ref_temporal_attention_bwd(&attention_threads[0], in[IN_Q].d.x, in[IN_K].d.x, in[IN_V].d.x, in[IN_G].d.x,
                                  in[IN_LAMBDA].d.x, c->dy, in[IN_Q].x, in[IN_K].x, in[IN_V].x,
                                  c->gated ? in[IN_G].x : NULL, in[IN_LAMBDA].x, c->time_q, c->time_k, c->beta,
                                  c->least, c->causal, c->B, c->Tq, c->Tk, c->N, c->H, c->D);
    temporal_scalar(c);
}

static void temporal_on_backend(km_ctx *cx, void *arg)
{
    temporal_case *c = arg;
    float *time_q = to_float(c->time_q, c->B * c->Tq), *time_k = to_float(c->time_k, c->B * c->Tk);
    km_tensor *t[INPUTS];
    for (int i = 0; i < INPUTS - 1; i++)
        t[i] = OPT_LEAF(cx, c->in[i].x, c->B, i == IN_K || i == IN_V ? c->Tk : c->Tq, c->N, c->H * c->D);
    t[IN_LAMBDA] = OPT_PARAM(cx, c->in[IN_LAMBDA].x, c->H);
    if (!c->gated) t[IN_G] = NULL;
    km_tensor *y = km_temporal_attention(cx, t[IN_Q], t[IN_K], t[IN_V], t[IN_G], t[IN_LAMBDA], time_q, time_k,
                                         (float)c->beta, (float)c->least, c->causal);
    opt_close_tensor(cx, "forward", y, &c->y, 5e-6);
    opt_backward(cx, y, c->dy);
    for (int i = 0; i < INPUTS; i++) input_close(cx, &c->in[i], t[i]);
    free(time_q), free(time_k);
}

/* The keys' times: equal, evenly spaced, or anything. Queries are the last Tq of them. */
typedef enum spacing { EQUAL, EVEN, UNEVEN } spacing;

static void fill_times(temporal_case *c, spacing how)
{
    for (km_dim b = 0; b < c->B; b++)
        for (km_dim j = 0; j < c->Tk; j++) {
            double step = how == EQUAL ? 0 : how == EVEN ? 0.5 : 0.125 * (double)(1 + (j * j + b) % 5);
            c->time_k[b * c->Tk + j] = (j ? c->time_k[b * c->Tk + j - 1] : 0) + step;
        }
    for (km_dim b = 0; b < c->B; b++)
        for (km_dim i = 0; i < c->Tq; i++) c->time_q[b * c->Tq + i] = c->time_k[b * c->Tk + c->Tk - c->Tq + i];
}

static void test_temporal(const km_dim size[6], double beta, double least, bool causal, bool gated, spacing how)
{
    km_dim B = size[0], Tq = size[1], Tk = size[2], N = size[3], H = size[4], D = size[5];
    km_dim nq = B * Tq * N * H * D, nk = B * Tk * N * H * D;
    temporal_case c = {B, Tq, Tk, N, H, D, beta, least, causal, gated, km_calloc((size_t)(B * Tq), sizeof(double)),
                       km_calloc((size_t)(B * Tk), sizeof(double)),
                       {input_new("dq", nq, 1), input_new("dk", nk, 2), input_new("dv", nk, 3), input_new("dg", nq, 4),
                        input_new("dlog_lambda", H, 5)}, opt_random(nq, 6), opt_want_new(nq)};
    input *in = c.in;
    fill_times(&c, how);
    input_reference(temporal_reference, &c, &c.y, in, INPUTS);
    if (nk < 400) input_differences(in, INPUTS, temporal_scalar, &c);
    temporal_scalar(&c);
    opt_backends(temporal_on_backend, &c);
    for (int i = 0; i < INPUTS; i++) input_free(&in[i]);
    free(c.time_q), free(c.time_k), free(c.dy), opt_want_free(&c.y);
}

enum { T_SIZE = 7, N_SIZE = 11, HEADS = 3, WIDTH = 24, ROW = N_SIZE * HEADS * WIDTH, ENTRY = T_SIZE * ROW };

/* Forward and all gradients of entries [first, first + B) into out: y dq dk dv dg [B, ENTRY] each, then dlog_lambda. */
static void run_entries(const km_exec *ex, float *out, float *const x[7], km_dim first, km_dim B)
{
    const km_backend *be = km_backend_cpu(NULL);
    km_dim n = B * ENTRY, at = first * ENTRY;
    const float *time = x[6] + first * T_SIZE;
    be->temporal_attention_fwd(ex, out, x[0] + at, x[1] + at, x[2] + at, x[3] + at, x[4], time, time, 0.5f, 0, true, B,
                               T_SIZE, T_SIZE, N_SIZE, HEADS, WIDTH);
    be->temporal_attention_bwd(ex, out + n, out + 2 * n, out + 3 * n, out + 4 * n, out + 5 * n, x[5] + at, x[0] + at,
                               x[1] + at, x[2] + at, x[3] + at, x[4], time, time, 0.5f, 0, true, B, T_SIZE, T_SIZE,
                               N_SIZE, HEADS, WIDTH);
}

/* The last frame as the only query, its predecessors from a cache, against the frame within the whole trajectory. */
static void test_cached_frame(float *const x[7], const float *whole)
{
    const km_backend *be = km_backend_cpu(NULL);
    km_dim last = (T_SIZE - 1) * ROW;
    float *y = km_calloc(ROW, sizeof *y);
    be->temporal_attention_fwd(&attention_threads[0], y, x[0] + last, x[1], x[2], x[3] + last, x[4], x[6] + T_SIZE - 1,
                               x[6], 0.5f, 0, true, 1, 1, T_SIZE, N_SIZE, HEADS, WIDTH);
    ok(!memcmp(y, whole + last, ROW * sizeof *y),
       "a frame with cached keys gives the bytes that it has within the whole");
    free(y);
}

static void test_same_bytes(void)
{
    enum { B = 5, CUT = 2 };
    km_dim n = ENTRY, all = 5 * B * n + HEADS;
    float *x[7], *out[4];
    for (uint32_t i = 0; i < 7; i++) x[i] = random_floats(i == 4 ? HEADS : i == 6 ? B * T_SIZE : B * n, i + 1);
    for (int i = 0; i < 4; i++) out[i] = km_calloc((size_t)all, sizeof(float));
    run_entries(&attention_threads[0], out[0], x, 0, B);
    run_entries(&attention_threads[1], out[1], x, 0, B);
    ok(!memcmp(out[0], out[1], (size_t)all * sizeof(float)), "1 thread and 2 threads give the same bytes");
    run_entries(&attention_threads[1], out[2], x, 0, CUT);
    run_entries(&attention_threads[1], out[3], x, CUT, B - CUT);
    bool same = true;
    for (km_dim part = 0; part < 5; part++) {
        const float *whole = out[0] + part * B * n;
        same = same && !memcmp(whole, out[2] + part * CUT * n, (size_t)(CUT * n) * sizeof(float)) &&
               !memcmp(whole + CUT * n, out[3] + part * (B - CUT) * n, (size_t)((B - CUT) * n) * sizeof(float));
    }
    ok(same, "entries cut in two give the same bytes");
    test_cached_frame(x, out[0]);
    for (int i = 0; i < 7; i++) free(x[i]);
    for (int i = 0; i < 4; i++) free(out[i]);
}

int main(void)
{
    test_temporal((km_dim[]){1, 1, 1, 1, 1, 1}, 1, 0, true, true, EVEN);
    test_temporal((km_dim[]){2, 2, 2, 3, 3, 3}, 1, 0, false, true, UNEVEN);
    test_temporal((km_dim[]){1, 5, 5, 2, 3, 3}, 0.5, 0, true, true, UNEVEN);
    test_temporal((km_dim[]){2, 2, 5, 3, 1, 5}, 0.25, 0, true, false, EVEN);
    test_temporal((km_dim[]){1, 1, 5, 2, 3, 3}, 0.5, 0, true, true, EVEN);
    test_temporal((km_dim[]){1, 3, 5, 2, 1, 3}, 0.75, 0, false, true, UNEVEN);
    test_temporal((km_dim[]){1, 5, 5, 2, 1, 16}, 0.25, 0, true, true, EQUAL);
    test_temporal((km_dim[]){2, 37, 37, 5, 3, 24}, 0.5, 0, true, true, UNEVEN);
    test_temporal((km_dim[]){1, 16, 20, 7, 3, 16}, 1, 0, false, false, UNEVEN);
    test_temporal((km_dim[]){1, 5, 5, 2, 2, 3}, 0.5, 0.9, false, true, EVEN);
    test_temporal((km_dim[]){2, 37, 37, 5, 3, 16}, 0.25, 0.3, false, true, UNEVEN);
    test_same_bytes();
    return tap_end();
}
