/* SPDX-License-Identifier: MIT
 * km-bench: the speed of one part on made-up input, beside the processor's matrix-product rate in the same run. */
#include <stdio.h>
#include <string.h>

#include "lib/base/opt.h"
#include "tools/bench.h"

static km_bench_sizes given = {.size = 4096, .family = "boltz2"};

static const km_opt options[] = {
    {"family", 0, KM_OPT_CHOICE, &given.family, "NAME", "whose network", .choices = "boltz2|biokinema"},
    {"tokens", 0, KM_OPT_INT, &given.tokens, "N", "tokens, rows of a layer, or components", .min = 1, .max = 100000},
    {"atoms", 0, KM_OPT_INT, &given.atoms, "A", "atoms (8 a token)", .min = 1, .max = 10000000},
    {"frames", 0, KM_OPT_INT, &given.frames, "T", "frames", .min = 2, .max = 100000},
    {"blocks", 0, KM_OPT_INT, &given.blocks, "B", "blocks of the token transformer or the pairformer", .min = 1,
     .max = 1000},
    {"channels", 0, KM_OPT_INT, &given.channels, "C", "width of a layer", .min = 1, .max = 8192},
    {"size", 0, KM_OPT_INT, &given.size, "N", "side of the matrices of gemm", .min = 1, .max = 16384},
    {0}};
static const km_program program = {
    "km-bench",
    "[options] PART",
    "how fast a part is, as JSON: denoise, levels, train-step, next-frame, trajectory,\n"
    "trunk, pairformer, triangle-multiplication, triangle-attention, dictionary, xtc, clean, h5md, rmsd,\n"
    "rmsd-pairs, linear, gemm, or all",
    options,
    1,
    1};

/* A part and what it takes where nothing is given. */
static const struct part {
    const char *name;
    km_bench_part *run;
    int tokens, frames, blocks;
} parts[] = {
    {"gemm", km_bench_gemm, 0, 0, 0},
    {"linear", km_bench_linear, 1600, 0, 0},
    {"denoise", km_bench_denoise, 200, 32, 24},
    {"levels", km_bench_levels, 200, 2, 24},
    {"train-step", km_bench_train_step, 50, 8, 4},
    {"next-frame", km_bench_next_frame, 200, 32, 24},
    {"trajectory", km_bench_trajectory, 10, 100, 2},
    {"trunk", km_bench_trunk, 200, 0, 1},
    {"pairformer", km_bench_pairformer, 200, 0, 4},
    {"triangle-multiplication", km_bench_triangle_multiplication, 200, 0, 0},
    {"triangle-attention", km_bench_triangle_attention, 200, 0, 0},
    {"dictionary", km_bench_dictionary, 40000, 0, 0},
    {"xtc", km_bench_xtc, 1250, 500, 0},
    {"clean", km_bench_clean, 1250, 500, 0},
    {"h5md", km_bench_h5md, 500, 1000, 0},
    {"rmsd", km_bench_rmsd, 200, 5000, 0},
    {"rmsd-pairs", km_bench_pairs, 0, 2000, 0},
};
enum { PARTS = sizeof parts / sizeof *parts };

static double cpu_rate(const km_timing *t) { return t->flop / t->cpu_seconds; }

static km_status run_part(const struct part *p, int threads, const km_timing *gemm, km_err *err)
{
    km_timing t = {0};
    km_bench_sizes s = given;
    s.threads = threads;
    s.tokens = given.tokens ? given.tokens : p->tokens;
    s.atoms = given.atoms ? given.atoms : 8 * s.tokens;
    s.frames = given.frames ? given.frames : p->frames;
    s.blocks = given.blocks ? given.blocks : p->blocks;
    s.channels = given.channels ? given.channels : 768;
    if (p->run == km_bench_gemm) t = *gemm; /* not measured twice */
    else KM_TRY(p->run(&s, &t, err));
    double rate = t.flop / t.seconds * 1e-9, gemm_rate = gemm->flop / gemm->seconds * 1e-9;
    printf("{\"part\": \"%s\", \"seconds\": %.6g, \"flop\": %.6g, \"gflops\": %.4g, \"gemm_gflops\": %.4g, \"share\": "
           "%.3f, \"cpu_seconds\": %.6g, \"cpu_share\": %.3f",
           p->name, t.seconds, t.flop, rate, gemm_rate, rate / gemm_rate, t.cpu_seconds, cpu_rate(&t) / cpu_rate(gemm));
    if (t.items > 0) printf(", \"atoms\": %.0f, \"atoms_per_s\": %.4g", t.items, t.items / t.seconds);
    if (t.bytes > 0) printf(", \"peak_bytes\": %.0f", t.bytes);
    printf("}\n");
    fflush(stdout);
    return KM_OK;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    km_timing gemm = {0};
    km_cli_start(&cli, &program, argc, argv);
    const char *wanted = cli.operands[0];
    bool all = strcmp(wanted, "all") == 0, known = all;
    for (int i = 0; i < PARTS; i++) known = known || strcmp(wanted, parts[i].name) == 0;
    if (!known) return km_cli_end(&cli, km_fail(&err, KM_USAGE, "no part is called '%s'", wanted), &err);
    given.threads = cli.threads;
    given.be = cli.opt_backend ? cli.opt_backend : km_backend_cpu(NULL);
    km_status status = km_bench_gemm(&given, &gemm, &err);
    for (int i = 0; i < PARTS && status == KM_OK; i++)
        if (all || strcmp(wanted, parts[i].name) == 0) status = run_part(&parts[i], cli.threads, &gemm, &err);
    return km_cli_end(&cli, status, &err);
}
