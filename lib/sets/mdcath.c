/* SPDX-License-Identifier: MIT
 * mdCATH (compsciencelab/mdCATH): one file a domain, /DOMAIN/TEMPERATURE/REPLICA/coords, 1 ns a frame; of the five
 * temperatures 320 K unless others are asked for, to which the other sets are nearest. Names of atoms come from the PDB
 * file inside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/h5_table.h"
#include "lib/base/mem.h"
#include "lib/sets/sets_impl.h"

enum { STEP_FS = 1000000, HOTTEST = 1000 };

static km_status read_topology(const km_set_call *c, const char *path, km_err *err)
{
    char **text, *set = km_asprintf("/%s/pdbProteinAtoms", c->to->name);
    int64_t n;
    km_status status = km_h5_texts(path, set, &text, &n, err);
    free(set);
    KM_TRY(status);
    FILE *f = n == 1 && *text[0] ? fmemopen(text[0], strlen(text[0]), "r") : NULL;
    status = f ? km_structure_read_file(f, path, 1, NULL, &c->to->topology, err)
               : km_fail(err, KM_INPUT, "%.120s: no PDB file inside", path);
    if (f) fclose(f);
    km_h5_texts_free(text, n);
    return status;
}

static const char *behind_comma(const char *p)
{
    const char *comma = strchr(p, ',');
    return comma ? comma + 1 : NULL;
}

/* Is text one of those in a list "a,b", or is there no list? */
static bool is_listed(const char *opt_list, const char *text)
{
    const size_t n = strlen(text);
    for (const char *p = opt_list; p; p = behind_comma(p))
        if (strncmp(p, text, n) == 0 && (!p[n] || p[n] == ',')) return true;
    return !opt_list;
}

/* Replicas at a temperature: /DOMAIN/320 or, in older files, /DOMAIN/sims320K. */
static km_status add_replicas(const km_set_call *c, const char *path, int kelvin, km_err *err)
{
    for (int old = 0; old < 2; old++) {
        char **names, *group = km_asprintf("/%s/%s%d%s", c->to->name, old ? "sims" : "", kelvin, old ? "K" : "");
        int64_t n = 0;
        km_status status = KM_OK;
        if (km_h5_has(path, group)) status = km_h5_names(path, group, &names, &n, err);
        for (int64_t i = 0; i < n && status == KM_OK; i++) {
            char *coords = km_asprintf("%s/%s/coords", group, names[i]),
                 *box = km_asprintf("%s/%s/box", group, names[i]);
            if (is_listed(c->replicas, names[i]) && km_h5_has(path, coords)) {
                km_set_trajectory *t = km_set_add(c->to, path, coords, STEP_FS);
                t->positions = km_strdup(coords), t->force_field = km_strdup("CHARMM22*"), t->kelvin = kelvin;
                t->box = km_h5_has(path, box) ? km_strdup(box) : NULL;
            }
            free(coords), free(box);
        }
        if (n > 0) km_h5_texts_free(names, n);
        free(group);
        KM_TRY(status);
    }
    return KM_OK;
}

/* "320,348": each must have something. */
static km_status add_temperatures(const km_set_call *c, const char *path, km_err *err)
{
    const char *list = c->temperatures ? c->temperatures : "320";
    for (const char *p = list; p; p = behind_comma(p)) {
        char *end;
        const long kelvin = strtol(p, &end, 10);
        const int had = c->to->count;
        if (end == p || (*end && *end != ',') || kelvin < 1 || kelvin > HOTTEST)
            return km_fail(err, KM_USAGE, "'%.60s' is no list of temperatures", list);
        KM_TRY(add_replicas(c, path, (int)kelvin, err));
        if (c->temperatures && c->to->count == had)
            return km_fail(err, KM_INPUT, "%.120s: nothing at %ld K%s%.40s", path, kelvin,
                           c->replicas ? " of the replicas " : "", c->replicas ? c->replicas : "");
    }
    return KM_OK;
}

km_status km_set_mdcath(const km_set_call *c, km_err *err)
{
    const char *path = km_files_find(c->files, ".h5");
    char **names;
    int64_t n;
    if (!path) return km_fail(err, KM_INPUT, "no HDF5 file among the files");
    KM_TRY(km_h5_names(path, "/", &names, &n, err));
    const bool found = n > 0;
    if (found || c->id) c->to->name = km_strdup(c->id ? c->id : names[0]);
    km_h5_texts_free(names, n);
    if (!c->to->name) return km_fail(err, KM_INPUT, "%.150s: no domain in it", path);
    c->to->license = (free(c->to->license), km_strdup("CC-BY-4.0 (unconfirmed)"));
    KM_TRY(read_topology(c, path, err));
    return add_temperatures(c, path, err);
}
