/* SPDX-License-Identifier: MIT
 * km-train: train a model on H5MD files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/base/opt.h"
#include "lib/train/run.h"

static struct {
    const char *config, *init, *split, *output, *trunk;
    km_opt_list data;
    int64_t trunk_memory;
    int overfit;
    bool resume;
} o;

static const km_opt options[] = {
    {"config", 'c', KM_OPT_STRING, &o.config, "FILE",
     "configuration: a file, or phase0, equilibrium, unbinding, biokinema or mini"},
    {"data", 'd', KM_OPT_LIST, &o.data, "PATH", "an .h5 file of km-strip, or a directory of them; may be repeated"},
    {"init", 0, KM_OPT_STRING, &o.init, "WEIGHTS", "weights to start from, instead of new ones"},
    {"trunk", 0, KM_OPT_STRING, &o.trunk, "DIR", "results of the frozen trunk, made by km-trunk --cache DIR"},
    {"trunk-memory", 0, KM_OPT_SIZE, &o.trunk_memory, "SIZE",
     "keep so much of these results in memory (a quarter of what is available)"},
    {"split", 0, KM_OPT_STRING, &o.split, "FILE", "lines `system train|val|test`"},
    {"output", 'o', KM_OPT_STRING, &o.output, "RUN", "directory of the run"},
    {"overfit", 0, KM_OPT_INT, &o.overfit, "N", "train on N windows only, over and over: does the model learn?",
     .min = 1, .max = 1000000},
    {"resume", 0, KM_OPT_FLAG, &o.resume, NULL, "go on where RUN stopped"},
    {0},
};

static const km_program program = {"km-train", "--config FILE --data PATH... -o RUN [options] [KEY=VALUE...]",
                                   "Train a model on clean trajectories.", options, 0, -1};

/* A configuration's file: as named, else NAME.yaml of the installation or the build tree. */
static char *find_config(const char *name)
{
    static const char *const places[] = {"../share/kinematic", "../../pipelines", "../../../pipelines"};
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (access(name, R_OK) == 0 || strchr(name, '/') || n <= 0) return km_strdup(name);
    self[n] = 0;
    *strrchr(self, '/') = 0;
    for (unsigned i = 0; i < 2 * sizeof places / sizeof *places; i++) {
        char *path = i % 2 ? km_asprintf("%s/%s/%s/%s.yaml", self, places[i / 2], name, name)
                           : km_asprintf("%s/%s/%s.yaml", self, places[i / 2], name);
        if (access(path, R_OK) == 0) return path;
        free(path);
    }
    return km_strdup(name);
}

static void say(void *arg, const char *line)
{
    const km_cli *cli = arg;
    if (cli->verbose) km_cli_say(cli, "%s", line);
}

static void note(void *arg, const char *line) { km_cli_say(arg, "%s", line); }

static km_progress bar;

static void progress(void *arg, int64_t step, int64_t max_steps)
{
    (void)arg, (void)max_steps;
    km_progress_add(&bar, (double)step - bar.done);
}

/* Another process in RUN is waited for. */
static km_status lock_run(const km_cli *cli, km_err *err)
{
    bool held;
    if (mkdir(o.output, 0777) != 0 && errno != EEXIST)
        return km_fail(err, KM_SYSTEM, "cannot make '%.180s': %s", o.output, strerror(errno));
    KM_TRY(km_run_lock(o.output, false, &held, err));
    if (held) return KM_OK;
    km_cli_say(cli, "waiting for another km-train in %s", o.output);
    return km_run_lock(o.output, true, &held, err);
}

/* RUN is either new or to be resumed with the configuration it was made with. */
static km_status enter_run(const km_train_config *c, km_err *err)
{
    char *was, *is = km_train_config_dump(c);
    km_status status = KM_OK;
    if (km_state_exists(o.output) && !o.resume)
        status = km_fail(err, KM_USAGE, "%.180s holds a run already: --resume goes on with it", o.output);
    else if (km_state_exists(o.output) && (status = km_state_config(o.output, &was, err)) == KM_OK) {
        if (strcmp(was, is)) status = km_fail(err, KM_USAGE, "%.180s was made with another configuration", o.output);
        free(was);
    }
    free(is);
    return status;
}

/* The first rank enters for all. */
static km_status enter(const km_cli *cli, const km_train_config *c, km_ranks *opt_ranks, km_err *err)
{
    km_status status = KM_OK;
    if (km_ranks_rank(opt_ranks) == 0) {
        status = lock_run(cli, err);
        if (status == KM_OK) status = enter_run(c, err);
    }
    return status == KM_OK ? km_ranks_share(opt_ranks, &status, sizeof status, 0, err) : status;
}

/* A rank that fails says so before it ends the others. */
static void leave(km_ranks *opt_ranks, km_status status, const km_err *err)
{
    if (opt_ranks && status < 0) fprintf(stderr, "km-train: rank %d: %s\n", km_ranks_rank(opt_ranks), err->msg);
    km_ranks_leave(opt_ranks, status);
}

/* Weights to go on from: their model has to be the one that the configuration describes, where it does; how to
 * sample is as the configuration says, where it does. */
static km_status open_init(const km_config *opt_config, const km_sampling *opt_sampling, km_model **ret, km_err *err)
{
    KM_TRY(km_model_open(o.init, NULL, ret, err));
    if (opt_sampling) (*ret)->sampling = *opt_sampling;
    if (!opt_config) return KM_OK;
    char *asked = km_config_dump(opt_config, NULL), *found = km_config_dump(&(*ret)->config, NULL);
    bool same = !strcmp(asked, found);
    free(asked), free(found);
    if (same) return KM_OK;
    return km_fail(err, KM_USAGE, "%.180s: another model than the configuration's section model", o.init);
}

static km_status make_or_open(const km_train_config *c, km_model **ret, km_err *err)
{
    km_config config;
    km_sampling sampling;
    bool described = *c->model_json != 0, sampled = described || *c->sampling_json;
    if (sampled) KM_TRY(km_config_parse(described ? c->model_json : c->sampling_json, &config, &sampling, err));
    if (o.init) return open_init(described ? &config : NULL, sampled ? &sampling : NULL, ret, err);
    if (!described) return km_fail(err, KM_USAGE, "the configuration describes no new model: --init WEIGHTS is needed");
    return km_model_make(&config, &sampling, (uint64_t)c->seed, ret, err);
}

/* The model is of the family whose features the systems have, and knows what it does with time. */
static km_status check_family(const km_model *m, const km_train_config *c, const km_dataset *d, km_err *err)
{
    const km_family *family = m->config.family;
    for (int i = 0; i < d->count; i++) {
        const km_family *of = d->systems[i].features ? km_family_of(km_h5md_system(d->systems[i].file)) : family;
        if (of != family)
            return km_fail(err, KM_INPUT,
                           "%.120s has features of %s, the model is of the family %s (km-strip --family)",
                           d->systems[i].path, of->name, family->name);
    }
    if (m->config.beta == 0)
        return km_fail(err, KM_USAGE, "the weights %.120s do not say their exponent of time: km-weights convert --beta "
                       "puts it in", m->name);
    if (c->causal && family->interval_decay)
        return km_fail(err, KM_USAGE, "temporal=causal: not for models of the family %s", family->name);
    return KM_OK;
}

static km_status get_model(const km_train_config *c, const km_dataset *d, km_model **ret, km_err *err)
{
    KM_TRY(make_or_open(c, ret, err));
    km_model *m = *ret;
    KM_TRY(check_family(m, c, d, err));
    if (!c->causal) return KM_OK;
    m->config.causal = m->sampling.causal = true;
    km_diffusion_set_temporal(m->diffusion, m->config.beta, true);
    return KM_OK;
}

static km_status train(const km_cli *cli, const km_train_config *c, km_err *err)
{
    km_run run = {.config = c,
                  .dir = o.output,
                  .threads = c->threads ? c->threads : cli->threads,
                  .say = say,
                  .note = note,
                  .progress = progress,
                  .arg = (void *)cli};
    km_status status = km_ranks_join(&run.opt_ranks, err);
    if (status == KM_OK) status = enter(cli, c, run.opt_ranks, err);
    if (status == KM_OK) status = km_dataset_open(o.data.items, o.data.count, o.split, c, &run.data, err);
    if (status == KM_OK) status = get_model(c, run.data, &run.model, err);
    if (status == KM_OK) run.model->opt_be = cli->opt_backend;
    int64_t room = o.trunk_memory ? o.trunk_memory : km_memory_available() / 4;
    if (status == KM_OK && o.trunk)
        status = km_trunk_store_open(run.data, run.model, c, o.trunk, room, &run.opt_trunks, err);
    if (status == KM_OK) {
        if (km_ranks_rank(run.opt_ranks) > 0) run.say = run.note = NULL, run.progress = NULL;
        km_cli_say(cli, "%d systems to train on, %d to validate", run.data->n_train, run.data->n_val);
        km_progress_start(&bar, cli, "steps", c->max_steps);
        status = km_run_train(&run, err);
        km_progress_end(&bar);
    }
    km_trunk_store_close(run.opt_trunks);
    km_model_free(run.model);
    km_dataset_close(run.data);
    leave(run.opt_ranks, status, err);
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    km_train_config *c = NULL;
    km_cli_start(&cli, &program, argc, argv);
    if (!o.config || !o.output || o.data.count == 0)
        return km_cli_end(&cli, km_fail(&err, KM_USAGE, "--config, --data and -o are needed; see 'km-train -h'"), &err);
    char *path = find_config(o.config);
    const char **keys = KM_NEWN(const char *, (size_t)cli.n_operands + 3);
    char *seed = km_asprintf("seed=%llu", (unsigned long long)cli.seed);
    char *overfit = km_asprintf("overfit=%d", o.overfit);
    int n = 0;
    if (cli.seed_set) keys[n++] = seed;
    if (o.overfit) keys[n++] = overfit, keys[n++] = "windows=1";
    for (int i = 0; i < cli.n_operands; i++) keys[n++] = cli.operands[i];
    km_status status = km_train_config_read(path, keys, n, &c, &err);
    if (status == KM_OK) status = train(&cli, c, &err);
    km_train_config_free(c);
    free(path), free(seed), free(overfit), free(keys);
    return km_cli_end(&cli, status, &err);
}
