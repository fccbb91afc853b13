/* SPDX-License-Identifier: MIT */
#include "lib/sample/footprint.h"

#include "lib/base/limits.h"
#include "lib/sample/staircase.h"

static const km_device *device_of(const km_model *m) { return m->opt_be ? m->opt_be->device : NULL; }

/* An arena takes a device's memory in pieces of up to 256 MB, and the last of two arenas' may be empty. */
static double pieces(const km_model *m) { return device_of(m) ? 512e6 : 0; }

km_status km_footprint_code(const km_model *m) { return device_of(m) ? KM_DEVICE : KM_SYSTEM; }

int64_t km_footprint_room(const km_model *m, int64_t asked)
{
    if (!device_of(m)) return km_memory_allowed(asked);
    int64_t room = (int64_t)device_of(m)->room();
    return asked && asked < room ? asked : room;
}

double km_footprint_trunk(const km_model *m, const km_features *f, int recycles, int threads, int halvings)
{
    const km_config *c = &m->config;
    size_t scratch = 0;
    km_ctx *cx = km_ctx_rehearsal(m->opt_be);
    if (!device_of(m)) cx->ex.threads = threads, cx->ex.opt_scratch = &scratch;
    cx->halvings = halvings;
    km_trunk_run(cx, m->trunk, f, recycles > 0); /* further passes take no more */
    double result = (double)(f->N * (c->inputs_s + c->token_s) + f->N * f->N * c->token_z) * sizeof(float);
    double bytes = (double)km_ctx_peak(cx) + 1.25 * (double)scratch * threads + result + pieces(m);
    km_ctx_free(cx);
    return bytes;
}

/* The most bytes in use during a step of one window of T frames. */
static double step_bytes(const km_model *m, const km_conditioning *k, km_dim T)
{
    const km_sampling *s = &m->sampling;
    const int levels_most = s->stage ? km_staircase_levels(s->steps, s->stage) : 2;
    km_ctx *cx = km_ctx_rehearsal(m->opt_be);
    size_t n = (size_t)(T * k->f->A * 3) * sizeof(float);
    int32_t *level = km_arena_zero(cx->arena, (size_t)T * sizeof *level);
    float *times = km_arena_zero(cx->arena, (size_t)T * sizeof *times), *noisy = km_arena_get(cx->arena, n);
    float *sigma = km_arena_get(cx->arena, (size_t)levels_most * sizeof *sigma);
    for (int i = 0; i < levels_most; i++) sigma[i] = (float)i;
    km_levels *levels = km_diffusion_levels(cx, m->diffusion, k, sigma, levels_most);
    km_diffusion_denoise(cx, m->diffusion, k, levels, KM_TENSOR_OF(cx, noisy, 1, T, k->f->A, 3), level, sigma, times);
    /* and the frames, given and made; on a device also as the sampler has them there and as they are fetched */
    double bytes = (double)(km_ctx_peak(cx) + (device_of(m) ? 4 : 2) * n);
    km_ctx_free(cx);
    return bytes;
}

km_footprint km_footprint_of(const km_model *m, const km_features *f)
{
    enum { MORE = 8 };
    const km_config *c = &m->config;
    km_ctx *cx = km_ctx_rehearsal(m->opt_be);
    km_trunk_out t = {KM_TENSOR(cx, f->N, c->inputs_s), KM_TENSOR(cx, f->N, c->token_s),
                      KM_TENSOR(cx, f->N, f->N, c->token_z)};
    km_conditioning *k = km_diffusion_condition(cx, m->diffusion, f, &t);
    double one = step_bytes(m, k, 1), more = step_bytes(m, k, 1 + MORE);
    km_footprint p = {.frame = (more - one) / MORE, .on_device = device_of(m)};
    p.system = (double)km_ctx_peak(cx) + pieces(m);
    if (p.on_device) p.system += one - p.frame;
    else p.thread = one - p.frame;
    km_ctx_free(cx);
    return p;
}

/* What the levels of a schedule take, kept, and on the way to them. */
static double levels_bytes(const km_model *m, const km_features *f, const km_schedule *s)
{
    const km_config *c = &m->config;
    km_ctx *cx = km_ctx_rehearsal(m->opt_be);
    km_conditioning k = {.f = f, .s_single = KM_TENSOR(cx, f->N, c->cond_s)};
    km_diffusion_levels(cx, m->diffusion, &k, s->told, s->n_told);
    double bytes = (double)km_ctx_peak(cx);
    km_ctx_free(cx);
    return bytes;
}

bool km_footprint_keep(km_footprint *p, const km_model *m, const km_features *f, const km_schedule *s, int threads,
                       int64_t frames, int64_t bytes)
{
    double levels = levels_bytes(m, f, s), rest = (double)bytes - levels;
    if (levels > 0.25 * (double)bytes || km_footprint_bytes(p, threads, frames) > rest) return false;
    p->system += levels;
    return true;
}

double km_footprint_bytes(const km_footprint *p, int threads, int64_t frames)
{
    return p->system + p->thread * threads + p->frame * (double)frames;
}

int64_t km_footprint_frames(const km_footprint *p, int threads, int64_t bytes)
{
    double frames = ((double)bytes - km_footprint_bytes(p, threads, 0)) / p->frame;
    return frames >= 1 ? (int64_t)frames : 0;
}

km_status km_footprint_fail(const km_footprint *p, int threads, int64_t T, int64_t bytes, const char *advice,
                            km_err *err)
{
    return km_fail(err, p->on_device ? KM_DEVICE : KM_SYSTEM,
                   "a window of %lld frames needs %.1f MB of memory and %.1f MB may be taken: %s",
                   (long long)T, km_footprint_bytes(p, threads, T) * 1e-6, (double)bytes * 1e-6, advice);
}
