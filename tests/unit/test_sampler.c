/* SPDX-License-Identifier: MIT
 * Schedules against their formulas, and the sampler against the same steps in double on a denoiser that is known. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/sample/prepare.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"

static const km_sampling published = {.sigma_min = 0.0016,
                                      .sigma_max = 2560,
                                      .rho = 7,
                                      .gamma_0 = 0.8,
                                      .gamma_min = 1,
                                      .churn_sigma_min = 0.0001,
                                      .churn_sigma_max = 160};

static bool near(double got, double want) { return fabs(got - want) <= 1e-9 * fabs(want); }

static bool levels_are(const km_schedule *s, const double *want)
{
    bool good = true;
    for (int i = 0; i <= s->n_steps; i++) good = good && near(s->sigmas[i], want[i]);
    for (int i = 0; i < s->n_steps; i++)
        good = good && s->steps[i].sigma == s->sigmas[i] && s->steps[i].next == s->sigmas[i + 1];
    return good;
}

/* The levels are numpy's (max^(1/7) + k / (n - 1) (min^(1/7) - max^(1/7)))^7. */
static void test_schedules(void)
{
    static const double wide[] = {2560, 671.500070269, 128.184560391, 14.5866000792, 0.613430774218, 0.0016, 0};
    static const double narrow[] = {160, 28.7368290658, 2.93941491996, 0.0977957960499, 0.0001, 0};
    km_schedule *s = km_schedule_new(&published, KM_SAMPLER_AF3, 6, 1.75, 1.5);
    ok(s->n_steps == 6 && levels_are(s, wide), "af3: levels from sigma_max to sigma_min, then 0");
    bool raised = true, plain = true;
    for (int i = 0; i < 3; i++)
        raised = raised && near(s->steps[i].hat, 1.8 * wide[i]) &&
                 near(s->steps[i].noise, 1.75 * sqrt(1.8 * 1.8 - 1) * wide[i]);
    for (int i = 3; i < 6; i++) plain = plain && s->steps[i].hat == s->steps[i].sigma && s->steps[i].noise == 0;
    ok(raised, "af3: noise is raised by gamma_0 while the next level is above gamma_min");
    ok(plain, "af3: not from 14.6 to 0.6, though 14.6 is above it");
    ok(s->steps[0].step_scale == 1.5 && s->steps[5].step_scale == 1.5, "af3: every step is scaled");
    km_schedule_free(s);

    s = km_schedule_new(&published, KM_SAMPLER_KARRAS, 5, 1.1, 1.5);
    bool churned = true;
    for (int i = 0; i < 5; i++)
        churned = churned && near(s->steps[i].hat, 1.3 * narrow[i]) && s->steps[i].step_scale == 1 &&
                  near(s->steps[i].noise, 1.1 * sqrt(1.69 - 1) * narrow[i]);
    ok(levels_are(s, narrow), "karras: levels of its own pair");
    ok(churned, "karras: every level is raised by churn / steps, and steps are whole");
    km_schedule_free(s);
    s = km_schedule_new(&published, KM_SAMPLER_KARRAS, 2, 1, 40);
    ok(near(s->steps[1].hat, sqrt(2) * 0.0001), "karras: by no more than sqrt(2) - 1");
    km_schedule_free(s);

    s = km_schedule_new(&published, KM_SAMPLER_EULER, 5, 1.75, 1.5);
    bool bare = levels_are(s, narrow);
    for (int i = 0; i < 5; i++)
        bare = bare && s->steps[i].hat == s->steps[i].sigma && s->steps[i].noise == 0 && s->steps[i].step_scale == 1;
    ok(bare, "euler: no noise, whole steps");
    km_schedule_free(s);
    s = km_schedule_new(&published, KM_SAMPLER_EULER, 1, 1, 1);
    ok(near(s->sigmas[0], 160) && s->sigmas[1] == 0, "a single step goes from sigma_max to 0");
    km_schedule_free(s);
    km_schedule_free(NULL);
}

static void test_words(void)
{
    km_sampler s;
    km_err err = {0};
    ok(km_sampler_parse("af3", &s, &err) == KM_OK && s == KM_SAMPLER_AF3 &&
           km_sampler_parse("karras", &s, &err) == KM_OK && s == KM_SAMPLER_KARRAS &&
           km_sampler_parse("euler", &s, &err) == KM_OK && s == KM_SAMPLER_EULER &&
           km_sampler_parse("boltz2", &s, &err) == KM_OK && s == KM_SAMPLER_BOLTZ2,
       "the samplers' names");
    ok(km_sampler_parse("heun", &s, &err) == KM_USAGE && strstr(err.msg, "heun"), "another one is refused by name");
}

/* -- windows */

enum { B = 3, T = 4, STEPS = 6 };
static const bool clean[T] = {true, false, false, true};

typedef struct fixture {
    km_model *m;
    km_features *f;
    km_ctx *cx;
    km_conditioning *k;
    km_dim A;
    float times[B * T];
    km_dim first; /* of the windows at hand: the noise of window b is that of first + b */
    int bad_step; /* where the noise is NaN; STEPS for nowhere */
    int calls;
    int stage;    /* of a staircase */
    bool kept;    /* the schedule's levels are made beforehand */
} fixture;

/* without: the network's own output is nothing, so that the denoiser is x sigma_data^2 / (sigma^2 + sigma_data^2) */
static void set_up(fixture *t, bool without)
{
    *t = (fixture){.m = tiny_model(1), .f = tiny_features(), .cx = km_ctx_new(1), .bad_step = STEPS};
    if (!t->m) exit(1);
    for (int i = 0; without && i < km_params_count(t->m->params); i++) {
        km_tensor *p = km_params_at(t->m->params, i);
        if (strstr(km_params_name(t->m->params, i), "atom_feat_to_atom_pos_update"))
            memset(p->data, 0, (size_t)km_numel(p) * sizeof(float));
    }
    t->A = t->f->A;
    for (int i = 0; i < B * T; i++) t->times[i] = 0.1f * (float)(i % T);
    km_trunk_out trunk = km_trunk_run(t->cx, t->m->trunk, t->f, 0);
    t->k = km_diffusion_condition(t->cx, t->m->diffusion, t->f, &trunk);
}

static void tear_down(fixture *t)
{
    km_ctx_free(t->cx);
    km_model_free(t->m);
    km_features_free(t->f);
}

static double drawn(int step, km_dim window, km_dim frame, km_dim i)
{
    return sin(0.7 * step + 1.9 * (double)window + 2.3 * (double)frame + 0.37 * (double)i);
}

static void draw(void *arg, int step, km_dim b, km_dim frame, float *out)
{
    fixture *t = arg;
    t->calls++;
    for (km_dim i = 0; i < 3 * t->A; i++) out[i] = (float)drawn(step, t->first + b, frame, i);
    if (step == t->bad_step) out[5] = NAN;
}

static const km_sampling moderate = {.sigma_min = 0.5,
                                     .sigma_max = 20,
                                     .rho = 7,
                                     .gamma_0 = 0.8,
                                     .gamma_min = 1,
                                     .churn_sigma_min = 0.1,
                                     .churn_sigma_max = 12};

/* n windows from t->first on; the caller frees them. */
static float *sample(fixture *t, km_sampler sampler, int n, km_status *ret, km_err *err)
{
    km_dim window = T * t->A * 3;
    float *x = km_alloc((size_t)(n * window) * sizeof *x);
    km_sampling how = moderate;
    how.stage = t->stage;
    km_schedule *s = km_schedule_new(&how, sampler, STEPS, 1.2, 1.5);
    for (km_dim i = 0; i < n * window; i++) x[i] = (float)cos(0.11 * (double)(i + t->first * window));
    km_windows w = {n, T, x, t->times, clean, draw, t};
    if (t->kept) w.opt_levels = km_diffusion_levels(t->cx, t->m->diffusion, t->k, s->told, s->n_told);
    *ret = km_windows_sample(t->cx, t->m, t->k, s, &w, err);
    km_schedule_free(s);
    return x;
}

/* One number of a target frame through the steps of Karras et al., algorithm 2 without its correction. */
static double stepped(km_sampler sampler, bool stairs, double sigma_data, km_dim b, km_dim frame, km_dim i)
{
    bool af3 = sampler == KM_SAMPLER_AF3;
    double level[STEPS + 1] = {0}, top = af3 ? 20 : 12, bottom = af3 ? 0.5 : 0.1;
    for (int k = 0; k < STEPS; k++)
        level[k] = pow(pow(top, 1 / 7.0) + k / (STEPS - 1.0) * (pow(bottom, 1 / 7.0) - pow(top, 1 / 7.0)), 7);
    double x = level[0] * drawn(-1, b, frame, i);
    for (int k = 0; k < STEPS; k++) {
        double gamma = af3                            ? (level[k + !stairs] > 1 ? 0.8 : 0)
                       : sampler == KM_SAMPLER_KARRAS ? 0.25
                                                      : 0,
               hat = level[k] * (1 + gamma);
        x += 1.2 * sqrt(hat * hat - level[k] * level[k]) * drawn(k, b, frame, i);
        double denoised = x * sigma_data * sigma_data / (hat * hat + sigma_data * sigma_data);
        x += (af3 ? 1.5 : 1) * (level[k + 1] - hat) * (x - denoised) / hat;
    }
    return x;
}

static void test_steps(fixture *t, km_sampler sampler, const char *name)
{
    km_status status;
    km_err err = {0};
    km_dim frame = t->A * 3;
    float *x = sample(t, sampler, B, &status, &err);
    double worst = 0, square = 0;
    bool held = true;
    for (km_dim i = 0; i < B * T * frame; i++) {
        km_dim b = i / (T * frame), f = i / frame % T;
        if (clean[f]) {
            held = held && x[i] == (float)cos(0.11 * (double)i);
            continue;
        }
        double want = stepped(sampler, t->stage, t->m->config.sigma_data, b, f, i % frame), off = fabs(x[i] - want);
        square += want * want / (double)(B * 2 * frame);
        if (!(off <= worst)) worst = off;
    }
    ok(status == KM_OK && worst < 1e-5 * sqrt(square), "%s: coordinates as by hand: %.1e of %.1e", name, worst,
       sqrt(square));
    ok(held, "%s: condition frames stay to the last bit", name);
    free(x);
}

static void test_by_hand(void)
{
    fixture t;
    set_up(&t, true);
    test_steps(&t, KM_SAMPLER_AF3, "af3");
    test_steps(&t, KM_SAMPLER_KARRAS, "karras");
    t.calls = 0;
    test_steps(&t, KM_SAMPLER_EULER, "euler");
    ok(t.calls == B * 2, "euler draws once for each frame that is not clean");
    t.stage = 2;
    test_steps(&t, KM_SAMPLER_AF3, "a staircase, where the level before decides");
    t.stage = STEPS + 1;
    test_steps(&t, KM_SAMPLER_AF3, "a staircase, one frame after the other");
    tear_down(&t);
}

static void test_batches(int stage)
{
    fixture t;
    km_status status;
    km_err err = {0};
    set_up(&t, false);
    t.stage = stage;
    size_t peak, window = (size_t)(T * t.A * 3);
    float *all = sample(&t, KM_SAMPLER_AF3, B, &status, &err);
    peak = km_arena_peak(t.cx->arena);
    bool equal = status == KM_OK, apart = memcmp(all, all + window, window * sizeof *all) != 0;
    for (t.first = 0; t.first < B; t.first++) {
        float *one = sample(&t, KM_SAMPLER_AF3, 1, &status, &err);
        equal = equal && status == KM_OK && !memcmp(one, all + (size_t)t.first * window, window * sizeof *one);
        free(one);
    }
    ok(equal && apart, "a window alone and in a batch of three has the same bytes");
    ok(km_arena_peak(t.cx->arena) == peak, "a run gives its memory back");
    t.kept = true, t.first = 0;
    float *kept = sample(&t, KM_SAMPLER_AF3, B, &status, &err);
    ok(status == KM_OK && !memcmp(kept, all, B * window * sizeof *all), "and with levels made beforehand");
    free(all), free(kept);
    tear_down(&t);
}

static void test_failures(void)
{
    fixture t;
    km_status status;
    km_err err = {0};
    set_up(&t, false);
    t.bad_step = 2;
    free(sample(&t, KM_SAMPLER_KARRAS, B, &status, &err));
    ok(status == KM_INPUT && strstr(err.msg, "not finite after step 3"), "a NaN is an error that names the step: %s",
       err.msg);
    t.bad_step = -1;
    free(sample(&t, KM_SAMPLER_EULER, B, &status, &err));
    ok(status == KM_INPUT && strstr(err.msg, "after step 1"), "a NaN from the start shows after the first step: %s",
       err.msg);
    t.bad_step = STEPS;
    km_signals_init();
    raise(SIGTERM);
    t.calls = 0;
    free(sample(&t, KM_SAMPLER_KARRAS, B, &status, &err));
    ok(status == KM_INTERRUPTED && t.calls == 2 * B * 2, "a signal ends the run between steps");
    tear_down(&t);
}

static void stay(void *arg, int step, km_dim b, km_dim frame, double rot[9], double shift[3])
{
    (void)arg, (void)step, (void)b, (void)frame;
    for (int i = 0; i < 9; i++) rot[i] = i % 4 == 0;
    for (int i = 0; i < 3; i++) shift[i] = 0;
}

static void tumble(void *arg, int step, km_dim b, km_dim frame, double rot[9], double shift[3])
{
    static const int64_t times[T] = {0, 1, 2, 3};
    static const int32_t trajectories[1] = {4};
    km_keyed_noise k = {.seed = 9, .T = T, .times = times, .trajectories = trajectories};
    (void)arg;
    km_turn_keyed(&k, step, b, frame, rot, shift);
}

/* Distances within a frame from its first atom, of a run without noise whose denoiser knows no direction. */
static void distances(fixture *t, km_turn *how, bool aligned, double *d)
{
    km_dim window = T * t->A * 3;
    float *x = km_alloc((size_t)window * sizeof *x);
    km_err err;
    km_schedule *s = km_schedule_new(&moderate, KM_SAMPLER_BOLTZ2, STEPS, 0, 0.5);
    s->aligned = aligned;
    for (km_dim i = 0; i < window; i++) x[i] = (float)cos(0.11 * (double)i);
    km_windows w = {1, T, x, t->times, clean, draw, t, .opt_turn = how};
    ok(km_windows_sample(t->cx, t->m, t->k, s, &w, &err) == KM_OK, "boltz2 samples");
    for (km_dim a = 0; a < t->A; a++) {
        const float *p = x + t->A * 3, *q = p + 3 * a;
        d[a] = sqrt(pow(p[0] - q[0], 2) + pow(p[1] - q[1], 2) + pow(p[2] - q[2], 2));
    }
    km_schedule_free(s);
    free(x);
}

static void test_turns(void)
{
    double rot[2][9], shift[2][3], still[64], turned[64], worst = 0, most = 0;
    for (int i = 0; i < 2; i++) tumble(NULL, i, 0, 1, rot[i], shift[i]);
    for (int i = 0; i < 9; i++) {
        double sum = 0;
        for (int k = 0; k < 3; k++) sum += rot[0][3 * (i / 3) + k] * rot[0][3 * (i % 3) + k];
        worst = fmax(worst, fabs(sum - (i % 4 == 0)));
    }
    ok(worst < 1e-12 && memcmp(rot[0], rot[1], sizeof rot[0]) && memcmp(shift[0], shift[1], sizeof shift[0]),
       "every step has a rotation of its own");
    for (int aligned = 0; aligned < 2; aligned++) {
        fixture t;
        set_up(&t, true);
        distances(&t, stay, aligned, still);
        distances(&t, tumble, aligned, turned);
        worst = most = 0;
        for (km_dim a = 0; a < t.A; a++) worst = fmax(worst, fabs(still[a] - turned[a])), most = fmax(most, still[a]);
        ok(worst < 1e-5 * most && most > 0, "turns do not change a shape: %.1e of %.1e", worst, most);
        tear_down(&t);
    }
}

int main(void)
{
    test_turns();
    test_schedules();
    test_words();
    test_by_hand();
    test_batches(0);
    test_batches(2);
    test_failures();
    return tap_end();
}
