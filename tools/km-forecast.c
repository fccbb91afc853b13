/* SPDX-License-Identifier: MIT
 * km-forecast: continue a trajectory. */
#include <stdlib.h>
#include <string.h>

#include "lib/sample/forecast.h"
#include "tools/weights.h"

static struct {
    const char *weights, *output, *sampler;
    int64_t time, dt, memory;
    int frames, window, history, steps, trajectories;
    double noise_scale, step_scale;
    bool force, from_scratch;
    bool time_set, dt_set, frames_set, window_set, history_set, steps_set, noise_set, step_set;
} o = {.trajectories = 1};

static const km_opt options[] = {
    {"weights", 'w', KM_OPT_STRING, &o.weights, "FILE", "weights: a file, a training run or an installed model's name"},
    {"time", 't', KM_OPT_TIME, &o.time, "TIME", "how much time to add after the last given frame", .set = &o.time_set},
    {"dt", 0, KM_OPT_TIME, &o.dt, "TIME", "spacing of the new frames", .set = &o.dt_set},
    {"frames", 'n', KM_OPT_INT, &o.frames, "N", "how many new frames, instead of --time", .min = 1, .max = 1e9, .set = &o.frames_set},
    {"window", 0, KM_OPT_INT, &o.window, "N", "new frames made at once", .min = 1, .max = 10000, .set = &o.window_set},
    {"history", 0, KM_OPT_INT, &o.history, "N", "earlier frames that a window sees", .min = 1, .max = 10000, .set = &o.history_set},
    {"steps", 0, KM_OPT_INT, &o.steps, "N", "denoising steps", .min = 1, .max = 10000, .set = &o.steps_set},
    {"sampler", 0, KM_OPT_CHOICE, &o.sampler, "NAME", "af3, karras or euler", .choices = "af3|karras|euler"},
    {"noise-scale", 0, KM_OPT_DOUBLE, &o.noise_scale, "X", "factor of the noise added in a step", .min = 0, .max = 100, .set = &o.noise_set},
    {"step-scale", 0, KM_OPT_DOUBLE, &o.step_scale, "X", "factor of a step's length", .min = 1e-3, .max = 100, .set = &o.step_set},
    {"trajectories", 'N', KM_OPT_INT, &o.trajectories, "N", "independent trajectories", .min = 1, .max = 100000},
    {"from-scratch", 0, KM_OPT_FLAG, &o.from_scratch, NULL, "draw the first window from noise, without a start frame"},
    {"memory", 0, KM_OPT_SIZE, &o.memory, "SIZE", "take no more memory than this (what is available)"},
    {"force", 0, KM_OPT_FLAG, &o.force, NULL, "go beyond what the weights were trained for"},
    {"output", 'o', KM_OPT_STRING, &o.output, "FILE", "write FILE instead of standard output"},
    {0},
};

static const km_program program = {"km-forecast", "[options] [IN.km]",
                                   "Continue the trajectory of a stream, window after window; every default lies in the weights.", options, 0, 1};

typedef struct job {
    km_model *m;
    km_forecast_options f;
    km_history *histories;
    int count;
    km_progress progress;
    km_filter *filter;
} job;

static km_status settle_times(job *j, km_err *err)
{
    const km_sampling *s = &j->m->sampling;
    char a[32], b[32], c[32];
    km_forecast_options *f = &j->f;
    f->dt = o.dt_set ? o.dt : s->dt;
    int64_t time = o.time_set ? o.time : s->time;
    if (!o.force && (f->dt < s->min_dt || f->dt > s->max_dt)) {
        km_format_time(f->dt, a), km_format_time(s->min_dt, b), km_format_time(s->max_dt, c);
        return km_fail(err, KM_USAGE, "--dt %s is outside of the trained spacings, %s to %s; --force does it all the same", a, b, c);
    }
    f->n_new = o.frames_set ? o.frames : time / f->dt;
    if (f->n_new < 1 || (!o.frames_set && time % f->dt)) {
        km_format_time(time, a), km_format_time(f->dt, b);
        return km_fail(err, KM_USAGE, "--time %s is not a multiple of --dt %s", a, b);
    }
    return KM_OK;
}

static km_status settle(job *j, const km_cli *cli, km_err *err)
{
    const km_sampling *s = &j->m->sampling;
    km_forecast_options *f = &j->f;
    KM_TRY(km_sampler_parse(o.sampler ? o.sampler : s->sampler, &f->sampler, err));
    f->steps = o.steps_set ? o.steps : s->steps;
    f->window = o.window_set ? o.window : s->window;
    f->history = o.history_set ? o.history : s->history;
    f->noise_scale = o.noise_set ? o.noise_scale : s->noise_scale;
    f->step_scale = o.step_set ? o.step_scale : s->step_scale;
    f->seed = cli->seed, f->threads = cli->threads, f->memory = o.memory;
    if (o.from_scratch && !s->from_scratch && !o.force)
        return km_fail(err, KM_USAGE, "the weights were not trained for --from-scratch; --force does it all the same");
    return settle_times(j, err);
}

static km_status ready(void *arg, km_filter *f, km_err *err)
{
    job *j = arg;
    KM_TRY(km_weights_choose(f, o.weights, &j->m, err));
    KM_TRY(settle(j, f->cli, err));
    return f->trunk ? KM_OK : km_weights_run_trunk(f, j->m, -1, err);
}

static km_history *history_of(job *j, int32_t trajectory)
{
    for (int i = 0; i < j->count; i++)
        if (j->histories[i].trajectory == trajectory) return &j->histories[i];
    j->histories = km_realloc(j->histories, (size_t)(j->count + 1) * sizeof *j->histories);
    j->histories[j->count] = (km_history){.trajectory = trajectory};
    return &j->histories[j->count++];
}

/* A given frame is written for each trajectory that starts with it. */
static km_status frame(void *arg, km_filter *f, const km_frame *in, km_err *err)
{
    job *j = arg;
    if (o.from_scratch) return km_fail(err, KM_USAGE, "--from-scratch takes a stream without frames");
    if (o.trajectories > 1 && in->trajectory > 0)
        return km_fail(err, KM_USAGE, "--trajectories %d: the input holds several trajectories already", o.trajectories);
    for (int i = 0; i < o.trajectories; i++) {
        km_frame out = *in;
        out.trajectory = o.trajectories > 1 ? i : in->trajectory;
        km_history *h = history_of(j, out.trajectory);
        if (h->count && in->time_fs <= h->times[h->count - 1])
            return km_fail(err, KM_INPUT, "trajectory %d: a frame at %g ns follows one at %g ns", out.trajectory, km_ns_of_fs(in->time_fs),
                           km_ns_of_fs(h->times[h->count - 1]));
        km_history_add(h, in->time_fs, in->coords, in->n_atoms, j->f.history);
        KM_TRY(km_filter_write(f, &out, err));
    }
    return KM_OK;
}

static km_status emit(void *arg, const km_frame *out, km_err *err)
{
    job *j = arg;
    km_progress_add(&j->progress, 1);
    return km_filter_write(j->filter, out, err);
}

static km_status end(void *arg, km_filter *f, km_err *err)
{
    job *j = arg;
    if (o.from_scratch)
        for (int i = 0; i < o.trajectories; i++) history_of(j, i);
    if (j->count == 0) return km_fail(err, KM_INPUT, "the stream holds no frame to start from; --from-scratch starts from noise");
    km_features *features = km_features_of(f->system);
    j->filter = f;
    km_progress_start(&j->progress, f->cli, "frames", (double)j->f.n_new * j->count);
    km_status status = km_forecast(j->m, features, f->trunk, &j->f, j->histories, j->count, emit, j, err);
    km_progress_end(&j->progress);
    km_features_free(features);
    for (int i = 0; i < j->count; i++) km_history_clear(&j->histories[i]);
    free(j->histories);
    km_model_free(j->m);
    *j = (job){0};
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    job j = {0};
    km_cli_start(&cli, &program, argc, argv);
    if (o.time_set && o.frames_set)
        return km_cli_fail(&cli, &(km_err){KM_USAGE, "--time and --frames are two ways to say the same: give one"});
    static const km_filter_hooks hooks = {ready, frame, end};
    return km_filter_run(&cli, cli.n_operands ? cli.operands[0] : NULL, o.output, &hooks, &j);
}
