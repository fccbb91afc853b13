/* SPDX-License-Identifier: MIT
 * Forecasts and interpolation: which frames leave when, and what must not change a bit of them. */
#include <stdlib.h>
#include <string.h>

#include "lib/sample/footprint.h"
#include "lib/sample/interp.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"

static void test_history(void)
{
    enum { A = 2, KEEP = 3 };
    km_history h = {.trajectory = 4};
    for (int i = 0; i < 8; i++) {
        const float x[3 * A] = {(float)i, 1, 2, 3, 4, (float)-i};
        km_history_add(&h, 100 * i, x, A, KEEP);
        bool good = h.count == (i < KEEP ? i + 1 : KEEP) && h.trajectory == 4;
        for (int k = 0; k < h.count; k++) {
            int frame = i - h.count + 1 + k;
            good = good && h.times[k] == 100 * frame && h.coords[3 * A * k] == (float)frame &&
                   h.coords[3 * A * k + 5] == (float)-frame;
        }
        ok(good, "frame %d: the last %d are kept, the oldest first", i, h.count);
    }
    km_err err = {0};
    ok(km_history_check(&h, 701, &err) == KM_OK && km_history_check(&(km_history){0}, -5, &err) == KM_OK &&
           km_history_check(&h, 700, &err) == KM_INPUT && strstr(err.msg, "trajectory 4: a frame at 0.0007 ns"),
       "a frame must be later than the newest: %s", err.msg);
    const float last[3 * A] = {8, 0, 0, 0, 0, 0};
    km_history_add(&h, 800, last, A, 1);
    ok(h.count == 1 && h.times[0] == 800 && h.coords[0] == 8, "asked to keep fewer, more than one go");
    km_history_clear(&h);
    ok(h.count == 0 && !h.coords && !h.times, "cleared");
}

typedef struct fixture {
    km_model *m;
    km_features *f;
    km_trunk_result *t;
    int32_t A;
    size_t frame; /* floats */
} fixture;

static fixture make_fixture(void)
{
    fixture x = {.m = tiny_model(1), .f = tiny_features()};
    if (!x.m) exit(1);
    const km_config *c = &x.m->config;
    km_ctx *cx = km_ctx_new(1);
    km_trunk_out t = km_trunk_run(cx, x.m->trunk, x.f, 0);
    x.A = (int32_t)x.f->A, x.frame = (size_t)x.A * 3;
    x.t = km_trunk_result_new((int32_t)x.f->N, c->inputs_s, c->token_s, c->token_z);
    memcpy(x.t->s_inputs, t.s_inputs->data, (size_t)km_numel(t.s_inputs) * sizeof(float));
    memcpy(x.t->s, t.s->data, (size_t)km_numel(t.s) * sizeof(float));
    memcpy(x.t->z, t.z->data, (size_t)km_numel(t.z) * sizeof(float));
    km_ctx_free(cx);
    return x;
}

static void clear_fixture(fixture *x)
{
    km_model_free(x->m);
    km_features_free(x->f);
    km_trunk_result_free(x->t);
}

/* What left, in order. */
typedef struct heap {
    int count, limit; /* limit: the frame that is refused; 0: none */
    size_t frame;
    km_frame *frames; /* coords [A, 3] of their own */
} heap;

static km_status keep(void *arg, const km_frame *frame, km_err *err)
{
    heap *h = arg;
    if (h->limit && h->count + 1 == h->limit) return km_fail(err, KM_SYSTEM, "full");
    h->frames = km_realloc(h->frames, (size_t)(h->count + 1) * sizeof *h->frames);
    h->frames[h->count] = *frame;
    h->frames[h->count++].coords = memcpy(km_alloc(h->frame * sizeof(float)), frame->coords, h->frame * sizeof(float));
    return KM_OK;
}

static void clear(heap *h)
{
    for (int i = 0; i < h->count; i++) free(h->frames[i].coords);
    free(h->frames);
    *h = (heap){.frame = h->frame};
}

/* The n-th frame of a trajectory among those that left, or NULL. */
static const km_frame *nth(const heap *h, int32_t trajectory, int n)
{
    for (int i = 0; i < h->count; i++)
        if (h->frames[i].trajectory == trajectory && n-- == 0) return &h->frames[i];
    return NULL;
}

/* -- forecasts */

enum { TRAJECTORIES = 19, NEW = 5, DT = 20000 }; /* more than one batch; windows of 2, 2 and 1 */
static const km_forecast_options options = {.sampler = KM_SAMPLER_AF3,
                                            .steps = 2,
                                            .window = 2,
                                            .history = 3,
                                            .noise_scale = 1,
                                            .step_scale = 1.5,
                                            .dt = DT,
                                            .n_new = NEW,
                                            .seed = 7,
                                            .threads = 1};

/* How many frames a trajectory has to begin with: none, one, some, more than the history. */
static int depth(int trajectory) { return trajectory % 5; }

static void start(const fixture *x, km_history *h, int trajectory)
{
    *h = (km_history){.trajectory = trajectory};
    for (int i = 0; i < depth(trajectory); i++) {
        float *coords = tiny_normals((km_dim)x->frame, 4, (uint64_t)(100 * trajectory + i));
        km_history_add(h, 1000000 + 30000 * i, coords, x->A, 10);
        free(coords);
    }
}

static km_status forecast(const fixture *x, const km_forecast_options *o, km_history *h, int n, heap *out, km_err *err)
{
    out->frame = x->frame;
    return km_forecast(x->m, x->f, x->t, o, h, n, keep, out, err);
}

static bool same_frame(const fixture *x, const km_frame *a, const km_frame *b)
{
    return a && b && a->time_fs == b->time_fs && a->trajectory == b->trajectory && a->given == b->given &&
           a->n_atoms == b->n_atoms && !memcmp(a->coords, b->coords, x->frame * sizeof(float));
}

static void test_times(const fixture *x, const heap *all, const km_history *h)
{
    bool times = true, own = true, moved = true;
    for (int t = 0; t < TRAJECTORIES; t++) {
        int64_t last = depth(t) ? 1000000 + 30000 * (depth(t) - 1) : -DT;
        for (int i = 0; i < NEW; i++) {
            const km_frame *f = nth(all, t, i);
            times = times && f && f->time_fs == last + DT * (i + 1);
            own = own && f && !f->given && f->n_atoms == x->A;
        }
        const km_frame *end = nth(all, t, NEW - 1);
        moved = moved && h[t].count == options.history && h[t].times[2] == end->time_fs &&
                h[t].times[0] == end->time_fs - 2 * DT &&
                !memcmp(h[t].coords + 2 * x->frame, end->coords, x->frame * sizeof(float));
    }
    ok(all->count == TRAJECTORIES * NEW && times, "every trajectory goes on dt apart from its last frame, or from 0");
    ok(own, "the frames are told to be made");
    ok(moved, "the histories have moved on");
}

static void test_batches(const fixture *x)
{
    km_history h[TRAJECTORIES];
    heap all = {0};
    km_err err = {0};
    for (int t = 0; t < TRAJECTORIES; t++) start(x, &h[t], t);
    km_forecast_options two = options;
    two.threads = 2;
    ok(forecast(x, &two, h, TRAJECTORIES, &all, &err) == KM_OK, "%d trajectories together, on two threads",
       TRAJECTORIES);
    test_times(x, &all, h);
    bool equal = true, apart = true;
    for (int t = 0; t < TRAJECTORIES; t++) {
        heap one = {0};
        km_history_clear(&h[t]);
        start(x, &h[t], t);
        equal = equal && forecast(x, &options, &h[t], 1, &one, &err) == KM_OK && one.count == NEW;
        for (int i = 0; i < NEW; i++) equal = equal && same_frame(x, &one.frames[i], nth(&all, t, i));
        const km_frame *other = nth(&all, (t + 5) % TRAJECTORIES, 0);
        apart = apart && memcmp(one.frames[0].coords, other->coords, x->frame * sizeof(float));
        clear(&one);
    }
    ok(equal, "each alone on one thread has the same bytes");
    ok(apart, "and no two are alike");
    clear(&all);
    for (int t = 0; t < TRAJECTORIES; t++) km_history_clear(&h[t]);
}

static void test_going_on(const fixture *x)
{
    km_history h;
    heap whole = {0}, parts = {0}, other = {0};
    km_err err = {0};
    start(x, &h, 3);
    km_forecast_options o = options;
    o.n_new = 4;
    if (forecast(x, &o, &h, 1, &whole, &err) < 0) exit(1);
    km_history_clear(&h);
    start(x, &h, 3);
    o.n_new = 2;
    for (int i = 0; i < 2; i++)
        if (forecast(x, &o, &h, 1, &parts, &err) < 0) exit(1);
    bool equal = whole.count == 4 && parts.count == 4;
    for (int i = 0; i < 4; i++) equal = equal && same_frame(x, &whole.frames[i], &parts.frames[i]);
    ok(equal, "two calls of one window are a call of two windows");
    km_history_clear(&h);
    start(x, &h, 3);
    o.seed = 8;
    ok(forecast(x, &o, &h, 1, &other, &err) == KM_OK && !same_frame(x, &other.frames[0], &whole.frames[0]),
       "another seed gives another one");
    km_history_clear(&h);
    start(x, &h, 3);
    clear(&other);
    o.n_new = 0;
    ok(forecast(x, &o, &h, 1, &other, &err) == KM_OK && other.count == 0 && h.count == 3,
       "no frames asked for, none made");
    clear(&whole), clear(&parts), clear(&other);
    km_history_clear(&h);
}

/* Histories as an interrupted run left them after `there` of its frames, in the order in which they left. */
static void start_again(const fixture *x, km_history *h, const heap *all, int there)
{
    for (int t = 0; t < TRAJECTORIES; t++) {
        km_history_clear(&h[t]);
        start(x, &h[t], t);
        for (int i = 0; i < there; i++) {
            const km_frame *f = &all->frames[i];
            if (f->trajectory != t) continue;
            km_history_add(&h[t], f->time_fs, f->coords, x->A, options.history + options.window);
            h[t].done++;
        }
    }
}

static void test_resuming(const fixture *x)
{
    km_history h[TRAJECTORIES];
    heap all = {0};
    km_err err = {0};
    int good = 0, tried = 0;
    for (int t = 0; t < TRAJECTORIES; t++) start(x, &h[t], t);
    if (forecast(x, &options, h, TRAJECTORIES, &all, &err) < 0) exit(1);
    for (int there = 0; there <= all.count; there += 5) {
        heap rest = {0};
        start_again(x, h, &all, there);
        bool equal = forecast(x, &options, h, TRAJECTORIES, &rest, &err) == KM_OK && rest.count == all.count - there;
        for (int i = 0; i < rest.count; i++) equal = equal && same_frame(x, &rest.frames[i], &all.frames[there + i]);
        tried++, good += equal;
        clear(&rest);
    }
    ok(tried == 20 && good == tried, "interrupted after every fifth frame: the others, in the same order, %d of %d",
       good, tried);
    start_again(x, h, &all, 0);
    h[0].done = options.window + 1;
    ok(forecast(x, &options, h, TRAJECTORIES, &all, &err) == KM_INPUT && strstr(err.msg, "trajectory 0"),
       "one trajectory far ahead of another");
    h[0].done = NEW + 1;
    ok(forecast(x, &options, h, 1, &all, &err) == KM_INPUT, "more frames than the run makes");
    for (int t = 0; t < TRAJECTORIES; t++) km_history_clear(&h[t]);
    clear(&all);
}

/* The whole molecule elsewhere: the same frames there, as far as floats go. */
static void test_place(const fixture *x)
{
    km_history h[2];
    heap out[2] = {{0}, {0}};
    km_err err = {0};
    double worst = 0;
    for (int i = 0; i < 2; i++) {
        start(x, &h[i], 2);
        for (size_t k = 0; i && k < (size_t)h[i].count * x->frame; k++) h[i].coords[k] += 64;
        if (forecast(x, &options, &h[i], 1, &out[i], &err) < 0) exit(1);
        km_history_clear(&h[i]);
    }
    for (int i = 0; i < NEW; i++)
        for (size_t k = 0; k < x->frame; k++) {
            double off = out[1].frames[i].coords[k] - out[0].frames[i].coords[k] - 64.0;
            if (x->f->atom_mask[k / 3] && !(off * off <= worst * worst)) worst = off;
        }
    ok(worst < 2e-3 && worst > -2e-3, "where the molecule lies does not matter: %.1e", worst);
    clear(&out[0]), clear(&out[1]);
}

static void test_refused_frame(const fixture *x)
{
    km_history h;
    heap out = {.limit = 3};
    km_err err = {0};
    start(x, &h, 1);
    ok(forecast(x, &options, &h, 1, &out, &err) == KM_SYSTEM && !strcmp(err.msg, "full") && out.count == 2,
       "a frame that is not taken ends the run");
    clear(&out);
    km_history_clear(&h);
}

/* On a device a batch is begun before the one before it leaves: of as many trajectories as fit together, and of one. */
static void test_device(void)
{
    enum { HERE = 3 };
    fixture x = make_fixture();
    km_forecast_options o = options;
    heap out[2] = {{0}};
    km_err err = {0};
    bool good = true, equal = true;
    x.m->opt_be = opt_cuda();
    km_params_pack(x.m->params, x.m->opt_be);
    km_footprint p = km_footprint_of(x.m, x.f);
    o.n_new = o.window;
    for (int k = 0; k < 2; k++) {
        km_history h[HERE];
        for (int t = 0; t < HERE; t++) start(&x, &h[t], 5 * t + 1);
        o.memory = k ? (int64_t)(1.01 * km_footprint_bytes(&p, 1, depth(1) + o.window)) : 0;
        good = good && forecast(&x, &o, h, HERE, &out[k], &err) == KM_OK && out[k].count == HERE * o.window;
        for (int t = 0; t < HERE; t++) km_history_clear(&h[t]);
    }
    ok(good, "on a device, %d trajectories together and one at a time %s", HERE, err.msg);
    bool emulated = strcmp(x.m->opt_be->device->name, "emulated") == 0;
    for (int i = 0; i < out[1].count && emulated; i++)
        equal = equal && same_frame(&x, &out[0].frames[i], &out[1].frames[i]);
    ok(good && equal, "have the same bytes");
    clear(&out[0]), clear(&out[1]);
    clear_fixture(&x);
}

/* -- interpolation */

static const km_interp_options between = {
    .sampler = KM_SAMPLER_AF3, .steps = 2, .noise_scale = 1, .step_scale = 1.5, .dt = DT, .seed = 7, .threads = 1};

typedef struct given {
    int32_t trajectory;
    int64_t time_fs;
} given;

static float *coords_of(const fixture *x, const given *g)
{
    return tiny_normals((km_dim)x->frame, 4, (uint64_t)(g->trajectory * 1000003 + g->time_fs));
}

/* Add n frames one after another and finish; the first failure's status. */
static km_status fill(const fixture *x, const km_interp_options *o, const given *g, int n, heap *out, km_err *err)
{
    out->frame = x->frame;
    km_interp *p = km_interp_new(x->m, x->f, x->t, o, keep, out);
    km_status status = KM_OK;
    for (int i = 0; i < n && status == KM_OK; i++) {
        km_frame f = {g[i].time_fs, g[i].trajectory, true, x->A, coords_of(x, &g[i])};
        status = km_interp_add(p, &f, err);
        free(f.coords);
    }
    if (status == KM_OK) status = km_interp_finish(p, err);
    km_interp_free(p);
    return status;
}

static void test_interp(const fixture *x)
{
    static const given g[] = {{0, 0},      {1, 50000},  {0, 3 * DT},         {1, 50000 + 3 * DT},
                              {0, 6 * DT}, {0, 7 * DT}, {1, 50000 + 5 * DT}, {0, 7 * DT + 1}};
    enum { N = sizeof g / sizeof *g };
    static const int64_t times[2][9] = {
        {0, DT, 2 * DT, 3 * DT, 4 * DT, 5 * DT, 6 * DT, 7 * DT, 7 * DT + 1},
        {50000, 50000 + DT, 50000 + 2 * DT, 50000 + 3 * DT, 50000 + 4 * DT, 50000 + 5 * DT}};
    static const int counts[2] = {9, 6};
    heap together = {0}, single = {0};
    km_err err = {0};
    km_interp_options o = between;
    ok(fill(x, &o, g, N, &together, &err) == KM_OK && together.count == 15, "fifteen frames of eight: %s", err.msg);
    bool right = true, held = true, equal = true;
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < counts[t]; i++) {
            const km_frame *f = nth(&together, t, i);
            right = right && f && f->time_fs == times[t][i];
        }
    for (int i = 0; i < N; i++) {
        float *want = coords_of(x, &g[i]);
        bool found = false;
        for (int k = 0; k < together.count; k++) {
            const km_frame *f = &together.frames[k];
            if (f->trajectory == g[i].trajectory && f->time_fs == g[i].time_fs)
                found = f->given && !memcmp(f->coords, want, x->frame * sizeof(float));
        }
        held = held && found;
        free(want);
    }
    int made = 0;
    for (int k = 0; k < together.count; k++) made += !together.frames[k].given;
    ok(right, "in order of time within each trajectory");
    ok(held && made == 15 - N, "those given go through untouched, the others are told to be made");
    o.batch = 1;
    ok(fill(x, &o, g, N, &single, &err) == KM_OK && single.count == 15, "one interval at a time");
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < counts[t]; i++) equal = equal && same_frame(x, nth(&single, t, i), nth(&together, t, i));
    ok(equal, "gives the same bytes");
    clear(&together), clear(&single);
}

static void refused(const fixture *x, const char *name, const given *g, int n, int limit, km_status want,
                    const char *text)
{
    heap out = {.limit = limit};
    km_err err = {0};
    km_status status = fill(x, &between, g, n, &out, &err);
    ok(status == want && strstr(err.msg, text), "%s: %s", name, err.msg);
    clear(&out);
}

static void test_interp_refusals(const fixture *x)
{
    refused(x, "an interval that does not divide", (const given[]){{0, 0}, {0, 5 * DT / 2}}, 2, 0, KM_INPUT,
            "no multiple");
    refused(x, "a time that goes back", (const given[]){{0, 0}, {3, 0}, {3, DT}, {3, DT / 2}}, 4, 0, KM_INPUT,
            "trajectory 3");
    refused(x, "a time twice", (const given[]){{0, DT}, {0, DT}}, 2, 0, KM_INPUT, "follows");
    refused(x, "a frame that is not taken", (const given[]){{0, 0}, {0, 3 * DT}}, 2, 3, KM_SYSTEM, "full");
    heap out = {0};
    km_err err = {0};
    ok(fill(x, &between, NULL, 0, &out, &err) == KM_OK && out.count == 0, "nothing in, nothing out");
    km_interp_free(NULL);
}

int main(void)
{
    fixture x = make_fixture();
    test_history();
    test_batches(&x);
    test_going_on(&x);
    test_resuming(&x);
    test_place(&x);
    test_refused_frame(&x);
    test_interp(&x);
    test_interp_refusals(&x);
    test_device();
    clear_fixture(&x);
    return tap_end();
}
