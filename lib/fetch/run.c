/* SPDX-License-Identifier: MIT
 * A run over the systems of one set: which of them, some at a time, and what became of each. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/fetch/impl.h"

#define MANIFEST_EVERY 30.0 /* seconds */

km_status km_fetch_open(const km_fetch_set *set, const char *dir, const char *opt_base, const char *tier,
                        const km_http_options *options, km_fetch **ret, km_err *err)
{
    km_fetch *f = KM_NEW(km_fetch);
    bool named = set->tiers && strcmp(tier, "analysis") != 0;
    f->set = set;
    f->tier = tier;
    f->base = km_strdup(opt_base ? opt_base : set->base);
    for (size_t n = strlen(f->base); n > 0 && f->base[n - 1] == '/'; n--) f->base[n - 1] = 0;
    f->dir = km_asprintf("%s/%s%s%s", dir, set->name, named ? "-" : "", named ? tier : "");
    f->cache = km_asprintf("%s/.fetch/%s", dir, set->name);
    f->locks = km_asprintf("%s/.fetch/hosts", dir);
    f->license = km_strdup(set->license);
    f->arena = km_arena_new();
    f->http = *options;
    f->http.locks = f->locks;
    char *below[] = {km_asprintf("%s/", f->cache), km_asprintf("%s/", f->locks)};
    km_status status = km_fetch_make_folders(below[0], err);
    if (status == KM_OK) status = km_fetch_make_folders(below[1], err);
    free(below[0]), free(below[1]);
    *ret = f;
    if (status == KM_OK) return KM_OK;
    km_fetch_close(f);
    *ret = NULL;
    return status;
}

void km_fetch_close(km_fetch *f)
{
    if (!f) return;
    if (f->set->close) f->set->close(f);
    km_arena_free(f->arena);
    free(f->systems), free(f->base), free(f->dir), free(f->cache), free(f->locks), free(f->license);
    free(f);
}

/* -- which systems */

static const km_fetch_system *find(const km_fetch *f, const char *id)
{
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->systems[i].id, id) == 0) return &f->systems[i];
    return NULL;
}

km_status km_fetch_list(km_fetch *f, const char *const *opt_ids, int limit, int *ret_missing,
                        void (*missed)(void *arg, const char *id), void *arg, km_err *err)
{
    f->whole = !opt_ids && limit == 0 && !f->names;
    *ret_missing = 0;
    km_http *h = km_http_new(&(km_http_options){.locks = f->locks, .tries = f->http.tries, .timeout = f->http.timeout});
    km_status status = f->set->list(f, h, opt_ids, err);
    km_http_free(h);
    KM_TRY(status);
    if (opt_ids) {
        int n = 0;
        while (opt_ids[n]) n++;
        km_fetch_system *chosen = KM_NEWN(km_fetch_system, (size_t)n + 1);
        for (int i = n = 0; opt_ids[i]; i++) {
            const km_fetch_system *s = find(f, opt_ids[i]);
            if (s) chosen[n++] = *s;
            else missed(arg, opt_ids[i]), ++*ret_missing;
        }
        free(f->systems);
        f->systems = chosen;
        f->n = n;
    }
    if (limit > 0 && f->n > limit) f->n = limit;
    return KM_OK;
}

static char *place_of(const km_fetch *f, const km_fetch_system *s)
{
    return km_asprintf("%s/%s", f->dir, s->file ? s->file : s->id);
}

bool km_fetch_has(const km_fetch *f, const km_fetch_system *s)
{
    struct stat sb;
    char *path = place_of(f, s);
    bool there = stat(path, &sb) == 0 && (s->file ? S_ISREG(sb.st_mode) : S_ISDIR(sb.st_mode));
    free(path);
    return there;
}

/* -- one system */

static char *today(char out[32])
{
    time_t now = time(NULL);
    struct tm tm;
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    return out;
}

/* A folder of its own, locked while it is filled, then renamed. */
static km_status get_folder(km_fetch *f, km_http *h, const km_fetch_system *s, const char *place, json_t *record,
                            km_err *err)
{
    char *part = km_asprintf("%s.part", place), *note = km_asprintf("%s/fetch.json", part);
    km_status status = KM_OK;
    int fd = -1;
    if (mkdir(part, 0777) != 0 && errno != EEXIST)
        status = km_fail(err, KM_SYSTEM, "cannot make the folder '%.150s': %s", part, strerror(errno));
    else if ((fd = open(part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) < 0)
        status = km_fail(err, KM_SYSTEM, "cannot open the folder '%.150s': %s", part, strerror(errno));
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        status = km_fail(err, KM_SYSTEM, "%.150s: another run is filling it", part);
    if (status == KM_OK) status = f->set->get(f, h, s, part, record, err);
    if (status == KM_OK && (json_dump_file(record, note, JSON_INDENT(1)) != 0 || rename(part, place) != 0))
        status = km_fail(err, KM_SYSTEM, "%.150s: %s", place, strerror(errno));
    if (fd >= 0) close(fd);
    if (status != KM_OK) rmdir(part); /* when there is nothing in it to go on with */
    free(part), free(note);
    return status;
}

static km_status get_system(km_fetch *f, km_http *h, const km_fetch_system *s, json_t *record, km_err *err)
{
    char *place = place_of(f, s), when[32];
    int64_t need = s->room >= 0 ? s->room : s->bytes, room = km_fetch_room(f->dir);
    json_object_set_new(record, "set", json_string(f->set->name));
    json_object_set_new(record, "license", json_string(f->license));
    json_object_set_new(record, "date", json_string(today(when)));
    km_status status = need > room ? km_fail(err, KM_SYSTEM, "%lld bytes are needed on disk, %lld are free",
                                             (long long)need, (long long)room)
                       : s->file   ? f->set->get(f, h, s, place, record, err)
                                   : get_folder(f, h, s, place, record, err);
    free(place);
    return status;
}

/* -- all of them */

typedef struct run {
    km_fetch *f;
    km_fetch_report *report;
    pthread_mutex_t lock; /* of all below */
    int next;
    json_t *records;
    double written;
    km_status status; /* what ends the run */
    km_err err;
} run;

static void write_manifest(run *r)
{
    if (r->status == KM_OK || r->status == KM_INTERRUPTED) {
        km_err err;
        km_status status = km_fetch_manifest(r->f, r->records, &err);
        if (status != KM_OK) r->status = status, r->err = err;
    }
    json_object_clear(r->records);
    r->written = km_seconds();
}

static void settle(run *r, const km_fetch_system *s, json_t *record, km_status status, const km_err *err)
{
    pthread_mutex_lock(&r->lock);
    if (status == KM_OK) {
        json_object_set(r->records, s->id, record);
        r->report->fetched++;
    } else if (status == KM_INTERRUPTED) {
        r->status = status;
        r->err = *err;
    } else {
        r->report->failed++;
    }
    if (status != KM_INTERRUPTED) r->report->done(r->report->arg, r->f, s, status, err);
    if (km_seconds() - r->written > MANIFEST_EVERY) write_manifest(r);
    pthread_mutex_unlock(&r->lock);
}

static const km_fetch_system *next_system(run *r)
{
    const km_fetch_system *s = NULL;
    pthread_mutex_lock(&r->lock);
    while (!s && r->next < r->f->n && r->status == KM_OK) {
        s = &r->f->systems[r->next++];
        if (!km_fetch_has(r->f, s)) continue;
        r->report->there++;
        s = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    return s;
}

static void *work(void *arg)
{
    run *r = arg;
    km_http *h = km_http_new(&r->f->http);
    for (const km_fetch_system *s; (s = next_system(r));) {
        km_err err = {0};
        json_t *record = json_object();
        km_status status = get_system(r->f, h, s, record, &err);
        if (km_interrupted() && status != KM_OK) status = km_fail(&err, KM_INTERRUPTED, "interrupted");
        settle(r, s, record, status, &err);
        json_decref(record);
    }
    km_http_free(h);
    return NULL;
}

km_status km_fetch_run(km_fetch *f, int jobs, km_fetch_report *report, km_err *err)
{
    run r = {.f = f, .report = report, .written = km_seconds()};
    char *below = km_asprintf("%s/", f->dir);
    km_status made = km_fetch_make_folders(below, err);
    free(below);
    KM_TRY(made);
    pthread_t *threads = KM_NEWN(pthread_t, (size_t)jobs);
    int n = 0;
    r.records = json_object();
    pthread_mutex_init(&r.lock, NULL);
    while (n < jobs - 1 && n < f->n && pthread_create(&threads[n], NULL, work, &r) == 0) n++;
    work(&r);
    while (n > 0) pthread_join(threads[--n], NULL);
    write_manifest(&r);
    json_decref(r.records);
    pthread_mutex_destroy(&r.lock);
    free(threads);
    if (r.status != KM_OK && err) *err = r.err;
    return r.status;
}
