/* SPDX-License-Identifier: MIT */
#include "lib/train/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/sample/prepare.h"
#include "lib/traj/stats.h"

static size_t frame_size(const km_group *g) { return (size_t)g->system->features->A * 3; }

static float *frame_of(const km_group *g, float *x, int b, int t) { return x + (size_t)(b * g->T + t) * frame_size(g); }

static km_status generate_window(const km_run *r, km_ctx *cx, const km_conditioning *k, const km_schedule *s,
                                 const km_group *g, int b, uint64_t seed, km_err *err)
{
    size_t T = (size_t)g->T;
    int64_t *fs = km_arena_get(cx->arena, T * sizeof *fs);
    bool *clean = km_arena_get(cx->arena, T * sizeof *clean);
    for (int t = 0; t < g->T; t++) {
        fs[t] = llround((double)g->times[b * g->T + t] * 1e6);
        clean[t] = !(g->sigma[b * g->T + t] > 0);
        if (clean[t]) memcpy(frame_of(g, g->noisy, b, t), frame_of(g, g->x, b, t), frame_size(g) * sizeof(float));
    }
    km_keyed_noise noise = {seed, g->system->features->A, g->T, fs, (int32_t[]){(int32_t)(g->number * g->B + b)}};
    km_windows w = {.B = 1, .T = g->T, .x = frame_of(g, g->noisy, b, 0), .times = g->times + b * g->T, .clean = clean,
                    .noise = km_draw_keyed, .noise_arg = &noise, .opt_turn = km_turn_keyed};
    return km_windows_sample(cx, r->model, k, s, &w, err);
}

static km_status generate_group(const km_run *r, const km_stepper *s, const km_schedule *schedule, const km_group *g,
                                uint64_t seed, km_err *err)
{
    km_ctx *cx = km_model_ctx(r->model, 1);
    const km_trunk_result *stored = NULL;
    km_status status = r->opt_trunks ? km_trunk_store_take(r->opt_trunks, g->whole, &stored, err) : KM_OK;
    if (status == KM_OK) {
        km_trunk_out trunk = km_stepper_trunk(s, cx, g, stored);
        km_conditioning *k = km_diffusion_condition(cx, r->model->diffusion, g->system->features, &trunk);
        for (int b = 0; b < g->B && status == KM_OK; b++)
            status = generate_window(r, cx, k, schedule, g, b, seed, err);
    }
    if (stored) km_trunk_store_release(r->opt_trunks, g->whole);
    km_ctx_free(cx);
    return status;
}

km_status km_generate(const km_run *r, const km_stepper *s, km_group *groups, int n, uint64_t seed, km_err *err)
{
    const km_sampling *how = &r->model->sampling;
    km_sampler sampler;
    km_status *status = KM_NEWN(km_status, (size_t)n), worst;
    km_err *errs = KM_NEWN(km_err, (size_t)n);
    worst = km_sampler_parse(how->sampler, &sampler, err);
    if (worst == KM_OK) {
        km_schedule *schedule = km_schedule_new(how, sampler, how->steps, how->noise_scale, how->step_scale);
        const km_backend *be = r->model->opt_be ? r->model->opt_be : km_backend_cpu(NULL);
        int threads = be->device ? 1 : r->threads;
        km_params_to(r->model->params, be);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (int i = 0; i < n; i++) status[i] = generate_group(r, s, schedule, &groups[i], seed, &errs[i]);
        km_params_from(r->model->params);
        km_schedule_free(schedule);
    }
    for (int i = 0; i < n && worst == KM_OK; i++)
        if (status[i] < 0) *err = errs[i], worst = status[i];
    free(status), free(errs);
    return worst;
}

/* -- comparison */

static double rmsd(const km_group *g, const float *mask, const float *a, const float *b)
{
    double rot[9], from[3], to[3];
    return km_superpose(a, b, mask, (int)g->system->features->A, rot, from, to);
}

static double mean_pairwise(const km_group *g, float *x, int b)
{
    double sum = 0;
    for (int s = 0; s < g->T; s++)
        for (int t = 0; t < s; t++) sum += rmsd(g, g->system->traced, frame_of(g, x, b, s), frame_of(g, x, b, t));
    return sum / (g->T * (g->T - 1) / 2);
}

/* Of each traced atom, all frames superposed on the first. */
static void fluctuations(const km_group *g, float *x, int b, double *out)
{
    int A = (int)g->system->features->A;
    size_t T = (size_t)g->T, frame = frame_size(g);
    float *y = km_alloc(T * frame * sizeof *y);
    for (int t = 0; t < g->T; t++) {
        double rot[9], from[3], to[3];
        km_superpose(frame_of(g, x, b, t), frame_of(g, x, b, 0), g->system->traced, A, rot, from, to);
        km_superpose_apply(frame_of(g, x, b, t), A, rot, from, to, y + (size_t)t * frame);
    }
    for (int a = 0; a < A; a++) {
        double square = 0;
        if (g->system->traced[a] == 0) continue;
        for (size_t i = (size_t)a * 3; i < (size_t)a * 3 + 3; i++) {
            double sum = 0, squares = 0;
            for (size_t t = 0; t < T; t++) sum += y[t * frame + i];
            for (size_t t = 0; t < T; t++) squares += pow(y[t * frame + i] - sum / (double)T, 2);
            square += squares / (double)T;
        }
        *out++ = sqrt(square);
    }
    free(y);
}

/* Numbers of all ranks' groups in one array, those of other ranks 0 until all are added up. */
typedef struct tallies {
    double *numbers, *rmsf[2], *pairwise[2]; /* of the model, of the truth */
    double *rmsd, *frames;
    int atoms, windows, count;
} tallies;

static int count_traced(const km_group *g)
{
    int n = 0;
    for (km_dim a = 0; a < g->system->features->A; a++) n += g->system->traced[a] != 0;
    return n;
}

static tallies make_room(int atoms, int windows)
{
    tallies s = {.atoms = atoms, .windows = windows, .count = 2 * (atoms + windows + 1)};
    s.numbers = s.rmsf[0] = KM_NEWN(double, (size_t)s.count);
    s.rmsf[1] = s.rmsf[0] + atoms;
    s.pairwise[0] = s.rmsf[1] + atoms, s.pairwise[1] = s.pairwise[0] + windows;
    s.rmsd = s.pairwise[1] + windows, s.frames = s.rmsd + 1;
    return s;
}

static void tally(tallies *s, const km_group *g, int b, int atom, int window)
{
    float *const both[2] = {g->noisy, g->x};
    for (int i = 0; i < 2; i++) {
        s->pairwise[i][window] = mean_pairwise(g, both[i], b);
        fluctuations(g, both[i], b, s->rmsf[i] + atom);
    }
    for (int t = 0; t < g->T; t++) {
        if (!(g->sigma[b * g->T + t] > 0)) continue;
        *s->rmsd += rmsd(g, g->system->atom_mask, frame_of(g, g->noisy, b, t), frame_of(g, g->x, b, t));
        ++*s->frames;
    }
}

km_status km_likeness_of(const km_group *groups, int n, int all, km_ranks *opt_ranks, km_likeness *ret, km_err *err)
{
    double *sizes = KM_NEWN(double, 2 * (size_t)all), *traced = sizes, *windows = sizes + all;
    for (int i = 0; i < n; i++) {
        traced[groups[i].number] = count_traced(&groups[i]);
        windows[groups[i].number] = traced[groups[i].number] > 0 ? groups[i].B : 0;
    }
    km_status status = km_ranks_sum(opt_ranks, sizes, 2 * all, err);
    int atom = 0, window = 0;
    for (int g = 0; g < all; g++) atom += (int)(traced[g] * windows[g]), window += (int)windows[g];
    tallies s = make_room(atom, window);
    atom = window = 0;
    for (int g = 0, i = 0; g < all && status == KM_OK; g++) {
        bool mine = i < n && groups[i].number == g;
        for (int b = 0; b < (int)windows[g]; b++, atom += (int)traced[g], window++)
            if (mine) tally(&s, &groups[i], b, atom, window);
        i += mine;
    }
    if (status == KM_OK) status = km_ranks_sum(opt_ranks, s.numbers, s.count, err);
    if (status == KM_OK)
        *ret = (km_likeness){s.windows, km_pearson(s.rmsf[0], s.rmsf[1], s.atoms),
                             km_pearson(s.pairwise[0], s.pairwise[1], s.windows), *s.rmsd / *s.frames};
    free(s.numbers), free(sizes);
    return status;
}
