/* SPDX-License-Identifier: MIT
 * Boltz-2's sampler on one structure, every draw given. */
#include <stdio.h>
#include <string.h>

#include "lib/sample/window.h"
#include "tests/oracle/oracle.h"

typedef struct draws {
    const float *noise, *rotation, *translation; /* [steps, A, 3], [steps, 3, 3] for rows times it, [steps, 3] */
    km_dim A;
} draws;

static void given_draw(void *arg, int step, km_dim b, km_dim t, float *draw)
{
    const draws *d = arg;
    (void)b, (void)t;
    memcpy(draw, d->noise + step * d->A * 3, (size_t)d->A * 3 * sizeof *draw);
}

static void given_turn(void *arg, int step, km_dim b, km_dim t, double rot[9], double shift[3])
{
    const draws *d = arg;
    (void)b, (void)t;
    for (int i = 0; i < 9; i++) rot[i] = d->rotation[9 * step + 3 * (i % 3) + i / 3];
    for (int i = 0; i < 3; i++) shift[i] = d->translation[3 * step + i];
}

static km_schedule *schedule_of(const oracle_case *o, double sigma_data)
{
    km_sampling s = {.sigma_min = oracle_number(o, "sigma_min", 0) * sigma_data,
                     .sigma_max = oracle_number(o, "sigma_max", 0) * sigma_data,
                     .rho = oracle_number(o, "rho", 7),
                     .gamma_0 = oracle_number(o, "gamma_0", 0),
                     .gamma_min = oracle_number(o, "gamma_min", 0)};
    km_schedule *out = km_schedule_new(&s, KM_SAMPLER_BOLTZ2, (int)oracle_number(o, "n_steps", 1),
                                       oracle_number(o, "noise_scale", 1), oracle_number(o, "step_scale", 1));
    out->aligned = oracle_flag(o, "alignment_reverse_diff");
    return out;
}

/* x [A, 3] after so many steps, to compare with NAME */
static void compare_after(oracle_case *o, const km_model *m, const km_conditioning *k, const km_schedule *s, int steps,
                          const char *name)
{
    static const float times[1];
    static const bool clean[1];
    km_dim A = k->f->A;
    draws d = {oracle_floats(o, "in/noise"), oracle_floats(o, "in/rotation"), oracle_floats(o, "in/translation"), A};
    float *x = oracle_floats(o, "in/init_noise");
    for (km_dim i = 0; i < A * 3; i++) x[i] *= (float)s->sigmas[0];
    km_windows w = {1, 1, x, times, clean, given_draw, &d, .opt_turn = given_turn};
    km_schedule part = *s;
    part.n_steps = steps;
    if (km_windows_run(o->cx, m, k, &part, &w, &o->err) < 0) oracle_fail(o, o->err.msg);
    else oracle_compare(o, name, x, A * 3);
}

static void sample(oracle_case *o, const km_model *m)
{
    km_trunk_out trunk = {oracle_tensor(o, "in/s_inputs"), oracle_tensor(o, "in/s"), oracle_tensor(o, "in/z")};
    km_schedule *s = schedule_of(o, m->config.sigma_data);
    float *sigmas = km_arena_get(o->cx->arena, (size_t)(s->n_steps + 1) * sizeof *sigmas);
    for (int i = 0; i <= s->n_steps; i++) sigmas[i] = (float)s->sigmas[i];
    oracle_compare(o, "out/sigmas", sigmas, s->n_steps + 1);
    km_conditioning *k = km_diffusion_condition(o->cx, m->diffusion, oracle_features(o), &trunk);
    const json_t *step;
    size_t i;
    json_array_foreach(json_object_get(o->config, "output_steps"), i, step)
    {
        char name[32];
        snprintf(name, sizeof name, "out/x_step_%d", (int)json_integer_value(step));
        compare_after(o, m, k, s, (int)json_integer_value(step) + 1, name);
    }
    compare_after(o, m, k, s, s->n_steps, "out/x");
    km_schedule_free(s);
}

void oracle_boltz2_sample(oracle_case *o)
{
    km_model m = {0};
    if (!oracle_config(o, &m.config)) return;
    m.config.temporal = false;
    m.params = km_params_make(1, 1, 1);
    m.diffusion = km_diffusion_new(&m.config, m.params);
    if (oracle_fill_params(o, m.params)) {
        km_params_pack(m.params, o->cx->be);
        sample(o, &m);
    }
    km_diffusion_free(m.diffusion);
    km_params_free(m.params);
}
