/* SPDX-License-Identifier: MIT
 * What a program says: help, version, errors, its last line, a progress bar. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

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

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int km_cli_end(const km_cli *cli, km_status status, const km_err *err)
{
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
        fprintf(stderr, "%s: %.1f s, processor %.1f s, peak memory %ld MiB\n", cli->program->name, seconds() - cli->started,
                (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec * 1e-6, u.ru_maxrss / 1024);
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
        bool plain = *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:,+%@") == strlen(s);
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

void km_progress_start(km_progress *p, const km_cli *cli, const char *what, double total)
{
    *p = (km_progress){.on = cli->progress, .what = what, .total = total, .started = seconds()};
}

void km_progress_add(km_progress *p, double done)
{
    p->done += done;
    double t = seconds();
    if (!p->on || t - p->drawn < 0.1) return;
    p->drawn = t;
    double part = p->total > 0 ? p->done / p->total : 0, left = part > 0 ? (t - p->started) * (1 - part) / part : 0;
    int cells = (int)(part * 30 + 0.5);
    fprintf(stderr, "\r%s [%-30.*s] %3.0f%% %.3g/s, %.0f s left ", p->what, cells > 30 ? 30 : cells,
            "##############################", 100 * part, p->done / (t - p->started + 1e-9), left);
}

void km_progress_end(km_progress *p)
{
    if (p->on && p->drawn > 0) fputc('\n', stderr);
}
