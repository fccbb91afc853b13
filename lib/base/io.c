/* SPDX-License-Identifier: MIT */
#include "lib/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"

km_status km_input_open(const char *path, FILE **ret, km_err *err)
{
    *ret = NULL;
    if (!path || !strcmp(path, "-")) {
        *ret = stdin;
        return KM_OK;
    }
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f) return km_fail(err, KM_SYSTEM, "cannot open '%.150s': %s", path, strerror(errno));
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(f);
        return km_fail(err, KM_SYSTEM, "cannot read '%.150s': it is a directory", path);
    }
    *ret = f;
    return KM_OK;
}

void km_input_close(FILE *f)
{
    if (f && f != stdin) fclose(f);
}

km_status km_input_map(const char *path, const uint8_t **ret, size_t *ret_bytes, km_err *err)
{
    *ret = NULL;
    *ret_bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat sb;
    if (fd < 0) return km_fail(err, KM_SYSTEM, "cannot open: %s", strerror(errno));
    km_status status = KM_OK;
    if (fstat(fd, &sb)) {
        status = km_fail(err, KM_SYSTEM, "cannot look at it: %s", strerror(errno));
    } else if (!S_ISREG(sb.st_mode)) {
        status = km_fail(err, KM_INPUT, "not a regular file");
    } else if (sb.st_size > 0) {
        void *map = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            status = km_fail(err, KM_SYSTEM, "cannot map: %s", strerror(errno));
        } else {
            *ret = map;
            *ret_bytes = (size_t)sb.st_size;
        }
    }
    close(fd);
    return status;
}

void km_input_unmap(const uint8_t *map, size_t bytes)
{
    if (map) munmap((void *)map, bytes);
}

static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

km_status km_output_open(km_output *o, const char *path, bool binary, km_err *err)
{
    *o = (km_output){0};
    if (!path || !strcmp(path, "-")) {
        if (binary && isatty(1))
            return km_fail(err, KM_USAGE, "standard output is a terminal: redirect it, pipe it or use -o FILE");
        o->file = stdout;
        snprintf(o->what, sizeof o->what, "standard output");
        return KM_OK;
    }
    if (!*path) return km_fail(err, KM_USAGE, "the name of the output is empty");
    snprintf(o->what, sizeof o->what, "%s", path);
    o->path = km_strdup(path);
    o->part = is_special(path) ? NULL : km_asprintf("%s.part", path);
    o->file = fopen(o->part ? o->part : path, "wb");
    if (o->file && binary && isatty(fileno(o->file))) {
        km_output_abandon(o, true);
        return km_fail(err, KM_USAGE, "%.150s is a terminal: binary data is not written to it", path);
    }
    if (o->file && o->part) flock(fileno(o->file), LOCK_EX | LOCK_NB);
    if (o->file) return KM_OK;
    km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", path, strerror(errno));
    km_output_abandon(o, true);
    return KM_SYSTEM;
}

km_status km_output_reopen(km_output *o, const char *part, km_err *err)
{
    static const char end[] = ".part";
    size_t n = strlen(part), m = sizeof end - 1;
    *o = (km_output){0};
    if (n <= m || strcmp(part + n - m, end))
        return km_fail(err, KM_USAGE, "%.150s: what an interrupted run leaves is named FILE.part", part);
    o->file = fopen(part, "r+b");
    if (!o->file) return km_fail(err, KM_SYSTEM, "cannot open '%.150s': %s", part, strerror(errno));
    if (flock(fileno(o->file), LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        km_output_abandon(o, true);
        return km_fail(err, KM_SYSTEM, "%.150s: a run still writes it", part);
    }
    o->part = km_strdup(part);
    o->path = km_asprintf("%.*s", (int)(n - m), part);
    snprintf(o->what, sizeof o->what, "%s", o->path);
    return KM_OK;
}

km_status km_output_cut(km_output *o, int64_t bytes, km_err *err)
{
    clearerr(o->file); /* it was read to its end */
    if (ftruncate(fileno(o->file), bytes) == 0 && fseeko(o->file, bytes, SEEK_SET) == 0) return KM_OK;
    return km_fail(err, KM_SYSTEM, "%s: %s", o->part, strerror(errno));
}

static void forget(km_output *o)
{
    free(o->path), free(o->part);
    o->path = o->part = NULL;
    o->file = NULL;
}

km_status km_output_commit(km_output *o, km_err *err)
{
    bool standard = o->file == stdout;
    errno = 0;
    bool good = fflush(o->file) == 0 && !ferror(o->file);
    if (!standard) good = fclose(o->file) == 0 && good;
    if (good && o->part) good = rename(o->part, o->path) == 0;
    if (!good && o->part) unlink(o->part);
    km_status status =
        good ? KM_OK : km_fail(err, KM_SYSTEM, "%s: %s", o->what, errno ? strerror(errno) : "write error");
    forget(o);
    return status;
}

void km_output_abandon(km_output *o, bool keep_part)
{
    if (o->file && o->file != stdout) fclose(o->file);
    if (o->part && !keep_part) unlink(o->part);
    forget(o);
}

static volatile sig_atomic_t arrived;

static void on_signal(int number)
{
    if (arrived) {
        signal(number, SIG_DFL);
        raise(number);
    }
    arrived = number;
}

void km_signals_init(void)
{
    /* Without SA_RESTART, so that a program that waits for its input wakes up. What the parent has ignored (nohup, a
     * shell's background job) stays ignored. */
    const int signals[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        struct sigaction was, now = {.sa_handler = on_signal};
        sigemptyset(&now.sa_mask);
        if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler == SIG_IGN) continue;
        sigaction(signals[i], &now, NULL);
    }
    signal(SIGPIPE, SIG_DFL);
}

bool km_interrupted(void) { return arrived != 0; }

void km_die_by_signal(void)
{
    int number = arrived ? arrived : SIGINT;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    signal(number, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    exit(128 + number);
}
