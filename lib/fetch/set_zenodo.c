/* SPDX-License-Identifier: MIT
 * Systems in zip archives of one Zenodo record (the sets of BioEmu). Systems are taken out of the archive where it is:
 * its directory is read by ranges, then the members of a system, neighbours in one request. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fetch/impl.h"

/* Members this close are asked for together, with what lies between. */
enum { GAP = 1 << 16 };

typedef struct member {
    km_zip_entry entry;
    const char *key, *path; /* ID/PATH, and PATH alone, below the system's folder */
    uint64_t end;     /* where the next member begins, or the directory */
} member;

typedef struct archive {
    const char *name, *url;
} archive;

/* A system: some members, in order of their places. */
typedef struct content {
    const archive *archive;
    const member *members;
    int n;
} content;

/* -- the record */

static const json_t *find_file(const json_t *record, const char *name)
{
    const json_t *files = json_object_get(record, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        const char *key = json_string_value(json_object_get(file, "key"));
        if (key && strcmp(key, name) == 0) return file;
    }
    return NULL;
}

km_status km_fetch_zenodo(km_fetch *f, km_http *h, int64_t number, json_t **ret, km_err *err)
{
    char *url = km_asprintf("%s/api/records/%lld", f->base, (long long)number);
    km_status status = km_fetch_keep_json(f, h, "record.json", url, ret, err);
    free(url);
    KM_TRY(status);
    const json_t *license = json_object_get(json_object_get(*ret, "metadata"), "license");
    const char *id = json_string_value(json_object_get(license, "id"));
    if (id) {
        free(f->license);
        f->license = km_strdup(id);
    }
    return KM_OK;
}

km_status km_fetch_zenodo_file(km_fetch *f, int64_t number, const json_t *record, const char *name, km_fetch_file *ret,
                               km_err *err)
{
    const json_t *file = find_file(record, name);
    const char *digest = json_string_value(json_object_get(file, "checksum"));
    const json_t *size = json_object_get(file, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        return km_fail(err, KM_SYSTEM, "record %lld of %.100s has no file %.80s", (long long)number, f->base, name);
    char *url = km_asprintf("%s/records/%lld/files/%s?download=1", f->base, (long long)number, name);
    *ret = (km_fetch_file){.url = km_fetch_lasting(f, url), .bytes = json_integer_value(size),
                           .digest = digest ? km_fetch_lasting(f, digest) : NULL, .origin = "the publisher's digest"};
    free(url);
    return KM_OK;
}

/* -- what is in an archive */

/* Read the directory by two ranges; both are kept. */
static km_status read_directory(km_fetch *f, km_http *h, const char *name, const km_fetch_file *file,
                                km_zip_directory *d, km_zip_entry **ret, km_err *err)
{
    char *keep[] = {km_asprintf("%s.tail", name), km_asprintf("%s.directory", name)}, *bytes = NULL;
    int64_t n = file->bytes < KM_ZIP_TAIL ? file->bytes : KM_ZIP_TAIL;
    size_t got = 0;
    int fd;
    km_status status = km_fetch_keep_file(f, h, keep[0], file->url, file->bytes - n, n, &fd, err);
    if (status == KM_OK) status = km_fetch_read(fd, keep[0], &bytes, &got, err);
    if (status == KM_OK) status = km_zip_locate((const uint8_t *)bytes, got, (uint64_t)file->bytes, d, err);
    free(bytes);
    bytes = NULL;
    if (status == KM_OK && d->size > 0)
        status = km_fetch_keep_file(f, h, keep[1], file->url, (int64_t)d->offset, (int64_t)d->size, &fd, err);
    if (status == KM_OK && d->size > 0) status = km_fetch_read(fd, keep[1], &bytes, &got, err);
    if (status == KM_OK) status = km_zip_entries((const uint8_t *)bytes, d, f->arena, ret, err);
    if (status == KM_INPUT) {
        km_fail_in(err, name);
        status = err->code = KM_SYSTEM;
    }
    free(bytes), free(keep[0]), free(keep[1]);
    return status;
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = ((const member *)a)->entry.offset, y = ((const member *)b)->entry.offset;
    return (x > y) - (x < y);
}

/* The system's folder is the one that holds dataset.json or topology.pdb; `root`, before it, is the same for all. */
static size_t root_length(const km_zip_entry *entries, uint64_t n)
{
    static const char marker[] = "/topology.pdb";
    for (uint64_t i = 0; i < n; i++) {
        size_t length = strlen(entries[i].name), m = sizeof marker - 1;
        if (length <= m || strcmp(entries[i].name + length - m, marker) != 0) continue;
        length -= m;
        while (length > 0 && entries[i].name[length - 1] != '/') length--;
        return length;
    }
    return 0;
}

static size_t id_length(const member *m) { return (size_t)(m->path - m->key) - 1; }

/* ID/PATH to its parts, if they can be a folder and a file in it. */
static bool split(member *m, const char *key)
{
    char id[256];
    size_t n = strcspn(key, "/");
    if (n == 0 || n >= sizeof id || key[n] != '/') return false;
    memcpy(id, key, n);
    id[n] = 0;
    m->key = key;
    m->path = key + n + 1;
    return km_fetch_id_is_safe(id) && km_fetch_path_is_safe(m->path);
}

static bool same_system(const member *x, const member *y)
{
    return id_length(x) == id_length(y) && memcmp(x->key, y->key, id_length(x)) == 0;
}

static int by_system(const void *a, const void *b)
{
    const member *x = a, *y = b;
    return same_system(x, y) ? by_offset(a, b) : strcmp(x->key, y->key);
}

/* One without any trajectory is no system. */
static void add_system(km_fetch *f, const archive *a, const member *m, int n)
{
    int trajectories = 0;
    for (int i = 0; i < n; i++) {
        const char *dot = strrchr(m[i].path, '.');
        trajectories += dot && strcmp(dot, ".xtc") == 0;
    }
    if (!trajectories) return;
    content *c = km_arena_zero(f->arena, sizeof *c);
    *c = (content){a, m, n};
    char *id = km_asprintf("%.*s", (int)id_length(m), m->key);
    km_fetch_system *s = km_fetch_add(f, id, NULL, 0);
    free(id);
    s->what = c;
    s->room = 0;
    for (int i = 0; i < n; i++) {
        s->bytes += (int64_t)(m[i].end - m[i].entry.offset);
        s->room += (int64_t)m[i].entry.size;
    }
    s->room += s->bytes;
}

/* Entries to systems: files below ROOT/ID/. What lies elsewhere belongs to none. */
static km_status take_entries(km_fetch *f, const archive *a, const km_zip_directory *d, const km_zip_entry *e,
                              km_err *err)
{
    size_t skip = root_length(e, d->count);
    member *members = km_arena_zero(f->arena, ((size_t)d->count + 1) * sizeof *members);
    int n = 0;
    for (uint64_t i = 0; i < d->count; i++) members[i].entry = e[i];
    qsort(members, (size_t)d->count, sizeof *members, by_offset);
    for (uint64_t i = 0; i < d->count; i++)
        members[i].end = i + 1 < d->count ? members[i + 1].entry.offset : d->offset;
    for (uint64_t i = 0; i < d->count; i++) {
        member m = members[i];
        const char *name = m.entry.name;
        size_t length = strlen(name);
        if (length <= skip || name[length - 1] == '/' || strncmp(name, e[0].name, skip) || !strchr(name + skip, '/'))
            continue;
        if (!m.entry.regular || m.end < m.entry.offset + m.entry.packed || !split(&m, name + skip))
            return km_fail(err, KM_SYSTEM, "%s: member '%.80s' does not belong in a folder of its own", a->name, name);
        members[n++] = m;
    }
    qsort(members, (size_t)n, sizeof *members, by_system);
    for (int i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && same_system(&members[i], &members[k]);) k++;
        add_system(f, a, &members[i], k - i);
    }
    return KM_OK;
}

km_status km_fetch_zenodo_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err)
{
    const km_fetch_record *r = f->set->data;
    json_t *record;
    (void)ids;
    KM_TRY(km_fetch_zenodo(f, h, r->number, &record, err));
    km_status status = KM_OK;
    for (int i = 0; status == KM_OK && r->archives[i]; i++) {
        km_fetch_file file;
        km_zip_directory d;
        km_zip_entry *entries;
        archive *a = km_arena_zero(f->arena, sizeof *a);
        status = km_fetch_zenodo_file(f, r->number, record, r->archives[i], &file, err);
        if (status == KM_OK) status = read_directory(f, h, r->archives[i], &file, &d, &entries, err);
        if (status != KM_OK) break;
        *a = (archive){r->archives[i], file.url};
        status = take_entries(f, a, &d, entries, err);
    }
    json_decref(record);
    return status;
}

/* -- out of the archive */

static char *path_of(const char *to, const member *m) { return km_asprintf("%s/%s", to, m->path); }

static bool all_there(const char *to, const member *m, int n)
{
    bool there = true;
    for (int i = 0; there && i < n; i++) {
        char *path = path_of(to, &m[i]);
        there = km_fetch_is_member(path, &m[i].entry);
        free(path);
    }
    return there;
}

static km_status unpack(const char *part, const char *to, const member *m, int n, km_err *err)
{
    km_status status = KM_OK;
    int fd = open(part, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return km_fail(err, KM_SYSTEM, "%.150s: %s", part, strerror(errno));
    for (int i = 0; status == KM_OK && i < n; i++) {
        char *path = path_of(to, &m[i]);
        status = km_fetch_make_folders(path, err);
        if (status == KM_OK) status = km_fetch_unpack(fd, (int64_t)m[0].entry.offset, &m[i].entry, path, err);
        free(path);
    }
    close(fd);
    return status;
}

/* Neighbours: their bytes as a part, then each to its file. Damaged ones are asked for once more. */
static km_status bring(km_http *h, const archive *a, const char *to, const member *m, int n, km_err *err)
{
    int64_t first = (int64_t)m[0].entry.offset, bytes = (int64_t)m[n - 1].end - first;
    if (all_there(to, m, n)) return KM_OK;
    char *part = km_asprintf("%s/%lld.part", to, (long long)first);
    km_status status = KM_OK;
    for (int tries = 0; tries < 2; tries++) {
        status = km_http_download(h, part, a->url, first, bytes, NULL, err);
        if (status == KM_OK) status = unpack(part, to, m, n, err);
        if (status == KM_OK || status == KM_INPUT) unlink(part);
        if (status != KM_INPUT) break;
    }
    if (status == KM_INPUT) {
        km_fail_in(err, a->name);
        status = err->code = KM_SYSTEM;
    }
    free(part);
    return status;
}

km_status km_fetch_zenodo_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                              km_err *err)
{
    const content *c = s->what;
    (void)f;
    for (int i = 0, k; i < c->n; i = k) {
        for (k = i + 1; k < c->n && c->members[k].entry.offset - c->members[k - 1].end < GAP;) k++;
        KM_TRY(bring(h, c->archive, to, &c->members[i], k - i, err));
    }
    for (int i = 0; i < c->n; i++) {
        char crc[16];
        snprintf(crc, sizeof crc, "crc32:%08x", c->members[i].entry.crc);
        km_fetch_note(record, c->members[i].path, c->archive->url, (int64_t)c->members[i].entry.size, crc,
                      "the archive's checksum");
    }
    json_object_set_new(record, "archive", json_string(c->archive->name));
    return KM_OK;
}
