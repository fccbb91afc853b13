/* SPDX-License-Identifier: MIT
 * Drawing windows: spacing, task, levels, pose and noise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/h5_lock.h"
#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/base/superpose.h"
#include "lib/sample/pose.h"
#include "lib/train/data.h"

/* What a window's uniform numbers are for: counters of its KM_RNG_SAMPLE key. */
enum { DRAW_GROUP, DRAW_TASK, DRAW_PLACE, DRAW_HISTORY, DRAW_SET, DRAW_CUT, DRAW_ANCHOR };

/* Which frames of a window are clean: the leading `history` (0: none), and the last one of an interpolation. */
typedef struct task {
    bool interpolate;
    int history;
} task;

static int below(double u, int n)
{
    int i = (int)(u * n);
    return i < n ? i : n - 1;
}

static task draw_task(const km_rng *r, const km_train_config *c, bool causal, int T)
{
    double u[4];
    km_rng_uniform4(r, DRAW_TASK, u);
    if (u[3] < c->free) return (task){false, 0};
    if (!causal && T > 2 && u[0] < c->interpolate) return (task){true, 1};
    int most = causal ? T - 1 : T / 2 > 1 ? T / 2 : 1;
    if (causal || u[1] >= 1 - c->history) return (task){false, 1 + below(u[2], most)};
    return (task){false, 1};
}

/* A spacing in frames of the file, log-uniform in the task's range, as long as T frames fit. */
static int64_t draw_stride(double u, const km_train_config *c, bool interpolate, int64_t dt, int64_t frames, int T)
{
    int64_t lo = interpolate ? c->interpolate_dt_min : c->forecast_dt_min;
    int64_t hi = interpolate ? c->interpolate_dt_max : c->forecast_dt_max;
    int64_t longest = (frames - 1) / (T - 1);
    int64_t a = lo / dt > 1 ? lo / dt : 1, b = hi / dt > a ? hi / dt : a;
    if (b > longest) b = longest;
    if (a > b) a = b;
    int64_t s = (int64_t)floor(exp(log((double)a) + u * (log((double)b + 1) - log((double)a))));
    return s < a ? a : s > b ? b : s;
}

static void draw_levels(const km_train_config *c, double sigma_data, const km_rng *r, task t, int T, float *sigma)
{
    float n[3];
    double u[4];
    km_rng_uniform4(r, (uint32_t)T, u);
    bool shared = u[0] < c->shared_level;
    for (int i = 0; i < T; i++) {
        km_rng_normal3(r, shared ? 0 : (uint32_t)i, n);
        bool clean = i < t.history || (t.interpolate && i == T - 1);
        sigma[i] = clean ? 0 : (float)(sigma_data * exp(c->p_mean + c->p_std * n[0]));
    }
}

/* A rotation uniform over SO(3) from three uniform numbers (Shoemake 1992). */
static void random_rotation(const double u[3], double R[9])
{
    const double two_pi = 6.283185307179586476925286766559;
    double a = sqrt(1 - u[0]), b = sqrt(u[0]);
    const double q[4] = {b * cos(two_pi * u[2]), a * sin(two_pi * u[1]), a * cos(two_pi * u[1]),
                         b * sin(two_pi * u[2])};
    km_rotation_of(q, R);
}

/* The frame that all others are laid on: the last leading condition frame. A causal model goes on for long from the one
 * that it began with (lib/sample/causal.h), and so sees any of them there. */
static int draw_anchor(const km_rng *r, task t, bool causal)
{
    double u[4];
    if (!causal || t.history < 2) return t.history ? t.history - 1 : 0;
    km_rng_uniform4(r, DRAW_ANCHOR, u);
    return below(u[0], t.history);
}

/* Every frame onto the anchor, the anchor's centroid to the origin; then one pose
 * for all: random, or canonical with a random shift. */
static void pose(const km_train_system *s, float *x, int T, int anchor, bool canonical, double shift, const km_rng *r)
{
    km_dim A = s->features->A;
    double u[4], R[9], rot[9], both[9], from[3], to[3];
    float n[3];
    size_t frame = (size_t)A * 3;
    float *reference = memcpy(km_alloc(frame * sizeof *x), x + (size_t)anchor * frame, frame * sizeof *x);
    km_rng_uniform4(r, 0, u);
    km_rng_normal3(r, 1, n);
    if (canonical) km_pose_turn(s->features, reference, R);
    else random_rotation(u, R);
    const double place[3] = {shift * n[0], shift * n[1], shift * n[2]};
    for (int t = 0; t < T; t++) {
        float *y = x + (size_t)t * frame;
        km_superpose(y, reference, s->atom_mask, (int)A, rot, from, to);
        km_rotation_times(R, rot, both);
        km_superpose_apply(y, (int)A, both, from, place, y);
    }
    free(reference);
}

/* noisy = x + sigma noise on target frames; on condition frames the family's, or a little noise that the model is not
 * told of, in a share of windows. */
static void add_noise(const km_train_config *c, double given, const km_rng *sample, uint64_t seed, uint32_t number,
                      task t, int T, km_dim A, const float *x, const float *sigma, float *noisy)
{
    double u[4];
    km_rng_uniform4(sample, DRAW_HISTORY, u);
    float held = (float)given, history = u[0] < c->history_noise_share ? (float)(c->history_noise * u[1]) : held;
    for (int i = 0; i < T; i++) {
        km_rng r = km_rng_of(seed, KM_RNG_NOISE, number, i, 0);
        float s = sigma[i] > 0 ? sigma[i] : t.interpolate ? held : history;
        for (km_dim a = 0; a < A; a++) {
            size_t at = ((size_t)i * (size_t)A + (size_t)a) * 3;
            float n[3];
            km_rng_normal3(&r, (uint32_t)a, n);
            for (int k = 0; k < 3; k++) noisy[at + (size_t)k] = x[at + (size_t)k] + s * n[k];
        }
    }
}

/* What the windows of a group have in common. */
typedef struct draft {
    const km_train_system *whole;
    const int32_t *opt_atoms; /* [A of the group's system] which of the whole's */
    int trajectory;           /* -1: each window its own */
    int64_t stride;           /* with it */
} draft;

/* T frames as the file has them, or backwards; of a cut system only its atoms, and those that are missing at the
 * origin. */
static km_status read_frames(const draft *d, int trajectory, int64_t first, int64_t stride, int T, bool reverse,
                             const km_train_system *s, float *x, km_err *err)
{
    size_t A = (size_t)s->features->A, all = (size_t)d->whole->features->A;
    float *whole = km_alloc((size_t)T * all * 3 * sizeof *whole);
    km_h5_lock();
    km_status status = km_h5md_read(d->whole->file, trajectory, first, stride, T, whole, err);
    km_h5_unlock();
    for (int t = 0; t < T && status == KM_OK; t++) {
        const float *from = whole + (size_t)(reverse ? T - 1 - t : t) * all * 3;
        for (size_t a = 0; a < A; a++)
            memcpy(x + ((size_t)t * A + a) * 3, from + (d->opt_atoms ? (size_t)d->opt_atoms[a] : a) * 3, 12);
    }
    free(whole);
    return status;
}

static void clear_missing(const km_train_system *s, float *x, int T)
{
    km_dim A = s->features->A;
    for (km_dim i = 0; i < T * A; i++)
        if (s->atom_mask[i % A] == 0) memset(x + i * 3, 0, 12);
}

/* number: of the window, place: of what is in it, the same again and again where a model is overfitted. */
static km_status draw_window(const km_group *g, int b, const draft *d, const km_train_config *c, const km_config *m,
                             uint64_t seed, uint32_t number, uint32_t place, km_err *err)
{
    const km_train_system *s = g->system;
    km_dim A = s->features->A;
    int T = g->T;
    size_t frame = (size_t)A * 3, at = (size_t)b * (size_t)T;
    km_rng r = km_rng_of(seed, KM_RNG_SAMPLE, place, 0, 0), levels = km_rng_of(seed, KM_RNG_LEVEL, number, 0, 0);
    km_rng turn = km_rng_of(seed, KM_RNG_ROTATION, place, 0, 0);
    double u[4];
    km_rng_uniform4(&r, DRAW_PLACE, u);
    task t = draw_task(&r, c, m->causal, T);
    const bool own = d->trajectory < 0;
    int trajectory = own ? d->whole->long_enough[below(u[0], d->whole->n_long)] : d->trajectory;
    int64_t frames = km_h5md_frames(s->file, trajectory);
    if (frames < T)
        return km_fail(err, KM_INPUT, "%.160s: %lld frames, fewer than a window of %d", s->path, (long long)frames, T);
    int64_t stride = own ? draw_stride(u[1], c, t.interpolate, s->dt, frames, T) : d->stride;
    int64_t places = frames - stride * (T - 1);
    int64_t first = (int64_t)(u[2] * (double)places);
    if (first >= places) first = places - 1;
    float *x = g->x + at * frame;
    KM_TRY(read_frames(d, trajectory, first, stride, T, u[3] < c->reverse, s, x, err));
    pose(s, x, T, draw_anchor(&r, t, m->causal), m->canonical_pose, c->translation, &turn);
    clear_missing(s, x, T);
    draw_levels(c, m->sigma_data, &levels, t, T, g->sigma + at);
    for (int i = 0; i < T; i++) {
        g->times[at + (size_t)i] = (float)km_ns_of_fs(i * stride * s->dt);
        g->target[at + (size_t)i] = g->sigma[at + (size_t)i] > 0;
    }
    add_noise(c, m->family->given, &r, seed, number, t, T, A, x, g->sigma + at, g->noisy + at * frame);
    return KM_OK;
}

/* By the sets' weights, then evenly: the place in the list. */
static int draw_system(double u, double v, const km_dataset *d, const int *systems, int n, const km_train_config *c)
{
    double total = 0;
    if (c->n_sets == 0) return below(u, n);
    for (int i = 0; i < n; i++)
        if (i == 0 || d->systems[systems[i]].set != d->systems[systems[i - 1]].set)
            total += c->sets[d->systems[systems[i]].set].weight;
    for (int first = 0, end; first < n; first = end) {
        int set = d->systems[systems[first]].set;
        for (end = first; end < n && d->systems[systems[end]].set == set;) end++;
        u -= c->sets[set].weight / total;
        if (u < 0 || end == n) return first + below(v, end - first);
    }
    return n - 1;
}

/* Spacing first, then as many frames as fit: in integer frames, within what the file can give. */
static void draw_draft(const km_rng *r, const km_train_config *c, draft *d, int *T)
{
    const km_train_set *set = &c->sets[d->whole->set];
    double u[4];
    km_rng_uniform4(r, DRAW_SET, u);
    d->trajectory = d->whole->long_enough[below(u[0], d->whole->n_long)];
    int64_t frames = km_h5md_frames(d->whole->file, d->trajectory), dt = d->whole->dt, longest = frames - 1;
    int64_t a = (set->dt_min + dt - 1) / dt, b = set->dt_max / dt;
    if (b > longest) b = longest;
    if (b < 1) b = 1;
    if (a > b) a = b;
    if (a < 1) a = 1;
    d->stride = (int64_t)floor(exp(log((double)a) + u[1] * (log((double)b + 1) - log((double)a))));
    if (u[2] < c->usual && set->dt_usual) d->stride = set->dt_usual / dt;
    d->stride = d->stride < a ? a : d->stride > b ? b : d->stride;
    if (*T > longest / d->stride + 1) *T = (int)(longest / d->stride + 1);
}

/* 0: the size does not say */
static int by_size(const km_train_config *c, km_dim residues)
{
    return residues < 200 ? c->frames_200 : residues <= 500 ? c->frames_500 : c->frames_beyond;
}

int km_group_longest(const km_train_config *c, km_dim residues)
{
    int T = by_size(c, residues);
    return T ? T : c->frames_max;
}

static int draw_length(double u, const km_train_config *c, km_dim residues)
{
    int T = by_size(c, residues);
    return T ? T : c->frames_min + below(u, c->frames_max - c->frames_min + 1);
}

/* What a system too large is cut to; around a place of the trajectory's first frame. */
static km_status cut_system(km_group *g, draft *d, const km_train_config *c, const km_rng *r, uint64_t seed,
                            uint32_t number, int32_t **ret_atoms, km_err *err)
{
    double u[4];
    size_t A = (size_t)g->system->features->A;
    float *x = km_alloc(A * 3 * sizeof *x);
    km_rng_uniform4(r, DRAW_CUT, u);
    km_h5_lock();
    km_status status = km_h5md_read(g->system->file, d->trajectory < 0 ? 0 : d->trajectory, 0, 1, 1, x, err);
    km_h5_unlock();
    if (status == KM_OK) {
        g->opt_cut = km_train_crop(g->whole, c->crop_tokens, u[0] < c->crop_spatial, c->bond_all, x, seed, number,
                                   ret_atoms, &g->opt_tokens);
        g->system = g->opt_cut;
    }
    free(x);
    return status;
}

km_status km_group_draw(const km_dataset *d, const int *systems, int n_systems, const km_train_config *c,
                        const km_config *m, uint64_t seed, int64_t number, int windows, km_group *ret, km_err *err)
{
    int64_t place = c->overfit ? number % c->overfit : number;
    km_rng r = km_rng_of(seed, KM_RNG_SAMPLE, (uint32_t)place, -1, 0);
    double u[4];
    int32_t *atoms = NULL;
    km_rng_uniform4(&r, DRAW_GROUP, u);
    const km_train_system *s = &d->systems[systems[draw_system(u[0], u[2], d, systems, n_systems, c)]];
    draft plan = {.whole = s, .trajectory = -1};
    int T = draw_length(u[1], c, s->residues);
    if (c->n_sets) draw_draft(&r, c, &plan, &T);
    *ret = (km_group){.system = s, .whole = s, .number = number, .B = windows, .T = T};
    if (c->crop_tokens && s->residues > c->crop_tokens)
        KM_TRY(cut_system(ret, &plan, c, &r, seed, (uint32_t)place, &atoms, err));
    plan.opt_atoms = atoms;
    if (ret->system->features->draws > 1) ret->opt_drawn = km_train_features(s, c, (uint32_t)place + 1);
    size_t frames = (size_t)windows * (size_t)T, n = frames * (size_t)ret->system->features->A * 3;
    ret->x = km_alloc(n * sizeof(float)), ret->noisy = km_alloc(n * sizeof(float));
    ret->sigma = km_alloc(frames * sizeof(float)), ret->times = km_alloc(frames * sizeof(float));
    ret->target = km_alloc(frames * sizeof(float));
    km_status status = KM_OK;
    for (int b = 0; b < windows && status == KM_OK; b++)
        status = draw_window(ret, b, &plan, c, m, seed, (uint32_t)(number * windows + b),
                             (uint32_t)(place * windows + b), err);
    free(atoms);
    if (status < 0) km_group_clear(ret);
    return status;
}

void km_group_clear(km_group *g)
{
    free(g->x), free(g->noisy), free(g->sigma), free(g->times), free(g->target);
    if (g->opt_cut) km_train_system_clear(g->opt_cut);
    free(g->opt_cut), free(g->opt_tokens);
    km_features_free(g->opt_drawn);
    *g = (km_group){0};
}
