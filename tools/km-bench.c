/* SPDX-License-Identifier: MIT
 * The speed of one part on made-up input, beside the processor's matrix-product rate in the same run. A part is a row in the table
 * below: what it does once, and how many floating-point operations that is. */
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/backend.h"
#include "lib/base/mem.h"
#include "lib/base/opt.h"

enum { TIMES = 5 };

static struct {
    int tokens, channels, size;
} sizes = {.tokens = 1600, .channels = 768, .size = 4096};

static const km_opt options[] = {
    {"tokens", 0, KM_OPT_INT, &sizes.tokens, "N", "tokens, or rows of a layer", .min = 1, .max = 100000},
    {"channels", 0, KM_OPT_INT, &sizes.channels, "C", "width of a layer", .min = 1, .max = 8192},
    {"size", 0, KM_OPT_INT, &sizes.size, "N", "side of the matrices of gemm", .min = 1, .max = 16384},
    {0}};
static const km_program program = {"km-bench",  "[options] PART", "how fast a part is, as JSON: gemm, linear, or all",
                                   options,     1,                1};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Numbers of either sign without denormals; free() */
static float *numbers(size_t n)
{
    float *x = km_alloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)(i % 97) / 97.0f - 0.5f;
    return x;
}

/* The best of TIMES runs, in seconds, and the operations of one. */
typedef struct timing {
    double seconds, flop;
} timing;

/* oneDNN's own product of two square matrices: the yardstick of the other parts */
static timing run_gemm(int threads)
{
    dnnl_dim_t n = sizes.size;
    size_t count = (size_t)n * (size_t)n;
    float *a = numbers(count), *b = numbers(count), *c = numbers(count);
    timing best = {1e30, 2.0 * (double)n * (double)n * (double)n};
    omp_set_num_threads(threads);
    for (int i = 0; i < TIMES; i++) {
        double start = now();
        dnnl_status_t status = dnnl_sgemm('N', 'T', n, n, n, 1, a, n, b, n, 0, c, n);
        double seconds = now() - start;
        if (status == dnnl_success && seconds < best.seconds) best.seconds = seconds;
    }
    free(a), free(b), free(c);
    return best;
}

/* a layer of the model as it runs with loaded weights: [N, C] by a packed [C, C], and the bias */
static timing run_linear(int threads)
{
    km_dim M = sizes.tokens, C = sizes.channels;
    const km_backend *be = km_backend_cpu(NULL);
    float *x = numbers((size_t)(M * C)), *w = numbers((size_t)(C * C)), *y = numbers((size_t)(M * C));
    km_pack *pack = be->pack_new(w, C, C);
    timing best = {1e30, 2.0 * (double)M * (double)C * (double)C};
    for (int i = 0; i < TIMES; i++) {
        double start = now();
        be->linear_fwd(&(km_exec){threads}, y, x, w, w, pack, M, C, C);
        double seconds = now() - start;
        if (seconds < best.seconds) best.seconds = seconds;
    }
    be->pack_free(pack);
    free(x), free(w), free(y);
    return best;
}

static const struct part {
    const char *name;
    timing (*run)(int threads);
} parts[] = {{"gemm", run_gemm}, {"linear", run_linear}};
enum { PARTS = sizeof parts / sizeof *parts };

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err;
    km_cli_start(&cli, &program, argc, argv);
    const char *wanted = cli.operands[0];
    bool all = strcmp(wanted, "all") == 0, known = all;
    for (int i = 0; i < PARTS; i++) known = known || strcmp(wanted, parts[i].name) == 0;
    if (!known) return km_cli_end(&cli, km_fail(&err, KM_USAGE, "no part is called '%s'", wanted), &err);
    timing gemm = run_gemm(cli.threads);
    double gemm_rate = gemm.flop / gemm.seconds * 1e-9;
    for (int i = 0; i < PARTS; i++) {
        if (!all && strcmp(wanted, parts[i].name) != 0) continue;
        timing t = parts[i].run == run_gemm ? gemm : parts[i].run(cli.threads);
        double rate = t.flop / t.seconds * 1e-9;
        printf("{\"part\": \"%s\", \"seconds\": %.6g, \"flop\": %.6g, \"gflops\": %.4g, \"gemm_gflops\": %.4g, \"share\": %.3f}\n",
               parts[i].name, t.seconds, t.flop, rate, gemm_rate, rate / gemm_rate);
    }
    return km_cli_end(&cli, KM_OK, NULL);
}
