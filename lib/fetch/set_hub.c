/* SPDX-License-Identifier: MIT
 * Files of a Hugging Face hub. Its listing gives sizes and digests: SHA-256 of large files, git's blob id of others. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/fetch/impl.h"

typedef struct member {
    const char *path; /* in the repository */
    const char *name; /* in the system's folder, or the file's own */
    const char *digest;
    int64_t bytes;
    struct member *next;
} member;

static member *take_entry(km_fetch *f, const json_t *e)
{
    const char *path = json_string_value(json_object_get(e, "path"));
    const char *type = json_string_value(json_object_get(e, "type"));
    const char *large = json_string_value(json_object_get(json_object_get(e, "lfs"), "oid"));
    const char *oid = json_string_value(json_object_get(e, "oid"));
    const json_t *size = json_object_get(e, "size");
    if (!path || !type || strcmp(type, "file") != 0 || !json_is_integer(size)) return NULL;
    member *m = km_arena_zero(f->arena, sizeof *m);
    char *digest = large ? km_asprintf("sha256:%s", large) : oid ? km_asprintf("git:%s", oid) : NULL;
    *m = (member){.path = km_fetch_lasting(f, path), .bytes = json_integer_value(size)};
    m->digest = digest ? km_fetch_lasting(f, digest) : NULL;
    free(digest);
    return m;
}

static bool is_trajectory(const char *path)
{
    return km_ends_with(path, ".h5") || km_ends_with(path, ".h5md") || km_ends_with(path, ".hdf5");
}

/* A file that is a system of its own: PREFIX ID SUFFIX below the set's folder. */
static km_status add_file(km_fetch *f, const km_fetch_hub *hub, member *m, km_err *err)
{
    const char *name = strrchr(m->path, '/');
    name = name ? name + 1 : m->path;
    size_t n = strlen(hub->prefix), k = strlen(hub->suffix);
    if (strlen(name) < n + k || strncmp(name, hub->prefix, n) != 0 || !km_ends_with(name, hub->suffix)) return KM_OK;
    char *id = hub->whole_names ? km_strdup(name) : km_asprintf("%.*s", (int)(strlen(name) - n - k), name + n);
    km_status status = KM_OK;
    if (!km_fetch_id_is_safe(id) || !km_fetch_id_is_safe(name) || !km_fetch_path_is_safe(m->path))
        status = km_fail(err, KM_SYSTEM, "%s: '%.100s' cannot be a file's name", hub->repository, m->path);
    else km_fetch_add(f, id, name, m->bytes)->what = m;
    m->name = name;
    free(id);
    return status;
}

/* Files below one folder are a system, the folders that all share left out. Without folders, files of one stem. */
static km_status add_grouped(km_fetch *f, const km_fetch_hub *hub, member *m, size_t skip, km_err *err)
{
    const char *rest = m->path + skip;
    size_t n = strcspn(rest, "/"), stem = rest[n] ? n : strcspn(rest, ".");
    if (*rest == '.' || (!rest[n] && !is_trajectory(rest) && !km_ends_with(rest, ".pdb")))
        return KM_OK; /* what is said about the set, not of it */
    char *id = km_asprintf("%.*s", (int)stem, rest);
    km_fetch_system *s = f->n > 0 && strcmp(f->systems[f->n - 1].id, id) == 0 ? &f->systems[f->n - 1] : NULL;
    m->name = rest[n] ? rest + n + 1 : rest;
    if (!km_fetch_id_is_safe(id) || !km_fetch_path_is_safe(m->name)) {
        free(id);
        return km_fail(err, KM_SYSTEM, "%s: '%.100s' cannot be a file's name", hub->repository, m->path);
    }
    if (!s) s = km_fetch_add(f, id, NULL, 0);
    s->bytes += m->bytes;
    m->next = (member *)s->what;
    s->what = m;
    free(id);
    return KM_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(member *const *)a)->path, (*(member *const *)b)->path);
}

/* The folders that all trajectories lie in: the first one's path, and how much of it. */
static size_t shared_folders(member *const *m, int n, const char **ret_path)
{
    size_t shared = 0;
    *ret_path = "";
    for (int i = 0; i < n; i++) {
        const char *path = m[i]->path, *slash = strrchr(path, '/');
        if (!is_trajectory(path)) continue;
        if (!**ret_path) {
            *ret_path = path;
            shared = slash ? (size_t)(slash - path) + 1 : 0;
        }
        while (shared > 0 && strncmp(path, *ret_path, shared) != 0)
            while (--shared > 0 && path[shared - 1] != '/') continue;
    }
    return shared;
}

/* The licence as the hub's card of the repository names it. */
static void ask_license(km_fetch *f, km_http *h, const km_fetch_hub *hub)
{
    char *url = km_asprintf("%s/api/%s/%s", f->base, hub->kind, hub->repository);
    json_t *card;
    if (km_fetch_keep_json(f, h, "card.json", url, &card, NULL) == KM_OK) {
        const char *id = json_string_value(json_object_get(json_object_get(card, "cardData"), "license"));
        if (id) {
            free(f->license);
            f->license = km_strdup(id);
        }
        json_decref(card);
    }
    free(url);
}

km_status km_fetch_hub_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err)
{
    const km_fetch_hub *hub = f->set->data;
    char *url = km_asprintf("%s/api/%s/%s/tree/main%s%s?recursive=true", f->base, hub->kind, hub->repository,
                            *hub->folder ? "/" : "", hub->folder);
    json_t *tree;
    (void)ids;
    km_status status = km_fetch_keep_pages(f, h, "tree.json", url, &tree, err);
    free(url);
    KM_TRY(status);
    ask_license(f, h, hub);
    int n = 0;
    member **members = KM_NEWN(member *, json_array_size(tree) + 1);
    for (size_t i = 0; i < json_array_size(tree); i++)
        if ((members[n] = take_entry(f, json_array_get(tree, i)))) n++;
    qsort(members, (size_t)n, sizeof *members, by_path);
    const char *folder;
    size_t skip = shared_folders(members, n, &folder);
    for (int i = 0; status == KM_OK && i < n; i++)
        if (!hub->grouped) status = add_file(f, hub, members[i], err);
        else if (strncmp(members[i]->path, folder, skip) == 0) status = add_grouped(f, hub, members[i], skip, err);
    free(members);
    json_decref(tree);
    return status;
}

static km_status bring(km_fetch *f, km_http *h, const member *m, const char *to, json_t *record, km_err *err)
{
    const km_fetch_hub *hub = f->set->data;
    char *path = km_fetch_escape(m->path);
    char *url = km_asprintf("%s/%s%s/resolve/main/%s", f->base, strcmp(hub->kind, "models") == 0 ? "" : "datasets/",
                            hub->repository, path);
    km_fetch_file file = {.url = url, .digest = m->digest, .bytes = m->bytes,
                          .origin = m->digest ? "the publisher's digest" : "its length"};
    km_status status = km_fetch_make_folders(to, err);
    if (status == KM_OK) status = km_fetch_bring(h, &file, to, record, err);
    free(url), free(path);
    return status;
}

km_status km_fetch_hub_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                           km_err *err)
{
    if (s->file) return bring(f, h, s->what, to, record, err);
    for (const member *m = s->what; m; m = m->next) {
        char *path = km_asprintf("%s/%s", to, m->name);
        km_status status = bring(f, h, m, path, record, err);
        free(path);
        KM_TRY(status);
    }
    return KM_OK;
}
