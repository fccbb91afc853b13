/* SPDX-License-Identifier: MIT
 * window_attention. */
#include "tests/unit/attention_case.h"

enum { IN_Q, IN_K, IN_V, IN_G, IN_BIAS, INPUTS };

typedef struct window_case {
    km_dim F, A, H, D, Q, K;
    bool gated;
    double *mask; /* [A] */
    input in[INPUTS];
    double *dy;
    opt_want y;
} window_case;

static double window_scalar(void *arg)
{
    window_case *c = arg;
    km_ref_window_attention_fwd(&attention_threads[0], c->y.x, c->in[IN_Q].x, c->in[IN_K].x, c->in[IN_V].x,
                                c->gated ? c->in[IN_G].x : NULL, c->in[IN_BIAS].x, c->mask, c->F, c->A, c->H, c->D,
                                c->Q, c->K);
    return input_scalar(&c->y, c->dy);
}

static void window_reference(void *arg)
{
    window_case *c = arg;
    input *in = c->in;
    km_ref_window_attention_bwd(&attention_threads[0], in[IN_Q].d.x, in[IN_K].d.x, in[IN_V].d.x, in[IN_G].d.x,
                                in[IN_BIAS].d.x, c->dy, in[IN_Q].x, in[IN_K].x, in[IN_V].x,
                                c->gated ? in[IN_G].x : NULL, in[IN_BIAS].x, c->mask, c->F, c->A, c->H, c->D, c->Q,
                                c->K);
    window_scalar(c);
}

static void window_on_backend(km_ctx *cx, void *arg)
{
    window_case *c = arg;
    float *mask = to_float(c->mask, c->A);
    km_tensor *t[INPUTS];
    for (int i = 0; i < INPUTS - 1; i++) t[i] = OPT_LEAF(cx, c->in[i].x, c->F, c->A, c->H * c->D);
    t[IN_BIAS] = OPT_LEAF(cx, c->in[IN_BIAS].x, c->H, (c->A + c->Q - 1) / c->Q, c->Q, c->K);
    if (!c->gated) t[IN_G] = NULL;
    km_tensor *y = km_window_attention(cx, t[IN_Q], t[IN_K], t[IN_V], t[IN_G], t[IN_BIAS], mask, c->Q, c->K);
    opt_close_tensor(cx, "forward", y, &c->y, 5e-6);
    opt_backward(cx, y, c->dy);
    for (int i = 0; i < INPUTS; i++) input_close(cx, &c->in[i], t[i]);
    free(mask);
}

/* masked: atoms from..to - 1 */
static void test_window(km_dim F, km_dim A, km_dim H, km_dim D, km_dim Q, km_dim K, bool gated, km_dim from, km_dim to)
{
    km_dim n = F * A * H * D, nb = H * ((A + Q - 1) / Q) * Q * K;
    window_case c = {F, A, H, D, Q, K, gated, km_calloc((size_t)A, sizeof(double)),
                     {input_new("dq", n, 1), input_new("dk", n, 2), input_new("dv", n, 3), input_new("dg", n, 4),
                      input_new("dbias", nb, 5)}, opt_random(n, 6), opt_want_new(n)};
    for (km_dim a = 0; a < A; a++) c.mask[a] = a < from || a >= to;
    input *in = c.in;
    input_reference(window_reference, &c, &c.y, in, INPUTS);
    if (n < 200 && nb < 2000) input_differences(in, INPUTS, window_scalar, &c);
    window_scalar(&c);
    opt_backends(window_on_backend, &c);
    for (int i = 0; i < INPUTS; i++) input_free(&in[i]);
    free(c.mask), free(c.dy), opt_want_free(&c.y);
}

enum { Q_SIZE = 32, K_SIZE = 128, A_SIZE = 70, HEADS = 3, WIDTH = 16, WINDOWS = 3, FRAME = A_SIZE * HEADS * WIDTH };

/* Forward and all gradients of frames [first, first + F) into out: y dq dk dv dg [F, FRAME] each, then dbias. x ends
 * with mask. */
static void run_frames(const km_exec *ex, float *out, float *const x[7], km_dim first, km_dim F)
{
    const km_backend *be = km_backend_cpu(NULL);
    km_dim n = F * FRAME, at = first * FRAME;
    be->window_attention_fwd(ex, out, x[0] + at, x[1] + at, x[2] + at, x[3] + at, x[4], x[6], F, A_SIZE, HEADS, WIDTH,
                             Q_SIZE, K_SIZE);
    be->window_attention_bwd(ex, out + n, out + 2 * n, out + 3 * n, out + 4 * n, out + 5 * n, x[5] + at, x[0] + at,
                             x[1] + at, x[2] + at, x[3] + at, x[4], x[6], F, A_SIZE, HEADS, WIDTH, Q_SIZE, K_SIZE);
}

static void test_same_bytes(void)
{
    enum { F = 5, CUT = 2 };
    km_dim n = FRAME, nb = HEADS * WINDOWS * Q_SIZE * K_SIZE, all = 5 * F * n + nb;
    float *x[7], *out[4];
    for (uint32_t i = 0; i < 7; i++) x[i] = random_floats(i == 4 ? nb : i == 6 ? A_SIZE : F * n, i + 1);
    for (int a = 0; a < A_SIZE; a++) x[6][a] = a != 3;
    for (int i = 0; i < 4; i++) out[i] = km_calloc((size_t)all, sizeof(float));
    run_frames(&attention_threads[0], out[0], x, 0, F);
    run_frames(&attention_threads[1], out[1], x, 0, F);
    ok(!memcmp(out[0], out[1], (size_t)all * sizeof(float)), "1 thread and 2 threads give the same bytes");
    run_frames(&attention_threads[1], out[2], x, 0, CUT);
    run_frames(&attention_threads[1], out[3], x, CUT, F - CUT);
    bool same = true;
    for (km_dim part = 0; part < 5; part++) {
        const float *whole = out[0] + part * F * n;
        same = same && !memcmp(whole, out[2] + part * CUT * n, (size_t)(CUT * n) * sizeof(float)) &&
               !memcmp(whole + CUT * n, out[3] + part * (F - CUT) * n, (size_t)((F - CUT) * n) * sizeof(float));
    }
    ok(same, "frames cut in two give the same bytes");
    for (int i = 0; i < 7; i++) free(x[i]);
    for (int i = 0; i < 4; i++) free(out[i]);
}

int main(void)
{
    test_window(1, 1, 1, 1, 32, 128, true, 0, 0);
    test_window(2, 7, 1, 3, 2, 4, true, 1, 3);
    test_window(2, 7, 3, 3, 4, 6, false, 0, 0);
    test_window(2, 9, 1, 3, 2, 4, true, 0, 6); /* the first two windows have no key left */
    test_window(1, 31, 3, 3, 32, 128, true, 5, 9);
    test_window(2, 32, 1, 24, 32, 128, false, 0, 0);
    test_window(2, 33, 3, 16, 32, 128, true, 32, 33);
    test_window(2, 70, 3, 24, 32, 128, true, 60, 70);
    test_window(1, 205, 1, 16, 32, 128, true, 0, 100);
    test_window(2, 100, 1, 16, 40, 64, true, 0, 3);
    test_window(2, 100, 1, 16, 48, 64, true, 0, 3);
    test_same_bytes();
    return tap_end();
}
