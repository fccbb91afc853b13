/* SPDX-License-Identifier: MIT */
#include "lib/sample/forecast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sample/causal.h"
#include "lib/sample/footprint.h"
#include "lib/sample/pose.h"
#include "lib/sample/prepare.h"

void km_history_reserve(km_history *h, int frames, int32_t n_atoms)
{
    if (frames <= h->room) return;
    h->room = frames;
    h->times = km_realloc(h->times, (size_t)frames * sizeof *h->times);
    h->coords = km_realloc(h->coords, (size_t)frames * 3 * (size_t)n_atoms * sizeof(float));
}

void km_history_add(km_history *h, int64_t time_fs, const float *coords, int32_t n_atoms, int keep)
{
    size_t frame = (size_t)n_atoms * 3;
    if (h->count >= keep && keep > 0) {
        int gone = h->count - keep + 1;
        memmove(h->times, h->times + gone, (size_t)(h->count - gone) * sizeof *h->times);
        memmove(h->coords, h->coords + (size_t)gone * frame, (size_t)(h->count - gone) * frame * sizeof(float));
        h->count -= gone;
    }
    if (h->count == h->room) km_history_reserve(h, h->room ? 2 * h->room : 4, n_atoms);
    h->times[h->count] = time_fs;
    memcpy(h->coords + (size_t)h->count++ * frame, coords, frame * sizeof(float));
}

km_status km_history_check(const km_history *h, int64_t time_fs, km_err *err)
{
    if (!h->count || time_fs > h->times[h->count - 1]) return KM_OK;
    return km_fail(err, KM_INPUT, "trajectory %d: a frame at %g ns follows one at %g ns", h->trajectory,
                   km_ns_of_fs(time_fs), km_ns_of_fs(h->times[h->count - 1]));
}

void km_history_clear(km_history *h)
{
    free(h->times), free(h->coords);
    *h = (km_history){0};
}

enum { MOST = 16 };

/* A batch of windows of one shape: H history frames, W new ones. */
typedef struct batch {
    km_dim B, H, W, T, A;
    int which[MOST];     /* [B] trajectories */
    float *x;            /* [B, T, A, 3], in the pose of a history frame */
    float *times;        /* [B, T] ns from the window's first frame */
    int64_t *fs;         /* [B, T] */
    int32_t *trajectory; /* [B] */
    km_pose *pose;       /* [B] */
    bool *clean;         /* [T] */
    km_keyed_noise noise;
    km_windows w;
} batch;

static batch *batch_new(km_dim B, km_dim H, km_dim W, km_dim A)
{
    size_t T = (size_t)(H + W), n = (size_t)B * T;
    batch *b = KM_NEW(batch);
    *b = (batch){B, H, W, H + W, A, {0}, KM_NEWN(float, n * (size_t)A * 3), KM_NEWN(float, n), KM_NEWN(int64_t, n),
                 KM_NEWN(int32_t, (size_t)B), KM_NEWN(km_pose, (size_t)B), KM_NEWN(bool, T), {0}, {0}};
    for (km_dim t = 0; t < H; t++) b->clean[t] = true;
    return b;
}

static void batch_free(batch *b)
{
    free(b->x), free(b->times), free(b->fs), free(b->trajectory), free(b->pose), free(b->clean);
    free(b);
}

/* A run and where it stands. */
typedef struct forecast {
    const km_model *m;
    const km_prepared *p;
    const km_schedule *s;
    const km_forecast_options *o;
    km_history *histories;
    int n, most;      /* trajectories; at once */
    int64_t first;    /* the number of the window's first new frame */
    km_dim width;     /* new frames of the window */
    batch *under_way; /* begun, and not yet handed over */
    km_emit *emit;
    void *arg;
} forecast;

/* Window b from the last H frames of h, in the pose of the last of them, as in training, or as the schedule has it. */
static void fill(const forecast *r, batch *b, km_dim i, const km_history *h)
{
    size_t frame = (size_t)b->A * 3;
    float *x = b->x + (size_t)(i * b->T) * frame;
    int64_t *fs = b->fs + i * b->T, dt = r->o->dt;
    const km_features *f = r->p->k->f;
    b->trajectory[i] = h->trajectory;
    for (km_dim t = 0; t < b->H; t++) fs[t] = h->times[h->count - b->H + t];
    for (km_dim t = b->H; t < b->T; t++) fs[t] = (h->count ? h->times[h->count - 1] : -dt) + (t - b->H + 1) * dt;
    for (km_dim t = 0; t < b->T; t++) b->times[i * b->T + t] = (float)km_ns_of_fs(fs[t] - fs[0]);
    if (!b->H) return;
    const float *given = h->coords + (size_t)(h->count - b->H) * frame;
    b->pose[i] = km_pose_of(&r->m->config, f, given + (size_t)(r->s->turned_once ? 0 : b->H - 1) * frame);
    if (r->s->turned_once) km_turn_trajectory(r->o->seed, h->trajectory, b->pose[i].turn);
    for (km_dim t = 0; t < b->H; t++)
        km_pose_enter(&b->pose[i], f, given + (size_t)t * frame, x + (size_t)t * frame);
}

/* The new frames of window i, back at their place, to the history and, but for those that are there, to the caller. */
static km_status hand_over(const forecast *r, const batch *b, km_dim i, km_history *h, km_err *err)
{
    for (km_dim t = b->H; t < b->T; t++) {
        float *x = b->x + (size_t)(i * b->T + t) * (size_t)b->A * 3;
        if (b->H) km_pose_leave(&b->pose[i], r->p->k->f, x);
        km_history_add(h, b->fs[i * b->T + t], x, (int32_t)b->A, r->o->history);
        km_frame frame = {b->fs[i * b->T + t], h->trajectory, false, (int32_t)b->A, x};
        if (r->first + t - b->H >= h->done) KM_TRY(r->emit(r->arg, &frame, err));
    }
    return KM_OK;
}

/* The batch that is under way leaves. */
static km_status finish(forecast *r, km_err *err)
{
    batch *b = r->under_way;
    if (!b) return KM_OK;
    r->under_way = NULL;
    km_status status = km_windows_end(r->p->cx, &b->w, err);
    for (km_dim i = 0; i < b->B && status == KM_OK; i++)
        status = hand_over(r, b, i, &r->histories[b->which[i]], err);
    batch_free(b);
    return status;
}

/* On a device a batch is begun before the one before it leaves, so that it is computed while frames are written. */
static km_status run_batch(forecast *r, const int *which, int count, km_dim depth, km_err *err)
{
    km_err begun;
    batch *b = batch_new(count, depth, r->width, r->p->k->f->A);
    memcpy(b->which, which, (size_t)count * sizeof *which);
    for (km_dim i = 0; i < b->B; i++) fill(r, b, i, &r->histories[which[i]]);
    b->noise = (km_keyed_noise){r->o->seed, b->A, b->T, b->fs, b->trajectory};
    b->w = (km_windows){.B = b->B, .T = b->T, .x = b->x, .times = b->times, .clean = b->clean,
                        .noise = km_draw_keyed, .noise_arg = &b->noise, .opt_stereo = r->o->opt_stereo,
                        .opt_turn = km_turn_keyed, .opt_levels = r->p->opt_levels};
    km_status status = km_windows_begin(r->p->cx, r->m, r->p->k, r->s, &b->w, &begun), before = finish(r, err);
    if (status < 0) batch_free(b);
    else r->under_way = b;
    if (before < 0) return before;
    if (status < 0) return *err = begun, status;
    return r->p->cx->be->device ? KM_OK : finish(r, err);
}

/* A batch that nobody waits for any more is waited for all the same: its memory is in use. */
static void abandon(forecast *r)
{
    km_err unused;
    km_status status = km_windows_end(r->p->cx, &r->under_way->w, &unused);
    (void)status;
    batch_free(r->under_way);
}

static bool is_done(const forecast *r, int i) { return r->histories[i].done >= r->first + r->width; }

/* How many frames trajectory i has to show the window; where the decay goes by frames, those as far apart as new ones.
 */
static km_dim depth_of(const forecast *r, int i)
{
    const km_history *h = &r->histories[i];
    km_dim before = h->count - (is_done(r, i) ? r->width : 0), most = before < r->o->history ? before : r->o->history;
    if (!r->m->config.family->interval_decay) return most;
    km_dim even = most > 0;
    while (even < most && h->times[before - even] - h->times[before - even - 1] == r->o->dt) even++;
    return even;
}

/* How many of the longest windows are made at once, and whether the schedule's levels are kept. */
static km_status settle_batch(forecast *r, const km_features *f, bool *ret_keep, km_err *err)
{
    char advice[80];
    const km_model *m = r->m;
    const km_forecast_options *o = r->o;
    const km_history *histories = r->histories;
    const int n = r->n;
    km_footprint p = km_footprint_of(m, f);
    int64_t longest = 0, window = o->window < o->n_new ? o->window : o->n_new;
    for (int i = 0; i < n; i++) longest = histories[i].count > longest ? histories[i].count : longest;
    int64_t history = o->n_new > window ? longest + window * ((o->n_new - 1) / window) : longest;
    if (history > o->history) history = o->history;
    int64_t memory = km_footprint_room(m, o->memory);
    *ret_keep = km_footprint_keep(&p, m, f, r->s, o->threads, (n < MOST ? n : MOST) * (history + window), memory);
    int64_t frames = km_footprint_frames(&p, o->threads, memory), fit = frames / (history + window);
    r->most = fit < MOST ? (int)fit : MOST;
    if (fit > 0) return KM_OK;
    if (frames > history) snprintf(advice, sizeof advice, "--window %lld fits", (long long)(frames - history));
    else
        snprintf(advice, sizeof advice, "a frame of this system needs %.1f MB",
                 km_footprint_bytes(&p, o->threads, 1) * 1e-6);
    return km_footprint_fail(&p, o->threads, history + window, memory, advice, err);
}

/* One window of all trajectories: those with equally many history frames together, in the order of the first of them,
 * at most r->most at once. */
static km_status one_window(forecast *r, km_err *err)
{
    km_dim *depth = KM_NEWN(km_dim, (size_t)r->n);
    km_status status = KM_OK;
    for (int i = 0; i < r->n; i++) depth[i] = depth_of(r, i);
    for (int i = 0; i < r->n && status == KM_OK; i++) {
        int which[MOST], count = 0;
        km_dim like = depth[i];
        if (like < 0) continue;
        for (int j = i; j < r->n && status == KM_OK; j++) {
            if (depth[j] == like && !is_done(r, j)) which[count++] = j;
            if (depth[j] == like) depth[j] = -1;
            if (count == 0 || (count < r->most && j < r->n - 1)) continue;
            status = run_batch(r, which, count, like, err);
            count = 0;
        }
    }
    free(depth);
    return status == KM_OK ? finish(r, err) : status;
}

/* Set r->first to the first window that is not whole, and take what there is of it from the histories. */
static km_status take_up(forecast *r, km_err *err)
{
    const int64_t W = r->o->window, n_new = r->o->n_new;
    r->first = INT64_MAX;
    for (int i = 0; i < r->n; i++) {
        int64_t whole = r->histories[i].done / W * W;
        if (whole < r->first) r->first = whole;
    }
    for (int i = 0; i < r->n; i++) {
        km_history *h = &r->histories[i];
        if (h->done > n_new || h->done - r->first > W)
            return km_fail(err, KM_INPUT, "trajectory %d has %lld new frames: not the beginning of such a run",
                           h->trajectory, (long long)h->done);
        if (h->done < n_new) h->count -= (int)(h->done % W);
    }
    return KM_OK;
}

km_status km_forecast(const km_model *m, const km_features *f, const km_trunk_result *t, const km_forecast_options *o,
                      km_history *histories, int n, km_emit *emit, void *arg, km_err *err)
{
    if (o->causal) return km_forecast_causal(m, f, t, o, histories, n, emit, arg, err);
    forecast r = {.m = m, .o = o, .histories = histories, .n = n, .emit = emit, .arg = arg};
    bool keep;
    KM_TRY(take_up(&r, err));
    km_schedule *s = km_schedule_new(&m->sampling, o->sampler, o->steps, o->noise_scale, o->step_scale);
    r.s = s;
    km_status status = settle_batch(&r, f, &keep, err);
    km_prepared *p = status == KM_OK ? km_prepare(m, f, t, keep ? s : NULL, o->threads) : NULL;
    r.p = p;
    for (; r.first < o->n_new && status == KM_OK; r.first += o->window) {
        r.width = o->n_new - r.first < o->window ? o->n_new - r.first : o->window;
        status = one_window(&r, err);
    }
    if (r.under_way) abandon(&r);
    km_schedule_free(s);
    km_prepared_free(p);
    return status;
}
