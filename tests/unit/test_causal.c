/* SPDX-License-Identifier: MIT
 * Causal models: a frame known by its keys and values is as good, to the last bit, as the frame itself. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cpu.h"
#include "lib/base/superpose.h"
#include "lib/sample/causal.h"
#include "lib/sample/prepare.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"

/* More frames than a block of queries and a vector of keys; times that floats hold exactly. */
enum { T = 40, STEPS = 3, DT = 125000 };
static const float sigmas[2] = {0, 3.5f};

typedef struct fixture {
    km_model *m;
    km_features *f;
    km_trunk_result *t;
    size_t frame; /* floats */
    float *x;     /* [3, T, A, 3] */
} fixture;

static fixture make_fixture(void)
{
    fixture x = {.m = tiny_model(1), .f = tiny_features()};
    if (!x.m) exit(1);
    const km_config *c = &x.m->config;
    km_ctx *cx = km_ctx_new(1);
    km_trunk_out t = km_trunk_run(cx, x.m->trunk, x.f, 0);
    x.t = km_trunk_result_new((int32_t)x.f->N, c->inputs_s, c->token_s, c->token_z);
    memcpy(x.t->s_inputs, t.s_inputs->data, (size_t)km_numel(t.s_inputs) * sizeof(float));
    memcpy(x.t->s, t.s->data, (size_t)km_numel(t.s) * sizeof(float));
    memcpy(x.t->z, t.z->data, (size_t)km_numel(t.z) * sizeof(float));
    km_ctx_free(cx);
    x.frame = (size_t)x.f->A * 3;
    x.x = tiny_normals((km_dim)(3 * T * x.frame), 4, 31);
    return x;
}

static bool same(const float *a, const float *b, size_t n) { return !memcmp(a, b, n * sizeof *a); }

/* -- one evaluation */

/* All frames at once, the last of them noisy: what becomes of it. */
static void denoise_all(const fixture *x, const char *isa, int frames, float *out)
{
    km_prepared *p = km_prepare(x->m, x->f, x->t, NULL, 1);
    p->cx->be = km_backend_cpu(isa);
    int32_t level[T] = {0};
    float times[T];
    for (int i = 0; i < frames; i++) times[i] = 0.125f * (float)(i + i / 3);
    level[frames - 1] = 1;
    km_levels *levels = km_diffusion_levels(p->cx, x->m->diffusion, p->k, sigmas, 2);
    km_tensor *in = KM_TENSOR_OF(p->cx, x->x, 1, frames, x->f->A, 3);
    const km_tensor *y = km_diffusion_denoise(p->cx, x->m->diffusion, p->k, levels, in, level, sigmas, times);
    memcpy(out, y->data + (size_t)(frames - 1) * x->frame, x->frame * sizeof(float));
    km_prepared_free(p);
}

/* The next frame, at this level, of some trajectories: into out [B, A, 3]. */
static void next(const fixture *x, const km_prepared *p, const int *which, km_nn_past **pasts, int B, int level,
                 float *out)
{
    float times[3];
    const int32_t first[3] = {0};
    km_mark mark = km_scope_begin(p->cx);
    km_tensor *in = KM_TENSOR(p->cx, B, 1, x->f->A, 3);
    for (int i = 0; i < B; i++) {
        int t = (int)pasts[i]->T;
        times[i] = 0.125f * (float)(t + t / 3);
        memcpy(in->data + (size_t)i * x->frame, x->x + ((size_t)which[i] * T + (size_t)t) * x->frame,
               x->frame * sizeof(float));
    }
    km_levels *levels = km_diffusion_levels(p->cx, x->m->diffusion, p->k, sigmas + level, 1);
    const km_tensor *y =
        km_diffusion_denoise_next(p->cx, x->m->diffusion, p->k, levels, in, first, sigmas + level, times, pasts);
    memcpy(out, y->data, (size_t)B * x->frame * sizeof(float));
    km_arena_rewind(p->cx->arena, mark);
}

static void test_evaluation(const fixture *x, const char *isa)
{
    km_prepared *p = km_prepare(x->m, x->f, x->t, NULL, 1);
    p->cx->be = km_backend_cpu(isa);
    km_nn_past *past = km_diffusion_past(km_backend_cpu(NULL), x->m->diffusion, x->f, T);
    float *one = KM_NEWN(float, x->frame), *all = KM_NEWN(float, x->frame), *clean = KM_NEWN(float, x->frame);
    int good = 0, still = 0, which = 0;
    for (int t = 0; t < T; t++) {
        next(x, p, &which, &past, 1, 1, one);
        denoise_all(x, isa, t + 1, all);
        good += same(one, all, x->frame);
        next(x, p, &which, &past, 1, 0, clean);
        still += same(clean, x->x + (size_t)t * x->frame, x->frame);
        past->T++;
    }
    ok(good == T, "%s: the frame behind 0 to %d clean ones as computed with all of them, bit for bit in %d", isa, T - 1,
       good);
    ok(still == T, "a clean one comes out as it went in");
    past->T = 0;
    denoise_all(x, isa, 1, all);
    next(x, p, &which, &past, 1, 1, one);
    ok(same(one, all, x->frame), "without a past, a frame alone");
    for (int t = 0; t < 5; t++) next(x, p, &which, &past, 1, 0, clean), past->T++;
    next(x, p, &which, &past, 1, 1, one);
    past->T--;
    next(x, p, &which, &past, 1, 1, all);
    ok(!same(one, all, x->frame), "with one frame less it is another");
    km_nn_past_free(past);
    km_prepared_free(p);
    free(one), free(all), free(clean);
}

static void test_batch(const fixture *x)
{
    enum { B = 3 };
    static const int counts[B] = {0, 7, 3}, which[B] = {2, 0, 1};
    float *alone = KM_NEWN(float, B * x->frame), *out[2] = {KM_NEWN(float, B * x->frame), KM_NEWN(float, B * x->frame)};
    for (int threads = 1; threads <= 2; threads++) {
        km_prepared *p = km_prepare(x->m, x->f, x->t, NULL, threads);
        km_nn_past *pasts[B];
        for (int b = 0; b < B; b++) {
            pasts[b] = km_diffusion_past(km_backend_cpu(NULL), x->m->diffusion, x->f, 10);
            for (int t = 0; t < counts[b]; t++) next(x, p, &which[b], &pasts[b], 1, 0, out[threads - 1]), pasts[b]->T++;
        }
        next(x, p, which, pasts, B, 1, out[threads - 1]);
        for (int b = 0; b < B && threads == 1; b++)
            next(x, p, &which[b], &pasts[b], 1, 1, alone + (size_t)b * x->frame);
        for (int b = 0; b < B; b++) km_nn_past_free(pasts[b]);
        km_prepared_free(p);
    }
    ok(same(out[0], alone, B * x->frame),
       "trajectories of unlike length in a batch have the bytes that they have alone");
    ok(same(out[0], out[1], B * x->frame), "with one thread and with two");
    free(alone), free(out[0]), free(out[1]);
}

static double flop_of_next(const fixture *x, km_dim past_frames)
{
    double flop = 0;
    km_ctx *cx = km_ctx_dry(NULL), *counting = km_ctx_dry(&flop);
    km_trunk_out t = {KM_TENSOR(cx, x->f->N, x->t->inputs_s), KM_TENSOR(cx, x->f->N, x->t->token_s),
                      KM_TENSOR(cx, x->f->N, x->f->N, x->t->token_z)};
    km_conditioning *k = km_diffusion_condition(cx, x->m->diffusion, x->f, &t);
    km_levels *levels = km_diffusion_levels(cx, x->m->diffusion, k, sigmas, 1);
    km_nn_past *past = km_diffusion_past(km_backend_cpu(NULL), x->m->diffusion, x->f, past_frames + 1);
    const int32_t level = 0;
    const float time = 1;
    past->T = past_frames;
    km_diffusion_denoise_next(counting, x->m->diffusion, k, levels, KM_TENSOR(cx, 1, 1, x->f->A, 3), &level, sigmas,
                              &time, &past);
    km_nn_past_free(past);
    km_ctx_free(cx), km_ctx_free(counting);
    return flop;
}

static void test_cost(const fixture *x)
{
    double none = flop_of_next(x, 0), ten = flop_of_next(x, 10), twenty = flop_of_next(x, 20);
    const km_config *c = &x->m->config;
    double width = (double)x->f->N * 2 * c->token_s * c->token_depth +
                   (double)x->f->A * c->atom_s * (c->atom_encoder_depth + c->atom_decoder_depth);
    ok(none > 0 && ten - none == 4 * 10 * width && twenty - ten == ten - none,
       "a frame more in the past costs its keys and values: %.0f of %.0f", (ten - none) / 10, none);
    ok(km_diffusion_past_bytes(NULL, x->m->diffusion, x->f) == 8 * width + 4, "and keeps these: %.0f bytes", 8 * width);
}

/* -- forecasts */

typedef struct heap {
    int count;
    size_t frame;
    float x[200][120];
    int64_t fs[200];
    int32_t trajectory[200];
} heap;

static km_status keep(void *arg, const km_frame *f, km_err *err)
{
    heap *h = arg;
    if (h->count == 200) return km_fail(err, KM_SYSTEM, "full");
    memcpy(h->x[h->count], f->coords, h->frame * sizeof(float));
    h->fs[h->count] = f->time_fs;
    h->trajectory[h->count++] = f->trajectory;
    return KM_OK;
}

static const km_forecast_options options = {.sampler = KM_SAMPLER_AF3,
                                            .causal = true,
                                            .steps = STEPS,
                                            .noise_scale = 1,
                                            .step_scale = 1.5,
                                            .dt = DT,
                                            .n_new = 6,
                                            .seed = 9,
                                            .threads = 1};

static void start(const fixture *x, km_history *h, int trajectory, int given)
{
    *h = (km_history){.trajectory = trajectory};
    for (int i = 0; i < given; i++)
        km_history_add(h, 5000000 + 250000 * i, x->x + ((size_t)(trajectory % 3) * T + (size_t)i) * x->frame,
                       (int32_t)x->f->A, 0);
}

static km_status forecast(const fixture *x, const km_forecast_options *o, km_history *h, int n, heap *out, km_err *err)
{
    out->count = 0, out->frame = x->frame;
    return km_forecast(x->m, x->f, x->t, o, h, n, keep, out, err);
}

/* The same without keys and values: each new frame drawn in a window of all the frames there are. */
static void by_windows(const fixture *x, km_history *h, float (*out)[120])
{
    const double zero[3] = {0}, none[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    km_dim A = x->f->A;
    double rot[9], from[3], origin[3];
    km_prepared *p = km_prepare(x->m, x->f, x->t, NULL, 1);
    km_schedule *s = km_schedule_new(&x->m->sampling, options.sampler, STEPS, 1, 1.5);
    float *anchor = KM_NEWN(float, x->frame), *w = KM_NEWN(float, T * x->frame), times[T];
    int64_t fs[T];
    bool clean[T];
    km_err err = {0};
    memcpy(anchor, h->coords + (size_t)(h->count - 1) * x->frame, x->frame * sizeof(float));
    for (int k = 0; k < options.n_new; k++) {
        for (int t = 0; t <= h->count; t++) {
            fs[t] = t < h->count ? h->times[t] : h->times[t - 1] + DT;
            times[t] = (float)km_ns_of_fs(fs[t] - fs[0]);
            clean[t] = t < h->count;
            if (!clean[t]) continue;
            km_superpose(h->coords + (size_t)t * x->frame, anchor, x->f->atom_mask, (int)A, rot, from, origin);
            km_superpose_apply(h->coords + (size_t)t * x->frame, (int)A, rot, from, zero, w + (size_t)t * x->frame);
        }
        float *last = w + (size_t)h->count * x->frame;
        km_keyed_noise noise = {options.seed, A, h->count + 1, fs, &h->trajectory};
        km_windows all = {1, h->count + 1, w, times, clean, km_draw_keyed, &noise, NULL};
        if (km_windows_sample(p->cx, x->m, p->k, s, &all, &err) < 0) printf("# %s\n", err.msg);
        km_superpose_apply(last, (int)A, none, zero, origin, last);
        memcpy(out[k], last, x->frame * sizeof(float));
        km_history_add(h, fs[h->count], last, (int32_t)A, 0);
    }
    free(anchor), free(w);
    km_schedule_free(s);
    km_prepared_free(p);
}

static void test_forecast(const fixture *x)
{
    km_history h, again;
    km_err err = {0};
    heap *out = KM_NEW(heap);
    static float want[6][120];
    start(x, &h, 1, 4), start(x, &again, 1, 4);
    ok(forecast(x, &options, &h, 1, out, &err) == KM_OK && out->count == 6 && h.count == 10,
       "six frames behind four: %s", err.msg);
    by_windows(x, &again, want);
    int good = 0;
    for (int k = 0; k < 6; k++) good += same(out->x[k], want[k], x->frame) && out->fs[k] == 5750000 + DT * (k + 1);
    ok(good == 6, "those that windows of all frames give, bit for bit: %d", good);
    ok(!same(out->x[5], out->x[4], x->frame) && !same(out->x[0], h.coords + 3 * x->frame, x->frame),
       "which are not all alike");
    km_history_clear(&h), km_history_clear(&again);
    free(out);
}

enum { MANY = KM_CAUSAL_MOST + 2 };

/* Trajectories of 0 to 2 given frames and the first `there` of what all of them made. */
static void start_many(const fixture *x, km_history *h, const heap *all, int there)
{
    for (int i = 0; i < MANY; i++) {
        start(x, &h[i], i, i % 3);
        for (int k = 0; k < there; k++) {
            if (all->trajectory[k] != i) continue;
            km_history_add(&h[i], all->fs[k], all->x[k], (int32_t)x->f->A, 0);
            h[i].done++;
        }
    }
}

static void clear_many(km_history *h)
{
    for (int i = 0; i < MANY; i++) km_history_clear(&h[i]);
}

static void test_many(const fixture *x)
{
    km_history h[MANY], alone;
    km_err err = {0};
    heap *all = KM_NEW(heap), *some = KM_NEW(heap);
    km_forecast_options two = options;
    two.threads = 2;
    start_many(x, h, all, 0);
    ok(forecast(x, &two, h, MANY, all, &err) == KM_OK && all->count == 6 * MANY,
       "more trajectories than go side by side, on two threads");
    clear_many(h);
    int good = 0;
    for (int i = 0; i < MANY; i++) {
        start(x, &alone, i, i % 3);
        if (forecast(x, &options, &alone, 1, some, &err) < 0) printf("# %s\n", err.msg);
        int n = 0;
        for (int k = 0; k < all->count; k++)
            n += all->trajectory[k] == i && all->fs[k] == some->fs[n] && same(all->x[k], some->x[n], x->frame);
        good += n == 6;
        km_history_clear(&alone);
    }
    ok(good == MANY, "each alone on one thread has the same bytes: %d of %d", good, MANY);
    int tried = 0;
    good = 0;
    for (int there = 0; there <= all->count; there += 9, tried++) {
        start_many(x, h, all, there);
        bool equal = forecast(x, &options, h, MANY, some, &err) == KM_OK && some->count == all->count - there;
        for (int k = 0; equal && k < some->count; k++)
            equal = some->trajectory[k] == all->trajectory[there + k] && same(some->x[k], all->x[there + k], x->frame);
        good += equal;
        clear_many(h);
    }
    ok(tried == 13 && good == tried, "interrupted after every ninth frame: the others, in the same order, %d of %d",
       good, tried);
    start_many(x, h, all, 20);
    h[3].done++;
    ok(forecast(x, &options, h, MANY, some, &err) == KM_INPUT && strstr(err.msg, "trajectories 0 to 15"),
       "one far ahead of another: %s", err.msg);
    clear_many(h);
    start_many(x, h, all, 20);
    h[MANY - 1].done++;
    ok(forecast(x, &options, h, MANY, some, &err) == KM_INPUT && strstr(err.msg, "trajectories 16 to 17"),
       "one whose turn had not come");
    clear_many(h);
    free(all), free(some);
}

static void test_memory(const fixture *x)
{
    km_history h;
    km_err err = {0};
    heap *out = KM_NEW(heap);
    km_forecast_options o = options;
    o.memory = 40 << 20, o.n_new = 1000000;
    start(x, &h, 0, 2);
    ok(forecast(x, &o, &h, 1, out, &err) == KM_SYSTEM && out->count == 0, "a past that does not fit is refused: %s",
       err.msg);
    const char *fits = strstr(err.msg, "--frames ");
    o.n_new = fits ? atoi(fits + 9) : 0;
    ok(o.n_new > 10 && o.n_new < 1000000, "with what does");
    o.n_new++;
    ok(forecast(x, &o, &h, 1, out, &err) == KM_SYSTEM, "and not one more");
    km_history_clear(&h);
    free(out);
}

int main(void)
{
    fixture x = make_fixture();
    km_diffusion_set_temporal(x.m->diffusion, 1, true);
    static const char *const isas[] = {"base", "avx2", "avx512"};
    for (int i = 0; i < 3; i++)
        if (km_cpu_has(isas[i])) test_evaluation(&x, isas[i]);
    test_batch(&x);
    test_cost(&x);
    test_forecast(&x);
    test_many(&x);
    test_memory(&x);
    km_model_free(x.m);
    km_features_free(x.f);
    km_trunk_result_free(x.t);
    free(x.x);
    return tap_end();
}
