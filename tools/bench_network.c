/* SPDX-License-Identifier: MIT
 * Parts of the network with made-up weights at the published model's dimensions. How much arithmetic a run is, a dry
 * one tells. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/model/diffusion/diffusion.h"
#include "lib/model/trunk/trunk_parts.h"
#include "lib/sample/footprint.h"
#include "lib/tensor/replay.h"
#include "tools/bench.h"

enum { TIMES = 3, ROWS = 1024 }; /* ROWS: of an alignment */

/* A chain of tokens with equally many atoms each. */
typedef struct molecule {
    km_features f;
    float *zeros, *ones;
    int32_t *none, *count, *owner;
} molecule;

static molecule molecule_new(const km_bench_sizes *s)
{
    km_dim N = s->tokens, A = s->atoms, most = (N * ROWS > A * 4 ? N * ROWS : A * 4);
    molecule m = {.zeros = KM_NEWN(float, (size_t)most),
                  .ones = KM_NEWN(float, (size_t)most),
                  .none = KM_NEWN(int32_t, (size_t)most),
                  .count = KM_NEWN(int32_t, (size_t)most),
                  .owner = KM_NEWN(int32_t, (size_t)A)};
    for (km_dim i = 0; i < most; i++) m.ones[i] = 1, m.count[i] = (int32_t)i;
    for (km_dim a = 0; a < A; a++) m.owner[a] = (int32_t)(a * N / A);
    m.f = (km_features){.N = N,
                        .A = A,
                        .token_mask = m.ones,
                        .atom_mask = m.ones,
                        .there = m.ones,
                        .atom_token = m.owner,
                        .ref_pos = m.zeros,
                        .ref_charge = m.zeros,
                        .ref_mask = m.ones,
                        .ref_element = m.none,
                        .ref_name = m.none,
                        .ref_space_uid = m.owner,
                        .asym_id = m.none,
                        .entity_id = m.none,
                        .sym_id = m.none,
                        .residue_index = m.count,
                        .token_index = m.count,
                        .cyclic_period = m.none,
                        .res_type = m.none,
                        .mol_type = m.none,
                        .modified = m.none,
                        .method = m.none,
                        .profile = m.zeros,
                        .deletion_mean = m.zeros};
    return m;
}

static void molecule_free(molecule *m) { free(m->zeros), free(m->ones), free(m->none), free(m->count), free(m->owner); }

/* The published dimensions with this many blocks. */
static km_config config_of(const char *family, int blocks)
{
    bool biokinema = strcmp(family, "biokinema") == 0;
    km_config c;
    km_sampling s;
    km_err err;
    const char *json = biokinema ? "{\"model\": {\"family\": \"biokinema\", \"atom_feature_dim\": 389,"
                                   " \"temporal_beta\": 0.5, \"msa_args\": {\"average_width\": 8}}}"
                                 : "{}";
    if (km_config_parse(json, &c, &s, &err) < 0) KM_BUG("%s", err.msg);
    c.token_depth = c.pairformer_blocks = blocks;
    return c;
}

static km_tensor *made_up(km_ctx *cx, int nd, const km_dim *shape)
{
    km_dim n = 1;
    for (int i = 0; i < nd; i++) n *= shape[i];
    float *x = km_arena_get(cx->arena, (size_t)n * sizeof *x);
    for (km_dim i = 0; i < n && !cx->dry; i++) x[i] = (float)(i % 89) / 89.0f - 0.5f;
    return km_tensor_of(cx, x, nd, shape);
}
#define COORDINATES(cx, ...) made_up((cx), KM_SHAPE(__VA_ARGS__))
#define MADE_UP(cx, ...) km_cast((cx), COORDINATES((cx), __VA_ARGS__))

static const float sigma[2] = {0, 5}; /* of a clean frame and of others */

/* An evaluation of one window whose first frame is clean, or of one frame behind a past; with a tape, and its levels,
 * also back. */
typedef struct denoiser {
    km_diffusion *d;
    const km_conditioning *k;
    km_ctx *cx;
    const km_levels *levels; /* of sigma */
    km_nn_past *opt_past;
    km_tensor *x, *y; /* y: good with a tape */
    int32_t *level;
    float *times;
} denoiser;

static void evaluate(km_ctx *cx, void *arg)
{
    denoiser *n = arg;
    const km_levels *levels = cx->tape ? km_diffusion_levels(cx, n->d, n->k, sigma, 2) : n->levels;
    n->y = n->opt_past
               ? km_diffusion_denoise_next(cx, n->d, n->k, levels, n->x, n->level, sigma, n->times, &n->opt_past)
               : km_diffusion_denoise(cx, n->d, n->k, levels, n->x, n->level, sigma, n->times);
}

static void denoise(void *arg)
{
    denoiser *n = arg;
    km_mark mark = km_scope_begin(n->cx);
    km_replay(n->cx, evaluate, n);
    if (n->cx->tape) {
        float *ones = km_arena_get(n->cx->arena, (size_t)n->x->shape[1] * sizeof *ones), *of = km_read(n->cx, n->x);
        float *atoms = km_arena_get(n->cx->arena, (size_t)n->x->shape[2] * sizeof *atoms);
        for (km_dim t = 0; t < n->x->shape[1]; t++) ones[t] = 1;
        for (km_dim a = 0; a < n->x->shape[2]; a++) atoms[a] = 1;
        km_tensor *y = KM_RESHAPE(n->cx, n->y, n->x->shape[1], n->x->shape[2], 3);
        km_backprop(n->cx, km_loss_struct(n->cx, y, of, ones, atoms), 1);
        km_tape_clear(n->cx->tape);
    }
    km_bench_settle(n->cx, n->x); /* which waits for the end of all */
    km_arena_rewind(n->cx->arena, mark);
}

static denoiser prepare(km_ctx *cx, km_diffusion *d, const km_features *f, const km_config *c, km_dim T)
{
    km_trunk_out t = {MADE_UP(cx, f->N, c->inputs_s), MADE_UP(cx, f->N, c->token_s),
                      MADE_UP(cx, f->N, f->N, c->token_z)};
    denoiser n = {.d = d, .k = km_diffusion_condition(cx, d, f, &t), .cx = cx, .x = COORDINATES(cx, 1, T, f->A, 3)};
    n.levels = km_diffusion_levels(cx, d, n.k, sigma, 2);
    n.level = km_arena_zero(cx->arena, (size_t)T * sizeof *n.level),
    n.times = km_arena_zero(cx->arena, (size_t)T * sizeof *n.times);
    for (km_dim i = 1; i < T; i++) n.level[i] = 1, n.times[i] = (float)i;
    return n;
}

/* The most memory of a run, gradients and what is on the tape included. */
static double bytes_of_run(void (*run)(void *), km_diffusion *d, const km_features *f, const km_config *c,
                           const km_params *p, km_dim T, bool backward)
{
    km_ctx *dry = km_ctx_dry(NULL);
    denoiser n = prepare(dry, d, f, c, T);
    if (backward) {
        dry->param_grad = km_zeros(dry, km_params_size(p));
        dry->tape = km_tape_new();
    }
    run(&n);
    double bytes = (double)km_ctx_peak(dry);
    km_tape_free(dry->tape);
    km_ctx_free(dry);
    return bytes;
}

static void time_denoiser(const km_bench_sizes *s, void (*run)(void *), bool backward, km_diffusion *d,
                          const km_features *f, const km_config *c, km_params *p, km_timing *ret)
{
    km_ctx *dry = km_ctx_dry(NULL), *cx = km_ctx_new_on(s->be, s->threads);
    denoiser n = prepare(dry, d, f, c, s->frames);
    dry->ex.opt_flop = &ret->flop;
    run(&n);
    if (!backward) km_params_pack(p, cx->be);
    n = prepare(cx, d, f, c, s->frames);
    if (backward) {
        km_params_to(p, s->be);
        cx->param_grad = km_zeros(cx, km_params_size(p));
        cx->tape = km_tape_new();
        ret->flop *= 3; /* a product's backward is two of them */
    }
    km_bench_best(TIMES, run, &n, ret);
    km_tape_free(cx->tape);
    km_ctx_free(cx), km_ctx_free(dry);
}

static km_status run_denoiser(const km_bench_sizes *s, void (*run)(void *), bool backward, km_timing *ret, km_err *err)
{
    km_config c = config_of(s->family, s->blocks);
    molecule m = molecule_new(s);
    km_params *p = km_params_make(1, c.lambda_lo, c.lambda_hi);
    km_diffusion *d = km_diffusion_new(&c, p);
    km_status status = KM_OK;
    if (backward) km_params_train(p, "*");
    ret->bytes = bytes_of_run(run, d, &m.f, &c, p, s->frames, backward);
    if (!s->be->device && ret->bytes > (double)km_memory_allowed(0))
        status = km_fail(err, KM_SYSTEM, "a run needs %.1f GB of memory beside the weights and %.1f GB may be taken: "
                         "--frames, --tokens or --blocks make it smaller",
                         ret->bytes * 1e-9, (double)km_memory_allowed(0) * 1e-9);
    else time_denoiser(s, run, backward, d, &m.f, &c, p, ret);
    km_diffusion_free(d);
    km_params_free(p);
    molecule_free(&m);
    return status;
}

km_status km_bench_denoise(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    return run_denoiser(s, denoise, false, ret, err);
}

km_status km_bench_train_step(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    return run_denoiser(s, denoise, true, ret, err);
}

/* What the network makes of the noise levels of a schedule */
static void make_levels(void *arg)
{
    enum { STEPS = 20 };
    denoiser *n = arg;
    float schedule[1 + STEPS] = {0};
    km_mark mark = km_scope_begin(n->cx);
    for (int i = 1; i <= STEPS; i++) schedule[i] = (float)i;
    km_diffusion_levels(n->cx, n->d, n->k, schedule, 1 + STEPS);
    km_arena_rewind(n->cx->arena, mark);
}

km_status km_bench_levels(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    return run_denoiser(s, make_levels, false, ret, err);
}

/* The last of so many frames, by keys and values of the others. */
static void set_past(denoiser *n, km_nn_past *past)
{
    for (km_dim t = 0; t < past->T; t++) past->times[t] = (float)t;
    n->opt_past = past, n->level[0] = 1, n->times[0] = (float)past->T;
}

km_status km_bench_next_frame(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    km_config c = config_of(s->family, s->blocks);
    molecule m = molecule_new(s);
    km_params *p = km_params_make(1, c.lambda_lo, c.lambda_hi);
    km_diffusion *d = km_diffusion_new(&c, p);
    km_diffusion_set_temporal(d, c.beta, true);
    km_nn_past *past = km_diffusion_past(km_backend_cpu(NULL), d, &m.f, s->frames);
    past->T = s->frames - 1;
    km_ctx *dry = km_ctx_dry(NULL), *cx = km_ctx_new(s->threads);
    denoiser n = prepare(dry, d, &m.f, &c, 1);
    set_past(&n, past);
    dry->ex.opt_flop = &ret->flop;
    denoise(&n);
    km_params_pack(p, cx->be);
    n = prepare(cx, d, &m.f, &c, 1);
    set_past(&n, past);
    km_bench_best(TIMES, denoise, &n, ret);
    (void)err;
    km_ctx_free(cx), km_ctx_free(dry);
    km_nn_past_free(past);
    km_diffusion_free(d);
    km_params_free(p);
    molecule_free(&m);
    return KM_OK;
}

/* A pass of the trunk with an alignment and a template. */
typedef struct trunk_pass {
    km_ctx *cx;
    const km_model *m;
    const km_features *f;
} trunk_pass;

static void run_pass(void *arg)
{
    trunk_pass *t = arg;
    km_mark mark = km_scope_begin(t->cx);
    km_bench_settle(t->cx, km_trunk_run(t->cx, t->m->trunk, t->f, 0).z);
    km_arena_rewind(t->cx->arena, mark);
}

static void add_evidence(molecule *m)
{
    km_features *f = &m->f;
    f->S = ROWS, f->msa = m->none;
    f->has_deletion = f->deletion_value = m->zeros, f->msa_paired = f->msa_mask = m->ones;
    f->n_templates = 1, f->template_restype = f->visibility_ids = m->none;
    f->template_frame_rot = f->template_frame_t = f->template_cb = f->template_ca = m->zeros;
    f->template_mask = f->template_mask_cb = f->template_mask_frame = m->ones;
}

km_status km_bench_trunk(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    km_config c = config_of(s->family, s->blocks);
    km_sampling unused = {0};
    km_model *model;
    c.msa_blocks = 4, c.templates = c.templates_v2 = c.bond_types = true, c.token_depth = 1;
    KM_TRY(km_model_make(&c, &unused, 1, &model, err));
    molecule m = molecule_new(s);
    add_evidence(&m);
    km_ctx *cx = km_ctx_new_on(s->be, s->threads), *dry = km_ctx_dry(&ret->flop);
    run_pass(&(trunk_pass){dry, model, &m.f});
    ret->bytes = km_footprint_trunk(model, &m.f, 1, s->threads, 0);
    km_params_pack(model->params, cx->be);
    km_bench_best(TIMES, run_pass, &(trunk_pass){cx, model, &m.f}, ret);
    km_ctx_free(cx), km_ctx_free(dry);
    molecule_free(&m);
    km_model_free(model);
    return KM_OK;
}

/* Something of the pairformer, and what it works on. */
typedef struct trunk_part {
    km_ctx *cx;
    const km_pairformer *m;
    const float *mask;
    km_tensor *s, *z, *halves, *in[4], *bias; /* [N, token_s]; [N, N, token_z]; [N, N, 2 token_z]; [N, N, heads width];
                                               * [heads, N, N] */
} trunk_part;

static trunk_part trunk_part_of(km_ctx *cx, const km_config *c, const km_pairformer *m, const float *mask, km_dim N)
{
    trunk_part t = {.cx = cx, .m = m, .mask = mask, .s = MADE_UP(cx, N, c->token_s), .z = MADE_UP(cx, N, N, c->token_z),
                    .bias = MADE_UP(cx, c->pairwise_heads, N, N)};
    t.halves = MADE_UP(cx, N, N, 2 * c->token_z);
    for (int i = 0; i < 4; i++) t.in[i] = MADE_UP(cx, N, N, (km_dim)c->pairwise_heads * c->pairwise_head_width);
    return t;
}

static void pairformer(void *arg)
{
    trunk_part *t = arg;
    km_mark mark = km_scope_begin(t->cx);
    km_tensor *s = t->s, *z = t->z;
    km_pairformer_run(t->cx, t->m, &s, &z, t->mask);
    km_bench_settle(t->cx, z);
    km_arena_rewind(t->cx->arena, mark);
}

static void triangle_multiplication(void *arg)
{
    trunk_part *t = arg;
    km_mark mark = km_scope_begin(t->cx);
    km_bench_settle(t->cx, km_triangle_multiply(t->cx, t->halves, t->mask, false));
    km_arena_rewind(t->cx->arena, mark);
}

static void triangle_attention(void *arg)
{
    trunk_part *t = arg;
    km_mark mark = km_scope_begin(t->cx);
    km_tensor *y = km_pair_attention(t->cx, t->in[0], t->in[1], t->in[2], t->in[3], t->bias, t->mask);
    km_bench_settle(t->cx, y);
    km_arena_rewind(t->cx->arena, mark);
}

static km_status run_trunk_part(const km_bench_sizes *s, void (*run)(void *), int blocks, km_timing *ret)
{
    km_config c = config_of(s->family, blocks);
    km_params *p = km_params_make(1, c.lambda_lo, c.lambda_hi);
    km_pairformer m;
    km_pairformer_init(&m, p, &c);
    km_ctx *cx = km_ctx_new_on(s->be, s->threads), *dry = km_ctx_dry(&ret->flop);
    float *mask = KM_NEWN(float, (size_t)s->tokens * (size_t)s->tokens);
    for (km_dim i = 0; i < (km_dim)s->tokens * s->tokens; i++) mask[i] = 1;
    trunk_part t = trunk_part_of(dry, &c, &m, mask, s->tokens);
    run(&t);
    km_params_pack(p, cx->be);
    t = trunk_part_of(cx, &c, &m, mask, s->tokens);
    km_bench_best(TIMES, run, &t, ret);
    free(mask);
    km_ctx_free(cx), km_ctx_free(dry);
    km_pairformer_clear(&m);
    km_params_free(p);
    return KM_OK;
}

km_status km_bench_pairformer(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    (void)err;
    return run_trunk_part(s, pairformer, s->blocks, ret);
}

km_status km_bench_triangle_multiplication(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    (void)err;
    return run_trunk_part(s, triangle_multiplication, 0, ret);
}

km_status km_bench_triangle_attention(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    (void)err;
    return run_trunk_part(s, triangle_attention, 0, ret);
}
