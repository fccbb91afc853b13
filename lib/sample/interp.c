/* SPDX-License-Identifier: MIT */
#include "lib/sample/interp.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/opt.h"
#include "lib/base/superpose.h"
#include "lib/sample/footprint.h"
#include "lib/sample/pose.h"
#include "lib/sample/prepare.h"

/* A frame that waits for its turn to leave, and the interval before it. inner 0: nothing to put in. */
typedef struct interval {
    int32_t trajectory;
    bool given;
    int64_t from, to; /* fs */
    int64_t inner;    /* frames to put in */
    float *a, *b;     /* [A, 3] its ends; a NULL for a trajectory's first frame */
} interval;

struct km_interp {
    const km_model *m;
    const km_features *f;
    const km_trunk_result *t;
    km_interp_options o;
    km_prepared *p; /* NULL before the first interval with work */
    km_schedule *s;
    km_footprint footprint;
    km_dim A;
    km_emit *emit;
    void *arg;
    interval *waiting;
    int n_waiting, n_work; /* of which with something to put in */
    struct fill *under_way; /* begun on a device, or NULL */
    int64_t inner;         /* what the waiting ones with work have in common */
    int batch;             /* how many of these are made at once */
    km_history *last;      /* [n_last] the last frame of each trajectory */
    int n_last;
};

km_interp *km_interp_new(const km_model *m, const km_features *f, const km_trunk_result *t, const km_interp_options *o,
                         km_emit *emit, void *arg)
{
    km_interp *p = KM_NEW(km_interp);
    *p = (km_interp){.m = m, .f = f, .t = t, .o = *o, .A = f->A, .emit = emit, .arg = arg};
    p->o.memory = km_footprint_room(m, o->memory);
    p->footprint = km_footprint_of(m, f);
    p->s = km_schedule_new(&m->sampling, o->sampler, o->steps, o->noise_scale, o->step_scale);
    return p;
}

/* A batch: the intervals that waited together, and the arrays of the B among them with T frames. motion: the turn of
 * the start into its pose, and how the end lies relative to the start, so that what was made in the start's pose can
 * turn with it. */
typedef struct fill {
    interval *waiting;
    int n_waiting;
    km_dim B, T;
    float *x, *times;
    int64_t *fs;
    int32_t *trajectory;
    bool *clean;
    struct motion {
        double pose[9], turn[9], a[3], b[3];
    } *motion;
    km_keyed_noise noise;
    km_windows w;
} fill;

static void set_window(const km_interp *p, fill *f, km_dim i, const interval *v)
{
    size_t frame = (size_t)p->A * 3;
    float *x = f->x + (size_t)(i * f->T) * frame;
    double rot[9], both[9];
    const double zero[3] = {0};
    struct motion *m = &f->motion[i];
    km_pose pose = km_pose_of(&p->m->config, p->p->k->f, v->a);
    if (p->s->turned_once) km_turn_trajectory(p->o.seed, v->trajectory, pose.turn);
    km_pose_enter(&pose, p->p->k->f, v->a, x);
    km_superpose(v->b, v->a, p->p->k->f->there, (int)p->A, rot, m->b, m->a);
    km_rotation_times(pose.turn, rot, both);
    km_superpose_apply(v->b, (int)p->A, both, m->b, zero, x + (size_t)(f->T - 1) * frame);
    memcpy(m->pose, pose.turn, sizeof m->pose);
    km_rotation_inverse(rot, m->turn);
    f->trajectory[i] = v->trajectory;
    for (km_dim t = 0; t < f->T; t++) {
        f->fs[i * f->T + t] = v->from + t * p->o.dt;
        f->times[i * f->T + t] = (float)km_ns_of_fs(t * p->o.dt);
    }
}

/* Frame t of window i in the caller's coordinates: turned and shifted by its share of the motion from start to end. */
static void place(const km_interp *p, fill *f, km_dim i, km_dim t)
{
    float *x = f->x + (size_t)(i * f->T + t) * (size_t)p->A * 3;
    const struct motion *m = &f->motion[i];
    const double zero[3] = {0};
    double share = (double)t / (double)(f->T - 1), part[9], back[9], both[9], to[3];
    km_rotation_part(m->turn, share, part);
    km_rotation_inverse(m->pose, back);
    km_rotation_times(part, back, both);
    for (int k = 0; k < 3; k++) to[k] = m->a[k] + share * (m->b[k] - m->a[k]);
    km_superpose_apply(x, (int)p->A, both, zero, to, x);
}

static km_status emit_batch(const km_interp *p, fill *f, km_err *err)
{
    km_dim window = 0;
    for (int i = 0; i < f->n_waiting; i++) {
        const interval *v = &f->waiting[i];
        for (km_dim t = 1; t <= v->inner; t++) {
            place(p, f, window, t);
            km_frame frame = {f->fs[window * f->T + t], v->trajectory, false, (int32_t)p->A,
                              f->x + (size_t)(window * f->T + t) * (size_t)p->A * 3};
            KM_TRY(p->emit(p->arg, &frame, err));
        }
        window += v->inner > 0;
        KM_TRY(p->emit(p->arg, &(km_frame){v->to, v->trajectory, v->given, (int32_t)p->A, v->b}, err));
    }
    return KM_OK;
}

/* What waits becomes a batch. */
static fill *gather(km_interp *p)
{
    fill *f = KM_NEW(fill);
    *f = (fill){.waiting = p->waiting, .n_waiting = p->n_waiting, .B = p->n_work, .T = p->inner + 2};
    size_t n = (size_t)(f->B * f->T);
    f->x = KM_NEWN(float, n * (size_t)p->A * 3), f->times = KM_NEWN(float, n), f->fs = KM_NEWN(int64_t, n);
    f->trajectory = KM_NEWN(int32_t, (size_t)f->B), f->clean = KM_NEWN(bool, (size_t)f->T),
    f->motion = KM_NEWN(struct motion, (size_t)f->B);
    f->clean[0] = f->clean[f->T - 1] = true;
    km_dim window = 0;
    for (int i = 0; i < p->n_waiting; i++)
        if (p->waiting[i].inner > 0) set_window(p, f, window++, &p->waiting[i]);
    f->noise = (km_keyed_noise){p->o.seed, p->A, f->T, f->fs, f->trajectory};
    f->w = (km_windows){f->B, f->T, f->x, f->times, f->clean, km_draw_keyed, &f->noise, NULL, p->o.opt_stereo,
                        .opt_levels = p->p ? p->p->opt_levels : NULL};
    p->waiting = NULL, p->n_waiting = p->n_work = 0;
    return f;
}

static void fill_free(fill *f)
{
    for (int i = 0; i < f->n_waiting; i++) free(f->waiting[i].a), free(f->waiting[i].b);
    free(f->waiting), free(f->x), free(f->times), free(f->fs), free(f->trajectory), free(f->clean), free(f->motion);
    free(f);
}

/* The batch that is under way leaves. */
static km_status hand_over(km_interp *p, km_err *err)
{
    fill *f = p->under_way;
    if (!f) return KM_OK;
    p->under_way = NULL;
    km_status status = f->B > 0 ? km_windows_end(p->p->cx, &f->w, err) : KM_OK;
    if (status == KM_OK) status = emit_batch(p, f, err);
    fill_free(f);
    return status;
}

/* On a device a batch is begun before the one before it leaves, so that it is computed while frames are written. */
static km_status flush(km_interp *p, km_err *err)
{
    km_err begun;
    fill *f = gather(p);
    km_status status = f->B > 0 ? km_windows_begin(p->p->cx, p->m, p->p->k, p->s, &f->w, &begun) : KM_OK;
    km_status before = hand_over(p, err);
    if (status < 0) fill_free(f);
    else p->under_way = f;
    if (before < 0) return before;
    if (status < 0) return *err = begun, status;
    return p->footprint.on_device ? KM_OK : hand_over(p, err);
}

/* A batch that nobody waits for any more is waited for all the same: its memory is in use. */
static void abandon(km_interp *p)
{
    km_err unused;
    km_status status = p->under_way->B > 0 ? km_windows_end(p->p->cx, &p->under_way->w, &unused) : KM_OK;
    (void)status;
    fill_free(p->under_way);
}

void km_interp_free(km_interp *p)
{
    if (!p) return;
    if (p->under_way) abandon(p);
    for (int i = 0; i < p->n_waiting; i++) free(p->waiting[i].a), free(p->waiting[i].b);
    for (int i = 0; i < p->n_last; i++) km_history_clear(&p->last[i]);
    free(p->waiting), free(p->last);
    km_schedule_free(p->s);
    km_prepared_free(p->p);
    free(p);
}

static km_history *last_of(km_interp *p, int32_t trajectory)
{
    for (int i = 0; i < p->n_last; i++)
        if (p->last[i].trajectory == trajectory) return &p->last[i];
    p->last = km_realloc(p->last, (size_t)(p->n_last + 1) * sizeof *p->last);
    p->last[p->n_last] = (km_history){.trajectory = trajectory};
    return &p->last[p->n_last++];
}

static km_status count_inner(const km_interp *p, const km_history *last, const km_frame *frame, int64_t *ret,
                             km_err *err)
{
    char span[32], dt[32];
    int64_t length = frame->time_fs - last->times[0];
    *ret = length <= p->o.dt ? 0 : length / p->o.dt - 1;
    if (length <= p->o.dt || length % p->o.dt == 0) return KM_OK;
    km_format_time(length, span), km_format_time(p->o.dt, dt);
    return km_fail(err, KM_INPUT, "trajectory %d: the interval of %s before %g ns is no multiple of %s",
                   frame->trajectory, span, km_ns_of_fs(frame->time_fs), dt);
}

/* Intervals at once: as asked for, or a good size; no more than fit. */
static km_status set_inner(km_interp *p, int64_t inner, km_err *err)
{
    /* atoms in frames, enough rows to fill the products: of a thread, little enough to stay in its cache */
    const int64_t good = p->footprint.on_device ? 1 << 17 : 8192 * (int64_t)p->o.threads;
    int64_t T = inner + 2, n = p->o.batch > 0 ? p->o.batch : good / (p->A * T);
    bool keep = !p->p && km_footprint_keep(&p->footprint, p->m, p->f, p->s, p->o.threads, T * n, p->o.memory);
    int64_t fit = km_footprint_frames(&p->footprint, p->o.threads, p->o.memory) / T;
    KM_TRY(km_windows_check(p->m, T, "a longer --dt puts fewer frames into an interval", err));
    if (fit < 1)
        return km_footprint_fail(&p->footprint, p->o.threads, T, p->o.memory,
                                 "a longer --dt puts fewer frames into an interval", err);
    if (!p->p) p->p = km_prepare(p->m, p->f, p->t, keep ? p->s : NULL, p->o.threads);
    p->batch = (int)(n < 1 ? 1 : n < fit ? n : fit);
    p->inner = inner;
    return KM_OK;
}

km_status km_interp_add(km_interp *p, const km_frame *frame, km_err *err)
{
    size_t bytes = (size_t)p->A * 3 * sizeof(float);
    km_history *last = last_of(p, frame->trajectory);
    interval v = {.trajectory = frame->trajectory, .given = frame->given, .to = frame->time_fs};
    KM_TRY(km_history_check(last, frame->time_fs, err));
    if (last->count) {
        KM_TRY(count_inner(p, last, frame, &v.inner, err));
        v.from = last->times[0];
    }
    if (v.inner > 0 && v.inner != p->inner) {
        if (p->n_work > 0) KM_TRY(flush(p, err));
        KM_TRY(set_inner(p, v.inner, err));
    }
    if (v.inner > 0) {
        v.a = memcpy(km_alloc(bytes), last->coords, bytes);
        p->n_work++;
    }
    v.b = memcpy(km_alloc(bytes), frame->coords, bytes);
    km_history_add(last, frame->time_fs, frame->coords, (int32_t)p->A, 1);
    p->waiting = km_realloc(p->waiting, (size_t)(p->n_waiting + 1) * sizeof *p->waiting);
    p->waiting[p->n_waiting++] = v;
    if (p->n_work == 0 || p->n_work >= p->batch) return flush(p, err);
    return KM_OK;
}

km_status km_interp_finish(km_interp *p, km_err *err)
{
    if (p->n_waiting) KM_TRY(flush(p, err));
    return hand_over(p, err);
}
