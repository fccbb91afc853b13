/* SPDX-License-Identifier: MIT */
#include "lib/sample/causal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/sample/footprint.h"
#include "lib/sample/pose.h"
#include "lib/sample/prepare.h"

typedef struct causal {
    const km_model *m;
    const km_prepared *p;
    const km_schedule *s;
    const km_forecast_options *o;
    km_dim A;
    km_emit *emit;
    void *arg;
} causal;

/* A trajectory on its way. */
typedef struct line {
    km_history *h;
    km_nn_past *past;
    km_pose pose;           /* of the frame in h that all are superposed on; no anchor: there is none yet */
    int64_t made;           /* new frames */
} line;

/* The frames that some trajectories come to at a time. */
typedef struct row {
    km_dim B;
    line *lines[KM_CAUSAL_MOST];
    km_nn_past *pasts[KM_CAUSAL_MOST];
    float times[KM_CAUSAL_MOST];
    int64_t fs[KM_CAUSAL_MOST];
    int32_t trajectory[KM_CAUSAL_MOST];
    float *x; /* [B, A, 3] */
} row;

static void put(row *r, line *l, int64_t fs)
{
    const km_history *h = l->h;
    r->lines[r->B] = l;
    r->pasts[r->B] = l->past;
    r->times[r->B] = (float)km_ns_of_fs(fs - (h->count ? h->times[0] : fs));
    r->fs[r->B] = fs;
    r->trajectory[r->B++] = h->trajectory;
}

static void refer_to(const causal *c, line *l, int frame)
{
    l->pose = km_pose_of(&c->m->config, c->p->k->f, l->h->coords + (size_t)frame * (size_t)c->A * 3);
}

/* A finished frame becomes a part of the past: evaluated once, clean and in its place. */
static km_status remember(const causal *c, row *r, km_err *err)
{
    static const bool clean[1] = {true};
    km_schedule once = *c->s;
    once.n_steps = 1;
    for (km_dim b = 0; b < r->B; b++) {
        const line *l = r->lines[b];
        const float *given = l->h->coords + (size_t)(l->past->T * c->A) * 3;
        km_pose_enter(&l->pose, c->p->k->f, given, r->x + (size_t)(b * c->A) * 3);
    }
    km_windows w = {.B = r->B, .T = 1, .x = r->x, .times = r->times, .clean = clean, .opt_pasts = r->pasts,
                    .opt_levels = c->p->opt_levels};
    KM_TRY(km_windows_run(c->p->cx, c->m, c->p->k, &once, &w, err));
    for (km_dim b = 0; b < r->B; b++) r->pasts[b]->T++;
    return KM_OK;
}

/* One new frame of each, to the history and to the caller. */
static km_status make(const causal *c, row *r, km_err *err)
{
    static const bool clean[1] = {false};
    km_keyed_noise noise = {c->o->seed, c->A, 1, r->fs, r->trajectory};
    km_windows w = {r->B, 1, r->x, r->times, clean, km_draw_keyed, &noise, r->pasts, c->o->opt_stereo,
                    .opt_levels = c->p->opt_levels};
    KM_TRY(km_windows_sample(c->p->cx, c->m, c->p->k, c->s, &w, err));
    for (km_dim b = 0; b < r->B; b++) {
        line *l = r->lines[b];
        float *x = r->x + (size_t)(b * c->A) * 3;
        if (l->pose.anchor) km_pose_leave(&l->pose, c->p->k->f, x);
        km_history_add(l->h, r->fs[b], x, (int32_t)c->A, 0);
        if (l->h->count == 1) refer_to(c, l, 0);
        l->made++;
        KM_TRY(c->emit(c->arg, &(km_frame){r->fs[b], r->trajectory[b], false, (int32_t)c->A, x}, err));
    }
    return KM_OK;
}

/* Frames that are there already, those of all lines side by side that have more to make. */
static km_status take_up(const causal *c, line *lines, int n, row *r, km_err *err)
{
    for (int t = 0;; t++) {
        r->B = 0;
        for (int i = 0; i < n; i++)
            if (t < lines[i].h->count && lines[i].made < c->o->n_new) put(r, &lines[i], lines[i].h->times[t]);
        if (!r->B) return KM_OK;
        KM_TRY(remember(c, r, err));
    }
}

static km_status go_on(const causal *c, line *lines, int n, row *r, km_err *err)
{
    for (int64_t k = 0; k < c->o->n_new; k++) {
        r->B = 0;
        for (int i = 0; i < n; i++) {
            const km_history *h = lines[i].h;
            if (lines[i].made == k) put(r, &lines[i], h->count ? h->times[h->count - 1] + c->o->dt : 0);
        }
        if (!r->B) continue;
        KM_TRY(make(c, r, err));
        if (k + 1 < c->o->n_new) KM_TRY(remember(c, r, err));
    }
    return KM_OK;
}

static km_status run_group(const causal *c, km_history *histories, int n, km_err *err)
{
    line lines[KM_CAUSAL_MOST] = {0};
    row r = {.x = km_alloc((size_t)(n * c->A) * 3 * sizeof(float))};
    for (int i = 0; i < n; i++) {
        km_history *h = &histories[i];
        km_history_reserve(h, (int)(h->count - h->done + c->o->n_new), (int32_t)c->A);
        km_nn_past *past = km_diffusion_past(c->p->cx->be, c->m->diffusion, c->p->k->f, h->room);
        lines[i] = (line){.h = h, .past = past, .made = h->done};
        if (h->count) refer_to(c, &lines[i], h->count > h->done ? (int)(h->count - h->done) - 1 : 0);
    }
    km_status status = take_up(c, lines, n, &r, err);
    if (status == KM_OK) status = go_on(c, lines, n, &r, err);
    for (int i = 0; i < n; i++) km_nn_past_free(lines[i].past);
    free(r.x);
    return status;
}

static int group_at(int first, int n) { return n - first < KM_CAUSAL_MOST ? n - first : KM_CAUSAL_MOST; }

/* Groups are finished one after another, and within one no trajectory is ahead of another by more than a frame. */
static km_status check_done(const km_history *histories, int n, int64_t n_new, km_err *err)
{
    bool open = false;
    for (int first = 0; first < n; first += KM_CAUSAL_MOST) {
        int64_t least = n_new, most = 0;
        for (int i = first; i < first + group_at(first, n); i++) {
            if (histories[i].done < least) least = histories[i].done;
            if (histories[i].done > most) most = histories[i].done;
        }
        if (most > n_new || most - least > 1 || (open && most))
            return km_fail(err, KM_INPUT,
                           "trajectories %d to %d have %lld to %lld new frames: not the beginning of such a run", first,
                           first + group_at(first, n) - 1, (long long)least, (long long)most);
        open = open || least < n_new;
    }
    return KM_OK;
}

static km_status check_memory(const km_model *m, const km_features *f, const km_schedule *s,
                              const km_forecast_options *o, const km_history *histories, int n, bool *ret_keep,
                              km_err *err)
{
    char advice[80];
    km_footprint p = km_footprint_of(m, f);
    int64_t memory = km_footprint_room(m, o->memory), given = 0;
    for (int first = 0; first < n; first += KM_CAUSAL_MOST) {
        int64_t sum = 0;
        for (int i = first; i < first + group_at(first, n); i++) sum += histories[i].count - histories[i].done;
        if (sum > given) given = sum;
    }
    int side = group_at(0, n);
    double frame = km_diffusion_past_bytes(m->opt_be, m->diffusion, f);
    if (!p.on_device) frame += 3 * sizeof(float) * (double)f->A;
    double frames = (double)given + (double)o->n_new * side;
    *ret_keep = km_footprint_keep(&p, m, f, s, o->threads, side, memory - (int64_t)fmin(frames * frame, 1e18));
    if (p.on_device && km_footprint_frames(&p, 1, memory) < side)
        return km_footprint_fail(&p, 1, side, memory, "take fewer --trajectories, or --device cpu", err);
    double left = (double)memory - km_footprint_bytes(&p, o->threads, side);
    double fit = (left / frame - (double)given) / side;
    if (frames * frame <= left) return KM_OK;
    snprintf(advice, sizeof advice, fit >= 1 ? "--frames %.0f fits" : "take fewer --trajectories or a shorter input",
             floor(fit));
    return km_fail(err, km_footprint_code(m),
                   "the past, %.0f frames in all, needs %.1f MB of memory and %.1f MB may be taken: %s", frames,
                   frames * frame * 1e-6, left > 0 ? left * 1e-6 : 0.0, advice);
}

km_status km_forecast_causal(const km_model *m, const km_features *f, const km_trunk_result *t,
                             const km_forecast_options *o, km_history *histories, int n, km_emit *emit, void *arg,
                             km_err *err)
{
    KM_TRY(check_done(histories, n, o->n_new, err));
    bool keep;
    km_schedule *s = km_schedule_new(&m->sampling, o->sampler, o->steps, o->noise_scale, o->step_scale);
    km_status status = check_memory(m, f, s, o, histories, n, &keep, err);
    km_prepared *p = status == KM_OK ? km_prepare(m, f, t, keep ? s : NULL, o->threads) : NULL;
    causal c = {m, p, s, o, f->A, emit, arg};
    for (int first = 0; first < n && status == KM_OK; first += KM_CAUSAL_MOST)
        status = run_group(&c, histories + first, group_at(first, n), err);
    km_schedule_free(s);
    km_prepared_free(p);
    return status;
}
