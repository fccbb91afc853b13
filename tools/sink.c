/* SPDX-License-Identifier: MIT
 * Every file is made under PATH.N.new and gets its name at the end, when it is known how many trajectories there are.
 */
#include "tools/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/h5md.h"
#include "formats/structure.h"
#include "formats/traj.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"

typedef enum kind { XTC, TRR, DCD, PDB, CIF, H5 } kind;
static const char *const endings[] = {".xtc", ".trr", ".dcd", ".pdb", ".cif", ".h5"};
enum { N_KINDS = sizeof endings / sizeof endings[0] };
static const km_traj_kind traj_kinds[N_KINDS] = {[XTC] = KM_TRAJ_XTC, [TRR] = KM_TRAJ_TRR, [DCD] = KM_TRAJ_DCD};

typedef struct file {
    char *path;             /* PATH.N.new; NULL: no such trajectory */
    km_traj_writer *traj;   /* xtc, trr, dcd */
    km_output out;          /* pdb, cif */
    bool out_open;
    int n_models;
    float *coords;          /* h5: [n_held, A, 3], frames kept until the trajectories before are whole */
    int64_t *times, n_held;
} file;

struct km_sink {
    const char *path;
    const km_system *system;
    kind kind;
    float precision;
    file *files; /* [n_files] by trajectory; h5 has the one writer beside them */
    int n_files;
    km_h5md_writer *h5;
    char *h5_path;
};

/* The kind of path, or -1; where its ending begins. */
static int kind_of(const char *path, const char **ret_ending)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    *ret_ending = dot ? dot : path + strlen(path);
    for (int i = 0; i < N_KINDS; i++)
        if (!strcmp(*ret_ending, endings[i]) && dot != name) return i;
    return -1;
}

km_status km_sink_check(const char *path, km_err *err)
{
    const char *ending;
    if (kind_of(path, &ending) >= 0) return KM_OK;
    return km_fail(err, KM_USAGE, "%s: cannot write '%.16s': the name must end in .xtc, .trr, .dcd, .pdb, .cif or .h5",
                   path, ending);
}

km_status km_sink_open(const char *path, const km_system *s, float precision, km_sink **ret, km_err *err)
{
    const char *ending;
    *ret = NULL;
    KM_TRY(km_sink_check(path, err));
    if (s->n_atoms == 0) return km_fail(err, KM_INPUT, "%s: a system without atoms cannot be written", path);
    km_sink *k = KM_NEW(km_sink);
    *k = (km_sink){.path = path, .system = s, .kind = (kind)kind_of(path, &ending), .precision = precision};
    if (k->kind == H5) {
        k->h5_path = km_asprintf("%s.new", path);
        km_status status = km_h5md_create(k->h5_path, s, "", "", &k->h5, err);
        if (status < 0) {
            km_sink_abandon(k);
            return status;
        }
    }
    *ret = k;
    return KM_OK;
}

static km_structure_kind structure_kind(const km_sink *k)
{
    return k->kind == PDB ? KM_STRUCTURE_PDB : KM_STRUCTURE_CIF;
}

static km_status open_file(km_sink *k, int trajectory, km_err *err)
{
    while (k->n_files <= trajectory) {
        k->files = km_realloc(k->files, (size_t)(k->n_files + 1) * sizeof *k->files);
        k->files[k->n_files++] = (file){0};
    }
    file *f = &k->files[trajectory];
    if (f->path) return KM_OK;
    f->path = km_asprintf("%s.%d.new", k->path, trajectory + 1);
    if (traj_kinds[k->kind])
        return km_traj_create(f->path, traj_kinds[k->kind], k->system->n_atoms, k->precision, &f->traj, err);
    if (k->kind == H5) return KM_OK;
    KM_TRY(km_output_open(&f->out, f->path, true, err));
    f->out_open = true;
    return km_structure_write_start(f->out.file, structure_kind(k), k->system, err);
}

/* The first trajectory goes straight into the file; H5MD takes the others only when it is whole. */
static km_status hold(km_sink *k, file *f, const km_frame *frame, km_err *err)
{
    size_t bytes = 3 * (size_t)frame->n_atoms * sizeof(float);
    if (f == k->files) return km_h5md_write(k->h5, 0, frame->coords, frame->time_fs, err);
    f->coords = km_realloc(f->coords, (size_t)(f->n_held + 1) * bytes);
    f->times = km_realloc(f->times, (size_t)(f->n_held + 1) * sizeof *f->times);
    memcpy((char *)f->coords + (size_t)f->n_held * bytes, frame->coords, bytes);
    f->times[f->n_held++] = frame->time_fs;
    return KM_OK;
}

km_status km_sink_write(km_sink *k, const km_frame *frame, km_err *err)
{
    KM_TRY(open_file(k, frame->trajectory, err));
    file *f = &k->files[frame->trajectory];
    if (f->traj) return km_traj_write(f->traj, frame->coords, frame->time_fs, NULL, err);
    if (k->kind == H5) return hold(k, f, frame, err);
    return km_structure_write_model(f->out.file, structure_kind(k), k->system, frame->coords, ++f->n_models, err);
}

static km_status write_held(km_sink *k, km_err *err)
{
    int number = 0;
    for (int i = 0; i < k->n_files; i++) {
        file *f = &k->files[i];
        if (!f->path) continue;
        for (int64_t n = 0; n < f->n_held; n++)
            KM_TRY(km_h5md_write(k->h5, number, f->coords + 3 * k->system->n_atoms * n, f->times[n], err));
        number++;
    }
    km_h5md_writer *h5 = k->h5;
    k->h5 = NULL;
    return km_h5md_commit(h5, err);
}

static km_status finish(km_sink *k, file *f, km_err *err)
{
    if (f->traj) {
        km_traj_writer *w = f->traj;
        f->traj = NULL;
        return km_traj_commit(w, err);
    }
    if (!f->out_open) return KM_OK;
    KM_TRY(km_structure_write_end(f->out.file, structure_kind(k), k->system, err));
    f->out_open = false;
    return km_output_commit(&f->out, err);
}

static km_status give_name(const char *from, const char *to, km_err *err)
{
    return rename(from, to) ? km_fail(err, KM_SYSTEM, "%s: cannot rename: %s", to, strerror(errno)) : KM_OK;
}

static km_status give_names(km_sink *k, km_err *err)
{
    if (k->kind == H5) return give_name(k->h5_path, k->path, err);
    int count = 0;
    for (int i = 0; i < k->n_files; i++) count += k->files[i].path != NULL;
    for (int i = 0; i < k->n_files; i++) {
        const char *ending;
        if (!k->files[i].path) continue;
        kind_of(k->path, &ending);
        char *name =
            count == 1 ? km_strdup(k->path) : km_asprintf("%.*s-%d%s", (int)(ending - k->path), k->path, i + 1, ending);
        km_status status = give_name(k->files[i].path, name, err);
        free(name);
        KM_TRY(status);
    }
    return KM_OK;
}

km_status km_sink_commit(km_sink *k, km_err *err)
{
    km_status status = k->kind == H5 ? write_held(k, err) : KM_OK;
    for (int i = 0; i < k->n_files && status == KM_OK; i++)
        if (k->files[i].path) status = finish(k, &k->files[i], err);
    if (status == KM_OK) status = give_names(k, err);
    km_sink_abandon(k);
    return status;
}

void km_sink_abandon(km_sink *k)
{
    if (!k) return;
    if (k->h5) km_h5md_abandon(k->h5);
    for (int i = 0; i < k->n_files; i++) {
        file *f = &k->files[i];
        if (f->traj) km_traj_abandon(f->traj);
        if (f->out_open) km_output_abandon(&f->out, false);
        if (f->path && k->kind != H5) remove(f->path); /* gone already where it has its name */
        free(f->path), free(f->coords), free(f->times);
    }
    if (k->h5_path) remove(k->h5_path);
    free(k->h5_path);
    free(k->files);
    free(k);
}

km_status km_sink_top(const char *path, const km_system *s, const float *coords, km_err *err)
{
    const char *ending;
    km_structure_kind as = kind_of(path, &ending) == CIF ? KM_STRUCTURE_CIF : KM_STRUCTURE_PDB;
    km_output out;
    KM_TRY(km_output_open(&out, path, false, err));
    km_status status = km_structure_write_start(out.file, as, s, err);
    if (status == KM_OK) status = km_structure_write_model(out.file, as, s, coords, 1, err);
    if (status == KM_OK) status = km_structure_write_end(out.file, as, s, err);
    if (status == KM_OK) return km_output_commit(&out, err);
    km_output_abandon(&out, false);
    return status;
}
