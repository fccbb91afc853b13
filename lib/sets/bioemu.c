/* SPDX-License-Identifier: MIT
 * BioEmu's simulation sets (Zenodo 15629740, 15641184, 15641199): CATH, MegaSim, octapeptides. The step is
 * dataset.json's save_traj_ns: the XTC clocks of mutants are nanoseconds in the field of picoseconds, those of filtered
 * octapeptides, which are pairs of frames and no series, mean nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/system.h"
#include "lib/sets/sets_impl.h"

/* MegaSim: STEM.json beside STEM.xtc or STEM.cmprsd.xtc overrides the force field of that trajectory. */
static km_status override_force_field(const km_set_call *c, const char *xtc, km_set_trajectory *t, km_err *err)
{
    size_t stem = strlen(xtc) - 4;
    if (stem > 7 && !strncmp(xtc + stem - 7, ".cmprsd", 7)) stem -= 7;
    for (int i = 0; i < c->files->count; i++) {
        json_t *j;
        const char *path = c->files->paths[i];
        if (strlen(path) != stem + 5 || strncmp(path, xtc, stem) != 0 || strcmp(path + stem, ".json") != 0) continue;
        KM_TRY(km_set_json(path, &j, err));
        const char *name = json_string_value(json_object_get(j, "force_field"));
        if (name) free(t->force_field), t->force_field = km_strdup(name);
        json_decref(j);
    }
    return KM_OK;
}

static km_status add_all(const km_set_call *c, const json_t *about, int64_t dt, km_err *err)
{
    const char *force_field = json_string_value(json_object_get(about, "force_field"));
    for (int i = 0; i < c->files->count; i++) {
        const char *path = c->files->paths[i], *name = km_files_name(path);
        if (!km_ends_with(name, ".xtc")) continue;
        if (strstr(name, ".filtered")) {
            c->to->ensembles++;
            continue;
        }
        km_set_trajectory *t = km_set_add(c->to, path, name, dt);
        t->force_field = force_field ? km_strdup(force_field) : NULL;
        t->kelvin = json_number_value(json_object_get(about, "temperature_K"));
        KM_TRY(override_force_field(c, path, t, err));
    }
    return KM_OK;
}

km_status km_set_bioemu(const km_set_call *c, km_err *err)
{
    const char *json = km_files_find(c->files, "dataset.json"), *pdb = km_files_find(c->files, "topology.pdb");
    json_t *about;
    if (!json || !pdb) return km_fail(err, KM_INPUT, "no %s among the files", json ? "topology.pdb" : "dataset.json");
    KM_TRY(km_set_json(json, &about, err));
    const double ns = json_number_value(json_object_get(about, "save_traj_ns"));
    const char *name = json_string_value(json_object_get(about, "system_id"));
    c->to->name = km_strdup(c->id ? c->id : name ? name : "");
    c->to->license = (free(c->to->license), km_strdup("CDLA-Permissive-2.0"));
    km_status status = ns > 0 && ns < 1e6 ? KM_OK : km_fail(err, KM_INPUT, "%.150s: no save_traj_ns", json);
    if (status == KM_OK) status = add_all(c, about, km_fs_of_ns(ns), err);
    json_decref(about);
    return status == KM_OK ? km_set_pdb(c, pdb, err) : status;
}
