/* SPDX-License-Identifier: MIT
 * The trunk and its dearest operations with made-up weights at the published model's dimensions. */
#include <stdlib.h>

#include "lib/model/trunk/trunk_parts.h"
#include "lib/sample/footprint.h"
#include "tools/bench_made_up.h"

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

static void add_evidence(km_bench_molecule *m)
{
    km_features *f = &m->f;
    f->S = KM_BENCH_ROWS, f->msa = m->none;
    f->has_deletion = f->deletion_value = m->zeros, f->msa_paired = f->msa_mask = m->ones;
    f->n_templates = 1, f->template_restype = f->visibility_ids = m->none;
    f->template_frame_rot = f->template_frame_t = f->template_cb = f->template_ca = m->zeros;
    f->template_mask = f->template_mask_cb = f->template_mask_frame = m->ones;
}

km_status km_bench_trunk(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    km_sampling sampling;
    km_config c = km_bench_config(s->family, s->blocks, &sampling);
    km_model *model;
    c.msa_blocks = 4, c.templates = c.templates_v2 = c.bond_types = true, c.token_depth = 1;
    KM_TRY(km_model_make(&c, &sampling, 1, &model, err));
    km_bench_molecule m = km_bench_molecule_new(s);
    add_evidence(&m);
    km_ctx *cx = km_ctx_new_on(s->be, s->threads), *dry = km_ctx_dry(&ret->flop);
    run_pass(&(trunk_pass){dry, model, &m.f});
    ret->bytes = km_footprint_trunk(model, &m.f, 1, s->threads, 0);
    km_params_pack(model->params, cx->be);
    km_bench_best(km_bench_times(s->be), run_pass, &(trunk_pass){cx, model, &m.f}, ret);
    km_ctx_free(cx), km_ctx_free(dry);
    km_bench_molecule_free(&m);
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
    trunk_part t = {.cx = cx,
                    .m = m,
                    .mask = mask,
                    .s = MADE_UP(cx, N, c->token_s),
                    .z = MADE_UP(cx, N, N, c->token_z),
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
    km_sampling unused;
    km_config c = km_bench_config(s->family, blocks, &unused);
    km_params *p = km_params_make(1, c.lambda_lo, c.lambda_hi);
    km_pairformer m;
    km_pairformer_init(&m, p, &c);
    km_ctx *cx = km_ctx_new_on(s->be, s->threads), *dry = km_ctx_dry(&ret->flop);
    float *mask = KM_NEWN(float, (size_t)s->tokens *(size_t)s->tokens);
    for (km_dim i = 0; i < (km_dim)s->tokens * s->tokens; i++) mask[i] = 1;
    trunk_part t = trunk_part_of(dry, &c, &m, mask, s->tokens);
    run(&t);
    km_params_pack(p, cx->be);
    t = trunk_part_of(cx, &c, &m, mask, s->tokens);
    km_bench_best(km_bench_times(s->be), run, &t, ret);
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
