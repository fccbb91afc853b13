/* SPDX-License-Identifier: MIT
 * lib/sample/footprint.c, kernels/dry.c: what is foretold is what a run then takes. */
#include "tests/unit/tap.h"
#include "tests/unit/tap_shared.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cuda.h"
#include "lib/sample/footprint.h"
#include "lib/sample/window.h"
#include "tests/unit/tiny.h"

static void no_noise(void *arg, int step, km_dim b, km_dim t, float *draw)
{
    const km_features *f = arg;
    for (km_dim i = 0; i < 3 * f->A; i++) draw[i] = (float)((i + 7 * t + 3 * b + step) % 11) - 5;
}

/* The peak of really sampling B windows of T frames, with the schedule's levels kept or not. */
static double taken(km_model *m, const km_features *f, int threads, km_dim B, km_dim T, bool keep)
{
    const km_config *c = &m->config;
    km_ctx *cx = km_model_ctx(m, threads);
    float *s = tiny_normals(f->N * c->token_s, 1, 1), *z = tiny_normals(f->N * f->N * c->token_z, 1, 2);
    float *x = tiny_normals(B * T * f->A * 3, 3, 3), *times = KM_NEWN(float, (size_t)(B * T));
    bool *clean = KM_NEWN(bool, (size_t)T);
    clean[0] = true;
    km_trunk_out t = {km_cast(cx, KM_TENSOR_OF(cx, s, f->N, c->token_s)),
                      km_cast(cx, KM_TENSOR_OF(cx, s, f->N, c->token_s)),
                      km_cast(cx, KM_TENSOR_OF(cx, z, f->N, f->N, c->token_z))};
    km_conditioning *k = km_diffusion_condition(cx, m->diffusion, f, &t);
    km_schedule *schedule = km_schedule_new(&m->sampling, KM_SAMPLER_AF3, 2, 1, 1);
    km_windows w = {B, T, x, times, clean, no_noise, (void *)f};
    if (keep) w.opt_levels = km_diffusion_levels(cx, m->diffusion, k, schedule->told, schedule->n_told);
    km_err err = {0};
    ok(km_windows_sample(cx, m, k, schedule, &w, &err) == KM_OK, "%d windows of %d frames on %d threads", (int)B,
       (int)T, threads);
    double bytes = (double)km_ctx_peak(cx);
    km_schedule_free(schedule);
    km_ctx_free(cx);
    free(s), free(z), free(x), free(times), free(clean);
    return bytes;
}

static void test_foretold(km_model *m, const km_features *f)
{
    km_footprint p = km_footprint_of(m, f);
    const km_dim shapes[][3] = {{1, 1, 2}, {1, 4, 120}, {2, 4, 30}, {2, 5, 12}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        int threads = (int)shapes[i][0];
        km_dim B = shapes[i][1], T = shapes[i][2];
        double real = taken(m, f, threads, B, T, false), said = km_footprint_bytes(&p, threads, B * T);
        ok(real <= said, "no more than foretold: %.0f of %.0f bytes", real, said);
        if (B * T > 50) ok(said < 1.2 * real, "nor much less");
    }
}

static void device_failed(const char *why)
{
    tap_result(false, "the CUDA library: %s", why);
    exit(1);
}

/* On a device: what is foretold has room for the pieces that memory is taken in, and for the kernels' own. */
static void test_device(const km_features *f)
{
    enum { B = 2, T = 4 };
    /* and, of the conditioning and of a step, what products may use besides */
    const double pieces = 512e6, products = 2.0 * (32 << 20);
    char why[512];
    km_model *m = tiny_model(1);
    m->opt_be = km_cuda_load(0, device_failed, why, sizeof why);
    if (!m->opt_be) device_failed(why);
    km_params_pack(m->params, m->opt_be);
    km_footprint p = km_footprint_of(m, f);
    double trunk = km_footprint_trunk(m, f, 1, 1, 0) - pieces, less = km_footprint_trunk(m, f, 1, 1, 2) - pieces;
    ok(less > 0 && less <= trunk, "fewer rows of the trunk at a time take no more: %.0f and %.0f bytes", less, trunk);
    ok(km_footprint_room(m, 1000) == 1000 && km_footprint_room(m, 0) > 1000, "there is room");
    ok(km_footprint_frames(&p, 1, 1000) == 0, "nothing fits into nothing");
    double real = taken(m, f, 1, B, T, false), said = km_footprint_bytes(&p, 1, B * T) - pieces - products;
    ok(p.on_device && real <= said && said < 2 * real, "of %.0f bytes on the device %.0f are taken", said, real);
    km_model_free(m);
}

static void test_inverse(const km_model *m, const km_features *f)
{
    km_footprint p = km_footprint_of(m, f);
    for (int64_t frames = 1; frames < 100000; frames = 3 * frames + 1) {
        double bytes = km_footprint_bytes(&p, 2, frames);
        ok(km_footprint_frames(&p, 2, (int64_t)bytes + 1) == frames, "%lld frames fit where they fit",
           (long long)frames);
        ok(km_footprint_frames(&p, 2, (int64_t)(bytes - p.frame / 2)) == frames - 1, "and not in less");
    }
    ok(km_footprint_frames(&p, 2, 1) == 0, "nothing fits into nothing");
}

static void test_kept(km_model *m, const km_features *f)
{
    enum { FRAMES = 30 };
    km_footprint bare = km_footprint_of(m, f), p = bare;
    km_schedule *s = km_schedule_new(&m->sampling, KM_SAMPLER_AF3, 2, 1, 1);
    double frames = km_footprint_bytes(&p, 1, FRAMES);
    ok(!km_footprint_keep(&p, m, f, s, 1, FRAMES, (int64_t)frames) && p.system == bare.system,
       "levels are not kept where the frames take all there is");
    ok(km_footprint_keep(&p, m, f, s, 1, FRAMES, (int64_t)(20 * frames)) && p.system > bare.system,
       "but where there is more, and are counted");
    double real = taken(m, f, 1, 1, FRAMES, true), said = km_footprint_bytes(&p, 1, FRAMES);
    ok(real <= said, "they take no more than foretold: %.0f of %.0f bytes", real, said);
    km_schedule_free(s);
}

/* Products of a plain layer and of attentions, counted and not computed. */
static void test_dry(void)
{
    double flop = 0;
    km_ctx *cx = km_ctx_dry(&flop);
    float x = 1, w = 2, y = 3;
    cx->be->linear_fwd(&cx->ex, &y, &x, &w, NULL, NULL, false, NULL, 5, 7, 11);
    ok(flop == 2.0 * 5 * 7 * 11 && y == 3, "a product is counted and not made");
    cx->be->pair_attention_fwd(&cx->ex, &y, &x, &x, &x, NULL, &x, NULL, 2, 4, 5, 3, 4);
    ok(flop == 2.0 * 5 * 7 * 11 + 4.0 * 2 * 4 * 5 * 3 * 4, "an attention is two products");
    cx->be->add_fwd(&cx->ex, &y, &x, &w, 1, 1);
    ok(y == 3, "nothing else is computed");
    km_ctx_free(cx);
}

int main(void)
{
    km_features *f = tiny_features();
    km_model *m = tiny_model(1);
    if (!m) return 1;
    test_foretold(m, f);
    test_inverse(m, f);
    test_kept(m, f);
    test_dry();
    test_device(f);
    km_model_free(m);
    km_features_free(f);
    return tap_end();
}
