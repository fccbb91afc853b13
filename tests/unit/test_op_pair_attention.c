/* SPDX-License-Identifier: MIT
 * pair_attention. */
#include "tests/unit/attention_case.h"

enum { IN_Q, IN_K, IN_V, IN_G, IN_BIAS, INPUTS };

typedef struct pair_case {
    km_dim F, Nq, N, H, D;
    bool gated;
    double *mask; /* [N] or NULL */
    input in[INPUTS];
    double *dy;
    opt_want y;
} pair_case;

static double pair_scalar(void *arg)
{
    pair_case *c = arg;
    km_ref_pair_attention_fwd(&attention_threads[0], c->y.x, c->in[IN_Q].x, c->in[IN_K].x, c->in[IN_V].x,
                              c->gated ? c->in[IN_G].x : NULL, c->in[IN_BIAS].x, c->mask, c->F, c->Nq, c->N, c->H,
                              c->D);
    return input_scalar(&c->y, c->dy);
}

static void pair_reference(void *arg)
{
    pair_case *c = arg;
    input *in = c->in;
    km_ref_pair_attention_bwd(&attention_threads[0], in[IN_Q].d.x, in[IN_K].d.x, in[IN_V].d.x, in[IN_G].d.x,
                              in[IN_BIAS].d.x, c->dy, in[IN_Q].x, in[IN_K].x, in[IN_V].x,
                              c->gated ? in[IN_G].x : NULL, in[IN_BIAS].x, c->mask, c->F, c->Nq, c->N, c->H, c->D);
    pair_scalar(c);
}

static void pair_on_backend(km_ctx *cx, void *arg)
{
    pair_case *c = arg;
    float *mask = c->mask ? to_float(c->mask, c->N) : NULL;
    km_tensor *t[INPUTS];
    for (int i = 0; i < INPUTS - 1; i++)
        t[i] = OPT_LEAF(cx, c->in[i].x, c->F, i == IN_Q || i == IN_G ? c->Nq : c->N, c->H * c->D);
    t[IN_BIAS] = OPT_LEAF(cx, c->in[IN_BIAS].x, c->H, c->Nq, c->N);
    if (!c->gated) t[IN_G] = NULL;
    km_tensor *y = km_pair_attention(cx, t[IN_Q], t[IN_K], t[IN_V], t[IN_G], t[IN_BIAS], mask);
    opt_close_tensor(cx, "forward", y, &c->y, 5e-6);
    opt_backward(cx, y, c->dy);
    for (int i = 0; i < INPUTS; i++) input_close(cx, &c->in[i], t[i]);
    free(mask);
}

/* masked: the first so many keys */
static void test_pair(km_dim F, km_dim Nq, km_dim N, km_dim H, km_dim D, bool gated, km_dim masked)
{
    km_dim n = F * Nq * H * D, keys = F * N * H * D;
    pair_case c = {F, Nq, N, H, D, gated, masked ? km_calloc((size_t)N, sizeof(double)) : NULL,
                   {input_new("dq", n, 1), input_new("dk", keys, 2), input_new("dv", keys, 3), input_new("dg", n, 4),
                    input_new("dbias", H * Nq * N, 5)}, opt_random(n, 6), opt_want_new(n)};
    for (km_dim j = masked; j < N && masked; j++) c.mask[j] = 1;
    input *in = c.in;
    input_reference(pair_reference, &c, &c.y, in, INPUTS);
    if (keys < 200 && masked < N) input_differences(in, INPUTS, pair_scalar, &c);
    pair_scalar(&c);
    opt_backends(pair_on_backend, &c);
    for (int i = 0; i < INPUTS; i++) input_free(&in[i]);
    free(c.mask), free(c.dy), opt_want_free(&c.y);
}

/* Forward and all gradients of frames [first, first + F) into out: y dq dk dv dg [F, n] each, then dbias. */
static void run_frames(const km_exec *ex, float *out, float *const x[6], km_dim first, km_dim F, km_dim N, km_dim H,
                       km_dim D)
{
    const km_backend *be = km_backend_cpu(NULL);
    km_dim n = F * N * H * D, at = first * N * H * D;
    be->pair_attention_fwd(ex, out, x[0] + at, x[1] + at, x[2] + at, x[3] + at, x[4], NULL, F, N, N, H, D);
    be->pair_attention_bwd(ex, out + n, out + 2 * n, out + 3 * n, out + 4 * n, out + 5 * n, x[5] + at, x[0] + at,
                           x[1] + at, x[2] + at, x[3] + at, x[4], NULL, F, N, N, H, D);
}

static void test_same_bytes(km_dim N, km_dim H, km_dim D)
{
    enum { F = 5, CUT = 2 };
    km_dim n = N * H * D, all = 5 * F * n + H * N * N;
    float *x[6], *out[4];
    for (uint32_t i = 0; i < 6; i++) x[i] = random_floats(i == 4 ? H * N * N : F * n, i + 1);
    for (int i = 0; i < 4; i++) out[i] = km_calloc((size_t)all, sizeof(float));
    run_frames(&attention_threads[0], out[0], x, 0, F, N, H, D);
    run_frames(&attention_threads[1], out[1], x, 0, F, N, H, D);
    ok(!memcmp(out[0], out[1], (size_t)all * sizeof(float)), "1 thread and 2 threads give the same bytes");
    run_frames(&attention_threads[1], out[2], x, 0, CUT, N, H, D);
    run_frames(&attention_threads[1], out[3], x, CUT, F - CUT, N, H, D);
    bool same = true;
    for (km_dim part = 0; part < 5; part++) {
        const float *whole = out[0] + part * F * n;
        same = same && !memcmp(whole, out[2] + part * CUT * n, (size_t)(CUT * n) * sizeof(float)) &&
               !memcmp(whole + CUT * n, out[3] + part * (F - CUT) * n, (size_t)((F - CUT) * n) * sizeof(float));
    }
    ok(same, "frames cut in two give the same bytes");
    for (int i = 0; i < 6; i++) free(x[i]);
    for (int i = 0; i < 4; i++) free(out[i]);
}

int main(void)
{
    static const struct {
        km_dim F, Nq, N, H, D;
        bool gated;
        km_dim masked;
    } cases[] = {
        {1, 1, 1, 1, 1, true, 0},   {2, 7, 7, 3, 3, true, 0},    {2, 5, 5, 1, 16, false, 2},
        {1, 7, 7, 3, 5, true, 3},   {3, 33, 33, 3, 24, true, 4}, {2, 67, 67, 1, 16, false, 0},
        {2, 7, 7, 3, 16, true, 7},  {3, 17, 17, 2, 48, true, 0}, {1, 65, 65, 1, 64, false, 1},
        {1, 3, 3, 1, 70, true, 0},  {2, 2, 7, 3, 4, true, 2},    {1, 40, 67, 2, 32, true, 5},
        {3, 65, 4, 1, 8, false, 0}, {1, 130, 70, 1, 16, true, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        test_pair(cases[i].F, cases[i].Nq, cases[i].N, cases[i].H, cases[i].D, cases[i].gated, cases[i].masked);
    test_same_bytes(33, 3, 24);
    return tap_end();
}
