/* SPDX-License-Identifier: MIT */
#include "lib/sample/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/sample/prepare.h"
#include "lib/sample/staircase.h"
#include "lib/tensor/ops.h"
#include "lib/tensor/replay.h"

/* Some of a batch's windows, and the arrays of their run that stay where they are. */
typedef struct share {
    const km_model *m;
    const km_conditioning *k;
    const km_schedule *s;
    const km_windows *w;
    km_dim first, B; /* windows */
    km_dim A, F;
    km_tensor *x;   /* [F, A, 3] */
    float *drawn;   /* [F, A, 3] where the caller draws, else NULL */
    float *times;   /* [F] ns */
    int32_t *keys;  /* [F, 4] of the noise */
    int32_t *held;  /* [F] not clean */
    float *motions; /* [F, 12] where frames are turned, else NULL */
    bool free;      /* no frame is clean */
    int step;
    km_stand stand;
} share;

static bool is_clean(const km_windows *w, km_dim f) { return w->clean[f % w->T]; }

static bool is_keyed(const km_windows *w) { return !w->noise || w->noise == km_draw_keyed; }

static bool is_staircase(const share *r) { return r->s->stage && !r->w->opt_pasts; }

static bool is_turned(const share *r) { return !is_staircase(r) && (r->s->turned || (r->s->turned_as_one && r->free)); }

static share *start(km_ctx *cx, const share *of)
{
    const km_windows *w = of->w;
    share *r = memcpy(km_arena_get(cx->arena, sizeof *r), of, sizeof *r);
    r->A = r->k->f->A, r->F = r->B * w->T;
    size_t F = (size_t)r->F, n = (size_t)r->A * 3;
    r->x = KM_TENSOR_OF(cx, w->x + r->first * w->T * r->A * 3, r->F, r->A, 3);
    r->drawn = is_keyed(w) ? NULL : km_arena_zero(cx->arena, F * n * sizeof(float));
    r->times = memcpy(km_arena_get(cx->arena, F * sizeof(float)), w->times + r->first * w->T, F * sizeof(float));
    r->keys = km_arena_zero(cx->arena, 4 * F * sizeof(int32_t));
    r->held = km_arena_get(cx->arena, F * sizeof(int32_t));
    for (km_dim f = 0; f < r->F; f++) r->held[f] = !is_clean(w, f);
    r->free = true;
    for (km_dim t = 0; t < w->T; t++) r->free = r->free && !w->clean[t];
    r->motions = is_turned(r) ? km_arena_zero(cx->arena, 12 * F * sizeof(float)) : NULL;
    km_stand *at = &r->stand;
    at->raised = km_arena_get(cx->arena, F * sizeof(float)), at->factor = km_arena_get(cx->arena, F * sizeof(float));
    at->level = km_arena_get(cx->arena, F * sizeof(int32_t)), at->draw = km_arena_get(cx->arena, F * sizeof(int));
    return r;
}

/* All target frames alike; step -1: what they start from. */
static void stand(const share *r, km_stand *at)
{
    const km_step none = {.noise = r->s->sigmas[0]};
    const km_step *s = r->step < 0 ? &none : &r->s->steps[r->step];
    for (km_dim f = 0; f < r->F; f++) {
        bool held = r->held[f];
        at->draw[f] = r->step;
        at->level[f] = held ? KM_TOLD_STEP + r->step : KM_TOLD_GIVEN;
        at->raised[f] = (float)(held ? s->noise : r->step < 0 ? 0 : r->s->given_noise);
        at->factor[f] = held && r->step >= 0 ? (float)(s->step_scale * (s->next - s->hat) / s->hat) : 0;
    }
}

/* Target frames about the origin, turned and shifted; the mean is over all rows, padding too, as Boltz-2 has it. */
static const km_tensor *turn(km_ctx *cx, const share *r)
{
    const km_windows *w = r->w;
    KM_ASSERT(w->opt_turn);
    for (km_dim f = 0; f < r->F; f++) {
        double rot[9], shift[3];
        float *motion = r->motions + 12 * f;
        if (is_clean(w, f)) continue;
        w->opt_turn(w->noise_arg, r->step, r->first + f / w->T, r->s->turned_as_one ? 0 : f % w->T, rot, shift);
        for (int k = 0; k < 9; k++) motion[k] = (float)rot[k];
        for (int k = 0; k < 3; k++) motion[9 + k] = (float)shift[k];
    }
    return km_turn_frames(cx, r->x, r->motions, r->held);
}

/* What frame f's noise is: its stream, or the caller's draw. */
static void draw(const share *r, km_dim f)
{
    const km_windows *w = r->w;
    km_dim b = r->first + f / w->T, t = f % w->T;
    if (r->stand.raised[f] == 0) return;
    if (is_keyed(w)) {
        km_rng key = km_draw_key(w->noise_arg, r->stand.draw[f], b, t);
        memcpy(r->keys + 4 * f, &key, sizeof key);
    } else {
        w->noise(w->noise_arg, r->stand.draw[f], b, t, r->drawn + f * r->A * 3);
    }
}

/* x_hat = x + noise draw, on clean frames with the noise of what is given */
static km_tensor *raise_noise(km_ctx *cx, const share *r, const km_tensor *x)
{
    for (km_dim f = 0; f < r->F; f++) draw(r, f);
    if (is_keyed(r->w)) return km_add_noise(cx, x, r->keys, r->stand.raised);
    float *one = km_arena_get(cx->arena, (size_t)r->F * sizeof *one);
    for (km_dim f = 0; f < r->F; f++) one[f] = 1;
    return km_frame_axpby(cx, x, one, KM_TENSOR_OF(cx, r->drawn, r->F, r->A, 3), r->stand.raised);
}

/* The levels that are in use, alone; level [F] is then into them and *ret_sigma. */
static const km_levels *levels_in_use(km_ctx *cx, const share *r, int32_t *level, const float **ret_sigma)
{
    int32_t *place = km_arena_get(cx->arena, (size_t)r->s->n_told * sizeof *place);
    float *sigma = km_arena_get(cx->arena, (size_t)r->s->n_told * sizeof *sigma);
    km_dim L = 0;
    for (int i = 0; i < r->s->n_told; i++) place[i] = -1;
    for (km_dim f = 0; f < r->F; f++) {
        int32_t *at = &place[level[f]];
        if (*at < 0) sigma[L] = r->s->told[level[f]], *at = (int32_t)L++;
        level[f] = *at;
    }
    *ret_sigma = sigma;
    return km_diffusion_levels(cx, r->m->diffusion, r->k, sigma, L);
}

static km_tensor *evaluate(km_ctx *cx, const share *r, const km_tensor *noisy)
{
    const km_diffusion *d = r->m->diffusion;
    const km_levels *levels = r->w->opt_levels;
    const float *sigma = r->s->told;
    size_t bytes = (size_t)r->F * sizeof(int32_t);
    int32_t *level = memcpy(km_arena_get(cx->arena, bytes), r->stand.level, bytes);
    if (!levels) levels = levels_in_use(cx, r, level, &sigma);
    km_tensor *x = KM_RESHAPE(cx, noisy, r->B, r->w->T, r->A, 3), *y;
    if (!r->w->opt_pasts) y = km_diffusion_denoise(cx, d, r->k, levels, x, level, sigma, r->times);
    else y = km_diffusion_denoise_next(cx, d, r->k, levels, x, level, sigma, r->times, r->w->opt_pasts + r->first);
    return KM_RESHAPE(cx, y, r->F, r->A, 3);
}

/* x = x_hat + step_scale (next - hat) (x_hat - D) / hat on target frames */
static void step(km_ctx *cx, void *arg)
{
    share *r = arg;
    const km_stereo *hands = r->w->opt_stereo;
    const km_tensor *x = r->motions ? turn(cx, r) : r->x;
    km_tensor *noisy = raise_noise(cx, r, x), *d = evaluate(cx, r, noisy);
    /* where D is not sure of a centre's hand it lies near the plane, and putting it on the right side decides */
    if (hands && hands->n) d = km_hold_hands(cx, d, hands->centres[0], hands->n, r->held);
    if (r->s->aligned) noisy = km_superpose_frames(cx, noisy, d, r->k->f->atom_mask, r->held);
    km_copy(cx, r->x, 0, km_sampler_move(cx, x, noisy, d, r->stand.factor));
}

/* From noise: x of frames that are not clean is 0. */
static void begin_from_noise(km_ctx *cx, void *arg)
{
    const share *r = arg;
    km_copy(cx, r->x, 0, raise_noise(cx, r, r->x));
}

static bool is_finite(const float *x, km_dim n)
{
    double sum = 0;
    for (km_dim i = 0; i < n; i++) sum += x[i];
    return isfinite(sum);
}

static km_status not_finite(int steps, km_err *err)
{
    return km_fail(err, KM_INPUT, "coordinates are not finite after step %d", steps);
}

/* On a device the result is fetched from memory of its own, beside whatever comes next. */
static void leave(const km_ctx *cx, const share *r, km_windows *w)
{
    const km_device *d = cx->be->device;
    size_t bytes = km_bytes(r->x, km_numel(r->x));
    if (!d) return;
    w->there = d->get(bytes);
    d->move(w->there, r->x->data, bytes);
    w->fetch = d->fetch(w->there, bytes);
}

static km_status run_share(km_ctx *cx, const share *of, bool from_noise, km_windows *w, km_err *err)
{
    km_mark mark = km_scope_begin(cx);
    share *r = start(cx, of);
    km_status status = KM_OK;
    if (from_noise) {
        r->step = -1;
        stand(r, &r->stand);
        km_replay(cx, begin_from_noise, r);
    }
    for (r->step = 0; r->step < w->n_steps && status == KM_OK; r->step++) {
        if (is_staircase(r)) km_staircase_stand(r->s, w, r->step, r->F, &r->stand);
        else stand(r, &r->stand);
        km_replay(cx, step, r);
        if (!cx->be->device && !is_finite(r->x->data, km_numel(r->x))) status = not_finite(r->step + 1, err);
        if (status == KM_OK && km_interrupted()) status = km_fail(err, KM_INTERRUPTED, "interrupted");
    }
    if (status == KM_OK) leave(cx, r, w);
    km_arena_rewind(cx->arena, mark);
    return status;
}

/* With a window or more for each thread they run apart, each thread its share from noise to coordinates: no thread
 * waits for another within a step. With fewer the threads share each operation. */
static km_status run(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s, km_windows *w,
                     bool from_noise, km_err *err)
{
    int n = cx->ex.threads;
    const share all = {.m = m, .k = k, .s = s, .w = w, .B = w->B};
    w->n_steps = is_staircase(&all) ? km_staircase_steps(s, w) : s->n_steps, w->A = k->f->A;
    if (n == 1 || w->B < n) return run_share(cx, &all, from_noise, w, err);
    km_ctx *const *team = km_ctx_team(cx, n);
    km_err *errs = KM_NEWN(km_err, (size_t)n);
#pragma omp parallel for schedule(static, 1) num_threads(n)
    for (int i = 0; i < n; i++) {
        share part = all;
        part.first = w->B * i / n, part.B = w->B * (i + 1) / n - part.first;
        errs[i].code = run_share(team[i], &part, from_noise, w, &errs[i]);
    }
    km_status status = KM_OK;
    for (int i = 0; i < n && status == KM_OK; i++)
        if (errs[i].code < 0) *err = errs[i], status = errs[i].code;
    free(errs);
    return status;
}

km_status km_windows_check(const km_model *m, int64_t T, const char *advice, km_err *err)
{
    const km_family *f = m->config.family;
    if (!f->most_frames || T <= f->most_frames) return KM_OK;
    return km_fail(err, KM_USAGE, "a window of %lld frames: models of the family %s see at most %d; %s", (long long)T,
                   f->name, f->most_frames, advice);
}

km_status km_windows_begin(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s, km_windows *w,
                           km_err *err)
{
    size_t frame = (size_t)k->f->A * 3;
    for (km_dim f = 0; f < w->B * w->T; f++)
        if (!w->clean[f % w->T]) memset(w->x + (size_t)f * frame, 0, frame * sizeof *w->x);
    return run(cx, m, k, s, w, true, err);
}

km_status km_windows_end(km_ctx *cx, km_windows *w, km_err *err)
{
    if (!w->fetch) return KM_OK;
    cx->be->device->fetched(w->fetch, w->x);
    cx->be->device->put(w->there);
    w->fetch = w->there = NULL;
    return is_finite(w->x, w->B * w->T * w->A * 3) ? KM_OK : not_finite(w->n_steps, err);
}

km_status km_windows_sample(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s,
                            km_windows *w, km_err *err)
{
    KM_TRY(km_windows_begin(cx, m, k, s, w, err));
    return km_windows_end(cx, w, err);
}

km_status km_windows_run(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s, km_windows *w,
                         km_err *err)
{
    KM_TRY(run(cx, m, k, s, w, false, err));
    return km_windows_end(cx, w, err);
}
