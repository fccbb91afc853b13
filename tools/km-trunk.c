/* SPDX-License-Identifier: MIT
 * km-trunk: run the trunk once and put its result into the stream. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/source.h"
#include "tools/weights.h"

static struct {
    const char *weights, *output;
    km_trunk_choice trunk;
} o = {.trunk = KM_TRUNK_CHOICE_DEFAULT};

static const km_opt options[] = {
    {"weights", 'w', KM_OPT_STRING, &o.weights, "FILE", "weights: a file, a training run or an installed model's name"},
    {"recycles", 0, KM_OPT_INT, &o.trunk.recycles, "N", "passes after the first (as the weights say)", .min = 0,
     .max = 100},
    {"msa-depth", 0, KM_OPT_INT, &o.trunk.msa_depth, "N",
     "rows of the alignment to draw for a pass (1024; BioKinema 2048)", .min = 1, .max = KM_MSA_MAX_ROWS},
    {"memory", 0, KM_OPT_SIZE, &o.trunk.memory, "SIZE", "take no more memory than this (what is available)"},
    {"cache", 0, KM_OPT_STRING, &o.trunk.cache, "DIR", "look for the result in DIR, and add it there"},
    {"output", 'o', KM_OPT_STRING, &o.output, "FILE", "write FILE instead of standard output"},
    {0},
};

static const km_program program = {
    "km-trunk", "[options] [IN.km|IN.h5]", "Run the trunk of the weights once and add its result to the stream.",
    options, 0, 1};

static km_status ready(void *arg, km_filter *f, km_err *err)
{
    km_model *m;
    /* A trunk already there is replaced, so it need not belong to the weights. */
    const char *name = o.weights;
    km_trunk_result *old = f->trunk;
    f->trunk = name ? NULL : old;
    km_status status = km_weights_choose(f, name, &m, err);
    f->trunk = old;
    KM_TRY(status);
    status = km_weights_run_trunk(f, m, &o.trunk, err);
    *(km_model **)arg = m;
    return status;
}

static km_status make_folder(const char *path, km_err *err)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return KM_OK;
    return km_fail(err, KM_SYSTEM, "cannot make '%.180s': %s", path, strerror(errno));
}

/* A data set with --cache: its result goes into the folder, nothing to standard output. 0 where it is none. */
static km_status only_cache(const km_cli *cli, const char *path, km_err *err)
{
    km_source *source;
    km_model *m = NULL;
    KM_TRY(km_source_open(path, &source, err));
    const km_h5md *h5 = km_source_h5md(source);
    km_status status = h5 ? 1 : 0;
    if (h5 && o.output) status = km_fail(err, KM_USAGE, "-o: with a data set and --cache there is no stream");
    if (status == 1) {
        km_filter f = km_filter_init(cli, NULL, NULL);
        f.system = km_system_copy(km_h5md_system(h5));
        f.msa = km_msa_copy(km_h5md_msa(h5));
        f.templates = km_templates_copy(km_h5md_templates(h5));
        km_status done = km_weights_choose(&f, o.weights, &m, err);
        if (done == KM_OK) done = km_weights_run_trunk(&f, m, &o.trunk, err);
        if (done < 0) status = done;
        km_filter_clear(&f);
        km_model_free(m);
    }
    km_source_close(source);
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    km_model *m = NULL;
    km_cli_start(&cli, &program, argc, argv);
    static const km_filter_hooks hooks = {.ready = ready};
    const char *in = cli.n_operands ? cli.operands[0] : NULL;
    km_status status = o.trunk.cache ? make_folder(o.trunk.cache, &err) : KM_OK;
    if (status == KM_OK && o.trunk.cache && in && strcmp(in, "-")) status = only_cache(&cli, in, &err);
    if (status != KM_OK) return km_cli_end(&cli, status == 1 ? KM_OK : status, &err);
    return km_filter_run(&cli, in, o.output, &hooks, &m);
}
