/* SPDX-License-Identifier: MIT
 * ATLAS (Vander Meersche et al., NAR 2024): one zip a chain and tier, with a structure and three replicas. The server
 * breaks off long answers; it publishes no digests, so the archives' own checksums are what is verified. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fetch/impl.h"

/* Megabytes of an archive by the length of the chain, fitted to the published ones; the protein tier has ten times the
 * frames. */
static int64_t estimate(const char *tier, int residues)
{
    double mb = 1.72 + 0.2265 * (residues > 0 ? residues : 240);
    return (int64_t)(mb * (strcmp(tier, "protein") == 0 ? 9.5e6 : 1e6));
}

static void add(km_fetch *f, const char *id, int residues)
{
    km_fetch_system *s = km_fetch_add(f, id, NULL, estimate(f->tier, residues));
    s->room = 2 * s->bytes;
}

/* A text among the members of a kept archive; NULL: there is none whose name ends so. */
static km_status read_member(km_fetch *f, int archive, const char *end, char **ret, km_err *err)
{
    km_zip_entry *entries;
    uint64_t n;
    *ret = NULL;
    KM_TRY(km_fetch_directory(archive, f->arena, &entries, &n, err));
    for (uint64_t i = 0; i < n; i++) {
        size_t length = strlen(entries[i].name), m = strlen(end);
        if (length < m || strcmp(entries[i].name + length - m, end) != 0 || !entries[i].regular) continue;
        char *path = km_asprintf("%s/%s.%d", f->cache, end + 1, (int)getpid());
        km_status status = km_fetch_unpack(archive, 0, &entries[i], path, err);
        int fd = status == KM_OK ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        unlink(path);
        free(path);
        KM_TRY(status);
        return fd < 0 ? km_fail(err, KM_SYSTEM, "%s", strerror(errno)) : km_fetch_read(fd, end, ret, NULL, err);
    }
    return KM_OK;
}

/* Column `name` of a table with tabs: its number, or -1. */
static int column(const char *head, const char *name)
{
    int k = 0;
    for (const char *p = head; *p && *p != '\n'; p++, k++) {
        size_t n = strcspn(p, "\t\r\n");
        if (n == strlen(name) && strncmp(p, name, n) == 0) return k;
        p += n;
        if (*p != '\t') break;
    }
    return -1;
}

static const char *cell(const char *row, int k)
{
    for (; k > 0; k--) {
        row += strcspn(row, "\t\r\n");
        if (*row++ != '\t') return NULL;
    }
    return row;
}

/* The chain's length by the table of facts; 0: not told. */
static int residues_of(const char *opt_info, const char *id)
{
    int name = opt_info ? column(opt_info, "PDB") : -1, length = opt_info ? column(opt_info, "length") : -1;
    if (name < 0 || length < 0) return 0;
    for (const char *row = strchr(opt_info, '\n'); row; row = strchr(row + 1, '\n')) {
        const char *p = cell(row + 1, name), *q = cell(row + 1, length);
        if (p && q && strncmp(p, id, strlen(id)) == 0 && strchr("\t\r\n", p[strlen(id)])) return atoi(q);
    }
    return 0;
}

km_status km_fetch_atlas_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err)
{
    for (; ids && *ids; ids++) {
        if (!km_fetch_id_is_safe(*ids)) return km_fail(err, KM_USAGE, "'%.60s' is no id of a chain", *ids);
        add(f, *ids, 0);
    }
    if (ids) return KM_OK;
    char *url = km_asprintf("%s/api/parsable", f->base), *names = NULL, *info = NULL, *rest = NULL;
    int fd = -1;
    km_status status = km_fetch_keep_file(f, h, "parsable.zip", url, 0, -1, &fd, err);
    if (status == KM_OK) status = read_member(f, fd, "_ATLAS_pdb.txt", &names, err);
    if (status == KM_OK) status = read_member(f, fd, "_ATLAS_info.tsv", &info, err);
    if (status == KM_INPUT) status = km_fail_in(err, url);
    if (status == KM_OK && !names) status = km_fail(err, KM_SYSTEM, "%.150s: no list of chains in it", url);
    for (char *id = names ? strtok_r(names, " \t\r\n", &rest) : NULL; status == KM_OK && id;
         id = strtok_r(NULL, " \t\r\n", &rest))
        if (km_fetch_id_is_safe(id)) add(f, id, residues_of(info, id));
        else status = km_fail(err, KM_SYSTEM, "%.150s: '%.40s' is no id of a chain", url, id);
    if (fd >= 0) close(fd);
    free(url), free(names), free(info);
    return status;
}

/* The length of the folder's name that all members begin with, its slash included; 0: there is none. */
static size_t nested(const km_zip_entry *entries, uint64_t n)
{
    size_t length = n > 0 ? strcspn(entries[0].name, "/") : 0;
    if (length == 0 || entries[0].name[length] != '/') return 0;
    for (uint64_t i = 1; i < n; i++)
        if (strncmp(entries[i].name, entries[0].name, length + 1) != 0) return 0;
    return length + 1;
}

static km_status unpack_all(int fd, const char *to, km_arena *arena, const char *url, json_t *record, km_err *err)
{
    km_zip_entry *entries;
    uint64_t n;
    int trajectories = 0;
    KM_TRY(km_fetch_directory(fd, arena, &entries, &n, err));
    size_t skip = nested(entries, n);
    for (uint64_t i = 0; i < n; i++) {
        const km_zip_entry *e = &entries[i];
        const char *name = e->name + skip, *dot = strrchr(name, '.');
        if (*name == 0 || name[strlen(name) - 1] == '/') continue;
        if (!e->regular || !km_fetch_path_is_safe(name) || strchr(name, '/'))
            return km_fail(err, KM_INPUT, "member '%.80s' does not belong in a folder of its own", e->name);
        char *path = km_asprintf("%s/%s", to, name), crc[16];
        km_status status = km_fetch_unpack(fd, 0, e, path, err);
        free(path);
        KM_TRY(status);
        trajectories += dot && strcmp(dot, ".xtc") == 0;
        snprintf(crc, sizeof crc, "crc32:%08x", e->crc);
        km_fetch_note(record, name, url, (int64_t)e->size, crc, "the archive's checksum");
    }
    return trajectories ? KM_OK : km_fail(err, KM_INPUT, "no trajectories in it");
}

/* Bring the archive and unpack it. A damaged one is asked for once more. */
static km_status bring(km_http *h, const char *url, const char *part, const char *to, km_http_facts *facts,
                       json_t *record, km_err *err)
{
    km_status status = KM_OK;
    for (int tries = 0; tries < 2; tries++) {
        status = km_http_download(h, part, url, 0, -1, facts, err);
        KM_TRY(status);
        int fd = open(part, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return km_fail(err, KM_SYSTEM, "%.150s: %s", part, strerror(errno));
        km_arena *arena = km_arena_new();
        json_object_del(record, "files");
        status = unpack_all(fd, to, arena, url, record, err);
        km_arena_free(arena);
        close(fd);
        if (status == KM_OK || status == KM_INPUT) unlink(part);
        if (status != KM_INPUT) return status;
    }
    km_fail_in(err, url);
    return err->code = KM_SYSTEM;
}

km_status km_fetch_atlas_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                             km_err *err)
{
    char *urls[] = {km_asprintf("%s/database/ATLAS/%s/%s_%s.zip", f->base, s->id, s->id, f->tier),
                    km_asprintf("%s/api/ATLAS/%s/%s", f->base, f->tier, s->id)};
    char *part = km_asprintf("%s/%s_%s.zip.part", to, s->id, f->tier);
    km_http_facts facts = {0};
    km_status status = bring(h, urls[0], part, to, &facts, record, err);
    if (status == KM_SYSTEM && facts.status == 404) status = bring(h, urls[1], part, to, &facts, record, err);
    json_object_set_new(record, "tier", json_string(f->tier));
    free(urls[0]), free(urls[1]), free(part);
    return status;
}
