/* SPDX-License-Identifier: MIT
 * atom_pairs. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

enum { INPUTS = 6 }; /* w_pos w_dist w_mask zp u v */
static const char *const names[INPUTS] = {"w_pos", "w_dist", "w_mask", "zp", "u", "v"};

typedef struct pairs_case {
    km_dim A, N, Q, K, C;
    bool with_zp;
    double *in[INPUTS], *dy, *ref_pos, *mask;
    opt_want y, grad[INPUTS];
    float *ref_pos_f, *mask_f;
    int32_t *uid, *token;
} pairs_case;

static double pairs_scalar(void *arg)
{
    pairs_case *c = arg;
    double sum = 0;
    km_ref_atom_pairs_fwd(&one, c->y.x, c->in[0], c->in[1], c->in[2], c->ref_pos, c->uid, c->mask,
                          c->with_zp ? c->in[3] : NULL, c->token, c->in[4], c->in[5], c->A, c->N, c->Q, c->K, c->C);
    for (km_dim i = 0; i < c->y.n; i++) sum += c->dy[i] * c->y.x[i];
    return sum;
}

static void pairs_reference(void *arg)
{
    pairs_case *c = arg;
    pairs_scalar(c);
    km_ref_atom_pairs_bwd(&one, c->grad[0].x, c->grad[1].x, c->grad[2].x, c->with_zp ? c->grad[3].x : NULL,
                          c->grad[4].x, c->grad[5].x, c->dy, c->ref_pos, c->uid, c->mask, c->token, c->A, c->N, c->Q,
                          c->K, c->C);
}

static km_tensor *pairs_run(km_ctx *cx, pairs_case *c, km_tensor *in[INPUTS])
{
    km_dim C = c->C;
    in[0] = OPT_PARAM(cx, c->in[0], C, 3), in[1] = OPT_PARAM(cx, c->in[1], C, 1), in[2] = OPT_PARAM(cx, c->in[2], C, 1);
    in[3] = c->with_zp ? OPT_LEAF(cx, c->in[3], c->N, c->N, C) : NULL;
    in[4] = OPT_LEAF(cx, c->in[4], c->A, C), in[5] = OPT_LEAF(cx, c->in[5], c->A, C);
    km_tensor *y = km_atom_pairs(cx, in[0], in[1], in[2], c->ref_pos_f, c->uid, c->mask_f, in[3], c->token, in[4],
                                 in[5], c->Q, c->K);
    opt_backward(cx, y, c->dy);
    return y;
}

static void pairs_on_backend(km_ctx *cx, void *arg)
{
    pairs_case *c = arg;
    km_tensor *in[INPUTS], *y = pairs_run(cx, c, in);
    opt_close_tensor(cx, "atom_pairs forward", y, &c->y, 2e-6);
    for (int i = 0; i < INPUTS; i++)
        if (in[i]) opt_close_grad(cx, names[i], in[i], &c->grad[i], 2e-5);
}

/* Atoms and tokens as a molecule has them: conformers of 5 atoms, tokens of 3, the last atoms padded. */
static pairs_case pairs_new(km_dim A, km_dim Q, km_dim K, km_dim C, bool with_zp)
{
    km_dim N = (A + 2) / 3, sizes[INPUTS] = {C * 3, C, C, N * N * C, A * C, A * C};
    km_dim n = (A + Q - 1) / Q * Q * K * C;
    pairs_case c = {.A = A, .N = N, .Q = Q, .K = K, .C = C, .with_zp = with_zp, .y = opt_want_new(n)};
    for (int i = 0; i < INPUTS; i++) {
        c.in[i] = opt_random(sizes[i], (uint32_t)i + 1);
        c.grad[i] = opt_want_new(sizes[i]);
    }
    c.dy = opt_random(n, 7), c.ref_pos = opt_random(A * 3, 9), c.mask = opt_random(A, 10);
    c.ref_pos_f = KM_NEWN(float, (size_t)A * 3), c.mask_f = KM_NEWN(float, (size_t)A);
    c.uid = KM_NEWN(int32_t, (size_t)A), c.token = KM_NEWN(int32_t, (size_t)A);
    for (km_dim a = 0; a < A; a++) {
        bool padded = a >= A - A / 6;
        c.mask[a] = c.mask_f[a] = padded || a == 3 ? 0 : 1;
        c.uid[a] = (int32_t)(a / 5), c.token[a] = padded ? -1 : (int32_t)(a / 3);
    }
    for (km_dim i = 0; i < A * 3; i++) c.ref_pos_f[i] = (float)c.ref_pos[i];
    return c;
}

static void pairs_free(pairs_case *c)
{
    for (int i = 0; i < INPUTS; i++) free(c->in[i]), opt_want_free(&c->grad[i]);
    opt_want_free(&c->y);
    free(c->dy), free(c->ref_pos), free(c->mask), free(c->ref_pos_f), free(c->mask_f), free(c->uid);
    free(c->token);
}

static void test_atom_pairs(km_dim A, km_dim Q, km_dim K, km_dim C, bool with_zp)
{
    pairs_case c = pairs_new(A, Q, K, C, with_zp);
    opt_want *wants[INPUTS + 1] = {&c.y};
    for (int i = 0; i < INPUTS; i++) wants[i + 1] = &c.grad[i];
    opt_reference(pairs_reference, &c, wants, INPUTS + 1);
    for (int i = 0; i < INPUTS; i++)
        opt_differences(names[i], pairs_scalar, &c, c.in[i], c.grad[i].n, c.grad[i].x);
    pairs_scalar(&c);
    opt_backends(pairs_on_backend, &c);
    pairs_free(&c);
}

static void test_threads(void)
{
    pairs_case c = pairs_new(101, 32, 128, 7, true);
    km_ctx *cx[2];
    km_tensor *in[2][INPUTS], *y[2];
    for (int t = 0; t < 2; t++) {
        cx[t] = km_ctx_new(t + 1);
        cx[t]->tape = km_tape_new();
        y[t] = pairs_run(cx[t], &c, in[t]);
    }
    ok(!memcmp(y[0]->data, y[1]->data, (size_t)c.y.n * sizeof(float)), "one and two threads: same forward");
    for (int i = 0; i < INPUTS; i++)
        ok(!memcmp(km_grad(cx[0], in[0][i]), km_grad(cx[1], in[1][i]), (size_t)c.grad[i].n * sizeof(float)),
           "one and two threads: same d%s", names[i]);
    for (int t = 0; t < 2; t++) km_tape_free(cx[t]->tape), km_ctx_free(cx[t]);
    pairs_free(&c);
}

/* By hand: Q = 2, K = 4, one atom, padded: its window has u + v at (0, 1), v at (1, 1), u at (0, others), 0 elsewhere.
 */
static void test_padded(void)
{
    float zero[3] = {0}, u[1] = {2}, v[1] = {3}, w[3] = {5, 5, 5}, zp[1] = {7}, mask[1] = {0};
    int32_t uid[1] = {0}, token[1] = {-1};
    km_ctx *cx = km_ctx_new(1);
    km_tensor *wp = KM_TENSOR_OF(cx, w, 1, 3), *wd = KM_TENSOR_OF(cx, w, 1, 1);
    km_tensor *y = km_atom_pairs(cx, wp, wd, wd, zero, uid, mask, KM_TENSOR_OF(cx, zp, 1, 1, 1), token,
                                 KM_TENSOR_OF(cx, u, 1, 1), KM_TENSOR_OF(cx, v, 1, 1), 2, 4);
    const float want[8] = {2, 5, 2, 2, 0, 3, 0, 0};
    ok(!memcmp(y->data, want, sizeof want), "a padded atom has its u and v terms, and neither s nor zp");
    km_ctx_free(cx);
}

int main(void)
{
    test_atom_pairs(1, 2, 4, 1, true);
    test_atom_pairs(13, 4, 8, 5, true);
    test_atom_pairs(13, 4, 8, 5, false);
    test_atom_pairs(12, 4, 8, 17, true);
    test_threads();
    test_padded();
    return tap_end();
}
