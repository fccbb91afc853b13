/* SPDX-License-Identifier: MIT
 * DIR/SET/manifest.json: read, completed and replaced under a lock. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/fetch/impl.h"

static json_t *begin(const km_fetch *f)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:{}}", "set", f->set->name, "source", f->set->source, "base", f->base,
                     "license", f->license, "systems");
}

static km_status replace(const km_fetch *f, const char *path, json_t *records, km_err *err)
{
    json_error_t why;
    char *fresh = km_asprintf("%s.new", path);
    json_t *all = json_load_file(path, 0, &why);
    if (!all && json_error_code(&why) != json_error_cannot_open_file) {
        free(fresh);
        return km_fail(err, KM_SYSTEM, "%.120s: line %d: %.80s", path, why.line, why.text);
    }
    json_t *was = json_incref(json_object_get(all, "systems"));
    json_decref(all);
    all = begin(f);
    json_object_update(json_object_get(all, "systems"), was);
    json_object_update(json_object_get(all, "systems"), records);
    json_decref(was);
    km_status status = KM_OK;
    if (json_dump_file(all, fresh, JSON_INDENT(1) | JSON_SORT_KEYS) != 0 || rename(fresh, path) != 0)
        status = km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", path, strerror(errno));
    json_decref(all);
    free(fresh);
    return status;
}

km_status km_fetch_manifest(const km_fetch *f, json_t *records, km_err *err)
{
    if (json_object_size(records) == 0) return KM_OK;
    char *path = km_asprintf("%s/manifest.json", f->dir), *lock = km_asprintf("%s/manifest", f->cache);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    km_status status;
    if (fd < 0) {
        status = km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", lock, strerror(errno));
    } else {
        flock(fd, LOCK_EX);
        status = replace(f, path, records, err);
        close(fd);
    }
    free(path), free(lock);
    return status;
}
