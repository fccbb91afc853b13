/* SPDX-License-Identifier: MIT
 * A trajectory from one structure, as the pipelines make it: a coarse forecast, whose intervals are then filled. */
#include <stdlib.h>

#include "lib/sample/interp.h"
#include "tools/bench_made_up.h"

/* A microsecond is 200 intervals of 50 frames, 0.1 ns apart. */
enum { INNER = 50, SPACING = 100000 }; /* fs */

typedef struct job {
    const km_bench_sizes *s;
    const km_model *m;
    const km_features *f;
    km_trunk_result *t;
    km_interp *fine;
    int64_t frames; /* that have come */
    km_status status;
    km_err *err;
} job;

static km_status count(void *arg, const km_frame *frame, km_err *err)
{
    job *j = arg;
    (void)frame, (void)err;
    j->frames++;
    return KM_OK;
}

static km_status refine(void *arg, const km_frame *frame, km_err *err)
{
    return km_interp_add(((job *)arg)->fine, frame, err);
}

/* As km-forecast and km-interp sample when nothing is said. */
static km_status generate(job *j, const km_frame *first)
{
    const km_sampling *p = &j->m->sampling;
    km_forecast_options coarse = {.steps = p->steps,
                                  .window = p->window,
                                  .history = p->history,
                                  .noise_scale = p->noise_scale,
                                  .step_scale = p->step_scale,
                                  .seed = 1,
                                  .dt = (int64_t)INNER * SPACING,
                                  .n_new = (j->s->frames + INNER - 1) / INNER,
                                  .threads = j->s->threads};
    km_interp_options fine = {.steps = p->steps,
                              .noise_scale = p->noise_scale,
                              .step_scale = p->step_scale,
                              .seed = 1,
                              .dt = SPACING,
                              .threads = j->s->threads};
    km_history h = {0};
    KM_TRY(km_sampler_parse(p->sampler, &coarse.sampler, j->err));
    fine.sampler = coarse.sampler;
    km_history_add(&h, 0, first->coords, first->n_atoms, 0);
    j->fine = km_interp_new(j->m, j->f, j->t, &fine, count, j);
    km_status status = refine(j, first, j->err);
    if (status == KM_OK) status = km_forecast(j->m, j->f, j->t, &coarse, &h, 1, refine, j, j->err);
    if (status == KM_OK) status = km_interp_finish(j->fine, j->err);
    km_history_clear(&h);
    km_interp_free(j->fine);
    return status;
}

static void run(void *arg)
{
    job *j = arg;
    km_frame first = {.n_atoms = j->s->atoms, .given = true};
    if (j->status != KM_OK) return;
    first.coords = KM_NEWN(float, 3 * (size_t)first.n_atoms);
    km_bench_fill(first.coords, 3 * (km_dim)first.n_atoms);
    j->frames = 0;
    j->status = generate(j, &first);
    free(first.coords);
}

static km_trunk_result *made_up_trunk(const km_config *c, int32_t N)
{
    km_trunk_result *t = km_trunk_result_new(N, c->inputs_s, c->token_s, c->token_z);
    km_bench_fill(t->s_inputs, (km_dim)N * c->inputs_s), km_bench_fill(t->s, (km_dim)N * c->token_s);
    km_bench_fill(t->z, (km_dim)N * N * c->token_z);
    return t;
}

km_status km_bench_trajectory(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    km_sampling sampling;
    km_config c = km_bench_config(s->family, s->blocks, &sampling);
    km_model *m;
    c.pairformer_blocks = 1; /* the trunk has run before */
    KM_TRY(km_model_make(&c, &sampling, 1, &m, err));
    m->opt_be = s->be;
    km_params_pack(m->params, s->be);
    km_bench_molecule molecule = km_bench_molecule_new(s);
    job j = {.s = s, .m = m, .f = &molecule.f, .t = made_up_trunk(&c, s->tokens), .status = KM_OK, .err = err};
    km_bench_best(2, run, &j, ret);
    ret->items = (double)(j.frames - 1) * s->atoms;
    km_trunk_result_free(j.t);
    km_bench_molecule_free(&molecule);
    km_model_free(m);
    return j.status;
}
