/* SPDX-License-Identifier: MIT */
#include "lib/train/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { SEED = 0x76616c69 };

/* Of the groups numbered below n, how many are this rank's: every size-th one. */
static int mine_below(const km_run *r, int n)
{
    int rank = km_ranks_rank(r->opt_ranks), size = km_ranks_size(r->opt_ranks);
    return n > rank ? (n - rank - 1) / size + 1 : 0;
}

static km_status draw(const km_run *r, km_group *groups, int n, km_err *err)
{
    const km_dataset *d = r->data;
    bool own = r->config->overfit || d->n_val == 0;
    const int *systems = own ? d->train : d->val, n_systems = own ? d->n_train : d->n_val;
    uint64_t seed = r->config->overfit ? (uint64_t)r->config->seed : SEED;
    int rank = km_ranks_rank(r->opt_ranks), size = km_ranks_size(r->opt_ranks);
    km_status status = KM_OK;
    for (int i = 0; i < n && status == KM_OK; i++)
        status = km_group_draw(d, systems, n_systems, r->config, &r->model->config, seed, rank + i * size,
                               r->config->windows, &groups[i], err);
    return status;
}

/* n: of all ranks. */
static km_status generate(const km_run *r, const km_stepper *s, km_group *groups, int n, km_likeness *ret, km_err *err)
{
    if (n > r->config->validation_samples) n = r->config->validation_samples;
    if (n == 0) return KM_OK;
    KM_TRY(km_generate(r, s, groups, mine_below(r, n), SEED, err));
    return km_likeness_of(groups, mine_below(r, n), n, r->opt_ranks, ret, err);
}

/* All noisy frames of a group at one level, with the noise that they had. */
static void set_level(km_group *g, float sigma)
{
    size_t frame = (size_t)g->system->features->A * 3;
    for (int f = 0; f < g->B * g->T; f++) {
        if (!(g->sigma[f] > 0)) continue;
        float factor = sigma / g->sigma[f];
        for (size_t i = (size_t)f * frame; i < (size_t)(f + 1) * frame; i++)
            g->noisy[i] = g->x[i] + factor * (g->noisy[i] - g->x[i]);
        g->sigma[f] = sigma;
    }
}

/* Sums over windows, and these: as drawn; then of each level. */
typedef struct tallies {
    double loss[1 + KM_LEVELS], windows[1 + KM_LEVELS];
} tallies;

/* n: of all ranks. */
static km_status levels(const km_run *r, km_stepper *s, km_group *groups, int n, km_validation *v, tallies *t,
                        km_err *err)
{
    for (int i = 0; i < KM_LEVELS; i++) {
        int first = mine_below(r, n * i / KM_LEVELS), end = mine_below(r, n * (i + 1) / KM_LEVELS);
        km_step_sums sums;
        v->sigma[i] = r->model->config.sigma_data * exp(r->config->p_mean + r->config->p_std * (i - 1.5));
        for (int g = first; g < end; g++) set_level(&groups[g], (float)v->sigma[i]);
        if (first == end) continue;
        KM_TRY(km_stepper_run(s, groups + first, end - first, NULL, &sums, err));
        t->loss[1 + i] = sums.structure, t->windows[1 + i] = sums.windows;
    }
    return KM_OK;
}

static km_status add_up(const km_run *r, tallies *t, km_validation *v, km_err *err)
{
    KM_TRY(km_ranks_sum(r->opt_ranks, t->loss, 1 + KM_LEVELS, err));
    KM_TRY(km_ranks_sum(r->opt_ranks, t->windows, 1 + KM_LEVELS, err));
    v->loss = t->loss[0] / t->windows[0];
    for (int i = 0; i < KM_LEVELS; i++) {
        v->windows[i] = (int)t->windows[1 + i];
        if (v->windows[i]) v->structure[i] = t->loss[1 + i] / t->windows[1 + i];
    }
    return KM_OK;
}

km_status km_validate(const km_run *r, km_stepper *s, const float *opt_average, km_validation *ret, km_err *err)
{
    int all = (r->config->validation_windows + r->config->windows - 1) / r->config->windows, n = mine_below(r, all);
    km_group *groups = KM_NEWN(km_group, (size_t)n);
    size_t bytes = (size_t)km_params_size(r->model->params) * sizeof(float);
    km_params_fetch(r->model->params);
    float *block = km_params_block(r->model->params), *raw = memcpy(km_alloc(bytes), block, bytes);
    km_step_sums sums;
    tallies t = {0};
    *ret = (km_validation){0};
    if (opt_average) memcpy(block, opt_average, bytes);
    km_status status = draw(r, groups, n, err);
    if (status == KM_OK) status = km_stepper_run(s, groups, n, NULL, &sums, err);
    if (status == KM_OK) {
        t.loss[0] = sums.total, t.windows[0] = sums.windows;
        status = levels(r, s, groups, all, ret, &t, err);
    }
    if (status == KM_OK) status = add_up(r, &t, ret, err);
    if (status == KM_OK) status = generate(r, s, groups, all, &ret->likeness, err);
    memcpy(block, raw, bytes);
    for (int i = 0; i < n; i++) km_group_clear(&groups[i]);
    free(raw), free(groups);
    return status;
}
