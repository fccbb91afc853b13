/* SPDX-License-Identifier: MIT
 * km-forecast: continue a trajectory. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sample/forecast.h"
#include "tools/resume.h"
#include "tools/sampling.h"
#include "tools/weights.h"

typedef struct settings {
    const char *weights, *output, *resume, *preset;
    km_sampling_choice sampling;
    int64_t time, dt;
    int frames, window, history, stage, trajectories;
    double beta;
    bool force, from_scratch, causal, beta_set;
    bool time_set, dt_set, frames_set, window_set, history_set, stage_set;
} settings;

#define DEFAULTS {.trajectories = 1}
static settings o = DEFAULTS; /* of the command line, and then what is done for the system at hand */
static settings asked;        /* of the command line */

static const km_opt options[] = {
    {"weights", 'w', KM_OPT_STRING, &o.weights, "FILE", "weights: a file, a training run or an installed model's name"},
    {"time", 't', KM_OPT_TIME, &o.time, "TIME", "how much time to add after the last given frame", .set = &o.time_set},
    {"dt", 0, KM_OPT_TIME, &o.dt, "TIME", "spacing of the new frames", .set = &o.dt_set},
    {"frames", 'n', KM_OPT_INT, &o.frames, "N", "how many new frames, instead of --time", .min = 1, .max = 1e9,
     .set = &o.frames_set},
    {"window", 0, KM_OPT_INT, &o.window, "N", "new frames made at once", .min = 1, .max = 10000, .set = &o.window_set},
    {"history", 0, KM_OPT_INT, &o.history, "N", "earlier frames that a window sees", .min = 1, .max = 10000,
     .set = &o.history_set},
    {"stage", 0, KM_OPT_INT, &o.stage, "N", "evaluations by which a new frame is behind the one before (0: none)",
     .min = 0, .max = 10000, .set = &o.stage_set},
    KM_SAMPLING_OPTIONS(o.sampling),
    {"trajectories", 'N', KM_OPT_INT, &o.trajectories, "N", "independent trajectories", .min = 1, .max = 100000},
    {"from-scratch", 0, KM_OPT_FLAG, &o.from_scratch, NULL, "draw the first window from noise, without a start frame"},
    {"causal", 0, KM_OPT_FLAG, &o.causal, NULL, "frame after frame, each seeing every frame before it"},
    {"beta", 0, KM_OPT_DOUBLE, &o.beta, "X", "exponent of time in the temporal bias, where not as trained", .min = 0.01,
     .max = 4, .set = &o.beta_set},
    {"preset", 0, KM_OPT_STRING, &o.preset, "NAME",
     "a bundle of defaults that the weights name, such as equilibrium or unbinding"},
    {"resume", 0, KM_OPT_STRING, &o.resume, "FILE.part",
     "finish what an interrupted run wrote; its options are recorded there"},
    {"force", 0, KM_OPT_FLAG, &o.force, NULL, "go beyond what the weights were trained for"},
    {"output", 'o', KM_OPT_STRING, &o.output, "FILE", "write FILE instead of standard output"},
    {0},
};

static const km_program program = {
    "km-forecast",
    "[options] [IN.km]",
    "Continue the trajectory of a stream, window after window; every default lies in the weights.",
    options,
    0,
    1};

typedef struct job {
    km_model *m;
    km_forecast_options f;
    km_history *histories;
    int count;
    km_stereo *stereo; /* NULL: left free */
    km_progress progress;
    km_filter *filter;
    bool left_out; /* given frames, which --from-scratch does not look at */
} job;

/* What the command line left open is as the weights say: afterwards o holds what the run does. */
static km_status settle_times(job *j, km_err *err)
{
    const km_sampling *s = &j->m->sampling;
    char a[32], b[32], c[32];
    if (!o.dt_set) o.dt = s->dt;
    if (!o.time_set) o.time = s->time;
    bool alone = o.from_scratch && o.frames_set && o.frames == 1; /* the spacing is of no matter */
    if (!o.force && !alone && (o.dt < s->min_dt || o.dt > s->max_dt)) {
        km_format_time(o.dt, a), km_format_time(s->min_dt, b), km_format_time(s->max_dt, c);
        return km_fail(err, KM_USAGE,
                       "--dt %s is outside of the trained spacings, %s to %s; --force does it all the same", a, b, c);
    }
    if (!o.frames_set && (o.time % o.dt || o.time / o.dt > INT_MAX)) {
        km_format_time(o.time, a), km_format_time(o.dt, b);
        return km_fail(err, KM_USAGE, "--time %s is not a multiple of --dt %s, or too long", a, b);
    }
    if (!o.frames_set) o.frames = (int)(o.time / o.dt);
    if (o.frames > INT64_MAX / 4 / o.dt) return km_fail(err, KM_USAGE, "--frames %d: too long a time", o.frames);
    o.time = o.frames * o.dt;
    j->f.dt = o.dt, j->f.n_new = o.frames;
    return KM_OK;
}

/* What the temporal layers do: as trained, unless --force. */
static km_status settle_temporal(job *j, km_err *err)
{
    const km_config *c = &j->m->config;
    KM_TRY(km_sampling_beta(j->m, o.beta_set, o.force, &o.beta, err));
    if (j->m->sampling.causal) o.causal = true;
    if (o.causal && o.history_set)
        return km_fail(err, KM_USAGE, "--history: with --causal every earlier frame is history");
    if (o.causal && o.window_set && o.window > 1)
        return km_fail(err, KM_USAGE, "--window: --causal makes frame after frame");
    if (o.causal && c->family->interval_decay)
        return km_fail(err, KM_USAGE, "--causal: models of the family %s see all frames of a window", c->family->name);
    if (o.causal && !c->causal && !o.force)
        return km_fail(err, KM_USAGE,
                       "--causal: the weights were trained to see later frames, too; --force does it all the same");
    km_diffusion_set_temporal(j->m->diffusion, o.beta, c->causal || o.causal);
    j->f.causal = o.causal;
    return KM_OK;
}

/* Boltz-2's sampler moves each frame about on its own. */
static km_status check_boltz2(km_err *err)
{
    if (o.causal) return km_fail(err, KM_USAGE, "--sampler boltz2 cannot be --causal: it sees no frame before");
    if (!(o.from_scratch && o.frames_set && o.frames == 1) && !o.force)
        return km_fail(err, KM_USAGE,
                       "--sampler boltz2 is for --from-scratch --frames 1; --force does more all the same");
    return KM_OK;
}

static km_status settle(job *j, const km_filter *filter, km_err *err)
{
    km_sampling *s = &j->m->sampling;
    km_forecast_options *f = &j->f;
    if (!j->m->diffusion) return km_fail(err, KM_INPUT, "the weights %.100s hold no diffusion module", j->m->name);
    if (o.preset) KM_TRY(km_sampling_preset(s, o.preset, err));
    KM_TRY(settle_temporal(j, err));
    km_sampling_settle(&o.sampling, s);
    if (!o.window_set) o.window = o.causal ? 1 : s->window;
    if (!o.history_set) o.history = o.causal ? 0 : s->history;
    KM_TRY(km_sampler_parse(o.sampling.sampler, &f->sampler, err));
    if (f->sampler == KM_SAMPLER_BOLTZ2) KM_TRY(check_boltz2(err));
    if (o.stage_set) s->stage = o.stage;
    s->steps = o.sampling.steps; /* what memory is counted with */
    if (s->stage && (o.causal || f->sampler == KM_SAMPLER_BOLTZ2))
        return km_fail(err, KM_USAGE, "--stage: %s makes frame after frame", o.causal ? "--causal" : "boltz2");
    o.stage = s->stage;
    f->steps = o.sampling.steps, f->window = o.window, f->history = o.history;
    f->noise_scale = o.sampling.noise_scale, f->step_scale = o.sampling.step_scale;
    f->threads = filter->cli->threads, f->memory = o.sampling.memory;
    f->opt_stereo = j->stereo = km_sampling_stereo(&o.sampling, filter->system);
    if (o.from_scratch && !s->from_scratch && !o.force)
        return km_fail(err, KM_USAGE, "the weights were not trained for --from-scratch; --force does it all the same");
    KM_TRY(settle_times(j, err));
    return km_windows_check(j->m, (o.window < o.frames ? o.window : o.frames) + (int64_t)o.history,
                            "take fewer with --window or --history", err);
}

/* An option given again with --resume must be what the run had: compared when all that was left open is settled. */
static km_status check_given(km_err *err)
{
    for (const km_opt *p = options; p->name; p++) {
        const void *now = (const char *)&asked + ((const char *)p->value - (const char *)&o);
        bool free = p->value == &o.resume || p->value == &o.output || p->value == &o.weights ||
                    p->value == &o.sampling.memory;
        if (free || !km_opt_given(p)) continue;
        if (!km_opt_same(p, p->value, now))
            return km_fail(err, KM_USAGE, "--%s differs from the interrupted run's", p->name);
    }
    return KM_OK;
}

static km_status check_weights(const km_filter *f, const km_model *m, km_err *err)
{
    const km_provenance *p = &f->system->provenance[f->system->n_provenance - 1];
    if (f->cli->no_provenance || !strcmp(p->weights_digest, m->digest)) return KM_OK;
    if (o.weights)
        return km_fail(err, KM_USAGE, "--weights differs from the interrupted run's, %.80s (%.12s)", p->weights_name,
                       p->weights_digest);
    return km_fail(err, KM_INPUT, "%.100s: its weights, %.40s (digest %.12s), are no longer there: found %.12s",
                   f->part, p->weights_name, p->weights_digest, m->digest);
}

static km_status ready(void *arg, km_filter *f, km_err *err)
{
    job *j = arg;
    o = asked;
    j->f.seed = f->cli->seed;
    KM_TRY(km_weights_choose(f, o.weights, &j->m, err));
    KM_TRY(settle(j, f, err));
    km_trunk_choice choice = KM_TRUNK_CHOICE_DEFAULT;
    choice.memory = j->f.memory;
    return f->trunk ? KM_OK : km_weights_run_trunk(f, j->m, &choice, err);
}

static km_status ready_again(void *arg, km_filter *f, km_err *err)
{
    job *j = arg;
    if (!f->cli->no_provenance) o = (settings)DEFAULTS;
    KM_TRY(km_resume_recall(f, &j->f.seed, err));
    o.weights = asked.weights, o.sampling.memory = asked.sampling.memory;
    KM_TRY(km_weights_choose(f, o.weights, &j->m, err));
    KM_TRY(check_weights(f, j->m, err));
    KM_TRY(settle(j, f, err));
    KM_TRY(check_given(err));
    return f->trunk ? KM_OK : km_fail(err, KM_INPUT, "%s: no trunk in it: not an output of km-forecast", f->part);
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
    if (o.from_scratch) {
        if (!j->left_out) km_cli_say(f->cli, "%s: the stream's frames are left out", f->system->name);
        j->left_out = true;
        return KM_OK;
    }
    km_stereo_follow(j->stereo, in->coords);
    if (o.trajectories > 1 && in->trajectory > 0)
        return km_fail(err, KM_USAGE, "--trajectories %d: the input holds several trajectories already",
                       o.trajectories);
    for (int i = 0; i < o.trajectories; i++) {
        km_frame out = *in;
        out.trajectory = o.trajectories > 1 ? i : in->trajectory;
        km_history *h = history_of(j, out.trajectory);
        KM_TRY(km_history_check(h, in->time_fs, err));
        km_history_add(h, in->time_fs, in->coords, in->n_atoms, j->f.history);
        KM_TRY(km_filter_write(f, &out, err));
    }
    return KM_OK;
}

/* A frame that an interrupted run wrote: given, or one of its own, which must lie where this run would put it. */
static km_status frame_again(void *arg, km_filter *f, const km_frame *in, km_err *err)
{
    job *j = arg;
    if (!f->marked) km_stereo_follow(j->stereo, in->coords);
    km_history *h = history_of(j, in->trajectory);
    int64_t due = (h->count ? h->times[h->count - 1] : -j->f.dt) + j->f.dt;
    if (f->marked && in->time_fs != due)
        return km_fail(err, KM_INPUT, "%.120s: trajectory %d has a frame at %g ns where the run's next is at %g ns",
                       f->part, in->trajectory, km_ns_of_fs(in->time_fs), km_ns_of_fs(due));
    if (f->marked) h->done++;
    km_history_add(h, in->time_fs, in->coords, in->n_atoms, j->f.causal ? 0 : j->f.history + j->f.window);
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
    if (j->count == 0)
        return km_fail(err, KM_INPUT, "the stream holds no frame to start from; --from-scratch starts from noise");
    if (!f->part) KM_TRY(km_filter_mark(f, err));
    km_features *features = km_features_of(j->m->config.family, f->system, NULL, NULL);
    j->filter = f;
    if (j->f.causal && f->cli->verbose)
        km_cli_say(f->cli, "each frame of a trajectory keeps %.3g MB of memory",
                   km_diffusion_past_bytes(j->m->opt_be, j->m->diffusion, features) * 1e-6);
    km_progress_start(&j->progress, f->cli, "frames", (double)j->f.n_new * j->count);
    km_status status = km_forecast(j->m, features, f->trunk, &j->f, j->histories, j->count, emit, j, err);
    km_progress_end(&j->progress);
    km_features_free(features);
    km_stereo_free(j->stereo);
    for (int i = 0; i < j->count; i++) km_history_clear(&j->histories[i]);
    free(j->histories);
    km_model_free(j->m);
    *j = (job){0};
    return status;
}

/* What cannot be said together. */
static km_status check_usage(const km_cli *cli, km_err *err)
{
    if (o.time_set && o.frames_set)
        return km_fail(err, KM_USAGE, "--time and --frames are two ways to say the same: give one");
    if (!o.resume) return KM_OK;
    size_t n = strlen(o.resume);
    if (cli->n_operands)
        return km_fail(err, KM_USAGE, "--resume has its input in %.100s: '%.60s' cannot be given too", o.resume,
                       cli->operands[0]);
    if (o.output && (n < 5 || strlen(o.output) != n - 5 || strncmp(o.output, o.resume, n - 5)))
        return km_fail(err, KM_USAGE, "--output differs from the interrupted run's, '%.100s' without .part", o.resume);
    return KM_OK;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    job j = {0};
    km_cli_start(&cli, &program, argc, argv);
    if (check_usage(&cli, &err) < 0) return km_cli_end(&cli, err.code, &err);
    asked = o;
    static const km_filter_hooks hooks = {ready, frame, end}, again = {ready_again, frame_again, end};
    if (o.resume) return km_filter_resume(&cli, o.resume, &again, &j);
    return km_filter_run(&cli, cli.n_operands ? cli.operands[0] : NULL, o.output, &hooks, &j);
}
