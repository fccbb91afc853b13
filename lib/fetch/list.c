/* SPDX-License-Identifier: MIT
 * Lists of systems, and what is kept of them on disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fetch/impl.h"

enum { FRESH = 24 * 3600, LARGEST_LIST = 1 << 29, MOST_PAGES = 10000 };

/* -- names that a server made up */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";

bool km_fetch_id_is_safe(const char *id)
{
    size_t n = strlen(id);
    return n > 0 && n <= 200 && *id != '.' && *id != '-' && strspn(id, letters) == n;
}

bool km_fetch_path_is_safe(const char *path)
{
    for (const char *p = path;; p++) {
        size_t n = strcspn(p, "/");
        if (n == 0 || n > 200 || *p == '.') return false;
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)p[i] < ' ' || p[i] == 0x7f || p[i] == '\\') return false;
        p += n;
        if (!*p) return true;
    }
}

char *km_fetch_lasting(km_fetch *f, const char *text)
{
    return strcpy(km_arena_get(f->arena, strlen(text) + 1), text);
}

char *km_fetch_escape(const char *path)
{
    char *out = km_alloc(3 * strlen(path) + 1), *p = out;
    for (; *path; path++) {
        bool plain = *path == '/' || strchr(letters, *path);
        p += sprintf(p, plain ? "%c" : "%%%02X", plain ? *path : (unsigned char)*path);
    }
    *p = 0;
    return out;
}

km_fetch_system *km_fetch_add(km_fetch *f, const char *id, const char *opt_file, int64_t bytes)
{
    if (f->n == f->room) {
        f->room = f->room ? 2 * f->room : 64;
        f->systems = km_realloc(f->systems, (size_t)f->room * sizeof *f->systems);
    }
    km_fetch_system *s = &f->systems[f->n++];
    *s = (km_fetch_system){.bytes = bytes, .room = -1};
    s->id = km_fetch_lasting(f, id);
    if (opt_file) s->file = km_fetch_lasting(f, opt_file);
    return s;
}

/* -- what is kept */

static int open_fresh(const char *path)
{
    struct stat sb;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &sb) != 0 || time(NULL) - sb.st_mtime > FRESH)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

km_status km_fetch_keep(km_fetch *f, km_http *h, const char *name, km_fetch_make make, const void *arg, int *ret_fd,
                        km_err *err)
{
    char *path = km_asprintf("%s/%s", f->cache, name), *fresh = km_asprintf("%s.new", path);
    km_status status = KM_OK;
    if ((*ret_fd = open_fresh(path)) < 0) {
        char *lock = km_asprintf("%s.lock", path);
        int held = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (held >= 0) flock(held, LOCK_EX);
        if ((*ret_fd = open_fresh(path)) < 0) { /* nobody else has made it meanwhile */
            status = make(f, h, fresh, arg, err);
            if (status == KM_OK && rename(fresh, path) == 0) *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
            if (status == KM_OK && *ret_fd < 0) status = km_fail(err, KM_SYSTEM, "%.150s: %s", path, strerror(errno));
        }
        if (held >= 0) close(held);
        free(lock);
    }
    free(path), free(fresh);
    return status;
}

typedef struct address {
    const char *url;
    int64_t first, n;
} address;

static km_status make_file(km_fetch *f, km_http *h, const char *path, const void *arg, km_err *err)
{
    const address *a = arg;
    (void)f;
    return km_http_download(h, path, a->url, a->first, a->n, NULL, err);
}

km_status km_fetch_keep_file(km_fetch *f, km_http *h, const char *name, const char *url, int64_t first, int64_t n,
                             int *ret_fd, km_err *err)
{
    return km_fetch_keep(f, h, name, make_file, &(address){url, first, n}, ret_fd, err);
}

km_status km_fetch_read(int fd, const char *name, char **ret, size_t *ret_n, km_err *err)
{
    struct stat sb;
    *ret = NULL;
    km_status status = KM_OK;
    if (fstat(fd, &sb) != 0 || sb.st_size > LARGEST_LIST) {
        status = km_fail(err, KM_SYSTEM, "%.150s: too large for a list", name);
    } else {
        *ret = km_calloc(1, (size_t)sb.st_size + 1);
        if (pread(fd, *ret, (size_t)sb.st_size, 0) != sb.st_size)
            status = km_fail(err, KM_SYSTEM, "%.150s: cannot be read", name);
        if (ret_n) *ret_n = (size_t)sb.st_size;
    }
    close(fd);
    if (status != KM_OK) {
        free(*ret);
        *ret = NULL;
    }
    return status;
}

km_status km_fetch_keep_text(km_fetch *f, km_http *h, const char *name, const char *url, char **ret, km_err *err)
{
    int fd;
    *ret = NULL;
    KM_TRY(km_fetch_keep_file(f, h, name, url, 0, -1, &fd, err));
    return km_fetch_read(fd, url, ret, NULL, err);
}

static km_status read_json(int fd, const char *url, json_t **ret, km_err *err)
{
    json_error_t why;
    char *text;
    KM_TRY(km_fetch_read(fd, url, &text, NULL, err));
    *ret = json_loads(text, 0, &why);
    free(text);
    return *ret ? KM_OK : km_fail(err, KM_SYSTEM, "%.120s: no JSON: line %d: %.80s", url, why.line, why.text);
}

/* An answer that is no JSON is not kept. */
static km_status make_json(km_fetch *f, km_http *h, const char *path, const void *arg, km_err *err)
{
    json_t *value;
    int fd;
    KM_TRY(make_file(f, h, path, arg, err));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return km_fail(err, KM_SYSTEM, "%.150s: %s", path, strerror(errno));
    KM_TRY(read_json(fd, ((const address *)arg)->url, &value, err));
    json_decref(value);
    return KM_OK;
}

km_status km_fetch_keep_json(km_fetch *f, km_http *h, const char *name, const char *url, json_t **ret, km_err *err)
{
    int fd;
    *ret = NULL;
    KM_TRY(km_fetch_keep(f, h, name, make_json, &(address){url, 0, -1}, &fd, err));
    return read_json(fd, url, ret, err);
}

/* Pages are arrays, each naming the next in its head. */
static km_status make_pages(km_fetch *f, km_http *h, const char *path, const void *arg, km_err *err)
{
    json_t *all = json_array();
    km_http_facts facts = {0};
    km_status status = KM_OK;
    (void)f;
    snprintf(facts.next, sizeof facts.next, "%s", (const char *)arg);
    for (int page = 0; status == KM_OK && *facts.next; page++) {
        char url[sizeof facts.next], *text;
        size_t n;
        memcpy(url, facts.next, sizeof url);
        if (page == MOST_PAGES) status = km_fail(err, KM_SYSTEM, "%.150s: more than %d pages", url, MOST_PAGES);
        else status = km_http_get(h, url, LARGEST_LIST, &text, &n, &facts, err);
        if (status != KM_OK) break;
        json_t *some = json_loads(text, 0, NULL);
        free(text);
        if (!json_is_array(some)) status = km_fail(err, KM_SYSTEM, "%.150s: no list", url);
        else json_array_extend(all, some);
        json_decref(some);
    }
    if (status == KM_OK && json_dump_file(all, path, JSON_COMPACT) != 0)
        status = km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", path, strerror(errno));
    json_decref(all);
    return status;
}

km_status km_fetch_keep_pages(km_fetch *f, km_http *h, const char *name, const char *url, json_t **ret, km_err *err)
{
    int fd;
    *ret = NULL;
    KM_TRY(km_fetch_keep(f, h, name, make_pages, url, &fd, err));
    return read_json(fd, url, ret, err);
}
