/* SPDX-License-Identifier: MIT */
#include "lib/sample/staircase.h"

#include <math.h>
#include <string.h>

#include "lib/base/io.h"

typedef struct stair {
    const km_schedule *s;
    const km_windows *w;
    km_dim first, B, A;
    float *x, *noisy;        /* [B, T, A, 3] */
    int32_t *level;          /* [B, T] into what the schedule tells */
    int *step;               /* [T] of a new frame in its own schedule; below 0: it waits */
} stair;

static stair start(km_ctx *cx, const km_conditioning *k, const km_schedule *s, const km_windows *w, km_dim first,
                   km_dim B)
{
    stair r = {.s = s, .w = w, .first = first, .B = B, .A = k->f->A, .x = w->x + first * w->T * k->f->A * 3};
    r.noisy = km_arena_get(cx->arena, (size_t)(B * w->T * r.A * 3) * sizeof(float));
    r.level = km_arena_get(cx->arena, (size_t)(B * w->T) * sizeof(int32_t));
    r.step = km_arena_get(cx->arena, (size_t)w->T * sizeof(int));
    return r;
}

/* Where every frame stands at an evaluation */
static void stand(const stair *r, int call)
{
    const int n = r->s->n_steps;
    int number = 0;
    for (km_dim t = 0; t < r->w->T; t++) {
        int i = r->w->clean[t] ? n : call - r->s->stage * number++;
        r->step[t] = i;
        r->level[t] = r->w->clean[t] ? KM_TOLD_GIVEN : KM_TOLD_STEP + (i < 0 ? n + 1 : i < n ? i : n);
    }
    for (km_dim f = r->w->T; f < r->B * r->w->T; f++) r->level[f] = r->level[f - r->w->T];
}

int km_staircase_levels(int n_steps, int stage) { return 3 + (n_steps + stage - 1) / stage; }

/* The noise of an evaluation: a step's, or that of what is given; none for a frame that waits. */
static void raise_noise(const stair *r, int call)
{
    const km_dim n = r->A * 3, T = r->w->T;
    for (km_dim f = 0; f < r->B * T; f++) {
        float *to = r->noisy + f * n;
        int i = r->step[f % T];
        bool done = i >= r->s->n_steps;
        float scale = i < 0 ? 0 : (float)(done ? r->s->given_noise : r->s->steps[i].noise);
        memcpy(to, r->x + f * n, (size_t)n * sizeof *to);
        if (scale == 0) continue;
        r->w->noise(r->w->noise_arg, done ? r->s->n_steps + call : i, r->first + f / T, f % T, to);
        for (km_dim a = 0; a < n; a++) to[a] = r->x[f * n + a] + scale * to[a];
    }
}

/* Frames on their way take their step; false on NaN. */
static bool move(const stair *r, const float *denoised)
{
    const km_dim n = r->A * 3;
    double sum = 0;
    for (km_dim f = 0; f < r->B * r->w->T; f++) {
        int i = r->step[f % r->w->T];
        if (i < 0 || i >= r->s->n_steps) continue;
        const km_step *s = &r->s->steps[i];
        float factor = (float)(s->step_scale * (s->next - s->hat) / s->hat);
        for (km_dim a = f * n; a < (f + 1) * n; a++) {
            r->x[a] = r->noisy[a] + factor * (r->noisy[a] - denoised[a]);
            sum += r->x[a];
        }
    }
    return isfinite(sum);
}

static int count_calls(const stair *r)
{
    int made = 0;
    for (km_dim t = 0; t < r->w->T; t++) made += !r->w->clean[t];
    return made ? r->s->n_steps + r->s->stage * (made - 1) : 0;
}

km_status km_staircase_run(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s,
                           const km_windows *w, km_dim first, km_dim B, km_err *err)
{
    km_mark outer = km_scope_begin(cx);
    stair r = start(cx, k, s, w, first, B);
    km_status status = KM_OK;
    for (int call = 0, calls = count_calls(&r); call < calls && status == KM_OK; call++) {
        km_mark inner = km_scope_begin(cx);
        stand(&r, call);
        raise_noise(&r, call);
        km_tensor *x = KM_TENSOR_OF(cx, r.noisy, B, w->T, r.A, 3);
        float *d = km_read(cx, km_windows_evaluate(cx, m, k, s, w, first, x, r.level));
        for (km_dim f = 0; w->opt_stereo && f < B * w->T; f++)
            if (!w->clean[f % w->T]) km_stereo_hold(w->opt_stereo, d + f * r.A * 3);
        if (!move(&r, d))
            status = km_fail(err, KM_INPUT, "coordinates are not finite after evaluation %d", call + 1);
        km_arena_rewind(cx->arena, inner);
        if (status == KM_OK && km_interrupted()) status = km_fail(err, KM_INTERRUPTED, "interrupted");
    }
    km_arena_rewind(cx->arena, outer);
    return status;
}
