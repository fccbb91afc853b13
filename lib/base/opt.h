/* SPDX-License-Identifier: MIT
 * The command line of a program as a table: from it come parsing, -h, --version, and the check of the man page.
 *
 *   static struct { int64_t dt; int steps; const char *out; bool force; } o = {.steps = 20};
 *   static const km_opt table[] = {
 *       {"dt", 0, KM_OPT_TIME, &o.dt, "TIME", "spacing of the new frames"},
 *       {"steps", 0, KM_OPT_INT, &o.steps, "N", "denoising steps", .min = 1, .max = 1000},
 *       {"output", 'o', KM_OPT_STRING, &o.out, "FILE", "write FILE instead of standard output"},
 *       {"force", 0, KM_OPT_FLAG, &o.force, NULL, "do it all the same"},
 *       {0}};
 *   static const km_program program = {"km-foo", "[options] [IN.km]", "one line on what it does", table, 0, 1};
 *   int main(int argc, char **argv) { km_cli cli; km_cli_start(&cli, &program, argc, argv); ... }
 *
 * Tests: tests/unit/test_opt.c, tests/cli/options.bats */
#ifndef KM_BASE_OPT_H
#define KM_BASE_OPT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

typedef enum km_opt_type {
    KM_OPT_FLAG = 1, /* bool */
    KM_OPT_INT,      /* int, strict decimal, in [min, max] */
    KM_OPT_UINT64,   /* uint64_t */
    KM_OPT_DOUBLE,   /* double, finite, in [min, max] */
    KM_OPT_TIME,     /* int64_t femtoseconds, from 100fs 2ps 0.5ns 1us 1ms; a unit is required; > 0 */
    KM_OPT_SIZE,     /* int64_t bytes, from 512M 4G */
    KM_OPT_STRING,   /* const char *, borrowed from argv */
    KM_OPT_LIST,     /* km_opt_list, every occurrence appended */
    KM_OPT_CHOICE,   /* const char *, one of the words of `choices`, "a|b|c" */
    KM_OPT_RANGE,    /* km_opt_range of times or integers, "A:B", either side may be empty */
    KM_OPT_TIME_RANGE,
} km_opt_type;

typedef struct km_opt_list {
    const char **items;
    int count;
} km_opt_list;

typedef struct km_opt_range {
    bool set, has_from, has_to;
    int64_t from, to;
} km_opt_range;

typedef struct km_opt {
    const char *name; /* long name without the dashes; NULL ends the table */
    char letter;      /* short form or 0 */
    km_opt_type type;
    void *value;      /* where it goes; holds the default beforehand */
    const char *arg;  /* the placeholder in help; NULL for a flag */
    const char *help;
    double min, max;  /* both 0: no limits */
    const char *choices;
    bool *set;        /* where to note that it was given, or NULL */
} km_opt;

typedef struct km_program {
    const char *name, *synopsis, *summary;
    const km_opt *options;
    int min_operands, max_operands; /* max -1: any number */
} km_program;

/* What every program has: -h --help --version -q -v --progress --threads --device --seed --no-pg. */
typedef struct km_cli {
    const km_program *program;
    int argc;
    char **argv;          /* as given, for the provenance */
    const char **operands;
    int n_operands;
    int quiet, verbose;                   /* -q, -v (counted) */
    bool progress;                        /* resolved: draw a bar on standard error */
    int threads;                          /* resolved: at least 1 */
    const char *device;                   /* "auto", "cpu", "cuda", "cuda:N" */
    const struct km_backend *opt_backend; /* the device's kernels with "cuda"; NULL: the processor's */
    uint64_t seed;                        /* resolved: never 0 */
    bool seed_set;                        /* given by the user */
    bool no_provenance;
    double started;       /* seconds, for the last line of -v */
} km_cli;

/* Parse, answer -h and --version (and exit 0), refuse misuse (message, exit 2), install signal handlers. */
void km_cli_start(km_cli *cli, const km_program *program, int argc, char **argv);
/* Print "PROGRAM: MESSAGE" to standard error and return the exit status that belongs to the error's code. */
int km_cli_fail(const km_cli *cli, const km_err *err);
/* A warning or remark on standard error, unless -q. */
void km_cli_say(const km_cli *cli, const char *fmt, ...) KM_PRINTF(2, 3);
/* Flush and check standard output; with -v print time, CPU and peak memory. Returns the exit status; the operands are
 * gone. */
int km_cli_end(const km_cli *cli, km_status status, const km_err *err);
/* The arguments as one shell-quoted string. Owned by the caller. */
char *km_cli_arguments(const km_cli *cli);
/* Such a string as arguments again, argv[0] empty, NULL at the end. All in one block, the caller's. */
char **km_cli_split(const char *arguments, int *ret_argc);
/* Read a recorded command line into the program's table, over the values it holds; common options stay as they are.
 * What is wrong with it ends the program: one line that names `from`, status 3. */
void km_cli_recall(const km_cli *cli, const char *arguments, const char *from);
/* Was this option of the program given on its own command line? */
bool km_opt_given(const km_opt *o);
/* Are two values of the option's type (flag, number, time, size, text) the same? */
bool km_opt_same(const km_opt *o, const void *a, const void *b);

/* "5ns" to femtoseconds; KM_USAGE with the reason otherwise. */
km_status km_parse_time(const char *text, int64_t *ret_fs, km_err *err) KM_MUST_USE;
km_status km_parse_size(const char *text, int64_t *ret_bytes, km_err *err) KM_MUST_USE;
/* "5ns", "250ps", "1.5us": the shortest exact form. */
void km_format_time(int64_t fs, char out[32]);
/* "27.7 GB": decimal, three digits. */
void km_format_bytes(int64_t bytes, char out[32]);

/* A bar with rate and time left on standard error; drawn at most 10 times a second. */
typedef struct km_progress {
    bool on, bytes; /* bytes: what is counted; the bar says how many are left */
    const char *what;
    double total, done, started, drawn;
} km_progress;
void km_progress_start(km_progress *p, const km_cli *cli, const char *what, double total);
void km_progress_add(km_progress *p, double done);
void km_progress_end(km_progress *p);

#endif
