/* SPDX-License-Identifier: MIT */
#include "lib/sets/sets.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/box.h"
#include "lib/base/mem.h"
#include "lib/sets/sets_impl.h"

const char *km_files_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static km_status add_files(km_files *f, const char *path, int depth, km_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) return km_fail(err, KM_SYSTEM, "cannot open '%.150s': %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode)) {
        f->paths = km_realloc(f->paths, ((size_t)f->count + 1) * sizeof *f->paths);
        f->paths[f->count++] = km_strdup(path);
        return KM_OK;
    }
    struct dirent **entries;
    const int n = depth < 3 ? scandir(path, &entries, NULL, alphasort) : 0;
    km_status status = n < 0 ? km_fail(err, KM_SYSTEM, "cannot read '%.150s': %s", path, strerror(errno)) : KM_OK;
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.' && status == KM_OK) {
            char *inside = km_asprintf("%s/%s", path, entries[i]->d_name);
            status = add_files(f, inside, depth + 1, err);
            free(inside);
        }
        free(entries[i]);
    }
    if (depth < 3 && n >= 0) free(entries);
    return status;
}

km_status km_files_of(const char *const *paths, int n, km_files *ret, km_err *err)
{
    *ret = (km_files){0};
    for (int i = 0; i < n; i++) {
        const km_status status = add_files(ret, paths[i], 0, err);
        if (status < 0) return km_files_free(ret), status;
    }
    return KM_OK;
}

void km_files_free(km_files *f)
{
    for (int i = 0; i < f->count; i++) free(f->paths[i]);
    free(f->paths);
    *f = (km_files){0};
}

const char *km_files_find(const km_files *f, const char *name)
{
    const bool ending = *name == '.' || *name == '_';
    for (int i = 0; i < f->count; i++) {
        const char *has = km_files_name(f->paths[i]);
        if (ending ? km_ends_with(has, name) : strcmp(has, name) == 0) return f->paths[i];
    }
    return NULL;
}

km_set_trajectory *km_set_add(km_set_system *s, const char *path, const char *name, int64_t dt)
{
    s->trajectories = km_realloc(s->trajectories, ((size_t)s->count + 1) * sizeof *s->trajectories);
    km_set_trajectory *t = &s->trajectories[s->count++];
    *t = (km_set_trajectory){.path = km_strdup(path), .name = km_strdup(name), .dt = dt};
    return t;
}

km_status km_set_json(const char *path, json_t **ret, km_err *err)
{
    json_error_t why;
    *ret = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (*ret && json_is_object(*ret)) return KM_OK;
    json_decref(*ret);
    return km_fail(err, KM_INPUT, "%.100s: line %d: %.100s", path, *ret ? 1 : why.line,
                   *ret ? "not an object" : why.text);
}

/* The box of a trajectory's first frame, where it can be read. */
static void read_box(km_traj *t, float box[9])
{
    float *x = km_alloc(12 * (size_t)km_traj_atoms(t));
    if (km_traj_decode(t, 0, x, NULL, box, NULL) < 0) memset(box, 0, 9 * sizeof *box);
    free(x);
    km_traj_close(t);
}

km_status km_set_pdb(const km_set_call *c, const char *path, km_err *err)
{
    km_traj *same;
    KM_TRY(km_structure_read(path, 1, &c->to->topology, err));
    if (km_traj_open(path, &same, NULL) == KM_OK) read_box(same, c->to->box);
    return KM_OK;
}

km_status km_set_open(const char *set, const km_set_choice *choice, const char *const *paths, int n_paths,
                      km_set_system *ret, km_err *err)
{
    static const struct {
        const char *name;
        km_status (*open)(const km_set_call *c, km_err *err);
    } sets[] = {{"atlas", km_set_atlas},         {"cath2", km_set_bioemu},    {"megasim", km_set_bioemu},
                {"octapeptides", km_set_bioemu}, {"mdposit", km_set_mdposit}, {"misato", km_set_misato},
                {"dd13m", km_set_dd13m},         {"mdcath", km_set_mdcath}};
    km_files files;
    *ret = (km_set_system){.license = km_strdup(""), .note = km_strdup("")};
    km_status status = km_files_of(paths, n_paths, &files, err);
    const km_set_call call = {set, choice->opt_id, choice->opt_temperatures, choice->opt_replicas, &files, ret};
    km_traj *first;
    km_lattice lattice;
    for (size_t k = 0; k < sizeof sets / sizeof *sets && status == KM_OK; k++)
        if (strcmp(sets[k].name, set) == 0) status = sets[k].open(&call, err);
    km_files_free(&files);
    if (status == KM_OK && ret->count == 0)
        status = km_fail(err, KM_NEGATIVE, "%.60s: no trajectory%s", ret->name ? ret->name : set,
                         ret->ensembles ? " with times, only ensembles" : "");
    if (status == KM_OK && !km_lattice_of(ret->box, &lattice) &&
        km_set_trajectory_open(&ret->trajectories[0], ret->topology->system->n_atoms, &first, NULL) == KM_OK)
        read_box(first, ret->box);
    if (status < 0) km_set_clear(ret);
    return status;
}

void km_set_clear(km_set_system *s)
{
    for (int i = 0; i < s->count; i++) {
        km_set_trajectory *t = &s->trajectories[i];
        free(t->path), free(t->name), free(t->positions), free(t->box), free(t->force_field);
    }
    free(s->trajectories), free(s->name), free(s->license), free(s->note), free(s->numbers);
    km_structure_free(s->topology);
    *s = (km_set_system){0};
}

km_status km_set_trajectory_open(const km_set_trajectory *t, int32_t n_atoms, km_traj **ret, km_err *err)
{
    if (t->positions) return km_traj_open_h5(t->path, t->positions, t->box, ret, err);
    return t->bin ? km_traj_open_bin(t->path, n_atoms, ret, err) : km_traj_open(t->path, ret, err);
}
