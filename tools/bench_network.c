/* SPDX-License-Identifier: MIT
 * The denoiser with made-up weights at the published model's dimensions. How much arithmetic a run is, a dry one tells.
 */
#include <stdlib.h>

#include "lib/base/limits.h"
#include "lib/model/diffusion/diffusion.h"
#include "lib/tensor/replay.h"
#include "tools/bench_made_up.h"

static const float sigma[2] = {0, 5}; /* of a clean frame and of others */

/* An evaluation of one window whose first frame is clean, or of one frame behind a past; with a tape, and its levels,
 * also back. */
typedef struct denoiser {
    km_diffusion *d;
    const km_conditioning *k;
    km_ctx *cx;
    const km_levels *levels; /* of sigma */
    km_nn_past *opt_past;
    km_tensor *x, *y; /* y: good with a tape */
    int32_t *level;
    float *times;
} denoiser;

static void evaluate(km_ctx *cx, void *arg)
{
    denoiser *n = arg;
    const km_levels *levels = cx->tape ? km_diffusion_levels(cx, n->d, n->k, sigma, 2) : n->levels;
    n->y = n->opt_past
               ? km_diffusion_denoise_next(cx, n->d, n->k, levels, n->x, n->level, sigma, n->times, &n->opt_past)
               : km_diffusion_denoise(cx, n->d, n->k, levels, n->x, n->level, sigma, n->times);
}

static void denoise(void *arg)
{
    denoiser *n = arg;
    km_mark mark = km_scope_begin(n->cx);
    km_replay(n->cx, evaluate, n);
    if (n->cx->tape) {
        float *ones = km_arena_get(n->cx->arena, (size_t)n->x->shape[1] * sizeof *ones), *of = km_read(n->cx, n->x);
        float *atoms = km_arena_get(n->cx->arena, (size_t)n->x->shape[2] * sizeof *atoms);
        for (km_dim t = 0; t < n->x->shape[1]; t++) ones[t] = 1;
        for (km_dim a = 0; a < n->x->shape[2]; a++) atoms[a] = 1;
        km_tensor *y = KM_RESHAPE(n->cx, n->y, n->x->shape[1], n->x->shape[2], 3);
        km_backprop(n->cx, km_loss_struct(n->cx, y, of, ones, atoms), 1);
        km_tape_clear(n->cx->tape);
    }
    km_bench_settle(n->cx, n->x); /* which waits for the end of all */
    km_arena_rewind(n->cx->arena, mark);
}

static denoiser prepare(km_ctx *cx, km_diffusion *d, const km_features *f, const km_config *c, km_dim T)
{
    km_trunk_out t = {MADE_UP(cx, f->N, c->inputs_s), MADE_UP(cx, f->N, c->token_s),
                      MADE_UP(cx, f->N, f->N, c->token_z)};
    denoiser n = {.d = d, .k = km_diffusion_condition(cx, d, f, &t), .cx = cx, .x = COORDINATES(cx, 1, T, f->A, 3)};
    n.levels = km_diffusion_levels(cx, d, n.k, sigma, 2);
    n.level = km_arena_zero(cx->arena, (size_t)T * sizeof *n.level),
    n.times = km_arena_zero(cx->arena, (size_t)T * sizeof *n.times);
    for (km_dim i = 1; i < T; i++) n.level[i] = 1, n.times[i] = (float)i;
    return n;
}

/* The most memory of a run, gradients and what is on the tape included. */
static double bytes_of_run(void (*run)(void *), km_diffusion *d, const km_features *f, const km_config *c,
                           const km_params *p, km_dim T, bool backward)
{
    km_ctx *dry = km_ctx_dry(NULL);
    denoiser n = prepare(dry, d, f, c, T);
    if (backward) {
        dry->param_grad = km_zeros(dry, km_params_size(p));
        dry->tape = km_tape_new();
    }
    run(&n);
    double bytes = (double)km_ctx_peak(dry);
    km_tape_free(dry->tape);
    km_ctx_free(dry);
    return bytes;
}

static void time_denoiser(const km_bench_sizes *s, void (*run)(void *), bool backward, km_diffusion *d,
                          const km_features *f, const km_config *c, km_params *p, km_timing *ret)
{
    km_ctx *dry = km_ctx_dry(NULL), *cx = km_ctx_new_on(s->be, s->threads);
    denoiser n = prepare(dry, d, f, c, s->frames);
    dry->ex.opt_flop = &ret->flop;
    run(&n);
    if (!backward) km_params_pack(p, cx->be);
    n = prepare(cx, d, f, c, s->frames);
    if (backward) {
        km_params_to(p, s->be);
        cx->param_grad = km_zeros(cx, km_params_size(p));
        cx->tape = km_tape_new();
        ret->flop *= 3; /* a product's backward is two of them */
    }
    km_bench_best(km_bench_times(s->be), run, &n, ret);
    km_tape_free(cx->tape);
    km_ctx_free(cx), km_ctx_free(dry);
}

static km_status run_denoiser(const km_bench_sizes *s, void (*run)(void *), bool backward, km_timing *ret, km_err *err)
{
    km_sampling unused;
    km_config c = km_bench_config(s->family, s->blocks, &unused);
    km_bench_molecule m = km_bench_molecule_new(s);
    km_params *p = km_params_make(1, c.lambda_lo, c.lambda_hi);
    km_diffusion *d = km_diffusion_new(&c, p);
    km_status status = KM_OK;
    if (backward) km_params_train(p, "*");
    ret->bytes = bytes_of_run(run, d, &m.f, &c, p, s->frames, backward);
    if (!s->be->device && ret->bytes > (double)km_memory_allowed(0))
        status = km_fail(err, KM_SYSTEM,
                         "a run needs %.1f GB of memory beside the weights and %.1f GB may be taken: "
                         "--frames, --tokens or --blocks make it smaller",
                         ret->bytes * 1e-9, (double)km_memory_allowed(0) * 1e-9);
    else time_denoiser(s, run, backward, d, &m.f, &c, p, ret);
    km_diffusion_free(d);
    km_params_free(p);
    km_bench_molecule_free(&m);
    return status;
}

km_status km_bench_denoise(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    return run_denoiser(s, denoise, false, ret, err);
}

km_status km_bench_train_step(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    return run_denoiser(s, denoise, true, ret, err);
}

/* What the network makes of the noise levels of a schedule */
static void make_levels(void *arg)
{
    enum { STEPS = 20 };
    denoiser *n = arg;
    float schedule[1 + STEPS] = {0};
    km_mark mark = km_scope_begin(n->cx);
    for (int i = 1; i <= STEPS; i++) schedule[i] = (float)i;
    km_diffusion_levels(n->cx, n->d, n->k, schedule, 1 + STEPS);
    km_arena_rewind(n->cx->arena, mark);
}

km_status km_bench_levels(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    return run_denoiser(s, make_levels, false, ret, err);
}

/* The last of so many frames, by keys and values of the others. */
static void set_past(denoiser *n, km_nn_past *past)
{
    for (km_dim t = 0; t < past->T; t++) past->times[t] = (float)t;
    n->opt_past = past, n->level[0] = 1, n->times[0] = (float)past->T;
}

km_status km_bench_next_frame(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    km_sampling unused;
    km_config c = km_bench_config(s->family, s->blocks, &unused);
    km_bench_molecule m = km_bench_molecule_new(s);
    km_params *p = km_params_make(1, c.lambda_lo, c.lambda_hi);
    km_diffusion *d = km_diffusion_new(&c, p);
    km_diffusion_set_temporal(d, c.beta, true);
    km_nn_past *past = km_diffusion_past(km_backend_cpu(NULL), d, &m.f, s->frames);
    past->T = s->frames - 1;
    km_ctx *dry = km_ctx_dry(NULL), *cx = km_ctx_new(s->threads);
    denoiser n = prepare(dry, d, &m.f, &c, 1);
    set_past(&n, past);
    dry->ex.opt_flop = &ret->flop;
    denoise(&n);
    km_params_pack(p, cx->be);
    n = prepare(cx, d, &m.f, &c, 1);
    set_past(&n, past);
    km_bench_best(km_bench_times(cx->be), denoise, &n, ret);
    (void)err;
    km_ctx_free(cx), km_ctx_free(dry);
    km_nn_past_free(past);
    km_diffusion_free(d);
    km_params_free(p);
    km_bench_molecule_free(&m);
    return KM_OK;
}
