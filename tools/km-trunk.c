/* SPDX-License-Identifier: MIT
 * km-trunk: run the trunk once and put its result into the stream. */
#include "tools/weights.h"

static struct {
    const char *weights, *output;
    km_trunk_choice trunk;
} o = {.trunk = KM_TRUNK_CHOICE_DEFAULT};

static const km_opt options[] = {
    {"weights", 'w', KM_OPT_STRING, &o.weights, "FILE", "weights: a file, a training run or an installed model's name"},
    {"recycles", 0, KM_OPT_INT, &o.trunk.recycles, "N", "passes after the first (as the weights say)", .min = 0,
     .max = 100},
    {"msa-depth", 0, KM_OPT_INT, &o.trunk.msa_depth, "N", "rows of the alignment to draw (1024)", .min = 1,
     .max = KM_MSA_MAX_ROWS},
    {"output", 'o', KM_OPT_STRING, &o.output, "FILE", "write FILE instead of standard output"},
    {0},
};

static const km_program program = {
    "km-trunk", "[options] [IN.km]", "Run the trunk of the weights once and add its result to the stream.", options, 0,
    1};

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

int main(int argc, char **argv)
{
    km_cli cli;
    km_model *m = NULL;
    km_cli_start(&cli, &program, argc, argv);
    static const km_filter_hooks hooks = {.ready = ready};
    return km_filter_run(&cli, cli.n_operands ? cli.operands[0] : NULL, o.output, &hooks, &m);
}
