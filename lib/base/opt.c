/* SPDX-License-Identifier: MIT
 * Parsing a command line against a program's table and the common one. */
#include "lib/base/opt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/cpu.h"
#include "lib/base/cuda.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/opt_internal.h"
#include "lib/base/rng.h"

static struct {
    bool help, version, quiet, verbose, no_pg;
    int threads;
    uint64_t seed;
    bool seed_set;
    const char *progress, *device;
} common;

const km_opt km_common_options[] = {
    {"threads", 0, KM_OPT_INT, &common.threads, "N", "threads to compute with (all usable cores)", .min = 1,
     .max = 4096},
    {"device", 0, KM_OPT_STRING, &common.device, "DEVICE", "auto, cpu, cuda or cuda:N"},
    {"seed", 0, KM_OPT_UINT64, &common.seed, "N", "seed of the random numbers (1); 0 draws one",
     .set = &common.seed_set},
    {"no-pg", 0, KM_OPT_FLAG, &common.no_pg, NULL, "leave out provenance"},
    {"progress", 0, KM_OPT_CHOICE, &common.progress, "WHEN", "a bar on standard error: auto, always, never",
     .choices = "auto|always|never"},
    {"quiet", 'q', KM_OPT_FLAG, &common.quiet, NULL, "no remarks"},
    {"verbose", 'v', KM_OPT_FLAG, &common.verbose, NULL, "time, processor time and memory at the end"},
    {"help", 'h', KM_OPT_FLAG, &common.help, NULL, "this text"},
    {"version", 0, KM_OPT_FLAG, &common.version, NULL, "version, build and processor"},
    {0},
};

static struct {
    const km_opt *options[64]; /* those of the command line, in the order given */
    int count;
    const char *from; /* set while a recorded command line is read: whose record it is */
    char **recorded;  /* kept: values point into it */
} given;

_Noreturn static void misuse(const km_cli *cli, const char *fmt, const char *a, const char *b)
{
    fprintf(stderr, "%s: ", cli->program->name);
    if (given.from) fprintf(stderr, "%s: recorded arguments: ", given.from);
    fprintf(stderr, fmt, a, b);
    fputc('\n', stderr);
    exit(given.from ? -KM_INPUT : -KM_USAGE);
}

static const km_opt *find(const km_opt *table, const char *name, size_t n, char letter)
{
    for (const km_opt *o = table; o && o->name; o++)
        if (letter ? o->letter == letter : strlen(o->name) == n && !strncmp(o->name, name, n)) return o;
    return NULL;
}

static const km_opt *find_any(const km_cli *cli, const char *name, size_t n, char letter)
{
    const km_opt *o = find(cli->program->options, name, n, letter);
    return o ? o : find(km_common_options, name, n, letter);
}

/* How many letters differ, coarsely: enough to guess what was meant. */
static int distance(const char *a, const char *b)
{
    int row[64], nb = (int)strlen(b);
    if (strlen(a) > 60 || nb > 60) return 99;
    for (int j = 0; j <= nb; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            if (up + 1 < best) best = up + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = up, row[j] = best;
        }
    }
    return row[nb];
}

_Noreturn static void unknown(const km_cli *cli, const char *name)
{
    const char *near = NULL;
    int best = 3;
    const km_opt *tables[] = {cli->program->options, km_common_options};
    for (int t = 0; t < 2; t++)
        for (const km_opt *o = tables[t]; o && o->name; o++)
            if (distance(name, o->name) < best) best = distance(name, o->name), near = o->name;
    if (near) misuse(cli, "no option '--%s'; did you mean '--%s'?", name, near);
    misuse(cli, "no option '--%s'; see '%s -h'", name, cli->program->name);
}

static bool in_limits(const km_opt *o, double v)
{
    return (o->min == 0 && o->max == 0) || (v >= o->min && v <= o->max);
}

static bool one_of(const char *choices, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = choices; p; p = strchr(p, '|'), p = p ? p + 1 : NULL)
        if (!strncmp(p, word, n) && (p[n] == '|' || p[n] == 0)) return n > 0;
    return false;
}

static bool parse_end(const km_opt *o, const char *text, int64_t *to)
{
    char *end;
    if (o->type == KM_OPT_TIME_RANGE)
        return !strcmp(text, "0") ? (*to = 0, true) : km_parse_time(text, to, NULL) == KM_OK;
    errno = 0;
    *to = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

static bool parse_range(const km_opt *o, const char *text, km_opt_range *r)
{
    char from[64];
    const char *colon = strchr(text, ':');
    if (!colon || colon - text >= (long)sizeof from) return false;
    snprintf(from, sizeof from, "%.*s", (int)(colon - text), text);
    r->has_from = *from, r->has_to = colon[1], r->set = true;
    if (r->has_from && !parse_end(o, from, &r->from)) return false;
    if (r->has_to && !parse_end(o, colon + 1, &r->to)) return false;
    return !r->has_from || !r->has_to || r->from <= r->to;
}

static void append(km_opt_list *l, const char *item)
{
    l->items = km_realloc(l->items, (size_t)(l->count + 1) * sizeof *l->items);
    l->items[l->count++] = item;
}

/* Store text where the option wants it; false when it is not of its type. */
static bool store(const km_opt *o, const char *text)
{
    char *end = NULL;
    errno = 0;
    switch (o->type) {
    case KM_OPT_FLAG: *(bool *)o->value = true; return true;
    case KM_OPT_STRING: *(const char **)o->value = text; return true;
    case KM_OPT_LIST: append(o->value, text); return true;
    case KM_OPT_CHOICE: *(const char **)o->value = text; return one_of(o->choices, text);
    case KM_OPT_TIME: return km_parse_time(text, o->value, NULL) == KM_OK;
    case KM_OPT_SIZE: return km_parse_size(text, o->value, NULL) == KM_OK;
    case KM_OPT_RANGE:
    case KM_OPT_TIME_RANGE: return parse_range(o, text, o->value);
    case KM_OPT_UINT64:
        *(uint64_t *)o->value = strtoull(text, &end, 10);
        return *text >= '0' && *text <= '9' && !*end && !errno;
    case KM_OPT_INT: {
        long v = strtol(text, &end, 10);
        *(int *)o->value = (int)v;
        return *text && !strchr(" \t\n+", *text) && !*end && !errno && v == (int)v && in_limits(o, (double)v);
    }
    case KM_OPT_DOUBLE: {
        double v = strtod(text, &end);
        *(double *)o->value = v;
        /* strtod also reads blanks, hexadecimal, inf and nan */
        return *text && !text[strspn(text, "0123456789+-.eE")] && !*end && isfinite(v) && in_limits(o, v);
    }
    }
    return false;
}

bool km_opt_given(const km_opt *o)
{
    for (int i = 0; i < given.count; i++)
        if (given.options[i] == o) return true;
    return false;
}

static void take(const km_cli *cli, const km_opt *o, const char *text)
{
    static const char *const wants[] = {"",
                                        "",
                                        "a whole number",
                                        "a number of 0 or more",
                                        "a number",
                                        "a time with a unit, such as 5ns or 100ps",
                                        "a size, such as 512M or 4G",
                                        "",
                                        "",
                                        "one of ",
                                        "a range A:B",
                                        "a range of times A:B"};
    char want[160];
    if (o->set) *o->set = true;
    if (!given.from && !km_opt_given(o) && given.count < (int)(sizeof given.options / sizeof *given.options))
        given.options[given.count++] = o;
    if (store(o, text)) return;
    int n = snprintf(want, sizeof want, "'%.40s': expected %s%s", text ? text : "", wants[o->type],
                     o->choices ? o->choices : "");
    if (o->min != 0 || o->max != 0) snprintf(want + n, sizeof want - (size_t)n, " from %g to %g", o->min, o->max);
    misuse(cli, "option '--%s' %s", o->name, want);
}

static int parse_long(const km_cli *cli, int i)
{
    const char *word = cli->argv[i] + 2, *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    const km_opt *o = find_any(cli, word, n, 0);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)n, word);
    if (!o) unknown(cli, name);
    if (!o->arg && equals) misuse(cli, "option '--%s' takes no value%s", name, "");
    if (!o->arg || equals) {
        take(cli, o, equals ? equals + 1 : NULL);
        return i;
    }
    if (i + 1 >= cli->argc) misuse(cli, "option '--%s' needs a value, %s", name, o->arg);
    take(cli, o, cli->argv[i + 1]);
    return i + 1;
}

static int parse_short(const km_cli *cli, int i)
{
    for (const char *p = cli->argv[i] + 1; *p; p++) {
        char name[2] = {*p, 0};
        const km_opt *o = find_any(cli, NULL, 0, *p);
        if (!o) misuse(cli, "no option '-%s'; see '%s -h'", name, cli->program->name);
        if (!o->arg) {
            take(cli, o, NULL);
            continue;
        }
        if (p[1]) {
            take(cli, o, p + 1);
            return i;
        }
        if (i + 1 >= cli->argc) misuse(cli, "option '-%s' needs a value, %s", name, o->arg);
        take(cli, o, cli->argv[i + 1]);
        return i + 1;
    }
    return i;
}

static bool is_cuda(const char *device)
{
    if (!strcmp(device, "cuda")) return true;
    return !strncmp(device, "cuda:", 5) && device[5] && !device[5 + strspn(device + 5, "0123456789")];
}

/* Whose device it is that fails later, deep in the library. */
static const km_cli *failing;

static void device_failed(const char *why)
{
    fprintf(stderr, "%s: --device %s: %s\n", failing->program->name, failing->device, why);
    exit(-KM_DEVICE);
}

/* The number of this process among those that a launcher started on this machine; 0 without one. */
static int local_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "MV2_COMM_WORLD_LOCAL_RANK",
                                        "SLURM_LOCALID"};
    for (int i = 0; i < 4; i++)
        if (getenv(names[i])) return atoi(getenv(names[i])) & 0xffff;
    return 0;
}

static void open_device(km_cli *cli)
{
    char why[512];
    long index = cli->device[4] ? strtol(cli->device + 5, NULL, 10) : -1 - local_rank();
    failing = cli;
    cli->opt_backend = km_cuda_load(index > INT_MAX ? INT_MAX : (int)index, device_failed, why, sizeof why);
    if (!cli->opt_backend) device_failed(why);
}

static void resolve(km_cli *cli)
{
    cli->quiet = common.quiet, cli->verbose = common.verbose;
    cli->no_provenance = common.no_pg;
    cli->threads = common.threads > 0 ? common.threads : km_cpu_count();
    cli->device = common.device ? common.device : "auto";
    cli->seed_set = common.seed_set;
    cli->seed = !common.seed_set ? 1 : common.seed ? common.seed : km_rng_fresh_seed();
    const char *when = common.progress ? common.progress : "auto";
    cli->progress = !strcmp(when, "always") || (!strcmp(when, "auto") && !common.quiet && isatty(2));
    if (is_cuda(cli->device)) open_device(cli);
    else if (strcmp(cli->device, "auto") && strcmp(cli->device, "cpu"))
        misuse(cli, "option '--device' '%s': expected auto, cpu, cuda or cuda:N%s", cli->device, "");
}

/* A stream that the caller closed must not become the file that is opened next: keep its number with something that
 * fails when used. */
static void open_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) _exit(-KM_SYSTEM);
}

/* A bug has its own exit status; KM_BUG has said where it is. */
static void on_bug(int number)
{
    (void)number;
    _exit(6);
}

static void parse(km_cli *cli)
{
    bool options = true;
    cli->operands = KM_NEWN(const char *, (size_t)cli->argc + 1);
    for (int i = 1; i < cli->argc; i++) {
        const char *word = cli->argv[i];
        if (options && !strcmp(word, "--")) options = false;
        else if (options && word[0] == '-' && word[1] == '-') i = parse_long(cli, i);
        else if (options && word[0] == '-' && word[1]) i = parse_short(cli, i);
        else cli->operands[cli->n_operands++] = word;
    }
}

void km_cli_recall(const km_cli *cli, const char *arguments, const char *from)
{
    km_cli recorded = {.program = cli->program};
    recorded.argv = given.recorded = km_cli_split(arguments, &recorded.argc);
    given.from = from;
    parse(&recorded);
    given.from = NULL;
    free(recorded.operands);
}

void km_cli_start(km_cli *cli, const km_program *program, int argc, char **argv)
{
    *cli = (km_cli){.program = program, .argc = argc, .argv = argv, .started = km_seconds()};
    open_standard_streams();
    km_signals_init();
    signal(SIGABRT, on_bug);
    parse(cli);
    if (common.help) km_cli_help(program);
    if (common.version) km_cli_version(program);
    if (common.help || common.version) exit(km_cli_end(cli, KM_OK, NULL));
    if (cli->n_operands < program->min_operands)
        misuse(cli, "an operand is missing: usage: %s %s", program->name, program->synopsis);
    if (program->max_operands >= 0 && cli->n_operands > program->max_operands)
        misuse(cli, "too many operands, from '%s' on; see '%s -h'", cli->operands[program->max_operands],
               program->name);
    resolve(cli);
}
