/* SPDX-License-Identifier: MIT
 * Writing H5MD: a chunk of frames is gathered and written at once. No time stamps: the same input gives the same bytes.
 */
#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/h5md.h"
#include "formats/h5md_tensors.h"
#include "formats/km.h"
#include "lib/base/mem.h"

enum { CHUNK_BYTES = 65536, CHUNK_NUMBERS = 1024 };

struct km_h5md_writer {
    char *path, *part;
    hid_t file, value, step, time; /* the data sets of the last trajectory, or -1 */
    int32_t n_atoms;
    int n_trajectories;
    int64_t n_frames; /* of the last trajectory, in the file */
    int64_t chunk, held;
    float *coords; /* [chunk, A, 3] waiting */
    double *times; /* [chunk] ps */
};

static km_status refused(const km_h5md_writer *w, km_err *err)
{
    return km_fail(err, KM_SYSTEM, "cannot write '%.150s': %s", w->path, errno ? strerror(errno) : "HDF5 refused");
}

/* Of variable length, because MDAnalysis knows units of no other kind. */
static bool put_text(hid_t object, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    bool good = H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0;
    hid_t at = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    good = good && at >= 0 && H5Awrite(at, type, &text) >= 0;
    if (at >= 0) H5Aclose(at);
    H5Sclose(space);
    H5Tclose(type);
    return good;
}

static bool put_ints(hid_t object, const char *name, const int *x, hsize_t n)
{
    hid_t space = n > 1 ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
    hid_t at = H5Acreate2(object, name, H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = at >= 0 && H5Awrite(at, H5T_NATIVE_INT, x) >= 0;
    if (at >= 0) H5Aclose(at);
    H5Sclose(space);
    return good;
}

/* A group, left open for its attributes; negative on failure. */
static hid_t make_group(hid_t file, const char *path)
{
    return H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
}

/* A group with two attributes of text, an absent one left out. */
static bool make_noted_group(hid_t file, const char *path, const char *name1, const char *text1, const char *name2,
                             const char *text2)
{
    hid_t g = make_group(file, path);
    if (g < 0) return false;
    bool good = (!text1 || put_text(g, name1, text1)) && (!text2 || put_text(g, name2, text2));
    return H5Gclose(g) >= 0 && good;
}

/* In chunks, each with a checksum that reading compares. */
static hid_t make_set(hid_t file, const char *path, hid_t type, int nd, const hsize_t *shape, const hsize_t *chunk)
{
    const hsize_t most[3] = {H5S_UNLIMITED, nd > 1 ? shape[1] : 0, nd > 2 ? shape[2] : 0};
    hid_t space = H5Screate_simple(nd, shape, most), how = H5Pcreate(H5P_DATASET_CREATE), set = -1;
    bool good = H5Pset_obj_track_times(how, false) >= 0 && H5Pset_fill_time(how, H5D_FILL_TIME_ALLOC) >= 0 &&
                H5Pset_chunk(how, nd, chunk) >= 0 && H5Pset_fletcher32(how) >= 0;
    if (good) set = H5Dcreate2(file, path, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    H5Pclose(how);
    H5Sclose(space);
    return set;
}

static bool write_system(hid_t file, const void *bytes, size_t n)
{
    const hsize_t shape = n;
    hid_t set = make_set(file, "/kinematic/system", H5T_STD_U8LE, 1, &shape, &shape);
    bool good = set >= 0 && H5Dwrite(set, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0;
    return set >= 0 && H5Dclose(set) >= 0 && good;
}

static bool write_head(hid_t file, const char *set, const char *license, const void *system, size_t system_bytes)
{
    const int version[2] = {1, 1};
    hid_t g = make_group(file, "/h5md");
    if (g < 0) return false;
    bool good = put_ints(g, "version", version, 2);
    good = H5Gclose(g) >= 0 && good;
    return good && make_noted_group(file, "/h5md/author", "name", "unknown", NULL, NULL) &&
           make_noted_group(file, "/h5md/creator", "name", "Kinematic", "version", KM_VERSION) &&
           make_noted_group(file, "/kinematic", "set", set, "license", license) &&
           make_noted_group(file, "/particles", NULL, NULL, NULL, NULL) && write_system(file, system, system_bytes);
}

km_status km_h5md_create(const char *path, const km_system *s, const char *set, const char *license,
                         km_h5md_writer **ret, km_err *err)
{
    void *system;
    size_t system_bytes;
    *ret = NULL;
    KM_ASSERT(s->n_atoms > 0);
    KM_TRY(km_system_pack(s, &system, &system_bytes, err));
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    km_h5md_writer *w = KM_NEW(km_h5md_writer);
    w->path = km_strdup(path);
    w->part = km_asprintf("%s.part", path);
    w->value = w->step = w->time = -1;
    w->n_atoms = s->n_atoms;
    w->chunk = CHUNK_BYTES / (12 * (int64_t)w->n_atoms);
    if (w->chunk < 1) w->chunk = 1;
    w->coords = km_alloc((size_t)w->chunk * (size_t)w->n_atoms * 12);
    w->times = km_alloc((size_t)w->chunk * sizeof *w->times);
    errno = 0;
    hid_t how = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(how, H5F_LIBVER_V110, H5F_LIBVER_V110); /* whose own records have checksums */
    w->file = H5Fcreate(w->part, H5F_ACC_TRUNC, H5P_DEFAULT, how);
    H5Pclose(how);
    bool good = w->file >= 0 && write_head(w->file, set ? set : "", license ? license : "", system, system_bytes);
    free(system);
    if (good) {
        *ret = w;
        return KM_OK;
    }
    km_status status = refused(w, err);
    km_h5md_abandon(w);
    return status;
}

km_status km_h5md_put(km_h5md_writer *w, const km_msa *opt_msa, const km_templates *opt_templates, km_err *err)
{
    KM_ASSERT(w->n_trajectories == 0);
    errno = 0;
    bool good = !opt_msa || km_h5md_write_msa(w->file, opt_msa);
    good = good && (!opt_templates || km_h5md_write_templates(w->file, opt_templates));
    return good ? KM_OK : refused(w, err);
}

static bool note_unit(hid_t set, const char *unit) { return set >= 0 && put_text(set, "unit", unit); }

/* H5MD asks for a box; ours says that there is none. */
static bool write_box(hid_t file, const char *path)
{
    const int dimension = 3;
    const hsize_t three = 3;
    const char boundary[3][5] = {"none", "none", "none"};
    hid_t g = make_group(file, path), type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &three, NULL);
    bool good = g >= 0 && H5Tset_size(type, sizeof boundary[0]) >= 0 && put_ints(g, "dimension", &dimension, 1);
    hid_t at = good ? H5Acreate2(g, "boundary", type, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
    good = at >= 0 && H5Awrite(at, type, boundary) >= 0;
    if (at >= 0) H5Aclose(at);
    H5Sclose(space);
    H5Tclose(type);
    if (g >= 0) H5Gclose(g);
    return good;
}

static bool start_trajectory(km_h5md_writer *w, int number)
{
    char path[96];
    const hsize_t shape[3] = {0, (hsize_t)w->n_atoms, 3}, chunk[3] = {(hsize_t)w->chunk, (hsize_t)w->n_atoms, 3};
    const hsize_t numbers = CHUNK_NUMBERS;
    const int n = snprintf(path, sizeof path, "/particles/trajectory%d", number);
    char *rest = path + n;
    const size_t room = sizeof path - (size_t)n;
    bool good = make_noted_group(w->file, path, NULL, NULL, NULL, NULL);
    snprintf(rest, room, "/box");
    good = good && write_box(w->file, path);
    snprintf(rest, room, "/position");
    good = good && make_noted_group(w->file, path, NULL, NULL, NULL, NULL);
    if (!good) return false;
    snprintf(rest, room, "/position/value");
    w->value = make_set(w->file, path, H5T_IEEE_F32LE, 3, shape, chunk);
    snprintf(rest, room, "/position/step");
    w->step = make_set(w->file, path, H5T_STD_I64LE, 1, shape, &numbers);
    snprintf(rest, room, "/position/time");
    w->time = make_set(w->file, path, H5T_IEEE_F64LE, 1, shape, &numbers);
    w->n_trajectories = number;
    w->n_frames = 0;
    return w->step >= 0 && note_unit(w->value, "Angstrom") && note_unit(w->time, "ps");
}

/* Lengthen a set to `from + n` rows and write the last n. */
static bool append(hid_t set, hid_t type, int nd, int64_t from, int64_t n, int32_t atoms, const void *data)
{
    const hsize_t size[3] = {(hsize_t)(from + n), (hsize_t)atoms, 3}, start[3] = {(hsize_t)from, 0, 0};
    const hsize_t count[3] = {(hsize_t)n, (hsize_t)atoms, 3};
    if (H5Dset_extent(set, size) < 0) return false;
    hid_t to = H5Dget_space(set), is = H5Screate_simple(nd, count, NULL);
    bool good = H5Sselect_hyperslab(to, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                H5Dwrite(set, type, is, to, H5P_DEFAULT, data) >= 0;
    H5Sclose(to);
    H5Sclose(is);
    return good;
}

static bool flush(km_h5md_writer *w)
{
    if (w->held == 0) return true;
    int64_t *steps = KM_NEWN(int64_t, (size_t)w->held);
    for (int64_t i = 0; i < w->held; i++) steps[i] = w->n_frames + i;
    bool good = append(w->value, H5T_NATIVE_FLOAT, 3, w->n_frames, w->held, w->n_atoms, w->coords) &&
                append(w->step, H5T_NATIVE_INT64, 1, w->n_frames, w->held, w->n_atoms, steps) &&
                append(w->time, H5T_NATIVE_DOUBLE, 1, w->n_frames, w->held, w->n_atoms, w->times);
    free(steps);
    w->n_frames += w->held;
    w->held = 0;
    return good;
}

/* Close the data sets of the last trajectory; what they hold back may fail to be written only now. */
static bool end_trajectory(km_h5md_writer *w)
{
    bool good = true;
    hid_t *sets[] = {&w->value, &w->step, &w->time};
    for (int k = 0; k < 3; k++) {
        if (*sets[k] >= 0) good = H5Dclose(*sets[k]) >= 0 && good;
        *sets[k] = -1;
    }
    return good;
}

km_status km_h5md_write(km_h5md_writer *w, int trajectory, const float *coords, int64_t time_fs, km_err *err)
{
    const size_t frame = 3 * (size_t)w->n_atoms;
    KM_ASSERT(trajectory == w->n_trajectories || (trajectory == w->n_trajectories - 1 && trajectory >= 0));
    for (size_t i = 0; i < frame; i++) {
        if (!isfinite(coords[i])) {
            return km_fail(err, KM_INPUT, "%s: trajectory %d, frame %lld, atom %zu: not a finite number", w->path,
                           trajectory + 1, trajectory == w->n_trajectories ? 0LL : (long long)(w->n_frames + w->held),
                           i / 3);
        }
    }
    errno = 0;
    if (trajectory == w->n_trajectories && !(flush(w) && end_trajectory(w) && start_trajectory(w, trajectory + 1))) {
        return refused(w, err);
    }
    memcpy(w->coords + (size_t)w->held * frame, coords, frame * sizeof *coords);
    w->times[w->held++] = (double)time_fs / 1000;
    if (w->held == w->chunk && !flush(w)) return refused(w, err);
    return KM_OK;
}

km_status km_h5md_take_back(km_h5md_writer *w, int from, km_err *err)
{
    char path[64];
    errno = 0;
    w->held = 0;
    bool good = end_trajectory(w);
    for (; w->n_trajectories > from && good; w->n_trajectories--) {
        snprintf(path, sizeof path, "/particles/trajectory%d", w->n_trajectories);
        good = H5Ldelete(w->file, path, H5P_DEFAULT) >= 0;
    }
    return good ? KM_OK : refused(w, err);
}

km_status km_h5md_note(km_h5md_writer *w, int trajectory, const char *key, const char *text, km_err *err)
{
    char path[64] = "/kinematic";
    errno = 0;
    if (trajectory >= 0) snprintf(path, sizeof path, "/particles/trajectory%d", trajectory + 1);
    hid_t at = H5Oopen(w->file, path, H5P_DEFAULT);
    bool good = at >= 0 && (H5Aexists(at, key) <= 0 || H5Adelete(at, key) >= 0) && put_text(at, key, text);
    if (at >= 0) H5Oclose(at);
    return good ? KM_OK : refused(w, err);
}

static void drop(km_h5md_writer *w)
{
    free(w->coords);
    free(w->times);
    free(w->path);
    free(w->part);
    free(w);
}

km_status km_h5md_commit(km_h5md_writer *w, km_err *err)
{
    errno = 0;
    bool good = flush(w);
    good = end_trajectory(w) && good;
    good = H5Fclose(w->file) >= 0 && good;
    good = good && rename(w->part, w->path) == 0;
    km_status s = good ? KM_OK : refused(w, err);
    if (!good) unlink(w->part);
    drop(w);
    return s;
}

void km_h5md_abandon(km_h5md_writer *w)
{
    end_trajectory(w);
    if (w->file >= 0) {
        H5Fclose(w->file);
        unlink(w->part);
    }
    drop(w);
}
