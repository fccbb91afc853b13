/* SPDX-License-Identifier: MIT
 * The whole model: what must be the same to the last bit, and its gradient. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/atom_features.h"
#include "lib/model/model.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"

enum { T = 3, MAX_B = 3 };
static const float sigmas[3] = {0, 2.5f, 11}; /* a clean frame and two levels */

typedef struct fixture {
    km_model *m;
    km_features *f;
    float *x; /* [MAX_B, T, A, 3] */
    float times[MAX_B * T];
} fixture;

static fixture make_fixture(void)
{
    fixture t = {.m = tiny_model(2), .f = tiny_features()};
    if (!t.m) exit(1);
    t.x = tiny_normals((km_dim)MAX_B * T * t.f->A * 3, 5, 21);
    for (int i = 0; i < MAX_B * T; i++) t.times[i] = 0.3f * (float)i + 0.1f * (float)(i % 2);
    return t;
}

static void free_fixture(fixture *t)
{
    km_model_free(t->m);
    km_features_free(t->f);
    free(t->x);
}

/* Denoise B windows of `frames` frames from x; frame t of every window has level `first` + t. Returns the result on the
 * context's tape or arena. */
static km_tensor *denoise(km_ctx *cx, const fixture *t, const float *x, const float *times, km_dim B, km_dim frames,
                          int first)
{
    int32_t *level = km_arena_get(cx->arena, (size_t)(B * frames) * sizeof *level);
    for (km_dim i = 0; i < B * frames; i++) level[i] = (int32_t)(first + i % frames);
    km_trunk_out trunk = km_trunk_run(cx, t->m->trunk, t->f, t->m->config.recycles);
    km_conditioning *k = km_diffusion_condition(cx, t->m->diffusion, t->f, &trunk);
    km_levels *levels = km_diffusion_levels(cx, t->m->diffusion, k, sigmas, 3);
    km_tensor *in = KM_TENSOR_OF(cx, (float *)x, B, frames, t->f->A, 3);
    return km_diffusion_denoise(cx, t->m->diffusion, k, levels, in, level, sigmas, times);
}

/* The same as plain numbers; the caller frees them. */
static float *denoised(const fixture *t, int threads, const float *x, const float *times, km_dim B, km_dim frames,
                       int first)
{
    km_ctx *cx = km_ctx_new(threads);
    km_tensor *y = denoise(cx, t, x, times, B, frames, first);
    size_t bytes = (size_t)km_numel(y) * sizeof(float);
    float *copy = km_alloc(bytes);
    memcpy(copy, y->data, bytes);
    km_ctx_free(cx);
    return copy;
}

static bool same(const float *a, const float *b, km_dim n) { return memcmp(a, b, (size_t)n * sizeof *a) == 0; }

static void test_threads_and_batches(const fixture *t)
{
    km_dim window = (km_dim)T * t->f->A * 3;
    float *all = denoised(t, 1, t->x, t->times, MAX_B, T, 0), *two = denoised(t, 2, t->x, t->times, MAX_B, T, 0);
    ok(same(all, two, MAX_B * window), "one and two threads give the same bytes");
    ok(same(all, t->x, t->f->A * 3), "a clean frame comes out as it went in");
    ok(!same(all + t->f->A * 3, t->x + t->f->A * 3, t->f->A * 3), "a noisy one does not");
    bool equal = true;
    for (int b = 0; b < MAX_B; b++) {
        float *one = denoised(t, 2, t->x + b * window, t->times + b * T, 1, T, 0);
        equal = equal && same(one, all + b * window, window);
        free(one);
    }
    ok(equal, "a window alone and in a batch of three has the same bytes");
    free(all);
    free(two);
}

static void zero_temporal(km_model *m)
{
    for (int i = 0; i < km_params_count(m->params); i++) {
        km_tensor *p = km_params_at(m->params, i);
        if (strstr(km_params_name(m->params, i), ".out_proj.weight"))
            memset(p->data, 0, (size_t)km_numel(p) * sizeof(float));
    }
}

static void test_frames(void)
{
    fixture t = make_fixture();
    km_dim frame = t.f->A * 3;
    float *mixed = denoised(&t, 1, t.x, t.times, 1, T, 0);
    float *alone = denoised(&t, 1, t.x + frame, t.times, 1, 1, 1);
    ok(!same(mixed + frame, alone, frame), "frames of a window see each other");
    free(mixed);
    free(alone);
    zero_temporal(t.m);
    mixed = denoised(&t, 1, t.x, t.times, 1, T, 0);
    bool equal = true;
    for (int i = 0; i < T; i++) {
        alone = denoised(&t, 1, t.x + i * frame, t.times + i, 1, 1, i);
        equal = equal && same(mixed + i * frame, alone, frame);
        free(alone);
    }
    ok(equal, "without temporal output a window is its single frames to the last bit");
    free(mixed);
    free_fixture(&t);
}

/* Where padded atoms lie must not reach the others. */
static void test_padding(const fixture *t)
{
    km_dim frame = t->f->A * 3;
    float *moved = km_alloc((size_t)(T * frame) * sizeof *moved);
    memcpy(moved, t->x, (size_t)(T * frame) * sizeof *moved);
    for (int i = 0; i < T; i++)
        for (km_dim a = 0; a < t->f->A; a++)
            if (t->f->atom_mask[a] == 0) moved[i * frame + 3 * a] += 40;
    float *want = denoised(t, 1, t->x, t->times, 1, T, 0), *got = denoised(t, 1, moved, t->times, 1, T, 0);
    bool equal = true;
    for (int i = 0; i < T; i++)
        for (km_dim a = 0; a < t->f->A; a++)
            if (t->f->atom_mask[a] != 0) equal = equal && same(want + i * frame + 3 * a, got + i * frame + 3 * a, 3);
    ok(equal, "padded atoms reach nobody");
    free(moved);
    free(want);
    free(got);
}

static void test_memory(void)
{
    size_t peak[2];
    km_features *f = tiny_features();
    for (int i = 0; i < 2; i++) {
        km_model *m = tiny_model(i ? 6 : 2);
        km_ctx *cx = km_ctx_new(1);
        km_trunk_run(cx, m->trunk, f, 1 + 2 * i);
        peak[i] = km_arena_peak(cx->arena);
        km_ctx_free(cx);
        km_model_free(m);
    }
    ok(peak[0] == peak[1], "memory does not grow with blocks or passes (%zu, %zu)", peak[0], peak[1]);
    km_features_free(f);
}

static void test_packed(const fixture *t)
{
    km_dim n = (km_dim)T * t->f->A * 3;
    float *want = denoised(t, 1, t->x, t->times, 1, T, 0);
    ok(km_params_packed_bytes(t->m->params) == 0, "nothing is packed at first");
    km_params_pack(t->m->params, km_backend_cpu(NULL));
    float *got = denoised(t, 1, t->x, t->times, 1, T, 0);
    double worst = 0, square = 0;
    for (km_dim i = 0; i < n; i++) worst = fmax(worst, fabs(got[i] - want[i])), square += pow(want[i], 2) / (double)n;
    ok(km_params_packed_bytes(t->m->params) > 0 && worst < 1e-5 * sqrt(square),
       "packed matrices give the same result: %.1e of %.1e", worst, sqrt(square));
    free(want);
    free(got);
}

/* Which of the 66 classes of residue offsets a pair has: the rows of w are the classes' numbers, so one channel tells.
 */
static void test_rings(void)
{
    enum { N = 7, CLASSES = 139, OFFSETS = 65 };
    static const int period = 6, places[N] = {0, 1, 2, 3, 4, 5, 0}, chain[N] = {0, 0, 0, 0, 0, 0, 1};
    km_features *f = tiny_features();
    int32_t index[N], asym[N], cyclic[N];
    for (int i = 0; i < N; i++) index[i] = places[i], asym[i] = chain[i], cyclic[i] = chain[i] ? 0 : period;
    km_features g = *f;
    g.residue_index = index, g.asym_id = asym, g.cyclic_period = cyclic;
    for (int rings = 0; rings < 2; rings++) {
        km_ctx *cx = km_ctx_new(1);
        km_config c = {.cyclic_pos_enc = rings};
        km_tensor *w = KM_TENSOR(cx, 1, CLASSES);
        for (int k = 0; k < CLASSES; k++) w->data[k] = k <= OFFSETS ? (float)k : 0;
        const float *y = km_relative_positions(cx, &c, w, &g)->data;
        bool right = true;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                int d = places[i] - places[j];
                if (rings && d > period / 2) d -= period; /* the shorter way round; half of it either way */
                if (rings && d < -period / 2) d += period;
                right = right && y[N * i + j] == (float)(chain[i] == chain[j] ? d + 32 : OFFSETS);
            }
        ok(right, rings ? "offsets go the shorter way round a ring" : "and straight on without that");
        km_ctx_free(cx);
    }
    km_features_free(f);
}

/* -- the gradient of sum(weight x denoised) by all parameters, along one direction */

typedef struct gradient {
    fixture t;
    float *weight, *grad;
} gradient;

static double scalar_of(const gradient *g, bool backward)
{
    km_ctx *cx = km_ctx_new(1);
    km_tape *tape = km_tape_new();
    if (backward) {
        cx->tape = tape;
        cx->param_grad = g->grad;
    }
    km_tensor *y = denoise(cx, &g->t, g->t.x, g->t.times, 1, T, 0);
    km_dim n = km_numel(y);
    double sum = 0;
    for (km_dim i = 0; i < n; i++) sum += (double)g->weight[i] * y->data[i];
    if (backward) /* the scalar as a product of one row */
        km_backprop(cx, km_linear(cx, KM_RESHAPE(cx, y, 1, n), KM_TENSOR_OF(cx, g->weight, 1, n), NULL), 1);
    km_ctx_free(cx);
    km_tape_free(tape);
    return sum;
}

static double scalar_at(const gradient *g, const float *direction, double step)
{
    km_params *p = g->t.m->params;
    float *block = km_params_block(p);
    km_dim n = km_params_size(p);
    float *was = km_alloc((size_t)n * sizeof *was);
    memcpy(was, block, (size_t)n * sizeof *was);
    for (km_dim i = 0; i < n; i++) block[i] += (float)(step * direction[i]);
    double y = scalar_of(g, false);
    memcpy(block, was, (size_t)n * sizeof *was);
    free(was);
    return y;
}

/* How many trained parameters have no gradient; unexpected ones are named. No chain is a ring, and norms of what was
 * not recycled are norms of zeros. */
static int unreached(const km_params *p, const float *grad)
{
    int n = 0;
    for (int i = 0; i < km_params_count(p); i++) {
        const km_tensor *w = km_params_at(p, i);
        const char *name = km_params_name(p, i);
        double sum = 0;
        for (km_dim j = 0; j < km_numel(w); j++) sum += fabs((double)grad[w->param_offset + j]);
        if (!km_params_trained(p, i) || sum > 0) continue;
        n++;
        if (!strstr(name, "cyclic") && strcmp(name, "s_norm.weight") != 0 && strcmp(name, "z_norm.weight") != 0)
            printf("# no gradient: %s\n", name);
    }
    return n;
}

static void test_gradient(void)
{
    gradient g = {.t = make_fixture()};
    km_params *p = g.t.m->params;
    g.t.m->config.recycles = 0; /* earlier passes are constants to the tape, but not to differences */
    km_params_train(p, "*");
    km_dim n = km_params_size(p);
    g.grad = KM_NEWN(float, (size_t)n);
    g.weight = tiny_normals((km_dim)T * g.t.f->A * 3, 1, 31);
    float *direction = tiny_normals(n, 1, 32);
    for (int i = 0; i < km_params_count(p); i++) /* never trained: neither a gradient nor a step */
        if (!km_params_trained(p, i))
            memset(direction + km_params_at(p, i)->param_offset, 0,
                   (size_t)km_numel(km_params_at(p, i)) * sizeof(float));
    double taped = scalar_of(&g, true), plain = scalar_of(&g, false), slope = 0;
    ok(taped == plain, "with the tape on the result is the same");
    for (km_dim i = 0; i < n; i++) slope += (double)g.grad[i] * direction[i];
    double h = 5e-5, difference = (scalar_at(&g, direction, h) - scalar_at(&g, direction, -h)) / (2 * h);
    ok(fabs(difference - slope) < 2e-3 * fabs(slope), "gradient along a random direction: %g, by differences %g", slope,
       difference);
    ok(unreached(p, g.grad) == 3, "gradients reach all parameters but the three that this case does not use");
    free(direction);
    free(g.grad);
    free(g.weight);
    free_fixture(&g.t);
}

int main(void)
{
    fixture t = make_fixture();
    test_threads_and_batches(&t);
    test_padding(&t);
    test_packed(&t);
    free_fixture(&t);
    test_frames();
    test_rings();
    test_memory();
    test_gradient();
    return tap_end();
}
