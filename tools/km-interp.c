/* SPDX-License-Identifier: MIT
 * km-interp: fill the intervals between frames. */
#include <stdlib.h>
#include <string.h>

#include "lib/sample/interp.h"
#include "tools/weights.h"

static struct {
    const char *weights, *output, *sampler, *stereo, *batch;
    int64_t dt, memory;
    int steps;
    double noise_scale, step_scale;
    bool dt_set, steps_set, noise_set, step_set;
} o;

static const km_opt options[] = {
    {"weights", 'w', KM_OPT_STRING, &o.weights, "FILE", "weights: a file, a training run or an installed model's name"},
    {"dt", 0, KM_OPT_TIME, &o.dt, "TIME", "spacing of the frames afterwards", .set = &o.dt_set},
    {"steps", 0, KM_OPT_INT, &o.steps, "N", "denoising steps", .min = 1, .max = 10000, .set = &o.steps_set},
    {"sampler", 0, KM_OPT_CHOICE, &o.sampler, "NAME", "af3, karras or euler", .choices = "af3|karras|euler"},
    {"noise-scale", 0, KM_OPT_DOUBLE, &o.noise_scale, "X", "factor of the noise added in a step", .min = 0, .max = 100,
     .set = &o.noise_set},
    {"step-scale", 0, KM_OPT_DOUBLE, &o.step_scale, "X", "factor of a step's length", .min = 1e-3, .max = 100,
     .set = &o.step_set},
    {"stereo", 0, KM_OPT_CHOICE, &o.stereo, "HOW", "hold the hand of stereo centres, or leave it free",
     .choices = "hold|free"},
    {"batch", 0, KM_OPT_STRING, &o.batch, "auto|N", "intervals at once (auto)"},
    {"memory", 0, KM_OPT_SIZE, &o.memory, "SIZE", "take no more memory than this (what is available)"},
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
    bool followed;     /* has the hands of the first frame */
    km_interp *interp;
    km_filter *filter;
    km_progress progress;
} job;

static km_status emit(void *arg, const km_frame *out, km_err *err)
{
    job *j = arg;
    return km_filter_write(j->filter, out, err);
}

static km_status settle(const km_sampling *s, const km_cli *cli, km_interp_options *ret, km_err *err)
{
    *ret = (km_interp_options){.steps = o.steps_set ? o.steps : s->steps,
                               .noise_scale = o.noise_set ? o.noise_scale : s->noise_scale,
                               .step_scale = o.step_set ? o.step_scale : s->step_scale,
                               .dt = o.dt_set ? o.dt : s->interp_dt,
                               .seed = cli->seed,
                               .threads = cli->threads,
                               .memory = o.memory};
    if (o.batch && strcmp(o.batch, "auto")) {
        char *rest;
        long n = strtol(o.batch, &rest, 10);
        if (*rest || n < 1 || n > 100000)
            return km_fail(err, KM_USAGE, "option '--batch' '%.40s': expected auto or a number", o.batch);
        ret->batch = (int)n;
    }
    return km_sampler_parse(o.sampler ? o.sampler : s->sampler, &ret->sampler, err);
}

static km_status ready(void *arg, km_filter *f, km_err *err)
{
    job *j = arg;
    km_interp_options options_;
    KM_TRY(km_weights_choose(f, o.weights, &j->m, err));
    KM_TRY(settle(&j->m->sampling, f->cli, &options_, err));
    if (!f->trunk) KM_TRY(km_weights_run_trunk(f, j->m, &(km_trunk_choice)KM_TRUNK_CHOICE_DEFAULT, err));
    j->filter = f;
    j->features = km_features_of(f->system, NULL, NULL);
    bool hold = o.stereo ? !strcmp(o.stereo, "hold") : j->m->sampling.hold_stereo;
    options_.opt_stereo = j->stereo = hold ? km_stereo_of(f->system) : NULL;
    j->interp = km_interp_new(j->m, j->features, f->trunk, &options_, emit, j);
    km_progress_start(&j->progress, f->cli, "given frames", 0);
    return KM_OK;
}

static km_status frame(void *arg, km_filter *f, const km_frame *in, km_err *err)
{
    job *j = arg;
    (void)f;
    if (j->stereo && !j->followed) km_stereo_follow(j->stereo, in->coords);
    j->followed = true;
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
