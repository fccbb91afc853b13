/* SPDX-License-Identifier: MIT */
#include "tools/reel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/structure.h"
#include "lib/base/mem.h"
#include "lib/chem/residues.h"
#include "lib/chem/select.h"

static void copy_name(km_name to, const char *from)
{
    km_name name = {0};
    memcpy(name, from, strnlen(from, sizeof name - 1));
    memcpy(to, name, sizeof name);
}

/* Dictionary names; what is no hydrogen, water or ion stays. */
static void take_heavy(km_reel *r, const km_system *raw)
{
    km_system *named = km_system_copy(raw);
    bool *keep = KM_NEWN(bool, (size_t)raw->n_atoms);
    for (int32_t i = 0; i < raw->n_residues; i++) {
        km_residue *res = &named->residues[i];
        bool gone = km_chem_is_water(res->name) || (res->n_atoms == 1 && km_chem_is_ion(res->name));
        copy_name(res->name, km_chem_residue_name(raw->residues[i].name));
        for (int32_t a = res->first_atom; a < res->first_atom + res->n_atoms; a++) {
            km_atom *atom = &named->atoms[a];
            if (!atom->element) atom->element = (uint8_t)km_chem_guess_element(res->name, atom->name);
            copy_name(atom->name, km_chem_atom_name(res->name, raw->atoms[a].name));
            keep[a] = !gone && atom->element != 1;
        }
    }
    r->system = km_chem_cut(named, keep);
    r->source = KM_NEWN(int32_t, (size_t)r->system->n_atoms);
    for (int32_t a = 0, n = 0; a < raw->n_atoms; a++)
        if (keep[a]) r->source[n++] = a;
    r->in_file = raw->n_atoms;
    free(keep);
    km_system_free(named);
}

static void take_model(km_reel *r, const float *coords)
{
    r->model = KM_NEWN(float, (size_t)r->system->n_atoms * 3);
    for (int32_t a = 0; a < r->system->n_atoms; a++)
        memcpy(r->model + 3 * a, coords + 3 * r->source[a], 3 * sizeof(float));
}

static void set_times(km_reel *r, const int64_t *times)
{
    r->start = times[0];
    r->dt = r->F > 1 ? times[1] - times[0] : 0;
    for (int64_t f = 1; f < r->F; f++)
        if (times[f] - times[f - 1] != r->dt || r->dt < 0) r->dt = 0;
}

/* The first two and the last frame tell the spacing of a file on disk. */
static km_status ask_times(km_reel *r, km_err *err)
{
    float *x = KM_NEWN(float, (size_t)r->in_file * 3);
    int64_t at[3] = {0, r->F > 1 ? 1 : 0, r->F - 1}, t[3];
    km_status status = KM_OK;
    for (int i = 0; i < 3 && status == KM_OK; i++) status = km_traj_read(r->traj, at[i], x, &t[i], NULL, err);
    free(x);
    KM_TRY(status);
    r->start = t[0], r->dt = t[1] - t[0];
    if (r->dt <= 0 || t[2] - t[0] != r->dt * (r->F - 1)) r->dt = 0;
    return KM_OK;
}

static km_status open_traj(km_reel *r, const char *path, const char *opt_top, km_err *err)
{
    km_structure *top;
    if (!opt_top) return km_fail(err, KM_USAGE, "%.180s: --top is needed with it", path);
    KM_TRY(km_traj_open(path, &r->traj, err));
    KM_TRY(km_structure_read(opt_top, 1, &top, err));
    take_heavy(r, top->system);
    take_model(r, top->coords);
    km_structure_free(top);
    r->F = km_traj_frames(r->traj);
    if (km_traj_atoms(r->traj) != r->in_file)
        return km_fail(err, KM_INPUT, "%.140s: %d atoms, but the topology has %d", path, km_traj_atoms(r->traj),
                       r->in_file);
    if (km_traj_truncated(r->traj)) return km_fail(err, KM_INPUT, "%.180s: truncated", path);
    return ask_times(r, err);
}

static km_status open_h5(km_reel *r, const char *path, km_err *err)
{
    KM_TRY(km_h5md_open(path, &r->h5, err));
    if (r->trajectory >= km_h5md_trajectories(r->h5))
        return km_fail(err, KM_INPUT, "%.180s: no trajectory %d", path, r->trajectory);
    take_heavy(r, km_h5md_system(r->h5));
    r->F = km_h5md_frames(r->h5, r->trajectory);
    if (r->F > 0) set_times(r, km_h5md_times(r->h5, r->trajectory));
    return KM_OK;
}

static km_status open_stream(km_reel *r, const char *path, km_err *err)
{
    km_loaded l;
    KM_TRY(km_load(path, NULL, r->trajectory, 1, &l, err));
    take_heavy(r, l.system);
    r->F = l.F, r->held = l.coords;
    set_times(r, l.times);
    l.coords = NULL;
    km_loaded_clear(&l);
    return KM_OK;
}

static km_status open_models(km_reel *r, const char *path, km_err *err)
{
    km_structure *all;
    KM_TRY(km_structure_read(path, 0, &all, err));
    take_heavy(r, all->system);
    take_model(r, all->coords);
    r->F = all->n_models, r->held = all->coords;
    all->coords = NULL;
    km_structure_free(all);
    return KM_OK;
}

static bool is_kind(const char *path, const char *ending)
{
    const char *dot = strrchr(path, '.');
    return dot && !strcmp(dot, ending);
}

km_status km_reel_open(const char *path, const char *opt_top, int trajectory, km_reel *ret, km_err *err)
{
    km_status status;
    *ret = (km_reel){.path = path, .trajectory = trajectory};
    if (is_kind(path, ".xtc") || is_kind(path, ".trr") || is_kind(path, ".dcd")) {
        status = open_traj(ret, path, opt_top, err);
    } else if (is_kind(path, ".h5")) {
#pragma omp critical(hdf5)
        status = open_h5(ret, path, err);
    } else if (is_kind(path, ".km") || !strcmp(path, "-")) {
        status = open_stream(ret, path, err);
    } else {
        status = open_models(ret, path, err);
    }
    if (status == KM_OK && ret->F == 0) status = km_fail(err, KM_INPUT, "%.180s: no frames", path);
    if (status == KM_OK && ret->system->n_atoms == 0) status = km_fail(err, KM_INPUT, "%.180s: no heavy atoms", path);
    if (status < 0) km_reel_close(ret);
    return status;
}

void km_reel_close(km_reel *r)
{
    if (r->traj) km_traj_close(r->traj);
    if (r->h5) {
#pragma omp critical(hdf5)
        km_h5md_close(r->h5);
    }
    km_system_free(r->system);
    free(r->source), free(r->model), free(r->held);
    *r = (km_reel){0};
}

static km_status read_whole(const km_clip *c, int64_t i, int64_t n, int threads, float *block, km_err *err)
{
    const km_reel *r = c->reel;
    int64_t first = c->first + i * c->stride;
    km_status status = KM_OK;
    if (r->traj) return km_traj_read_many(r->traj, first, c->stride, n, threads, block, NULL, err);
    if (r->h5) {
#pragma omp critical(hdf5)
        status = km_h5md_read(r->h5, r->trajectory, first, c->stride, n, block, err);
        return status;
    }
    size_t frame = (size_t)r->in_file * 3;
    for (int64_t f = 0; f < n; f++)
        memcpy(block + (size_t)f * frame, r->held + (size_t)(first + f * c->stride) * frame, frame * sizeof *block);
    return KM_OK;
}

km_status km_clip_read(const km_clip *c, int64_t i, int64_t n, int threads, float *out, km_err *err)
{
    enum { AT_ONCE = 128 };
    const km_reel *r = c->reel;
    size_t whole = (size_t)r->in_file * 3;
    float *block = KM_NEWN(float, AT_ONCE *whole);
    km_status status = KM_OK;
    for (int64_t f = 0; f < n && status == KM_OK; f += AT_ONCE) {
        int64_t count = n - f < AT_ONCE ? n - f : AT_ONCE;
        status = read_whole(c, i + f, count, threads, block, err);
        for (int64_t k = 0; k < count && status == KM_OK; k++)
            for (int32_t a = 0; a < c->n_atoms; a++) {
                const float *x = block + (size_t)k * whole + (size_t)r->source[c->atoms[a]] * 3;
                if (!isfinite(x[0] + x[1] + x[2]))
                    status = km_fail(err, KM_INPUT, "%.160s: frame %lld holds a number that is not finite", r->path,
                                     (long long)(c->first + (i + f + k) * c->stride));
                memcpy(out + ((size_t)(f + k) * (size_t)c->n_atoms + (size_t)a) * 3, x, 3 * sizeof *out);
            }
    }
    free(block);
    return status;
}
