/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/train/run.h"
#include "lib/train/step.h"

typedef struct loop {
    km_run *run;
    km_adam *adam;
    km_stepper *stepper;
    km_train_state state;
    char *config_json;
    FILE *log;
    double last_time;     /* of the last log line */
    int64_t last_windows; /* windows since then */
    km_step_sums sums;    /* of the steps since then */
} loop;

/* Linear warm-up; then constant, or a half cosine down to lr_final of it at max_steps. */
static double rate(const km_train_config *c, int64_t step)
{
    double warm = c->warmup > 0 && step < c->warmup ? (double)(step + 1) / c->warmup : 1;
    double span = c->max_steps - c->warmup;
    double part = span > 0 && step > c->warmup ? fmin(1, (double)(step - c->warmup) / span) : 0;
    return c->lr * warm * (c->lr_final + (1 - c->lr_final) * 0.5 * (1 + cos(3.14159265358979323846 * part)));
}

/* Cut log.jsonl to the lines of steps already in the state, so that a resumed run writes each line once. */
static km_status open_log(loop *l, km_err *err)
{
    char *path = km_asprintf("%s/log.jsonl", l->run->dir);
    FILE *f = fopen(path, "r+");
    if (f) {
        char line[2048];
        long keep = 0;
        int64_t step;
        while (fgets(line, sizeof line, f) && strchr(line, '\n') && sscanf(line, "{\"step\": %" SCNd64, &step) == 1 &&
               step <= l->state.step)
            keep = ftell(f);
        if (ftruncate(fileno(f), keep) != 0) fclose(f), f = NULL;
        else fseek(f, keep, SEEK_SET);
    } else {
        f = fopen(path, "w");
    }
    l->log = f;
    km_status status = f ? KM_OK : km_fail(err, KM_SYSTEM, "cannot write '%.200s'", path);
    free(path);
    return status;
}

static km_status save_weights(loop *l, const char *name, km_err *err)
{
    char *path = km_asprintf("%s/%s", l->run->dir, name);
    km_status status = km_model_save(l->run->model, l->adam->ema, path, err);
    free(path);
    return status;
}

/* The weights first and the state last: a kill between them repeats the steps from the older state and writes the same
 * again. */
static km_status checkpoint(loop *l, km_err *err)
{
    KM_TRY(save_weights(l, "last.safetensors", err));
    fflush(l->log);
    return km_state_write(l->run->dir, l->run->model->params, l->adam, &l->state, l->config_json, err);
}

static km_status draw(loop *l, const int *systems, int n_systems, uint64_t seed, int64_t first, int n, km_group *groups,
                      km_err *err)
{
    const km_train_config *c = l->run->config;
    const km_config *m = &l->run->model->config;
    for (int i = 0; i < n; i++) {
        km_status status = km_group_draw(l->run->data, systems, n_systems, c, m, seed, first + i, c->windows,
                                         &groups[i], err);
        if (status == KM_OK) continue;
        while (i-- > 0) km_group_clear(&groups[i]);
        return status;
    }
    return KM_OK;
}

static void clear_groups(km_group *groups, int n)
{
    for (int i = 0; i < n; i++) km_group_clear(&groups[i]);
}

/* The loss on the same windows every time, with the averaged parameters. */
static km_status validate(loop *l, double *ret, km_err *err)
{
    const km_train_config *c = l->run->config;
    const km_dataset *d = l->run->data;
    const int *systems = d->n_val ? d->val : d->train;
    int n_systems = d->n_val ? d->n_val : d->n_train, n = (c->validation_windows + c->windows - 1) / c->windows;
    km_group *groups = KM_NEWN(km_group, (size_t)n);
    km_status status = draw(l, systems, n_systems, 0x76616c69, 0, n, groups, err);
    if (status == KM_OK) {
        size_t bytes = (size_t)km_params_size(l->run->model->params) * sizeof(float);
        float *block = km_params_block(l->run->model->params), *raw = km_alloc(bytes);
        km_step_sums sums;
        memcpy(raw, block, bytes);
        if (l->adam->ema) memcpy(block, l->adam->ema, bytes);
        status = km_stepper_run(l->stepper, groups, n, NULL, &sums, err);
        memcpy(block, raw, bytes);
        free(raw);
        if (status == KM_OK) *ret = sums.total / sums.windows;
        clear_groups(groups, n);
    }
    free(groups);
    return status;
}

static km_status validate_and_log(loop *l, km_err *err)
{
    double loss = INFINITY;
    if (l->run->config->validation_windows == 0) return KM_OK;
    KM_TRY(validate(l, &loss, err));
    fprintf(l->log, "{\"step\": %" PRId64 ", \"validation_loss\": %.6g}\n", l->state.step, loss);
    if (!(loss < l->state.best)) return KM_OK;
    l->state.best = loss;
    return save_weights(l, "best.safetensors", err);
}

static void log_step(loop *l, double lr, double norm)
{
    const km_step_sums *s = &l->sums;
    double n = s->windows ? s->windows : 1, t = km_seconds(), rate_ = n / fmax(t - l->last_time, 1e-9);
    char line[512];
    snprintf(line, sizeof line,
             "{\"step\": %" PRId64
             ", \"loss\": %.6g, \"struct\": %.6g, \"bond\": %.6g, \"lddt\": %.6g, \"flex\": %.6g, \"center\": %.6g, "
             "\"grad_norm\": %.6g, \"lr\": %.6g, \"skipped\": %" PRId64 ", \"windows_per_s\": %.3g, \"memory\": %zu}",
             l->state.step, s->total / n, s->structure / n, s->bond / n, s->lddt / n, s->flex / n, s->center / n, norm,
             lr, l->state.skipped, rate_, km_stepper_peak(l->stepper));
    fprintf(l->log, "%s\n", line);
    fflush(l->log);
    if (l->run->say) l->run->say(l->run->arg, line);
    l->sums = (km_step_sums){0};
    l->last_time = t;
}

static void add_sums(km_step_sums *a, const km_step_sums *b)
{
    a->total += b->total, a->structure += b->structure, a->bond += b->bond, a->lddt += b->lddt, a->flex += b->flex;
    a->center += b->center, a->windows += b->windows;
}

static km_status one_step(loop *l, km_group *groups, km_err *err)
{
    const km_train_config *c = l->run->config;
    const km_dataset *d = l->run->data;
    const float *grad;
    km_step_sums sums;
    KM_TRY(draw(l, d->train, d->n_train, (uint64_t)c->seed, l->state.step * c->batch, c->batch, groups, err));
    km_status status = km_stepper_run(l->stepper, groups, c->batch, &grad, &sums, err);
    if (status < 0) {
        clear_groups(groups, c->batch);
        return status;
    }
    double norm = km_adam_norm(l->run->model->params, grad);
    l->adam->lr = rate(c, l->state.step);
    l->state.step++;
    if (isfinite(norm) && isfinite(sums.total)) {
        km_adam_step(l->adam, l->run->model->params, grad, norm);
        add_sums(&l->sums, &sums);
    } else {
        l->state.skipped++;
        fprintf(l->log, "{\"step\": %" PRId64 ", \"skipped\": \"not finite\", \"first_system\": \"%s\"}\n",
                l->state.step, groups[0].system->path);
    }
    clear_groups(groups, c->batch);
    if (l->state.step % c->log_every == 0) log_step(l, l->adam->lr, norm);
    return KM_OK;
}

static km_status steps(loop *l, km_err *err)
{
    const km_train_config *c = l->run->config;
    km_group *groups = KM_NEWN(km_group, (size_t)c->batch);
    km_status status = KM_OK;
    while (status == KM_OK && l->state.step < c->max_steps) {
        status = one_step(l, groups, err);
        if (status < 0) break;
        if (l->run->progress) l->run->progress(l->run->arg, l->state.step, c->max_steps);
        bool last = l->state.step == c->max_steps, stop = km_interrupted();
        if (l->state.step % c->validate_every == 0 || last) status = validate_and_log(l, err);
        if (status == KM_OK && (l->state.step % c->checkpoint_every == 0 || last || stop)) status = checkpoint(l, err);
        if (status == KM_OK && stop && !last)
            status = km_fail(err, KM_INTERRUPTED, "interrupted after step %" PRId64, l->state.step);
    }
    free(groups);
    return status;
}

km_status km_run_train(km_run *r, km_err *err)
{
    const km_train_config *c = r->config;
    loop l = {.run = r, .state = {.best = INFINITY}, .last_time = km_seconds()};
    km_params_train(r->model->params, c->train);
    l.adam = km_adam_new(r->model->params, c->ema);
    l.adam->beta1 = c->beta1, l.adam->beta2 = c->beta2, l.adam->eps = c->eps;
    l.adam->weight_decay = c->weight_decay, l.adam->max_grad_norm = c->max_grad_norm;
    l.config_json = km_train_config_dump(c);
    km_status status = KM_OK;
    if (km_state_exists(r->dir)) status = km_state_read(r->dir, r->model->params, l.adam, &l.state, err);
    if (status == KM_OK) status = open_log(&l, err);
    if (status == KM_OK) {
        l.stepper = km_stepper_new(r->model, c, r->opt_trunks, r->threads);
        if (r->opt_trunks && km_stepper_trains_trunk(l.stepper))
            status = km_fail(err, KM_USAGE, "--trunk: the configuration trains the trunk (key train)");
        if (status == KM_OK) status = steps(&l, err);
        if (fclose(l.log) != 0 && status == KM_OK)
            status = km_fail(err, KM_SYSTEM, "%.200s/log.jsonl: cannot be written", r->dir);
    }
    km_stepper_free(l.stepper);
    km_adam_free(l.adam);
    free(l.config_json);
    return status;
}
