/* SPDX-License-Identifier: MIT */
#include "lib/train/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { SEED = 0x76616c69 };

static km_status draw(const km_run *r, km_group *groups, int n, km_err *err)
{
    const km_dataset *d = r->data;
    bool own = r->config->overfit || d->n_val == 0;
    const int *systems = own ? d->train : d->val, n_systems = own ? d->n_train : d->n_val;
    uint64_t seed = r->config->overfit ? (uint64_t)r->config->seed : SEED;
    km_status status = KM_OK;
    for (int i = 0; i < n && status == KM_OK; i++)
        status = km_group_draw(d, systems, n_systems, r->config, &r->model->config, seed, i, r->config->windows,
                               &groups[i], err);
    return status;
}

static km_status generate(const km_run *r, const km_stepper *s, km_group *groups, int n, km_likeness *ret, km_err *err)
{
    if (n > r->config->validation_samples) n = r->config->validation_samples;
    if (n == 0) return KM_OK;
    KM_TRY(km_generate(r, s, groups, n, SEED, err));
    km_likeness_of(groups, n, ret);
    return KM_OK;
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

static km_status levels(const km_run *r, km_stepper *s, km_group *groups, int n, km_validation *v, km_err *err)
{
    for (int i = 0; i < KM_LEVELS; i++) {
        int first = n * i / KM_LEVELS, end = n * (i + 1) / KM_LEVELS;
        km_step_sums sums;
        v->sigma[i] = r->model->config.sigma_data * exp(r->config->p_mean + r->config->p_std * (i - 1.5));
        for (int g = first; g < end; g++) set_level(&groups[g], (float)v->sigma[i]);
        if (first == end) continue;
        KM_TRY(km_stepper_run(s, groups + first, end - first, NULL, &sums, err));
        v->windows[i] = sums.windows;
        v->structure[i] = sums.structure / sums.windows;
    }
    return KM_OK;
}

km_status km_validate(const km_run *r, km_stepper *s, const float *opt_average, km_validation *ret, km_err *err)
{
    int n = (r->config->validation_windows + r->config->windows - 1) / r->config->windows;
    km_group *groups = KM_NEWN(km_group, (size_t)n);
    size_t bytes = (size_t)km_params_size(r->model->params) * sizeof(float);
    float *block = km_params_block(r->model->params), *raw = memcpy(km_alloc(bytes), block, bytes);
    km_step_sums sums;
    *ret = (km_validation){0};
    if (opt_average) memcpy(block, opt_average, bytes);
    km_status status = draw(r, groups, n, err);
    if (status == KM_OK) status = km_stepper_run(s, groups, n, NULL, &sums, err);
    if (status == KM_OK) {
        ret->loss = sums.total / sums.windows;
        status = levels(r, s, groups, n, ret, err);
    }
    if (status == KM_OK) status = generate(r, s, groups, n, &ret->likeness, err);
    memcpy(block, raw, bytes);
    for (int i = 0; i < n; i++) km_group_clear(&groups[i]);
    free(raw), free(groups);
    return status;
}
