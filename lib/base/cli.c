/* SPDX-License-Identifier: MIT
 * What a program says: help, version, errors, its last line, a progress bar. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "lib/base/cpu.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "lib/base/opt_internal.h"

static void print_options(const char *title, const km_opt *table)
{
    if (!table || !table->name) return;
    printf("\n%s:\n", title);
    for (const km_opt *o = table; o->name; o++) {
        char left[80], letter[8] = "    ";
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        printf("  %-30s %s\n", left, o->help);
    }
}

void km_cli_help(const km_program *p)
{
    printf("usage: %s %s\n%s\n", p->name, p->synopsis, p->summary);
    print_options("options", p->options);
    print_options("common options", km_common_options);
}

void km_cli_version(const km_program *p)
{
    printf("%s (kinematic) %s\nbuild: %s, gcc %s\nprocessor: %s\ndevices: cpu\n", p->name, KM_VERSION, KM_VARIANT,
           __VERSION__, km_cpu_isa());
}

int km_cli_fail(const km_cli *cli, const km_err *err)
{
    /* a read that the signal broke off comes as a failure of the system */
    if (err->code == KM_INTERRUPTED || km_interrupted()) km_die_by_signal();
    fprintf(stderr, "%s: %s\n", cli->program->name, err->msg);
    return -err->code;
}

void km_cli_say(const km_cli *cli, const char *fmt, ...)
{
    if (cli->quiet) return;
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s: ", cli->program->name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

int km_cli_end(const km_cli *cli, km_status status, const km_err *err)
{
    free(cli->operands);
    if (status < 0) return km_cli_fail(cli, err);
    errno = 0;
    bool bad = ferror(stdout) != 0;
    bad = fflush(stdout) != 0 || bad;
    if (fclose(stdout) != 0 || bad) {
        if (errno == EPIPE) return 0;
        fprintf(stderr, "%s: standard output: %s\n", cli->program->name, errno ? strerror(errno) : "a write failed");
        return -KM_SYSTEM;
    }
    if (cli->verbose) {
        struct rusage u;
        getrusage(RUSAGE_SELF, &u);
        fprintf(stderr, "%s: %.1f s, processor %.1f s, peak memory %ld MiB\n", cli->program->name,
                km_seconds() - cli->started, (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec * 1e-6,
                u.ru_maxrss / 1024);
    }
    return 0;
}

char *km_cli_arguments(const km_cli *cli)
{
    size_t room = 1;
    for (int i = 1; i < cli->argc; i++) room += 4 * strlen(cli->argv[i]) + 3;
    char *out = km_alloc(room), *p = out;
    for (int i = 1; i < cli->argc; i++) {
        const char *s = cli->argv[i];
        bool plain =
            *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:,+%@") == strlen(s);
        if (i > 1) *p++ = ' ';
        if (!plain) *p++ = '\'';
        for (; *s; s++) {
            if (*s == '\'') p += sprintf(p, "'\\''");
            else *p++ = *s;
        }
        if (!plain) *p++ = '\'';
    }
    *p = 0;
    return out;
}

char **km_cli_split(const char *text, int *ret_argc)
{
    size_t n = strlen(text);
    char **argv = km_alloc((n / 2 + 3) * sizeof *argv + n + 2), *out = (char *)(argv + n / 2 + 3);
    int argc = 0;
    argv[argc++] = out;
    *out++ = 0;
    for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
        argv[argc++] = out;
        for (bool quoted = false; *p && (quoted || *p != ' '); p++) {
            if (*p == '\'') quoted = !quoted;
            else if (*p == '\\' && p[1] && !quoted) *out++ = *++p;
            else *out++ = *p;
        }
        *out++ = 0;
    }
    argv[argc] = NULL;
    *ret_argc = argc;
    return argv;
}

bool km_opt_same(const km_opt *o, const void *a, const void *b)
{
    switch (o->type) {
    case KM_OPT_FLAG: return *(const bool *)a == *(const bool *)b;
    case KM_OPT_INT: return *(const int *)a == *(const int *)b;
    case KM_OPT_UINT64: return *(const uint64_t *)a == *(const uint64_t *)b;
    case KM_OPT_DOUBLE: return *(const double *)a == *(const double *)b;
    case KM_OPT_TIME:
    case KM_OPT_SIZE: return *(const int64_t *)a == *(const int64_t *)b;
    case KM_OPT_STRING:
    case KM_OPT_CHOICE: {
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        return x && y ? !strcmp(x, y) : x == y;
    }
    default: KM_BUG("--%s: lists and ranges are not compared", o->name);
    }
}

void km_progress_start(km_progress *p, const km_cli *cli, const char *what, double total)
{
    *p = (km_progress){.on = cli->progress, .what = what, .total = total, .started = km_seconds()};
}

void km_progress_add(km_progress *p, double done)
{
    p->done += done;
    double t = km_seconds();
    if (!p->on || t - p->drawn < 0.1) return;
    p->drawn = t;
    double part = p->total > 0 ? p->done / p->total : 0, left = part > 0 ? (t - p->started) * (1 - part) / part : 0;
    int cells = (int)(part * 30 + 0.5);
    double rate = p->done / (t - p->started + 1e-9);
    fprintf(stderr, "\r%s [%-30.*s] %3.0f%% ", p->what, cells > 30 ? 30 : cells < 0 ? 0 : cells,
            "##############################", 100 * part);
    if (p->bytes) {
        char speed[32], rest[32];
        km_format_bytes((int64_t)rate, speed);
        km_format_bytes(p->total > p->done ? (int64_t)(p->total - p->done) : 0, rest);
        fprintf(stderr, "%s/s, %s and %.0f s left ", speed, rest, left);
    } else {
        fprintf(stderr, "%.3g/s, %.0f s left ", rate, left);
    }
}

void km_progress_end(km_progress *p)
{
    if (p->on && p->drawn > 0) fputc('\n', stderr);
}
