/* SPDX-License-Identifier: MIT
 * BioKinema's sampler, window after window and then between them, with every draw given. */
#include <string.h>

#include "lib/base/superpose.h"
#include "lib/sample/window.h"
#include "tests/oracle/biokinema.h"

typedef struct run {
    oracle_case *o;
    km_model m;
    km_conditioning *k;
    km_schedule *s;
    const float *mask, *noise; /* [A]; what is left of the draws */
    km_dim A;
    /* of the window at hand */
    km_dim T, made;  /* frames; new ones */
    int32_t number[64]; /* [T] among the new ones, or behind them among those that are given */
} run;

/* By evaluation and frame, the start before them. A frame on its way says where it stands in its own schedule, one that
 * is given or done the evaluation. */
static void draw_stair(void *arg, int step, km_dim b, km_dim t, float *to)
{
    const run *r = arg;
    int n = r->s->n_steps, call = step < 0 ? -1 : step >= n ? step - n : step + r->s->stage * r->number[t];
    (void)b;
    memcpy(to, r->noise + ((1 + call) * r->T + t) * r->A * 3, (size_t)r->A * 3 * sizeof *to);
}

static void turn(void *arg, int step, km_dim b, km_dim t, double rot[9], double shift[3])
{
    const run *r = arg;
    const float *turns = oracle_floats(r->o, "in/turns"), *shifts = oracle_floats(r->o, "in/shifts");
    (void)b, (void)t;
    for (int i = 0; i < 9; i++) rot[i] = turns[step * 9 + i];
    for (int i = 0; i < 3; i++) shift[i] = shifts[step * 3 + i];
}

/* A block of new frames first, then in each step one of these and one of given frames. */
static void draw(void *arg, int step, km_dim b, km_dim t, float *to)
{
    const run *r = arg;
    (void)b;
    km_dim before = step < 0 ? 0 : r->made + step * r->T;
    memcpy(to, r->noise + (before + r->number[t]) * r->A * 3, (size_t)r->A * 3 * sizeof *to);
}

static bool sample(run *r, float *x, const bool *clean, km_dim T, double interval)
{
    float times[64];
    r->T = T, r->made = 0;
    KM_ASSERT(T <= 64);
    for (km_dim t = 0; t < T; t++)
        if (!clean[t]) r->number[t] = (int32_t)r->made++;
    for (km_dim t = 0, given = r->made; t < T; t++)
        if (clean[t]) r->number[t] = (int32_t)given++;
    for (km_dim t = 0; t < T; t++) times[t] = (float)((double)t * interval);
    km_windows w = {.B = 1, .T = T, .x = x, .times = times, .clean = clean, .noise = r->s->stage ? draw_stair : draw,
                    .noise_arg = r, .opt_turn = turn};
    if (km_windows_sample(r->o->cx, &r->m, r->k, r->s, &w, &r->o->err) < 0) {
        oracle_fail(r->o, r->o->err.msg);
        return false;
    }
    r->noise += (r->made + r->s->n_steps * T) * r->A * 3;
    return true;
}

/* x_0 about the mean of the atoms that are there, turned; the others at the origin. */
static void place_first(const run *r, float *x)
{
    const float *x0 = oracle_floats(r->o, "in/x0"), *turn = oracle_floats(r->o, "in/rotation");
    const double zero[3] = {0};
    double rot[9], unused[9], mean[3], to[3];
    for (int i = 0; i < 9; i++) rot[i] = turn[i];
    km_superpose(x0, x0, r->mask, (int)r->A, unused, mean, to);
    km_superpose_apply(x0, (int)r->A, rot, mean, zero, x);
    for (km_dim i = 0; i < r->A * 3; i++) x[i] *= r->mask[i / 3];
}

/* frames [count, A, 3] from the first of them on */
static bool go_on(run *r, float *frames, km_dim count, double interval)
{
    const km_dim frame = r->A * 3, H = (km_dim)oracle_number(r->o, "w_h", 1), G = (km_dim)oracle_number(r->o, "w_g", 1);
    for (km_dim done = 1; done < count;) {
        km_dim h = done < H ? done : H, n = count - done < G ? count - done : G;
        float *x = km_arena_get(r->o->cx->arena, (size_t)((h + n) * frame) * sizeof *x);
        bool clean[64] = {false};
        memcpy(x, frames + (done - h) * frame, (size_t)(h * frame) * sizeof *x);
        for (km_dim t = 0; t < h; t++) {
            double rot[9], from[3], to[3];
            clean[t] = true;
            if (t == 0) continue;
            km_superpose(x + t * frame, x, r->mask, (int)r->A, rot, from, to);
            km_superpose_apply(x + t * frame, (int)r->A, rot, from, to, x + t * frame);
        }
        if (!sample(r, x, clean, h + n, interval)) return false;
        memcpy(frames + done * frame, x + h * frame, (size_t)(n * frame) * sizeof *x);
        done += n;
    }
    return true;
}

/* coarse [count, A, 3] with fine - 1 frames between neighbours -> out */
static bool fill_in(run *r, const float *coarse, km_dim count, km_dim fine, double interval, float *out)
{
    const size_t frame = (size_t)r->A * 3;
    for (km_dim i = 0; i < count; i++) memcpy(out + (size_t)(i * fine) * frame, coarse + (size_t)i * frame, frame * 4);
    for (km_dim i = 0; fine > 1 && i < count - 1; i++) {
        bool clean[64] = {false};
        clean[0] = clean[fine] = true;
        if (!sample(r, out + (size_t)(i * fine) * frame, clean, fine + 1, interval / (double)fine)) return false;
    }
    return true;
}

/* Structures without a first one, 1 ns apart to the model */
static void check_conformations(run *r, km_dim count)
{
    const bool clean[64] = {false};
    float *x = km_arena_zero(r->o->cx->arena, (size_t)(count * r->A * 3) * sizeof *x);
    if (sample(r, x, clean, count, 1)) oracle_compare(r->o, "out/x", x, count * r->A * 3);
}

static void check(run *r)
{
    const oracle_case *o = r->o;
    const km_dim count = (km_dim)oracle_number(o, "coarse_frames", 1), fine = (km_dim)oracle_number(o, "fine", 1);
    const double interval = oracle_number(o, "coarse_interval", 1);
    km_dim all = 1 + (count - 1) * fine;
    float *coarse = km_arena_zero(o->cx->arena, (size_t)(count * r->A * 3) * sizeof *coarse);
    float *out = km_arena_zero(o->cx->arena, (size_t)(all * r->A * 3) * sizeof *out);
    place_first(r, coarse);
    if (!go_on(r, coarse, count, interval) || !fill_in(r, coarse, count, fine, interval, out)) return;
    oracle_compare(r->o, "out/x", out, all * r->A * 3);
}

static km_schedule *schedule_of(const oracle_case *o, double sigma_data)
{
    km_sampling s = {.sigma_max = 160 * sigma_data, .sigma_min = 4e-4 * sigma_data, .rho = 7};
    s.stage = (int)oracle_number(o, "stage", 0);
    double noise = oracle_number(o, "history_noise", 0), told = oracle_number(o, "history_t", 0);
    s.gamma_0 = oracle_number(o, "gamma0", 0), s.gamma_min = oracle_number(o, "gamma_min", 0);
    s.given_noise = noise > 0 ? noise : 4e-4;
    s.given_sigma = told > 0 ? told : s.given_noise;
    return km_schedule_new(&s, KM_SAMPLER_BIOKINEMA, (int)oracle_number(o, "n_step", 1),
                           oracle_number(o, "noise_scale", 1), oracle_number(o, "step_scale", 1));
}

void oracle_biokinema_sample(oracle_case *o)
{
    oracle_own w;
    if (oracle_own_init(o, "diffusion_module.", &w)) {
        run r = {.o = o, .mask = oracle_floats(o, "in/coordinate_mask"), .noise = oracle_floats(o, "in/noise")};
        km_features *f = oracle_own_features(o);
        km_trunk_out t = {oracle_tensor(o, "in/s_inputs"), oracle_tensor(o, "in/s"), oracle_tensor(o, "in/z")};
        r.A = f->A, r.m.config = w.config;
        r.m.diffusion = km_diffusion_new(&w.config, w.params);
        if (oracle_own_complete(o, &w)) {
            km_params_pack(w.params, o->cx->be);
            r.k = km_diffusion_condition(o->cx, r.m.diffusion, f, &t);
            r.s = schedule_of(o, w.config.sigma_data);
            km_dim conformations = (km_dim)oracle_number(o, "conformations", 0);
            if (conformations) check_conformations(&r, conformations);
            else check(&r);
            km_schedule_free(r.s);
        }
        km_diffusion_free(r.m.diffusion);
    }
    oracle_own_clear(&w);
}
