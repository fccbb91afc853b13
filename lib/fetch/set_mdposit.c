/* SPDX-License-Identifier: MIT
 * MDposit, DynaRepo and the other nodes of MDDB (mmb-irb/MDDB-REST-API): a project has replicas, ACCESSION.1 and on, of
 * one molecule. Their trajectories come as frames, some at a time: 4-byte numbers x, y, z of each atom, without a head.
 * A server may limit the frames of an answer; it then says 400, and is asked for fewer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fetch/http_impl.h"
#include "lib/fetch/impl.h"

enum { PAGE = 100, MOST_PAGES = 10000, LARGEST_ANSWER = 1 << 26, PIECE = 1 << 24, MOST_REPLICAS = 999,
       MOST_ATOMS = 1 << 26, MOST_FRAMES = 1 << 30 };

/* -- the list */

static int64_t integer(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) < 1e15 ? (int64_t)json_number_value(v)
                                                                                        : -1;
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static km_status ask(km_http *h, const char *url, json_t **ret, km_http_facts *opt_facts, km_err *err)
{
    char *answer;
    size_t n;
    KM_TRY(km_http_get(h, url, LARGEST_ANSWER, &answer, &n, opt_facts, err));
    *ret = json_loads(answer, 0, NULL);
    free(answer);
    return *ret ? KM_OK : km_fail(err, KM_SYSTEM, "%.150s: no JSON", url);
}

/* What is kept of a project: accession, and how many bytes its frames are. */
static json_t *digest(const json_t *project)
{
    const json_t *meta = json_object_get(project, "metadata");
    const char *id = text(project, "accession"), *type = text(meta, "TYPE");
    int64_t atoms = integer(meta, "mdAtoms"), frames = integer(meta, "mdFrames");
    size_t replicas = json_array_size(json_object_get(project, "mds"));
    if (!id || (type && strcmp(type, "ensemble") == 0)) return NULL; /* an ensemble has no times */
    bool told = atoms > 0 && frames > 0 && atoms <= MOST_ATOMS && frames <= MOST_FRAMES && replicas <= MOST_REPLICAS;
    int64_t bytes = told ? 12 * atoms * frames * (int64_t)(replicas ? replicas : 1) : -1;
    return json_pack("{s:s, s:I}", "id", id, "bytes", (json_int_t)bytes);
}

static km_status make_list(km_fetch *f, km_http *h, const char *path, const void *arg, km_err *err)
{
    json_t *all = json_array();
    km_status status = KM_OK;
    int64_t seen = 0, total = 1;
    (void)arg;
    for (int page = 1; seen < total && status == KM_OK; page++) {
        char *url = km_asprintf("%s/projects?limit=%d&page=%d", f->base, PAGE, page);
        json_t *answer = NULL;
        if (page <= MOST_PAGES) status = ask(h, url, &answer, NULL, err);
        else status = km_fail(err, KM_SYSTEM, "%.150s: more than %d pages", url, MOST_PAGES);
        const json_t *projects = json_object_get(answer, "projects");
        if (status == KM_OK && !json_is_array(projects)) status = km_fail(err, KM_SYSTEM, "%.150s: no projects", url);
        for (size_t i = 0; i < json_array_size(projects); i++) {
            json_t *kept = digest(json_array_get(projects, i));
            if (kept) json_array_append_new(all, kept);
        }
        seen += (int64_t)json_array_size(projects);
        total = json_array_size(projects) ? integer(answer, "filteredCount") : 0;
        json_decref(answer);
        free(url);
    }
    if (status == KM_OK && json_dump_file(all, path, JSON_COMPACT) != 0)
        status = km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", path, strerror(errno));
    json_decref(all);
    return status;
}

km_status km_fetch_mdposit_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err)
{
    char *list;
    int fd;
    (void)ids;
    KM_TRY(km_fetch_keep(f, h, "projects.json", make_list, NULL, &fd, err));
    KM_TRY(km_fetch_read(fd, "projects.json", &list, NULL, err));
    json_t *all = json_loads(list, 0, NULL);
    km_status status = KM_OK;
    free(list);
    for (size_t i = 0; i < json_array_size(all) && status == KM_OK; i++) {
        const json_t *p = json_array_get(all, i);
        const char *id = text(p, "id");
        if (!id || !km_fetch_id_is_safe(id)) status = km_fail(err, KM_SYSTEM, "'%.40s' is no accession", id ? id : "");
        else km_fetch_add(f, id, NULL, integer(p, "bytes"));
    }
    json_decref(all);
    return status;
}

/* -- what says what the molecule is */

typedef struct project {
    km_http *h;
    const char *base, *id, *to;
    json_t *record;
} project;

/* BASE/projects/ID[.replica][/what]; free it. */
static char *address(const project *p, int replica, const char *what)
{
    char suffix[16] = "";
    if (replica > 0) snprintf(suffix, sizeof suffix, ".%d", replica);
    return km_asprintf("%s/projects/%s%s%s%s", p->base, p->id, suffix, *what ? "/" : "", what);
}

static km_status check_json(const char *path, const void *arg, km_err *err)
{
    json_error_t why;
    json_t *value = json_load_file(path, 0, &why);
    (void)arg;
    json_decref(value);
    return value ? KM_OK : km_fail(err, KM_INPUT, "no JSON: line %d: %.80s", why.line, why.text);
}

static km_status bring(const project *p, const char *what, const char *name, km_fetch_file file, km_err *err)
{
    char *url = address(p, 0, what), *path = km_asprintf("%s/%s", p->to, name);
    file.url = url;
    km_status status = km_fetch_bring(p->h, &file, path, p->record, err);
    free(url), free(path);
    return status;
}

/* The file itself where the project says its digest, else what the server makes of it. */
static km_status bring_structure(const project *p, km_err *err)
{
    char *url = address(p, 0, "filenotes"), *digest = NULL;
    km_fetch_file file = {.bytes = -1, .origin = "its length"};
    km_http_facts facts = {0};
    json_t *notes = NULL;
    km_status status = ask(p->h, url, &notes, &facts, err);
    if (status == KM_SYSTEM && facts.status == 404) status = KM_OK;
    for (size_t i = 0; i < json_array_size(notes) && !digest; i++) {
        const json_t *note = json_array_get(notes, i);
        const char *name = text(note, "filename"), *md5 = text(note, "md5");
        if (!name || !md5 || strcmp(name, "structure.pdb") != 0) continue;
        digest = km_asprintf("md5:%s", md5);
        file = (km_fetch_file){.bytes = integer(note, "length"), .digest = digest, .origin = "the publisher's digest"};
    }
    if (status == KM_OK) status = bring(p, digest ? "files/structure.pdb" : "structure", "structure.pdb", file, err);
    json_decref(notes);
    free(url), free(digest);
    return status;
}

/* -- frames */

static const char frames_origin[] = "the length of each answer";

typedef struct frames {
    const project *p;
    int replica;
    int64_t atoms, count;
    char *path, *part; /* where they go */
    int fd;
    int64_t have;
} frames;

/* How many are there of an earlier run, of the same molecule and length. */
static km_status open_part(frames *x, km_err *err)
{
    struct stat sb;
    char *note = km_asprintf("%s.json", x->part);
    json_t *is = json_pack("{s:I, s:I}", "atoms", (json_int_t)x->atoms, "frames", (json_int_t)x->count);
    json_t *was = json_load_file(note, 0, NULL);
    km_status status = KM_OK;
    x->fd = open(x->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (x->fd < 0 || fstat(x->fd, &sb) != 0) {
        status = km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", x->part, strerror(errno));
    } else {
        x->have = json_equal(is, was) ? (int64_t)sb.st_size / (12 * x->atoms) : 0;
        if (x->have > x->count) x->have = 0;
        if (ftruncate(x->fd, 12 * x->atoms * x->have) != 0 || lseek(x->fd, 0, SEEK_END) < 0)
            status = km_fail(err, KM_SYSTEM, "%.150s: %s", x->part, strerror(errno));
        else status = km_http_note(note, json_incref(is), err);
        km_http_count(x->p->h, 12 * x->atoms * x->have);
    }
    json_decref(is), json_decref(was);
    free(note);
    return status;
}

/* Bring the next n. */
static km_status bring_some(frames *x, int64_t n, km_http_facts *facts, km_err *err)
{
    char *url = address(x->p, x->replica, ""), *answer = NULL;
    char *full = km_asprintf("%s/trajectory?format=bin&frames=%lld-%lld", url, (long long)x->have + 1,
                             (long long)(x->have + n));
    size_t bytes = (size_t)(12 * x->atoms * n), got = 0;
    km_status status = KM_OK;
    for (int tries = 0; status == KM_OK && got != bytes; tries++) {
        free(answer);
        answer = NULL;
        status = tries < 3 ? km_http_get(x->p->h, full, bytes, &answer, &got, facts, err)
                           : km_fail(err, KM_SYSTEM, "%.150s: %zu bytes for %lld frames of %lld atoms", full, got,
                                     (long long)n, (long long)x->atoms);
    }
    if (status == KM_OK && !km_fetch_write(x->fd, answer, bytes))
        status = km_fail(err, KM_SYSTEM, "%.150s: %s", x->part, strerror(errno));
    if (status == KM_OK) {
        km_http_count(x->p->h, (int64_t)bytes);
        x->have += n;
    }
    free(url), free(full), free(answer);
    return status;
}

static km_status bring_frames(frames *x, km_err *err)
{
    int64_t most = PIECE / (12 * x->atoms) > 1 ? PIECE / (12 * x->atoms) : 1;
    KM_TRY(open_part(x, err));
    while (x->have < x->count) {
        int64_t n = x->count - x->have < most ? x->count - x->have : most;
        km_http_facts facts = {0};
        km_status status = bring_some(x, n, &facts, err);
        if (status == KM_SYSTEM && facts.status == 400 && n > 1) most = n / 2;
        else KM_TRY(status);
    }
    return KM_OK;
}

/* All of them to a file, unless it is there already. */
static km_status bring_trajectory(frames *x, km_err *err)
{
    struct stat sb;
    char *url = address(x->p, x->replica, "trajectory?format=bin"), *note = km_asprintf("%s.json", x->part);
    km_status status = KM_OK;
    bool there = stat(x->path, &sb) == 0 && sb.st_size == 12 * x->atoms * x->count;
    if (there) km_fetch_note(x->p->record, strrchr(x->path, '/') + 1, url, sb.st_size, NULL, frames_origin);
    else status = bring_frames(x, err);
    if (x->fd >= 0 && close(x->fd) != 0 && status == KM_OK)
        status = km_fail(err, KM_SYSTEM, "%.150s: %s", x->part, strerror(errno));
    if (status == KM_OK && !there)
        status = km_fetch_name(x->part, x->path, url, NULL, frames_origin, x->p->record, err);
    if (status == KM_OK) unlink(note);
    free(url), free(note);
    return status;
}

/* One replica, whose atoms and step must be the project's. */
static km_status bring_replica(const project *p, int replica, const json_t *meta, km_err *err)
{
    char *url = address(p, replica, "");
    json_t *about;
    km_status status = ask(p->h, url, &about, NULL, err);
    free(url);
    KM_TRY(status);
    const json_t *own = json_object_get(about, "metadata");
    frames x = {.p = p, .replica = replica, .fd = -1};
    x.atoms = integer(own, "mdAtoms");
    x.count = integer(own, "mdFrames");
    double step = json_number_value(json_object_get(own, "FRAMESTEP"));
    bool same = x.atoms == integer(meta, "mdAtoms") && step == json_number_value(json_object_get(meta, "FRAMESTEP"));
    json_decref(about);
    if (!same || x.atoms < 1 || x.atoms > MOST_ATOMS || x.count < 1 || x.count > MOST_FRAMES)
        return km_fail(err, KM_SYSTEM, "replica %d: %lld frames of %lld atoms, %g ns apart%s", replica,
                       (long long)x.count, (long long)x.atoms, step, same ? "" : ": not as in the project");
    x.path = km_asprintf("%s/replica%03d.bin", p->to, replica);
    x.part = km_asprintf("%s.part", x.path);
    status = bring_trajectory(&x, err);
    free(x.path), free(x.part);
    return status;
}

km_status km_fetch_mdposit_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                               km_err *err)
{
    const project p = {h, f->base, s->id, to, record};
    const km_fetch_file plain = {.bytes = -1, .check = check_json, .origin = "its length"};
    KM_TRY(bring(&p, "", "project.json", plain, err));
    char *path = km_asprintf("%s/project.json", to);
    json_t *about = json_load_file(path, 0, NULL);
    free(path);
    const json_t *meta = json_object_get(about, "metadata"), *replicas = json_object_get(about, "mds");
    const char *license = text(meta, "LICENSE");
    size_t n = json_array_size(replicas);
    json_object_set_new(record, "license", json_string(license ? license : "none stated"));
    km_status status = bring_structure(&p, err);
    if (status == KM_OK) status = bring(&p, "topology", "topology.json", plain, err);
    if (status == KM_OK && (n < 1 || n > MOST_REPLICAS))
        status = km_fail(err, KM_SYSTEM, "%.60s has %zu replicas", s->id, n);
    for (size_t i = 0; i < n && status == KM_OK; i++) {
        const char *name = json_string_value(json_array_get(replicas, i));
        if (!name || !strstr(name, "(removed)")) status = bring_replica(&p, (int)i + 1, meta, err);
    }
    json_decref(about);
    return status;
}
