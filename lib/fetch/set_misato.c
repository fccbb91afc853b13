/* SPDX-License-Identifier: MIT
 * MISATO (Siebenmorgen et al., Nat. Comput. Sci. 2024): one HDF5 file of Zenodo with a group a complex. A choice of
 * complexes is copied out of it where it is, each to a file of its own; all of them are the file itself. */
#include <ctype.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/h5_lock.h"
#include "lib/fetch/impl.h"

enum { RECORD = 7711953 };
static const char all_of_it[] = "MD.hdf5";

/* The ids of a list, one a line, in capitals as the file has them. */
static km_status add_list(km_fetch *f, km_http *h, const json_t *record, const char *name, km_err *err)
{
    km_fetch_file file;
    char *text, *rest = NULL;
    KM_TRY(km_fetch_zenodo_file(f, RECORD, record, name, &file, err));
    KM_TRY(km_fetch_keep_text(f, h, name, file.url, &text, err));
    km_status status = KM_OK;
    for (char *id = strtok_r(text, " \t\r\n", &rest); id && status == KM_OK; id = strtok_r(NULL, " \t\r\n", &rest)) {
        for (char *c = id; *c; c++) *c = (char)toupper((unsigned char)*c);
        char *own = km_asprintf("%s.hdf5", id);
        if (!km_fetch_id_is_safe(id)) status = km_fail(err, KM_SYSTEM, "%s: '%.40s' is no id", name, id);
        else km_fetch_add(f, id, own, 0);
        free(own);
    }
    free(text);
    return status;
}

static bool is_asked_for(const km_fetch *f, const char *const *ids)
{
    for (; ids && *ids; ids++)
        if (strcmp(*ids, all_of_it) == 0) return true;
    return f->whole;
}

km_status km_fetch_misato_list(km_fetch *f, km_http *h, const char *const *ids, km_err *err)
{
    static const char *const lists[] = {"train_MD.txt", "val_MD.txt", "test_MD.txt"};
    km_fetch_file *file = km_arena_zero(f->arena, sizeof *file);
    json_t *record;
    KM_TRY(km_fetch_zenodo(f, h, RECORD, &record, err));
    km_status status = km_fetch_zenodo_file(f, RECORD, record, all_of_it, file, err);
    for (int i = 0; i < 3 && status == KM_OK; i++) status = add_list(f, h, record, lists[i], err);
    json_decref(record);
    KM_TRY(status);
    for (int i = 0; i < f->n; i++) {
        f->systems[i].bytes = file->bytes / f->n; /* nobody says what each has */
        f->systems[i].what = file;
    }
    if (!is_asked_for(f, ids)) return KM_OK;
    if (f->whole) f->n = 0;
    km_fetch_add(f, all_of_it, all_of_it, file->bytes)->what = file;
    return KM_OK;
}

/* -- one complex */

/* Read a data set to its end; ret_atoms: the length of its dimension `atoms`. */
static bool read_whole(hid_t group, const char *name, int rank, int atoms, hsize_t *ret_atoms)
{
    hid_t set = H5Dopen2(group, name, H5P_DEFAULT), space = set < 0 ? -1 : H5Dget_space(set);
    hsize_t shape[3] = {0}, values = 1;
    bool good = space >= 0 && H5Sget_simple_extent_ndims(space) == rank &&
                H5Sget_simple_extent_dims(space, shape, NULL) == rank;
    for (int i = 0; i < rank && good; i++) good = shape[i] > 0 && (values *= shape[i]) < 1u << 30;
    double *x = good ? km_alloc(values * sizeof *x) : NULL;
    good = good && H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0;
    free(x);
    if (space >= 0) H5Sclose(space);
    if (set >= 0) H5Dclose(set);
    *ret_atoms = shape[atoms];
    return good;
}

/* Is all there that a complex consists of, and can it be read? */
static km_status check(const char *path, const char *id, km_err *err)
{
    static const char *const columns[] = {"atoms_number", "atoms_type", "atoms_residue"};
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), group = file < 0 ? -1 : H5Gopen2(file, id, H5P_DEFAULT);
    hsize_t n = 0, m = 0;
    const char *bad = "trajectory_coordinates";
    bool good = group >= 0 && read_whole(group, bad, 3, 1, &n);
    for (int i = 0; i < 3 && good; i++) good = read_whole(group, bad = columns[i], 1, 0, &m) && m == n;
    good = good && read_whole(group, bad = "molecules_begin_atom_index", 1, 0, &m);
    if (group >= 0) H5Gclose(group);
    if (file >= 0) H5Fclose(file);
    return good ? KM_OK : km_fail(err, KM_SYSTEM, "%.60s/%s is not there, damaged or of another length", id, bad);
}

static km_status copy(const km_fetch_h5 *remote, const char *id, const char *to, km_err *err)
{
    km_fetch_h5 from = *remote;
    km_status status = KM_OK;
    hid_t file = km_fetch_h5_open(&from), own = file < 0 ? -1 : H5Fcreate(to, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    bool there = file >= 0 && H5Lexists(file, id, H5P_DEFAULT) > 0;
    if (file >= 0 && own < 0) status = km_fail(err, KM_SYSTEM, "cannot write '%.150s'", to);
    else if (!there || H5Ocopy(file, id, own, id, H5P_DEFAULT, H5P_DEFAULT) < 0) status = from.status;
    if (own >= 0 && H5Fclose(own) < 0) status = km_fail(err, KM_SYSTEM, "cannot write '%.150s'", to);
    if (file >= 0) H5Fclose(file);
    KM_TRY(status);
    if (file < 0) return km_fail(err, KM_SYSTEM, "%.150s: not HDF5, or damaged", from.url);
    return there ? check(to, id, err) : km_fail(err, KM_SYSTEM, "%.150s: it has no group '%.40s'", from.url, id);
}

km_status km_fetch_misato_get(km_fetch *f, km_http *h, const km_fetch_system *s, const char *to, json_t *record,
                              km_err *err)
{
    const km_fetch_file *file = s->what;
    (void)f;
    if (strcmp(s->id, all_of_it) == 0) return km_fetch_bring(h, file, to, record, err);
    char *part = km_asprintf("%s.%d.part", to, (int)getpid());
    const km_fetch_h5 remote = {.h = h, .url = file->url, .bytes = file->bytes, .err = err};
    km_h5_lock();
    km_status status = copy(&remote, s->id, part, err);
    km_h5_unlock();
    if (status == KM_OK) status = km_fetch_name(part, to, file->url, NULL, "a reading of all of it", record, err);
    if (status != KM_OK) unlink(part);
    free(part);
    return status;
}
