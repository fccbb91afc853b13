/* SPDX-License-Identifier: MIT
 * Two connections a host, over all processes that work in one folder: each holds a lock on one of two files. A process
 * that dies gives its locks back. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/fetch/http_impl.h"

enum { PLACES = 2 };

/* The host and port of an address, as a file's name. */
static char *name_of(const char *url)
{
    const char *p = strstr(url, "://");
    p = p ? p + 3 : url;
    char *name = km_asprintf("%.*s", (int)strcspn(p, "/?#"), p);
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", *c)) *c = '_';
    return name;
}

/* A free one of them, or -1. */
static km_status try_each(const char *locks, const char *name, int *ret_fd, km_err *err)
{
    for (int i = 0; i < PLACES; i++) {
        char *path = km_asprintf("%s/%s.%d", locks, name, i);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        km_status status = fd < 0 ? km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", path, strerror(errno)) : KM_OK;
        free(path);
        KM_TRY(status);
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) { /* a file system without locks: no limit */
            *ret_fd = fd;
            return KM_OK;
        }
        close(fd);
    }
    *ret_fd = -1;
    return KM_OK;
}

km_status km_http_place(const char *locks, const char *url, int *ret_fd, km_err *err)
{
    *ret_fd = -1;
    if (!locks) return KM_OK;
    char *name = name_of(url);
    km_status status;
    while ((status = try_each(locks, name, ret_fd, err)) == KM_OK && *ret_fd < 0) {
        if (km_interrupted()) {
            status = km_fail(err, KM_INTERRUPTED, "interrupted");
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    free(name);
    return status;
}
