/* SPDX-License-Identifier: MIT
 * MDposit, DynaRepo and the other nodes of MDDB (mmb-irb/MDDB-REST-API): structure.pdb, metadata.json or the project's
 * own record, topology.json with the bonds, trajectory.xtc or .bin. The step is FRAMESTEP in nanoseconds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/system.h"
#include "lib/sets/sets_impl.h"

static bool add_bond(km_structure *s, json_int_t a, json_int_t b)
{
    km_system *y = s->system;
    if (a < 0 || b < 0 || a >= y->n_atoms || b >= y->n_atoms || a == b) return false;
    y->bonds = km_realloc(y->bonds, ((size_t)y->n_bonds + 1) * sizeof *y->bonds);
    y->bonds[y->n_bonds++] = (km_bond){(int32_t)(a < b ? a : b), (int32_t)(a < b ? b : a), KM_BOND_COVALENT};
    return true;
}

static int compare(const void *x, const void *y)
{
    const km_bond *p = x, *q = y;
    return p->a != q->a ? (p->a < q->a ? -1 : 1) : (p->b > q->b) - (p->b < q->b);
}

/* Lists of neighbours; of either form, in which a bond stands with both atoms or with one. */
static km_status read_bonds(const char *path, km_structure *s, km_err *err)
{
    json_t *top, *of, *with;
    size_t a, k;
    bool good = true;
    KM_TRY(km_set_json(path, &top, err));
    const json_t *bonds = json_object_get(top, "atom_bonds");
    if (bonds && json_array_size(bonds) != (size_t)s->system->n_atoms) {
        json_decref(top);
        return km_fail(err, KM_INPUT, "%.150s: bonds of other than %d atoms", path, s->system->n_atoms);
    }
    json_array_foreach(bonds, a, of) json_array_foreach(of, k, with) good =
        good && json_is_integer(with) && add_bond(s, (json_int_t)a, json_integer_value(with));
    json_decref(top);
    if (!good) return km_fail(err, KM_INPUT, "%.150s: a bond to no atom of the topology", path);
    km_system *y = s->system;
    qsort(y->bonds, (size_t)y->n_bonds, sizeof *y->bonds, compare);
    int32_t n = 0;
    for (int32_t i = 0; i < y->n_bonds; i++)
        if (n == 0 || compare(&y->bonds[n - 1], &y->bonds[i]) != 0) y->bonds[n++] = y->bonds[i];
    y->n_bonds = n;
    return KM_OK;
}

/* FRAMESTEP, held against the length of the run: mdTime (ns) over mdFrames, which older servers have outside of the
 * metadata. */
static km_status find_step(const char *path, const json_t *project, const json_t *meta, int64_t *ret_dt, km_err *err)
{
    const double step = json_number_value(json_object_get(meta, "FRAMESTEP"));
    const json_t *run = json_object_get(meta, "mdFrames") ? meta : project;
    const double time = json_number_value(json_object_get(run, "mdTime"));
    const double frames = json_number_value(json_object_get(run, "mdFrames"));
    if (!(step > 0 && step < 1e6)) return km_fail(err, KM_INPUT, "%.150s: no FRAMESTEP", path);
    if (time > 0 && frames > 1 && fabs(time / frames - step) > 0.02 * step &&
        fabs(time / (frames - 1) - step) > 0.02 * step)
        return km_fail(err, KM_NEGATIVE, "%.120s: FRAMESTEP %g ns, but %g ns in %g frames", path, step, time, frames);
    *ret_dt = km_fs_of_ns(step);
    return KM_OK;
}

static km_status read_metadata(const km_set_call *c, const char *path, const json_t *project, int64_t *ret_dt,
                               km_err *err)
{
    const json_t *inner = json_object_get(project, "metadata"), *meta = json_is_object(inner) ? inner : project;
    const char *type = json_string_value(json_object_get(meta, "TYPE"));
    const char *license = json_string_value(json_object_get(meta, "LICENSE"));
    const char *name = json_string_value(json_object_get(project, "accession"));
    if (c->id || name) c->to->name = km_strdup(c->id ? c->id : name);
    if (license) free(c->to->license), c->to->license = km_strdup(license);
    if (type && strcmp(type, "ensemble") == 0)
        return km_fail(err, KM_NEGATIVE, "%.150s: an ensemble, without times", path);
    return find_step(path, project, meta, ret_dt, err);
}

km_status km_set_mdposit(const km_set_call *c, km_err *err)
{
    const char *pdb = km_files_find(c->files, "structure.pdb"), *bonds = km_files_find(c->files, "topology.json");
    const char *about = km_files_find(c->files, "project.json");
    if (!pdb) pdb = km_files_find(c->files, ".pdb");
    if (!about) about = km_files_find(c->files, "metadata.json");
    if (!pdb || !about)
        return km_fail(err, KM_INPUT, "no %s among the files", pdb ? "project.json or metadata.json" : "structure.pdb");
    json_t *project;
    int64_t dt = 0;
    KM_TRY(km_set_json(about, &project, err));
    km_status status = read_metadata(c, about, project, &dt, err);
    json_t *meta = json_object_get(project, "metadata");
    const double kelvin = json_number_value(json_object_get(meta ? meta : project, "TEMP"));
    for (int i = 0; i < c->files->count && status == KM_OK; i++) {
        const char *path = c->files->paths[i], *name = km_files_name(path);
        const bool bin = km_ends_with(name, ".bin");
        if (!bin && !km_ends_with(name, ".xtc") && !km_ends_with(name, ".trr")) continue;
        km_set_trajectory *t = km_set_add(c->to, path, name, dt);
        t->bin = bin, t->kelvin = kelvin;
    }
    json_decref(project);
    if (status == KM_OK) status = km_set_pdb(c, pdb, err);
    if (status == KM_OK && bonds) status = read_bonds(bonds, c->to->topology, err);
    return status;
}
