/* SPDX-License-Identifier: MIT */
#include "lib/train/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/sample/prepare.h"
#include "lib/traj/stats.h"
#include "lib/traj/superpose.h"

static size_t frame_size(const km_group *g) { return (size_t)g->system->features->A * 3; }

static float *frame_of(const km_group *g, float *x, int b, int t) { return x + (size_t)(b * g->T + t) * frame_size(g); }

/* Window b, number among all. */
static km_status generate_window(const km_run *r, km_ctx *cx, const km_conditioning *k, const km_schedule *s,
                                 const km_group *g, int b, int number, uint64_t seed, km_err *err)
{
    size_t T = (size_t)g->T;
    int64_t *fs = km_arena_get(cx->arena, T * sizeof *fs);
    bool *clean = km_arena_get(cx->arena, T * sizeof *clean);
    for (int t = 0; t < g->T; t++) {
        fs[t] = llround((double)g->times[b * g->T + t] * 1e6);
        clean[t] = !(g->sigma[b * g->T + t] > 0);
        if (clean[t]) memcpy(frame_of(g, g->noisy, b, t), frame_of(g, g->x, b, t), frame_size(g) * sizeof(float));
    }
    km_keyed_noise noise = {seed, g->system->features->A, g->T, fs, (int32_t[]){number}};
    km_windows w = {.B = 1, .T = g->T, .x = frame_of(g, g->noisy, b, 0), .times = g->times + b * g->T, .clean = clean,
                    .noise = km_draw_keyed, .noise_arg = &noise, .opt_turn = km_turn_keyed};
    return km_windows_sample(cx, r->model, k, s, &w, err);
}

static km_status generate_group(const km_run *r, const km_stepper *s, const km_schedule *schedule, const km_group *g,
                                int number, uint64_t seed, km_err *err)
{
    km_ctx *cx = km_model_ctx(r->model, 1);
    const km_trunk_result *stored = NULL;
    km_status status = r->opt_trunks ? km_trunk_store_take(r->opt_trunks, g->whole, &stored, err) : KM_OK;
    if (status == KM_OK) {
        km_trunk_out trunk = km_stepper_trunk(s, cx, g, stored);
        km_conditioning *k = km_diffusion_condition(cx, r->model->diffusion, g->system->features, &trunk);
        for (int b = 0; b < g->B && status == KM_OK; b++)
            status = generate_window(r, cx, k, schedule, g, b, number * g->B + b, seed, err);
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
        for (int i = 0; i < n; i++) status[i] = generate_group(r, s, schedule, &groups[i], i, seed, &errs[i]);
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

/* Of each traced atom, all frames superposed on the first; returns how many. */
static int fluctuations(const km_group *g, float *x, int b, double *out)
{
    int A = (int)g->system->features->A, n = 0;
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
        out[n++] = sqrt(square);
    }
    free(y);
    return n;
}

/* Room for every window and every traced atom of it: of the model, of the truth. */
typedef struct tallies {
    double *rmsf[2], *pairwise[2], rmsd;
    int atoms, windows, frames;
} tallies;

static void tally(tallies *s, const km_group *g, int b)
{
    float *const both[2] = {g->noisy, g->x};
    int atoms = 0;
    for (int i = 0; i < 2; i++) {
        s->pairwise[i][s->windows] = mean_pairwise(g, both[i], b);
        atoms = fluctuations(g, both[i], b, s->rmsf[i] + s->atoms);
    }
    for (int t = 0; t < g->T; t++) {
        if (!(g->sigma[b * g->T + t] > 0)) continue;
        s->rmsd += rmsd(g, g->system->atom_mask, frame_of(g, g->noisy, b, t), frame_of(g, g->x, b, t));
        s->frames++;
    }
    s->atoms += atoms, s->windows++;
}

static bool any_traced(const km_group *g)
{
    for (km_dim a = 0; a < g->system->features->A; a++)
        if (g->system->traced[a] != 0) return true;
    return false;
}

void km_likeness_of(const km_group *groups, int n, km_likeness *ret)
{
    size_t atoms = 0, windows = 0;
    tallies s = {0};
    for (int i = 0; i < n; i++)
        atoms += (size_t)(groups[i].B * groups[i].system->features->A), windows += (size_t)groups[i].B;
    for (int i = 0; i < 2; i++) s.rmsf[i] = KM_NEWN(double, atoms), s.pairwise[i] = KM_NEWN(double, windows);
    for (int i = 0; i < n; i++)
        for (int b = 0; b < groups[i].B && any_traced(&groups[i]); b++) tally(&s, &groups[i], b);
    *ret = (km_likeness){s.windows, km_pearson(s.rmsf[0], s.rmsf[1], s.atoms),
                         km_pearson(s.pairwise[0], s.pairwise[1], s.windows), s.rmsd / s.frames};
    for (int i = 0; i < 2; i++) free(s.rmsf[i]), free(s.pairwise[i]);
}
