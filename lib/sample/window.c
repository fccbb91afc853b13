/* SPDX-License-Identifier: MIT */
#include "lib/sample/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/sample/staircase.h"
#include "lib/traj/superpose.h"

/* Some of a batch's windows, and the arrays of their run that stay. */
typedef struct share {
    km_dim first, B; /* windows */
    km_dim A, frames;
    float *x;       /* [B, T, A, 3] in the batch */
    float *noisy;   /* [B, T, A, 3] */
    int32_t *level; /* [B, T] */
    bool free;      /* no frame is clean */
} share;

static bool is_clean(const km_windows *w, km_dim f) { return w->clean[f % w->T]; }

static share *start(km_ctx *cx, const km_conditioning *k, const km_windows *w, km_dim first, km_dim B)
{
    share *r = km_arena_zero(cx->arena, sizeof *r);
    r->first = first, r->B = B, r->A = k->f->A, r->frames = B * w->T;
    r->x = w->x + first * w->T * r->A * 3;
    r->noisy = km_arena_get(cx->arena, (size_t)(r->frames * r->A * 3) * sizeof(float));
    r->level = km_arena_get(cx->arena, (size_t)r->frames * sizeof(int32_t));
    r->free = true;
    for (km_dim t = 0; t < w->T; t++) r->free = r->free && !w->clean[t];
    return r;
}

/* Target frames about the origin, turned and shifted. The mean is over all rows, padding included, as Boltz-2 has it.
 */
static void turn(const share *r, const km_windows *w, bool as_one, int step)
{
    KM_ASSERT(w->opt_turn);
    for (km_dim f = 0; f < r->frames; f++) {
        double rot[9], shift[3], mean[3] = {0};
        float *x = r->x + f * r->A * 3;
        if (is_clean(w, f)) continue;
        for (km_dim i = 0; i < r->A * 3; i++) mean[i % 3] += x[i] / (double)r->A;
        w->opt_turn(w->noise_arg, step, r->first + f / w->T, as_one ? 0 : f % w->T, rot, shift);
        km_superpose_apply(x, (int)r->A, rot, mean, shift, x);
    }
}

/* Target frames moved as they are onto the denoised ones. */
static void align(const share *r, const km_windows *w, const float *atom_mask, const float *denoised)
{
    for (km_dim f = 0; f < r->frames; f++) {
        double rot[9], from[3], to[3];
        float *x = r->noisy + f * r->A * 3;
        if (is_clean(w, f)) continue;
        km_superpose(x, denoised + f * r->A * 3, atom_mask, (int)r->A, rot, from, to);
        km_superpose_apply(x, (int)r->A, rot, from, to, x);
    }
}

/* x_hat = x + noise draw, on clean frames with the noise of what is given */
static void raise_noise(const share *r, const km_windows *w, const km_step *s, double given_noise, int step)
{
    km_dim n = r->A * 3;
    for (km_dim f = 0; f < r->frames; f++) {
        float *to = r->noisy + f * n;
        const float *x = r->x + f * n;
        float scale = (float)(is_clean(w, f) ? given_noise : s->noise);
        if (scale == 0) {
            memcpy(to, x, (size_t)n * sizeof *to);
            continue;
        }
        w->noise(w->noise_arg, step, r->first + f / w->T, f % w->T, to);
        for (km_dim i = 0; i < n; i++) to[i] = x[i] + scale * to[i];
    }
}

/* Where D is not sure of a centre's hand it lies near the plane, and putting it on the right side decides for it. */
static void hold_stereo(const share *r, const km_windows *w, float *denoised)
{
    for (km_dim f = 0; f < r->frames; f++)
        if (!is_clean(w, f)) km_stereo_hold(w->opt_stereo, denoised + f * r->A * 3);
}

/* x = x_hat + step_scale (next - hat) (x_hat - D) / hat on target frames; false on NaN */
static bool move(const share *r, const km_windows *w, const km_step *s, const float *denoised)
{
    km_dim n = r->A * 3;
    float factor = (float)(s->step_scale * (s->next - s->hat) / s->hat);
    double sum = 0;
    for (km_dim f = 0; f < r->frames; f++) {
        if (is_clean(w, f)) continue;
        for (km_dim i = f * n; i < (f + 1) * n; i++) {
            r->x[i] = r->noisy[i] + factor * (r->noisy[i] - denoised[i]);
            sum += r->x[i];
        }
    }
    return isfinite(sum);
}

/* The levels that are in use, alone; level [F] is then into them and *ret_sigma. */
static const km_levels *levels_in_use(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s,
                                      km_dim F, int32_t *level, const float **ret_sigma)
{
    int32_t *place = km_arena_get(cx->arena, (size_t)s->n_told * sizeof *place);
    float *sigma = km_arena_get(cx->arena, (size_t)s->n_told * sizeof *sigma);
    km_dim L = 0;
    for (int i = 0; i < s->n_told; i++) place[i] = -1;
    for (km_dim f = 0; f < F; f++) {
        int32_t *at = &place[level[f]];
        if (*at < 0) sigma[L] = s->told[level[f]], *at = (int32_t)L++;
        level[f] = *at;
    }
    *ret_sigma = sigma;
    return km_diffusion_levels(cx, m->diffusion, k, sigma, L);
}

km_tensor *km_windows_evaluate(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s,
                               const km_windows *w, km_dim first, km_tensor *x, int32_t *level)
{
    const float *sigma = s->told, *times = w->times + first * w->T;
    const km_levels *levels = w->opt_levels;
    if (!levels) levels = levels_in_use(cx, m, k, s, km_size(x, 0) * w->T, level, &sigma);
    if (!w->opt_pasts) return km_diffusion_denoise(cx, m->diffusion, k, levels, x, level, sigma, times);
    return km_diffusion_denoise_next(cx, m->diffusion, k, levels, x, level, sigma, times, w->opt_pasts + first);
}

static km_status run_share(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s,
                           const km_windows *w, km_dim first, km_dim B, km_err *err)
{
    if (s->stage && !w->opt_pasts) return km_staircase_run(cx, m, k, s, w, first, B, err);
    km_mark outer = km_scope_begin(cx);
    share *r = start(cx, k, w, first, B);
    km_status status = KM_OK;
    for (int i = 0; i < s->n_steps && status == KM_OK; i++) {
        km_mark inner = km_scope_begin(cx);
        if (s->turned || (s->turned_as_one && r->free)) turn(r, w, s->turned_as_one, i);
        raise_noise(r, w, &s->steps[i], s->given_noise, i);
        for (km_dim f = 0; f < r->frames; f++) r->level[f] = is_clean(w, f) ? KM_TOLD_GIVEN : KM_TOLD_STEP + i;
        km_tensor *x = KM_TENSOR_OF(cx, r->noisy, B, w->T, r->A, 3);
        float *d = km_read(cx, km_windows_evaluate(cx, m, k, s, w, first, x, r->level));
        if (w->opt_stereo) hold_stereo(r, w, d);
        if (s->aligned) align(r, w, k->f->atom_mask, d);
        if (!move(r, w, &s->steps[i], d))
            status = km_fail(err, KM_INPUT, "coordinates are not finite after step %d", i + 1);
        km_arena_rewind(cx->arena, inner);
        if (status == KM_OK && km_interrupted()) status = km_fail(err, KM_INTERRUPTED, "interrupted");
    }
    km_arena_rewind(cx->arena, outer);
    return status;
}

/* With a window or more for each thread they run apart, each thread its share from noise to coordinates: no thread
 * waits for another within a step. With fewer the threads share each operation. */
km_status km_windows_run(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s, km_windows *w,
                         km_err *err)
{
    int n = cx->ex.threads;
    if (n == 1 || w->B < n) return run_share(cx, m, k, s, w, 0, w->B, err);
    km_ctx *const *team = km_ctx_team(cx, n);
    km_err *errs = KM_NEWN(km_err, (size_t)n);
#pragma omp parallel for schedule(static, 1) num_threads(n)
    for (int i = 0; i < n; i++) {
        km_dim first = w->B * i / n;
        errs[i].code = run_share(team[i], m, k, s, w, first, w->B * (i + 1) / n - first, &errs[i]);
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

km_status km_windows_sample(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s,
                            km_windows *w, km_err *err)
{
    km_dim n = k->f->A * 3;
    float scale = (float)s->sigmas[0];
    for (km_dim f = 0; f < w->B * w->T; f++) {
        if (w->clean[f % w->T]) continue;
        w->noise(w->noise_arg, -1, f / w->T, f % w->T, w->x + f * n);
        for (km_dim i = f * n; i < (f + 1) * n; i++) w->x[i] *= scale;
    }
    return km_windows_run(cx, m, k, s, w, err);
}
