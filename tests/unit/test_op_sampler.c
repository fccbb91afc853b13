/* SPDX-License-Identifier: MIT
 * add_noise, sampler_move, hold_hands: forward, as nothing is differentiated through them. */
#include "tests/unit/opcase.h"
#include "tests/unit/tap.h"

enum { F = 4 };
static const km_exec one = {1};
static const float scale[F] = {1.5f, 0, 0.25f, 300};
static const double scale_d[F] = {1.5, 0, 0.25, 300};
static const int32_t keys[4 * F] = {1, 2, 3, 4, 5, 6, 7, 8, -1, -2, 1 << 30, 9, 0, 0, 0, 0};
static const int32_t held[F] = {1, 0, 1, 1};
/* the second centre is a neighbour of the first */
static const int32_t centres[] = {0, 1, 2, 3, 1, 0, 4, 5, 6, 2, 4, 1};

static void noise_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_add_noise_fwd(&one, y, x[0], keys, scale_d, F, c->s[0]);
}

static km_tensor *noise(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    (void)c;
    return km_add_noise(cx, x[0], keys, scale);
}

static void move_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_sampler_move_fwd(&one, y, x[0], x[1], x[2], scale_d, F, 3 * c->s[0]);
}

static km_tensor *move(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    (void)c;
    return km_sampler_move(cx, x[0], x[1], x[2], scale);
}

static void hold_fwd(const op_case *c, double *y, double *const x[])
{
    km_ref_hold_hands_fwd(&one, y, x[0], centres, held, c->s[1], F, c->s[0]);
}

static km_tensor *hold(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    return km_hold_hands(cx, x[0], centres, c->s[1], held);
}

static void run(const char *name, int inputs, km_dim A, km_dim S,
                void (*fwd)(const op_case *, double *, double *const[]),
                km_tensor *(*op)(km_ctx *, const op_case *, km_tensor *const[]))
{
    op_case c = {.name = name, .inputs = inputs, .params = 7, .results = F * A * 3, .s = {A, S}, .rtol = 1e-6,
                 .fwd = fwd, .op = op};
    for (int i = 0; i < inputs; i++) c.in[i].nd = 3, c.in[i].shape[0] = F, c.in[i].shape[1] = A, c.in[i].shape[2] = 3;
    opc_run(&c);
}

int main(void)
{
    for (km_dim A = 7; A < 300; A = 7 * A - 2) {
        run("add_noise", 1, A, 0, noise_fwd, noise);
        run("sampler_move", 3, A, 0, move_fwd, move);
        run("hold_hands", 1, A, 3, hold_fwd, hold);
    }
    run("add_noise of one atom", 1, 1, 0, noise_fwd, noise);
    run("hold_hands without centres", 1, 5, 0, hold_fwd, hold);
    return tap_end();
}
