/* SPDX-License-Identifier: MIT
 * The diffusion module: conditioning, one evaluation, sampling. */
#include <string.h>

#include "lib/sample/window.h"
#include "tests/oracle/oracle.h"

bool oracle_network_init(oracle_case *o, oracle_network *n)
{
    *n = (oracle_network){0};
    if (km_config_parse_hyper(o->config_text, &n->config, &o->err) < 0) {
        oracle_fail(o, o->err.msg);
        return false;
    }
    n->params = km_params_from_prefix(o->file, "param/");
    n->diffusion = km_diffusion_new(&n->config, n->params);
    n->features = oracle_features(o);
    n->trunk = (km_trunk_out){oracle_tensor(o, "in/s_inputs"), oracle_tensor(o, "in/s"), oracle_tensor(o, "in/z")};
    return true;
}

void oracle_network_clear(oracle_network *n)
{
    km_diffusion_free(n->diffusion);
    km_params_free(n->params);
}

/* Every parameter is there and has its place. */
static bool complete(oracle_case *o, oracle_network *n)
{
    static const char *const all[] = {"", NULL};
    if (km_params_check(n->params, all, &o->err) == KM_OK) return true;
    oracle_fail(o, o->err.msg);
    return false;
}

/* Layers of [H, M] -> [M, depth H], as files have biases */
static void compare_bias(oracle_case *o, const char *name, km_tensor *const *bias, int depth)
{
    km_dim H = km_size(bias[0], 0), M = km_numel(bias[0]) / H;
    float *y = km_arena_get(o->cx->arena, (size_t)(M * depth * H) * sizeof *y);
    for (int l = 0; l < depth; l++) {
        const float *b = km_read(o->cx, bias[l]);
        for (km_dim h = 0; h < H; h++)
            for (km_dim i = 0; i < M; i++) y[i * depth * H + l * H + h] = b[h * M + i];
    }
    oracle_compare(o, name, y, M * depth * H);
}

void oracle_conditioning(oracle_case *o)
{
    oracle_network n;
    if (!oracle_network_init(o, &n)) return;
    km_params_pack(n.params, o->cx->be);
    km_conditioning *k = km_diffusion_condition(o->cx, n.diffusion, n.features, &n.trunk);
    oracle_compare_tensor(o, "out/rel_pos", k->rel_pos, NULL, 0);
    oracle_compare_tensor(o, "out/q", k->q, NULL, 0);
    oracle_compare_tensor(o, "out/c", k->c, NULL, 0);
    compare_bias(o, "out/atom_enc_bias", k->enc_bias, n.config.atom_encoder_depth);
    compare_bias(o, "out/atom_dec_bias", k->dec_bias, n.config.atom_decoder_depth);
    compare_bias(o, "out/token_trans_bias", k->token_bias, n.config.token_depth);
    oracle_network_clear(&n);
}

/* Each frame as a level of its own. */
void oracle_denoise(oracle_case *o)
{
    oracle_network n;
    if (!oracle_network_init(o, &n)) return;
    if (complete(o, &n)) {
        km_dim T = oracle_size(o, "in/x_noisy", 0), A = n.features->A;
        int32_t *level = km_arena_get(o->cx->arena, (size_t)T * sizeof *level);
        for (km_dim t = 0; t < T; t++) level[t] = (int32_t)t;
        const float *sigma = oracle_floats(o, "in/sigma");
        km_params_pack(n.params, o->cx->be);
        km_conditioning *k = km_diffusion_condition(o->cx, n.diffusion, n.features, &n.trunk);
        km_levels *levels = km_diffusion_levels(o->cx, n.diffusion, k, sigma, T);
        km_tensor *x = KM_RESHAPE(o->cx, oracle_tensor(o, "in/x_noisy"), 1, T, A, 3);
        km_tensor *y =
            km_diffusion_denoise(o->cx, n.diffusion, k, levels, x, level, sigma, oracle_floats(o, "in/timestamps"));
        oracle_compare_tensor(o, "out/x_denoised", y, NULL, 0);
    }
    oracle_network_clear(&n);
}

/* -- sampling: the window has the condition frames first, or at both ends */

typedef struct draws {
    const float *noise; /* [steps, F, A, 3] */
    km_dim first, F, A;
} draws;

static void given_draw(void *arg, int step, km_dim b, km_dim t, float *draw)
{
    const draws *d = arg;
    (void)b;
    memcpy(draw, d->noise + ((km_dim)step * d->F + t - d->first) * d->A * 3, (size_t)d->A * 3 * sizeof(float));
}

static km_schedule *schedule_of(oracle_case *o, const km_config *c, km_sampler sampler)
{
    double unit = sampler == KM_SAMPLER_AF3 ? c->sigma_data : 1; /* cases of af3 give sigmas in units of sigma_data */
    km_sampling s = {.sigma_min = oracle_number(o, "sigma_min", 0) * unit,
                     .sigma_max = oracle_number(o, "sigma_max", 0) * unit,
                     .rho = oracle_number(o, "rho", 7),
                     .gamma_0 = oracle_number(o, "gamma_0", 0),
                     .gamma_min = oracle_number(o, "gamma_min", 0)};
    s.churn_sigma_min = s.sigma_min;
    s.churn_sigma_max = s.sigma_max;
    return km_schedule_new(&s, sampler, (int)oracle_number(o, "n_steps", 1), oracle_number(o, "noise_scale", 1),
                           oracle_number(o, "step_scale", 1));
}

static void compare_sigmas(oracle_case *o, const km_schedule *s)
{
    float *y = km_arena_get(o->cx->arena, (size_t)(s->n_steps + 1) * sizeof *y);
    for (int i = 0; i <= s->n_steps; i++) y[i] = (float)s->sigmas[i];
    oracle_compare(o, "out/sigmas", y, s->n_steps + 1);
}

/* Frames of the window: conditions [C] and targets [F] in their places. */
static km_windows window_of(oracle_case *o, km_dim C, km_dim F, km_dim before, km_dim A)
{
    km_arena *arena = o->cx->arena;
    km_dim T = C + F, n = A * 3;
    float *x = km_arena_get(arena, (size_t)(T * n) * sizeof *x),
          *times = km_arena_get(arena, (size_t)T * sizeof *times);
    bool *clean = km_arena_get(arena, (size_t)T * sizeof *clean);
    const float *x_cond = oracle_floats(o, "in/x_cond"), *t_cond = oracle_floats(o, "in/t_cond");
    const float *x_init = oracle_floats(o, "in/x_init"), *t_target = oracle_floats(o, "in/t_target");
    for (km_dim t = 0; t < T; t++) {
        clean[t] = t < before || t >= before + F;
        km_dim at = !clean[t] ? t - before : t < before ? t : t - F;
        memcpy(x + t * n, (clean[t] ? x_cond : x_init) + at * n, (size_t)n * sizeof *x);
        times[t] = (clean[t] ? t_cond : t_target)[at];
    }
    return (km_windows){.B = 1, .T = T, .x = x, .times = times, .clean = clean};
}

static void sample(oracle_case *o, oracle_network *n, km_sampler sampler)
{
    km_dim A = n->features->A, C = oracle_size(o, "in/x_cond", 0), F = oracle_size(o, "in/x_init", 0);
    km_dim before = strcmp(oracle_word(o, "mode"), "interpolate") == 0 ? C - 1 : C;
    draws d = {oracle_floats(o, "in/noise"), before, F, A};
    km_windows w = window_of(o, C, F, before, A);
    w.noise = given_draw;
    w.noise_arg = &d;
    km_model m = {.config = n->config, .params = n->params, .diffusion = n->diffusion};
    km_schedule *s = schedule_of(o, &n->config, sampler);
    compare_sigmas(o, s);
    km_conditioning *k = km_diffusion_condition(o->cx, n->diffusion, n->features, &n->trunk);
    if (km_windows_run(o->cx, &m, k, s, &w, &o->err) < 0)
        oracle_fail(o, o->err.msg);
    else
        oracle_compare(o, "out/x", w.x + before * A * 3, F * A * 3);
    km_schedule_free(s);
}

void oracle_sampler(oracle_case *o)
{
    oracle_network n;
    km_sampler sampler;
    if (!oracle_network_init(o, &n)) return;
    if (km_sampler_parse(oracle_word(o, "sampler"), &sampler, &o->err) < 0) {
        oracle_fail(o, o->err.msg);
    } else if (complete(o, &n)) {
        km_params_pack(n.params, o->cx->be);
        sample(o, &n, sampler);
    }
    oracle_network_clear(&n);
}
