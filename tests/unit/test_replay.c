/* SPDX-License-Identifier: MIT
 * Graphs of what is done again and again on the CUDA library (tests/emulate, or a device in `make test-gpu`): the same
 * bytes as without, kept once a shape, and not at all where they would be wrong. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sample/prepare.h"
#include "lib/tensor/replay.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"

enum { STEPS = 3, WINDOWS = 2, FRAMES = 2 };

/* Some windows of T frames, one after another; two of them are begun before the first is waited for. */
static float *sample(const km_model *m, const km_features *f, km_sampler sampler, int T, km_replayed *ret)
{
    const km_config *c = &m->config;
    km_ctx *cx = km_model_ctx(m, 1);
    size_t n = (size_t)(T * f->A * 3);
    float *x = KM_NEWN(float, WINDOWS * n), *s = tiny_normals(f->N * c->token_s, 1, 1);
    float *z = tiny_normals(f->N * f->N * c->token_z, 1, 2), *first = tiny_normals(f->A * 3, 4, 3);
    km_trunk_out t = {km_cast(cx, KM_TENSOR_OF(cx, s, f->N, c->token_s)),
                      km_cast(cx, KM_TENSOR_OF(cx, s, f->N, c->token_s)),
                      km_cast(cx, KM_TENSOR_OF(cx, z, f->N, f->N, c->token_z))};
    km_conditioning *k = km_diffusion_condition(cx, m->diffusion, f, &t);
    km_schedule *schedule = km_schedule_new(&m->sampling, sampler, STEPS, 1, 1);
    float times[8];
    int64_t fs[8];
    bool clean[8] = {true};
    km_keyed_noise noise[WINDOWS];
    km_windows w[WINDOWS];
    km_err err = {0};
    int good = 0;
    for (int i = 0; i < T; i++) times[i] = (float)i, fs[i] = i * 1000000;
    for (int i = 0; i <= WINDOWS; i++) {
        if (i < WINDOWS) {
            memcpy(x + (size_t)i * n, first, (size_t)f->A * 3 * sizeof *x);
            noise[i] = (km_keyed_noise){7, f->A, T, fs, (int32_t[]){i}};
            w[i] = (km_windows){.B = 1, .T = T, .x = x + (size_t)i * n, .times = times, .clean = clean,
                                .noise = km_draw_keyed, .noise_arg = &noise[i], .opt_turn = km_turn_keyed};
            good += km_windows_begin(cx, m, k, schedule, &w[i], &err) == KM_OK;
        }
        if (i > 0) good += km_windows_end(cx, &w[i - 1], &err) == KM_OK;
    }
    ok(good == 2 * WINDOWS, "%d windows of %d frames", WINDOWS, T);
    *ret = km_replay_count(cx);
    km_schedule_free(schedule);
    km_ctx_free(cx);
    free(s), free(z), free(first);
    return x;
}

/* The same bytes; on a card, where products depend on how memory is aligned, nearly so. */
static bool alike(const float *x, const float *y, size_t n, bool emulated)
{
    float worst = 0;
    for (size_t i = 0; i < n; i++) worst = fmaxf(worst, fabsf(x[i] - y[i]));
    return emulated ? memcmp(x, y, n * sizeof *x) == 0 : worst < 0.05f;
}

/* boltz2 turns frames and superposes them within a step */
static void test_sampling(const km_model *m, const km_features *f, km_sampler sampler, bool emulated)
{
    km_replayed with, without, refused;
    size_t n = (size_t)(WINDOWS * FRAMES * f->A * 3);
    float *x = sample(m, f, sampler, FRAMES, &with);
    ok(with.kept == 2 && with.launched == WINDOWS * (STEPS + 1) - 2,
       "two graphs, for the beginning and for a step, launched whenever they come again: %d kept, %d launched",
       (int)with.kept, (int)with.launched);
    setenv("KM_NO_ARENA", "1", 1);
    float *y = sample(m, f, sampler, FRAMES, &without);
    unsetenv("KM_NO_ARENA");
    ok(without.launched == 0 && alike(x, y, n, emulated), "the same as without graphs");
    free(y);
    if (emulated) {
        setenv("KM_EMULATE_FAIL", "graph", 1);
        y = sample(m, f, sampler, FRAMES, &refused);
        unsetenv("KM_EMULATE_FAIL");
        ok(refused.launched == 0 && alike(x, y, n, true), "and as where the device refuses them");
        free(y);
    }
    free(x);
}

/* The trunk in three passes, each with the stack of pairs: its pairs, and how often that was a graph. */
static float *run_trunk(const km_model *m, const km_features *f, km_dim *ret_n, km_replayed *ret)
{
    km_ctx *cx = km_model_ctx(m, 1);
    km_trunk_out t = km_trunk_run(cx, m->trunk, f, 2);
    *ret_n = km_numel(t.z);
    float *z = memcpy(KM_NEWN(float, (size_t)*ret_n), km_read(cx, t.z), (size_t)*ret_n * sizeof *z);
    *ret = km_replay_count(cx);
    km_ctx_free(cx);
    return z;
}

static void test_pairformer(const km_model *m, const km_features *f, bool emulated)
{
    km_replayed with, without;
    km_dim n;
    float *x = run_trunk(m, f, &n, &with);
    ok(with.kept == 1 && with.launched == 2,
       "the pairformer's second and third pass are one graph: %d kept, %d launched", (int)with.kept,
       (int)with.launched);
    setenv("KM_NO_ARENA", "1", 1);
    float *y = run_trunk(m, f, &n, &without);
    unsetenv("KM_NO_ARENA");
    ok(without.launched == 0 && alike(x, y, (size_t)n, emulated), "the same as without graphs");
    free(x), free(y);
}

/* Three numbers, doubled and added to. */
typedef struct sums {
    km_tensor *x;
    float *a;
    bool reads, twice, late;
} sums;

static void add_up(km_ctx *cx, void *arg)
{
    const sums *s = arg;
    const float one[1] = {1};
    km_copy(cx, s->x, 0, km_frame_axpby(cx, s->x, s->a, NULL, NULL));
    if (s->twice) s->a[0] += 1, km_copy(cx, s->x, 0, km_frame_axpby(cx, s->x, s->a, NULL, NULL)), s->a[0] -= 1;
    if (s->reads && km_read(cx, s->x)[0] > 1e30f) return;
    if (s->late) km_copy(cx, s->x, 0, km_add(cx, s->x, KM_TENSOR_OF(cx, (float *)one, 1)));
}

/* A body in which something stands in the way is done as it is, once. */
static void test_spoilt(const km_backend *be, const char *why, sums s, bool graphs)
{
    enum { TIMES = 6 };
    km_ctx *cx = km_ctx_new_on(be->plain, 1);
    float x[3] = {1, -2, 3}, a[1], want = 1;
    s.x = KM_TENSOR_OF(cx, x, 1, 3), s.a = a;
    for (int i = 0; i < TIMES; i++) {
        a[0] = 1 + 0.5f * (float)i;
        want *= a[0];
        if (s.twice) want *= a[0] + 1;
        if (s.late) want += 1;
        km_replay(cx, add_up, &s);
    }
    ok(km_read(cx, s.x)[0] == want && (km_replay_count(cx).launched == TIMES - 1) == graphs &&
           (km_replay_count(cx).launched == 0) == !graphs,
       "%s: %g, %d launches of graphs", why, (double)want, (int)km_replay_count(cx).launched);
    km_ctx_free(cx);
}

int main(void)
{
    km_model *m = tiny_model(1);
    m->opt_be = opt_cuda();
    km_params_pack(m->params, m->opt_be);
    km_features *f = tiny_features();
    test_spoilt(m->opt_be, "other numbers in the same arrays", (sums){0}, true);
    test_spoilt(m->opt_be, "numbers that the host reads meanwhile", (sums){.reads = true}, false);
    test_spoilt(m->opt_be, "an array with two contents", (sums){.twice = true}, false);
    test_spoilt(m->opt_be, "numbers that come from the host late", (sums){.late = true}, false);
    const bool emulated = strcmp(m->opt_be->device->name, "emulated") == 0;
    static const char *const refused[] = {"capture", "launch", "copy", "graph"};
    for (int i = 0; i < 4 && emulated; i++) {
        setenv("KM_EMULATE_FAIL", refused[i], 1);
        test_spoilt(m->opt_be, refused[i], (sums){0}, false);
        unsetenv("KM_EMULATE_FAIL");
    }
    test_sampling(m, f, KM_SAMPLER_AF3, emulated);
    test_sampling(m, f, KM_SAMPLER_BOLTZ2, emulated);
    test_pairformer(m, f, emulated);
    km_features_free(f);
    km_model_free(m);
    return tap_end();
}
