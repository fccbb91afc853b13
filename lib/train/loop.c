/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/sample/footprint.h"
#include "lib/train/prefetch.h"
#include "lib/train/validate.h"

typedef struct loop {
    km_run *run;
    km_adam *adam;
    km_stepper *stepper;
    km_prefetch *reader;
    km_train_state state;
    char *config_json;
    FILE *log;                /* NULL in all ranks but the first */
    char line[640];           /* the last line of a step, and its step; the step of what the log ended with */
    int64_t line_step, logged;
    double last_time, waited; /* of the last log line; seconds waited for samples by then */
    km_step_sums sums;        /* of the steps since then */
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
            keep = ftell(f), l->logged = step;
        if (ftruncate(fileno(f), keep) != 0) fclose(f), f = NULL;
        else fseek(f, keep, SEEK_SET);
    } else {
        f = fopen(path, "w");
    }
    if (f) setvbuf(f, NULL, _IOLBF, 0); /* another rank may have to go on from here */
    l->log = f;
    km_status status = f ? KM_OK : km_fail(err, KM_SYSTEM, "cannot write '%.200s'", path);
    free(path);
    return status;
}

static km_status save_weights(loop *l, const char *name, km_err *err)
{
    char *path = km_asprintf("%s/%s", l->run->dir, name);
    km_params_fetch(l->run->model->params);
    km_adam_fetch(l->adam);
    km_status status = km_model_save(l->run->model, l->adam->ema, path, err);
    free(path);
    return status;
}

/* The weights first and the state last: a kill between them repeats the steps from the older state and writes the same
 * again. */
static km_status write_state(loop *l, km_err *err)
{
    KM_TRY(save_weights(l, "last.safetensors", err));
    return km_state_write(l->run->dir, l->run->model->params, l->adam, &l->state, l->config_json, err);
}

/* Where this rank is the one that writes. */
static km_status checkpoint(loop *l, km_err *err) { return l->log ? write_state(l, err) : KM_OK; }

static void log_number(FILE *f, const char *name, double value)
{
    if (isnan(value)) fprintf(f, ", \"%s\": null", name);
    else fprintf(f, ", \"%s\": %.4g", name, value);
}

static void log_likeness(FILE *f, const km_likeness *k)
{
    fprintf(f, ", \"generated_windows\": %d", k->windows);
    log_number(f, "rmsf_r", k->rmsf_r);
    log_number(f, "pairwise_rmsd_r", k->pairwise_r);
    log_number(f, "rmsd", k->rmsd);
}

static km_status validate_and_log(loop *l, km_err *err)
{
    km_validation v;
    if (l->run->config->validation_windows == 0) return KM_OK;
    km_adam_fetch(l->adam);
    KM_TRY(km_validate(l->run, l->stepper, l->adam->ema, &v, err));
    bool best = v.loss < l->state.best;
    l->state.without_best = best ? 0 : l->state.without_best + 1;
    if (best) l->state.best = v.loss;
    if (!l->log) return KM_OK;
    fprintf(l->log, "{\"step\": %" PRId64 ", \"validation_loss\": %.6g", l->state.step, v.loss);
    const char *before = ", \"struct_at_sigma\": {";
    for (int i = 0; i < KM_LEVELS; i++) {
        if (v.windows[i] == 0) continue;
        fprintf(l->log, "%s\"%.3g\": %.6g", before, v.sigma[i], v.structure[i]);
        before = ", ";
    }
    fprintf(l->log, "}");
    if (v.likeness.windows > 0) log_likeness(l->log, &v.likeness);
    fprintf(l->log, "}\n");
    return best ? save_weights(l, "best.safetensors", err) : KM_OK;
}

static void log_step(loop *l, double lr, double norm)
{
    const km_step_sums *s = &l->sums;
    double n = s->windows ? s->windows : 1, t = km_seconds();
    double waited = km_prefetch_waited(l->reader), span = fmax(t - l->last_time, 1e-9);
    snprintf(l->line, sizeof l->line,
             "{\"step\": %" PRId64
             ", \"loss\": %.6g, \"struct\": %.6g, \"bond\": %.6g, \"lddt\": %.6g, \"flex\": %.6g, \"center\": %.6g, "
             "\"velocity\": %.6g, \"autocorrelation\": %.6g, \"tica\": %.6g, "
             "\"grad_norm\": %.6g, \"lr\": %.6g, \"skipped\": %" PRId64
             ", \"windows_per_s\": %.3g, \"waited_for_samples\": %.3g, \"memory\": %zu}",
             l->state.step, s->total / n, s->structure / n, s->bond / n, s->lddt / n, s->flex / n, s->center / n,
             s->velocity / n, s->autocorrelation / n, s->tica / n, norm, lr, l->state.skipped, n / span,
             (waited - l->waited) / span, km_stepper_peak(l->stepper));
    l->line_step = l->state.step;
    l->sums = (km_step_sums){0};
    l->last_time = t;
    l->waited = waited;
    if (!l->log) return;
    fprintf(l->log, "%s\n", l->line);
    if (l->run->say) l->run->say(l->run->arg, l->line);
}

/* Why a step is to be left out, or NULL: decided from what all ranks know alike. */
static const char *fault(const loop *l, double norm, const km_step_sums *sums)
{
    const km_train_config *c = l->run->config;
    double loss = sums->total / sums->windows;
    if (!isfinite(norm) || !isfinite(loss)) return "not finite";
    return c->spike > 0 && l->state.mean_loss > 0 && loss > c->spike * l->state.mean_loss ? "spike" : NULL;
}

/* The name of the worst sample of all ranks, for the log. */
static km_status name_worst(loop *l, const km_group *groups, const km_step_sums *sums, char name[256], km_err *err)
{
    km_ranks *ranks = l->run->opt_ranks;
    int size = km_ranks_size(ranks), root = 0;
    double *losses = KM_NEWN(double, (size_t)size);
    losses[km_ranks_rank(ranks)] = fmin(sums->worst_loss, 1e300);
    snprintf(name, 256, "%s", groups[sums->worst].system->path);
    km_status status = km_ranks_sum(ranks, losses, size, err);
    for (int i = 1; i < size; i++)
        if (losses[i] > losses[root]) root = i;
    free(losses);
    return status == KM_OK ? km_ranks_share(ranks, name, 256, root, err) : status;
}

static km_status leave_out(loop *l, const km_group *groups, const km_step_sums *sums, const char *why, km_err *err)
{
    char name[256];
    l->state.skipped++;
    l->state.in_a_row++;
    KM_TRY(name_worst(l, groups, sums, name, err));
    if (l->log)
        fprintf(l->log, "{\"step\": %" PRId64 ", \"skipped\": \"%s\", \"system\": \"%s\"}\n", l->state.step, why, name);
    if (l->state.in_a_row < l->run->config->max_skipped) return KM_OK;
    return km_fail(err, KM_INPUT, "%d steps in a row left out, the last one for a loss that is %s (%.120s): "
                   "the last checkpoint has the weights before them",
                   (int)l->state.in_a_row, strcmp(why, "spike") ? why : "far too large", name);
}

static km_status one_step(loop *l, km_group *groups, int n, km_err *err)
{
    const km_train_config *c = l->run->config;
    const float *grad;
    km_step_sums sums;
    KM_TRY(km_prefetch_take(l->reader, groups, err));
    km_status status = km_stepper_run(l->stepper, groups, n, &grad, &sums, err);
    double norm = 0;
    if (status == KM_OK) {
        norm = km_adam_norm_of(l->adam, l->run->model->params, grad);
        l->adam->lr = rate(c, l->state.step);
        l->state.step++;
        const char *why = fault(l, norm, &sums);
        if (why) {
            status = leave_out(l, groups, &sums, why, err);
        } else {
            double loss = sums.total / sums.windows;
            l->state.mean_loss = l->state.mean_loss > 0 ? 0.99 * l->state.mean_loss + 0.01 * loss : loss;
            l->state.in_a_row = 0;
            km_adam_step(l->adam, l->run->model->params, grad, norm);
            km_step_sums_add(&l->sums, &sums);
        }
    }
    for (int i = 0; i < n; i++) km_group_clear(&groups[i]);
    if (status == KM_OK && l->state.step % c->log_every == 0) log_step(l, l->adam->lr, norm);
    return status;
}

static bool out_of_patience(const loop *l)
{
    const km_train_config *c = l->run->config;
    return c->patience > 0 && l->state.without_best >= c->patience;
}

/* After a step: validation, checkpoint, and whether it was the last one. */
static km_status after_step(loop *l, bool *ret_last, km_err *err)
{
    const km_train_config *c = l->run->config;
    bool last = l->state.step == c->max_steps, stop = km_interrupted();
    if (l->state.step % c->validate_every == 0 || last) {
        km_status status = validate_and_log(l, err);
        l->state.due = status == KM_INTERRUPTED;
        if (l->state.due) KM_TRY(checkpoint(l, err));
        if (status < 0) return status;
        last = last || out_of_patience(l);
    }
    if (l->state.step % c->checkpoint_every == 0 || last || stop) KM_TRY(checkpoint(l, err));
    *ret_last = last;
    if (stop && !last) return km_fail(err, KM_INTERRUPTED, "interrupted after step %" PRId64, l->state.step);
    return KM_OK;
}

/* A step came to nothing by a signal or another rank's end: what the steps before it made is kept. */
static km_status save_unfinished(loop *l, km_status status, km_err *err)
{
    km_err second;
    if (!l->log || (status != KM_INTERRUPTED && !l->run->opt_ranks) || checkpoint(l, &second) < 0) return status;
    if (status != KM_INTERRUPTED) return status;
    return km_fail(err, KM_INTERRUPTED, "interrupted, or another rank has ended: the state after step %" PRId64
                   " is written", l->state.step);
}

/* The first rank may have ended between a step and its line. */
static km_status write_last_line(loop *l, km_err *err)
{
    KM_TRY(open_log(l, err));
    if (l->line_step > l->logged) fprintf(l->log, "%s\n", l->line);
    return KM_OK;
}

/* Every rank has the state. The second writes it when the first has ended, as its lock tells, and has not. */
static km_status take_over(loop *l, km_err *err)
{
    km_err unused;
    bool held = false;
    for (int polls = 0; !held && polls < 3000; polls++) {
        if (polls) nanosleep(&(struct timespec){0, 20000000}, NULL);
        if (km_run_lock(l->run->dir, false, &held, &unused) < 0) return KM_INTERRUPTED;
    }
    if (!held || km_state_step(l->run->dir) >= l->state.step) return KM_INTERRUPTED;
    if (write_last_line(l, &unused) < 0 || write_state(l, &unused) < 0) return KM_INTERRUPTED;
    return km_fail(err, KM_INTERRUPTED, "the first rank has ended: the state after step %" PRId64 " is written",
                   l->state.step);
}

static km_status steps(loop *l, km_err *err)
{
    const km_train_config *c = l->run->config;
    int n = c->batch / km_ranks_size(l->run->opt_ranks);
    km_group *groups = KM_NEWN(km_group, (size_t)n);
    km_status status = KM_OK;
    bool last = false;
    if (l->state.due) status = after_step(l, &last, err);
    last = last || l->state.step >= c->max_steps || out_of_patience(l);
    l->reader = km_prefetch_new(&(km_reading){l->run->data, c, &l->run->model->config,
                                            km_ranks_rank(l->run->opt_ranks) * n, n, l->state.step,
                                            last ? l->state.step : c->max_steps});
    while (status == KM_OK && !last) {
        int64_t done = l->state.step;
        status = one_step(l, groups, n, err);
        if (status < 0 && l->state.step == done) status = save_unfinished(l, status, err);
        if (status < 0) break;
        if (l->run->progress) l->run->progress(l->run->arg, l->state.step, c->max_steps);
        status = after_step(l, &last, err);
    }
    km_prefetch_free(l->reader);
    free(groups);
    if (status == KM_INTERRUPTED && km_ranks_rank(l->run->opt_ranks) == 1) status = take_over(l, err);
    return status;
}

/* What the run will take, said beforehand; a step that cannot fit is refused. */
static km_status check_memory(loop *l, km_err *err)
{
    const km_train_system *largest;
    double need = km_stepper_footprint(l->stepper, l->run->data, &largest);
    int64_t have = km_footprint_room(l->run->model, 0);
    char line[400];
    snprintf(line, sizeof line, "memory: %.2f GB at most, %.2f GB available; largest: %.200s, %d tokens", need * 1e-9,
             (double)have * 1e-9, largest->path, (int)largest->residues);
    if (l->run->note) l->run->note(l->run->arg, line);
    if (need <= (double)have) return KM_OK;
    return km_fail(err, km_footprint_code(l->run->model),
                   "a step needs %.2f GB of memory and %.2f GB may be taken (%.120s, %d tokens): "
                   "crop.tokens=, frames.max=, windows=1 or shards=1 make it smaller",
                   need * 1e-9, (double)have * 1e-9, largest->path, (int)largest->residues);
}

/* Systems that will be cut keep no alignment, so a trunk in the step would see less than km-trunk does. */
static km_status check_data(const km_run *r, bool trains_trunk, km_err *err)
{
    const km_train_config *c = r->config;
    if (r->opt_trunks && trains_trunk)
        return km_fail(err, KM_USAGE, "--trunk: the configuration trains the trunk (key train)");
    if (c->batch % km_ranks_size(r->opt_ranks))
        return km_fail(err, KM_USAGE, "batch=%d is not a multiple of %d ranks", c->batch, km_ranks_size(r->opt_ranks));
    for (int i = 0; i < r->data->count && !r->opt_trunks && c->crop_tokens; i++) {
        const km_train_system *y = &r->data->systems[i];
        if (y->features && y->residues > c->crop_tokens && y->features->S > 1)
            return km_fail(err, KM_USAGE, "%.160s: larger than crop.tokens=%d and has an alignment: --trunk is needed",
                           y->path, c->crop_tokens);
    }
    return KM_OK;
}

static km_status begin(loop *l, km_err *err)
{
    km_run *r = l->run;
    if (km_state_exists(r->dir)) KM_TRY(km_state_read(r->dir, r->model->params, l->adam, &l->state, err));
    if (l->state.damaged && r->note) r->note(r->arg, "state.h5 is damaged: going on from the state before it");
    l->state.damaged = false;
    if (km_ranks_rank(r->opt_ranks) == 0) KM_TRY(open_log(l, err));
    l->stepper = km_stepper_new(r->model, r->config, r->opt_trunks, r->opt_ranks, r->threads);
    KM_TRY(check_data(r, km_stepper_trains_trunk(l->stepper), err));
    KM_TRY(check_memory(l, err));
    if (r->model->opt_be) KM_TRY(km_ranks_join_devices(r->opt_ranks, r->model->opt_be->device, err));
    km_adam_use_device(l->adam, r->model->opt_be);
    if (r->config->muon) km_adam_use_muon(l->adam, r->model->params, r->threads);
    return KM_OK;
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
    km_status status = begin(&l, err);
    if (status == KM_OK) status = steps(&l, err);
    if (l.log && fclose(l.log) != 0 && status == KM_OK)
        status = km_fail(err, KM_SYSTEM, "%.200s/log.jsonl: cannot be written", r->dir);
    km_stepper_free(l.stepper);
    km_adam_free(l.adam);
    free(l.config_json);
    return status;
}
