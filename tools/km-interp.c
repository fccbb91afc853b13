/* SPDX-License-Identifier: MIT
 * km-interp: fill the intervals between frames. */
#include <stdlib.h>
#include <string.h>

#include "lib/sample/interp.h"
#include "tools/sampling.h"
#include "tools/weights.h"

static struct {
    const char *weights, *output, *batch;
    km_sampling_choice sampling;
    int64_t dt;
    double beta;
    bool dt_set, beta_set;
} o;

static const km_opt options[] = {
    {"weights", 'w', KM_OPT_STRING, &o.weights, "FILE", "weights: a file, a training run or an installed model's name"},
    {"dt", 0, KM_OPT_TIME, &o.dt, "TIME", "spacing of the frames afterwards", .set = &o.dt_set},
    KM_SAMPLING_OPTIONS(o.sampling),
    {"beta", 0, KM_OPT_DOUBLE, &o.beta, "X", "exponent of time in the temporal bias, of weights that do not say it",
     .min = 0.01, .max = 4, .set = &o.beta_set},
    {"batch", 0, KM_OPT_STRING, &o.batch, "auto|N", "intervals at once (auto)"},
    {"output", 'o', KM_OPT_STRING, &o.output, "FILE", "write FILE instead of standard output"},
    {0},
};

static const km_program program = {
    "km-interp",
    "[options] [IN.km]",
    "Fill every interval between neighbouring frames, both ends held; every default lies in the weights.",
    options,
    0,
    1};

typedef struct job {
    km_model *m;
    km_features *features;
    km_stereo *stereo; /* NULL: left free */
    km_interp *interp;
    km_filter *filter;
    km_progress progress;
} job;

static km_status emit(void *arg, const km_frame *out, km_err *err)
{
    job *j = arg;
    return km_filter_write(j->filter, out, err);
}

static km_status settle(job *j, const km_filter *f, km_interp_options *ret, km_err *err)
{
    const km_sampling *s = &j->m->sampling;
    km_sampling_choice c = o.sampling; /* the stream's next system may come with other weights */
    double beta = o.beta;
    if (!j->m->diffusion) return km_fail(err, KM_INPUT, "the weights %.100s hold no diffusion module", j->m->name);
    KM_TRY(km_sampling_beta(j->m, o.beta_set, false, &beta, err));
    km_diffusion_set_temporal(j->m->diffusion, beta, j->m->config.causal);
    km_sampling_settle(&c, s);
    *ret = (km_interp_options){.steps = c.steps,
                               .noise_scale = c.noise_scale,
                               .step_scale = c.step_scale,
                               .dt = o.dt_set ? o.dt : s->interp_dt,
                               .seed = f->cli->seed,
                               .threads = f->cli->threads,
                               .memory = c.memory};
    if (o.batch && strcmp(o.batch, "auto")) {
        char *rest;
        long n = strtol(o.batch, &rest, 10);
        if (*rest || n < 1 || n > 100000)
            return km_fail(err, KM_USAGE, "option '--batch' '%.40s': expected auto or a number", o.batch);
        ret->batch = (int)n;
    }
    KM_TRY(km_sampler_parse(c.sampler, &ret->sampler, err));
    if (ret->sampler == KM_SAMPLER_BOLTZ2)
        return km_fail(err, KM_USAGE, "the sampler boltz2 makes structures by themselves: name another with --sampler");
    ret->opt_stereo = j->stereo = km_sampling_stereo(&c, f->system);
    return KM_OK;
}

static km_status ready(void *arg, km_filter *f, km_err *err)
{
    job *j = arg;
    km_interp_options options_;
    KM_TRY(km_weights_choose(f, o.weights, &j->m, err));
    KM_TRY(settle(j, f, &options_, err));
    km_trunk_choice choice = KM_TRUNK_CHOICE_DEFAULT;
    choice.memory = options_.memory;
    if (!f->trunk) KM_TRY(km_weights_run_trunk(f, j->m, &choice, err));
    j->filter = f;
    j->features = km_features_of(j->m->config.family, f->system, NULL, NULL);
    j->interp = km_interp_new(j->m, j->features, f->trunk, &options_, emit, j);
    km_progress_start(&j->progress, f->cli, "given frames", 0);
    return KM_OK;
}

static km_status frame(void *arg, km_filter *f, const km_frame *in, km_err *err)
{
    job *j = arg;
    (void)f;
    km_stereo_follow(j->stereo, in->coords);
    km_progress_add(&j->progress, 1);
    return km_interp_add(j->interp, in, err);
}

static km_status end(void *arg, km_filter *f, km_err *err)
{
    job *j = arg;
    (void)f;
    km_status status = km_interp_finish(j->interp, err);
    km_progress_end(&j->progress);
    km_interp_free(j->interp);
    km_features_free(j->features);
    km_stereo_free(j->stereo);
    km_model_free(j->m);
    *j = (job){0};
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    job j = {0};
    km_cli_start(&cli, &program, argc, argv);
    static const km_filter_hooks hooks = {ready, frame, end};
    return km_filter_run(&cli, cli.n_operands ? cli.operands[0] : NULL, o.output, &hooks, &j);
}
