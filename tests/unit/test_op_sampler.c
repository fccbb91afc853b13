/* SPDX-License-Identifier: MIT
 * add_noise, sampler_move, hold_hands, turn, superpose: forward, as nothing is differentiated through them. */
#include <stdlib.h>

#include "lib/base/mem.h"
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

/* Rotations by 0.6 / 0.8 about an axis each, whose entries float32 rounds, and shifts. */
static const float motion[12 * F] = {0.6f, -0.8f, 0, 0.8f, 0.6f, 0, 0,    0, 1, 1, 2,     3, 0,    0,     0, 0,
                                     0,    0,     0, 0,    0,    0, 0,    0, 1, 0, 0,     0, 0.6f, -0.8f, 0, 0.8f,
                                     0.6f, 0,     0, -7,   0.6f, 0, 0.8f, 0, 1, 0, -0.8f, 0, 0.6f, 0.5f,  0, 0};

static void turn_fwd(const op_case *c, double *y, double *const x[])
{
    double m[12 * F];
    for (int i = 0; i < 12 * F; i++) m[i] = motion[i];
    km_ref_turn_fwd(&one, y, x[0], m, held, F, c->s[0]);
}

static km_tensor *turn(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    (void)c;
    return km_turn_frames(cx, x[0], motion, held);
}

/* Every third atom but the first does not count. */
static double weight_of(km_dim a) { return a % 3 == 0 && a > 0 ? 0 : 1 + (double)(a % 2); }

static void superpose_fwd(const op_case *c, double *y, double *const x[])
{
    double *weight = KM_NEWN(double, (size_t)c->s[0]);
    for (km_dim a = 0; a < c->s[0]; a++) weight[a] = weight_of(a);
    km_ref_superpose_fwd(&one, y, x[0], x[1], weight, held, F, c->s[0]);
    free(weight);
}

static km_tensor *superpose(km_ctx *cx, const op_case *c, km_tensor *const x[])
{
    float *weight = km_arena_get(cx->arena, (size_t)c->s[0] * sizeof *weight);
    for (km_dim a = 0; a < c->s[0]; a++) weight[a] = (float)weight_of(a);
    return km_superpose_frames(cx, x[0], x[1], weight, held);
}

static void run(const char *name, int inputs, km_dim A, km_dim S,
                void (*fwd)(const op_case *, double *, double *const[]),
                km_tensor *(*op)(km_ctx *, const op_case *, km_tensor *const[]))
{
    op_case c = {.name = name,
                 .inputs = inputs,
                 .params = 7,
                 .results = F * A * 3,
                 .s = {A, S},
                 .rtol = 1e-6,
                 .fwd = fwd,
                 .op = op};
    for (int i = 0; i < inputs; i++) c.in[i].nd = 3, c.in[i].shape[0] = F, c.in[i].shape[1] = A, c.in[i].shape[2] = 3;
    opc_run(&c);
}

int main(void)
{
    for (km_dim A = 7; A < 300; A = 7 * A - 2) {
        run("add_noise", 1, A, 0, noise_fwd, noise);
        run("sampler_move", 3, A, 0, move_fwd, move);
        run("hold_hands", 1, A, 3, hold_fwd, hold);
        run("turn", 1, A, 0, turn_fwd, turn);
        run("superpose", 2, A, 0, superpose_fwd, superpose);
    }
    run("add_noise of one atom", 1, 1, 0, noise_fwd, noise);
    run("hold_hands without centres", 1, 5, 0, hold_fwd, hold);
    run("turn of one atom", 1, 1, 0, turn_fwd, turn);
    run("superpose of one atom", 2, 1, 0, superpose_fwd, superpose);
    return tap_end();
}
