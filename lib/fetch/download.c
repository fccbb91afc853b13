/* SPDX-License-Identifier: MIT
 * Files that arrive in parts. Beside PART lies PART.json: address, range, length, validator, as of the first byte. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/fetch/http_impl.h"

typedef struct download {
    km_http *h;
    const char *part, *url;
    char *note;          /* PART.json */
    int fd;
    int64_t first, n;    /* n < 0: the whole file */
    int64_t have;        /* bytes of it that are there */
    int64_t total;       /* of the whole file on the server, -1: not known */
    char etag[128], modified[64];
    bool begun;          /* the answer under way was looked at */
    km_http_request rq;
} download;

/* -- what is there */

static void copy(char *to, size_t room, const char *opt_from) { snprintf(to, room, "%s", opt_from ? opt_from : ""); }

/* The bytes of an earlier run count when its note is of the same address and range. */
static int64_t recall(download *d, int64_t size)
{
    json_t *note = json_load_file(d->note, 0, NULL);
    const char *url = json_string_value(json_object_get(note, "url"));
    json_int_t first = json_integer_value(json_object_get(note, "first"));
    json_int_t n = json_integer_value(json_object_get(note, "n"));
    bool same = url && strcmp(url, d->url) == 0 && first == d->first && n == d->n;
    if (same) {
        json_t *total = json_object_get(note, "total");
        d->total = json_is_integer(total) ? json_integer_value(total) : -1;
        copy(d->etag, sizeof d->etag, json_string_value(json_object_get(note, "etag")));
        copy(d->modified, sizeof d->modified, json_string_value(json_object_get(note, "modified")));
    }
    json_decref(note);
    return same && (*d->etag || *d->modified) && d->total >= 0 ? size : 0;
}

km_status km_http_note(const char *path, json_t *value, km_err *err)
{
    char *fresh = km_asprintf("%s.new", path);
    bool good = json_dump_file(value, fresh, JSON_INDENT(1)) == 0 && rename(fresh, path) == 0;
    json_decref(value);
    free(fresh);
    return good ? KM_OK : km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", path, strerror(errno));
}

static km_status remember(download *d, km_err *err)
{
    return km_http_note(d->note, json_pack("{s:s, s:I, s:I, s:I, s:s, s:s}", "url", d->url, "first",
                                           (json_int_t)d->first, "n", (json_int_t)d->n, "total", (json_int_t)d->total,
                                           "etag", d->etag, "modified", d->modified), err);
}

static int64_t wanted(const download *d) { return d->n >= 0 ? d->n : d->total >= 0 ? d->total - d->first : -1; }

static km_status cut(download *d, int64_t to, km_err *err)
{
    if (ftruncate(d->fd, to) != 0 || lseek(d->fd, to, SEEK_SET) < 0)
        return km_fail(err, KM_SYSTEM, "%.150s: %s", d->part, strerror(errno));
    km_http_count(d->h, to - d->have);
    d->have = to;
    return KM_OK;
}

static km_status open_part(download *d, km_err *err)
{
    struct stat sb;
    d->fd = open(d->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (d->fd < 0 || fstat(d->fd, &sb) != 0 || !S_ISREG(sb.st_mode))
        return km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", d->part, d->fd < 0 ? strerror(errno) : "no file");
    if (flock(d->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return km_fail(err, KM_SYSTEM, "%.150s: another run is writing it", d->part);
    int64_t keep = recall(d, sb.st_size), most = wanted(d);
    if (most >= 0 && keep > most) keep = 0;
    return cut(d, keep, err);
}

/* -- what comes */

/* A weak ETag tells nothing about bytes. */
static const char *validator(const download *d)
{
    if (*d->etag && strncmp(d->etag, "W/", 2) != 0) return d->etag;
    return *d->modified ? d->modified : NULL;
}

static bool refuse(download *d, km_status code, const char *what)
{
    km_fail(&d->rq.refused, code, "%.150s: %s", d->url, what);
    return false;
}

static bool another(const download *d, const km_http_facts *f)
{
    return (*d->etag && *f->etag && strcmp(d->etag, f->etag) != 0) ||
           (*d->modified && *f->modified && strcmp(d->modified, f->modified) != 0) ||
           (d->total >= 0 && f->total >= 0 && d->total != f->total);
}

/* The first bytes of an answer: do they belong behind those that are there? */
static bool begin(download *d, const km_http_facts *f)
{
    bool changed = d->have > 0 && another(d, f);
    if (f->status == 206 && (f->first != d->rq.first || !d->rq.n))
        return refuse(d, KM_SYSTEM, "the server sends another range than asked for");
    if (f->status == 206 && changed) return refuse(d, KM_SYSTEM, "the file has changed on the server");
    if (f->status == 200 && d->n >= 0) return refuse(d, KM_INPUT, "the server sends no byte ranges");
    if (f->status == 200 && cut(d, 0, &d->rq.refused) < 0) return false;
    d->total = f->total;
    copy(d->etag, sizeof d->etag, f->etag);
    copy(d->modified, sizeof d->modified, f->modified);
    d->begun = true;
    return remember(d, &d->rq.refused) == KM_OK;
}

static bool take(void *arg, const km_http_facts *f, const void *data, size_t n)
{
    download *d = arg;
    const char *p = data;
    if (!d->begun && !begin(d, f)) return false;
    if (wanted(d) >= 0 && (int64_t)n > wanted(d) - d->have) return refuse(d, KM_SYSTEM, "more bytes than promised");
    while (n > 0) {
        ssize_t k = write(d->fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) {
            km_fail(&d->rq.refused, KM_INPUT, "%.150s: %s", d->part, strerror(errno));
            return false;
        }
        p += k;
        n -= (size_t)k;
        d->have += k;
        km_http_count(d->h, k);
    }
    return true;
}

/* One request for what is missing. 1: try again. */
static km_status ask(download *d, km_http_facts *facts, km_err *err)
{
    d->begun = false;
    d->rq.first = d->first + d->have;
    d->rq.n = d->n >= 0 ? d->n - d->have : d->have > 0 ? -1 : 0;
    d->rq.opt_if_range = d->have > 0 ? validator(d) : NULL;
    km_status status = km_http_once(d->h, &d->rq, facts, err);
    bool beyond = facts->status == 416 && d->have > 0, spoiled = status == 1 && d->rq.refused.code;
    if (beyond && facts->total == d->first + d->have && d->n < 0) {
        d->total = facts->total;
        return KM_OK;
    }
    if (beyond || spoiled) { /* what is there is not the beginning of what the server has now */
        km_err was = *err;
        KM_TRY(cut(d, 0, err));
        d->total = -1;
        *d->etag = *d->modified = 0;
        *err = was;
        return 1;
    }
    if (status != KM_OK) return status;
    if (!d->begun && !begin(d, facts)) { /* an empty file */
        *err = d->rq.refused;
        return d->rq.refused.code;
    }
    if (wanted(d) < 0 || d->have == wanted(d)) return KM_OK;
    km_fail(err, KM_SYSTEM, "%.150s: %lld bytes too few", d->url, (long long)(wanted(d) - d->have));
    return 1;
}

km_status km_http_download(km_http *h, const char *part, const char *url, int64_t first, int64_t n,
                           km_http_facts *opt_facts, km_err *err)
{
    km_http_facts own = {0}, *facts = opt_facts ? opt_facts : &own;
    download d = {.h = h, .part = part, .url = url, .fd = -1, .first = first, .n = n, .total = -1};
    d.note = km_asprintf("%s.json", part);
    d.rq = (km_http_request){.url = url, .sink = take, .arg = &d};
    km_status status = open_part(&d, err);
    for (int tries = 0; status == KM_OK && (d.have == 0 || d.have != wanted(&d));) {
        int64_t had = d.have;
        status = ask(&d, facts, err);
        if (status != 1) break;
        status = km_http_wait(h, &tries, d.have > had, err);
    }
    if (status == KM_OK || d.have == 0) unlink(d.note);
    if (status != KM_OK && d.fd >= 0 && d.have == 0) unlink(part);
    if (d.fd >= 0 && close(d.fd) != 0 && status == KM_OK)
        status = km_fail(err, KM_SYSTEM, "%.150s: %s", part, strerror(errno));
    free(d.note);
    if (status == KM_INPUT) status = err->code = KM_SYSTEM; /* for the request it only meant: do not try again */
    return status;
}
