/* SPDX-License-Identifier: MIT
 * Trajectories in HDF5 that other programs wrote: H5MD (nongnu.org/h5md), whatever its group of particles is called,
 * mdtraj's own layout, and one data set of positions that the caller names. One lock for all files: the library is not
 * safe for threads. */
#include <hdf5.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "formats/traj_impl.h"
#include "lib/base/box.h"
#include "lib/base/mem.h"

enum { MOST_CACHE = 1 << 28, MOST_DEFLATED = 1100 /* deflate packs 1032 bytes into one at most */ };

typedef struct km_traj_h5 {
    char *positions, *box; /* paths of data sets, or NULL */
    bool named;
    hid_t file, value, edges, lengths, angles; /* edges [F, 3] or [F, 3, 3]; lengths and angles [F, 3] */
    bool one_box;                              /* edges [3] or [3, 3] serve all frames */
    double scale, box_scale;                   /* to angstrom */
    int64_t *times;                            /* [F] fs, or NULL */
} km_traj_h5;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

km_traj_h5 *km_traj_h5_named(const char *positions, const char *opt_box)
{
    km_traj_h5 *h = KM_NEW(km_traj_h5);
    h->positions = positions ? km_strdup(positions) : NULL;
    h->box = opt_box ? km_strdup(opt_box) : NULL;
    h->named = positions != NULL;
    h->file = h->value = h->edges = h->lengths = h->angles = -1;
    h->scale = h->box_scale = 1;
    return h;
}

void km_traj_h5_close(km_traj *t)
{
    km_traj_h5 *h = t->h5;
    if (!h) return;
    pthread_mutex_lock(&lock);
    const hid_t sets[] = {h->value, h->edges, h->lengths, h->angles};
    for (int k = 0; k < 4; k++)
        if (sets[k] >= 0) H5Dclose(sets[k]);
    if (h->file >= 0) H5Fclose(h->file);
    pthread_mutex_unlock(&lock);
    free(h->positions), free(h->box), free(h->times);
    free(h);
}

/* Is there such a link, and all that leads to it? */
static bool exists(hid_t file, const char *path)
{
    char part[256];
    for (const char *p = path + 1;; p++) {
        p += strcspn(p, "/");
        if (p - path >= (ptrdiff_t)sizeof part) return false;
        memcpy(part, path, (size_t)(p - path));
        part[p - path] = '\0';
        if (H5Lexists(file, part, H5P_DEFAULT) <= 0) return false;
        if (!*p) return H5Oexists_by_name(file, path, H5P_DEFAULT) > 0;
    }
}

static int shape_of(hid_t set, hsize_t shape[4])
{
    hid_t space = H5Dget_space(set);
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    if (rank < 0 || rank > 4 || H5Sget_simple_extent_dims(space, shape, NULL) < 0) rank = -1;
    if (space >= 0) H5Sclose(space);
    return rank;
}

static bool is_number(hid_t set)
{
    hid_t type = H5Dget_type(set);
    const H5T_class_t kind = H5Tget_class(type);
    H5Tclose(type);
    return kind == H5T_FLOAT || kind == H5T_INTEGER;
}

/* Room in the cache for all chunks that one frame lies in. */
static hid_t open_cached(hid_t file, const char *path)
{
    hsize_t chunk[4], shape[4];
    hid_t set = H5Dopen2(file, path, H5P_DEFAULT), how = set >= 0 ? H5Dget_create_plist(set) : -1;
    if (how < 0) return set;
    const int rank = shape_of(set, shape);
    double bytes = 8;
    const bool chunked = rank == 3 && H5Pget_layout(how) == H5D_CHUNKED && H5Pget_chunk(how, 4, chunk) == rank;
    H5Pclose(how);
    if (!chunked) return set;
    for (int k = 0; k < rank; k++)
        bytes *= k ? (double)((shape[k] + chunk[k] - 1) / chunk[k] * chunk[k]) : (double)chunk[k];
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, 12421, bytes < MOST_CACHE ? (size_t)bytes + 1024 : MOST_CACHE, 1);
    H5Dclose(set);
    set = H5Dopen2(file, path, access);
    H5Pclose(access);
    return set;
}

/* Has the file as many bytes for the set as its shape asks for, as far as compression allows? */
static bool has_bytes(const km_traj *t, hid_t set, const hsize_t *shape, int rank)
{
    hid_t how = H5Dget_create_plist(set), type = H5Dget_type(set);
    const double most = H5Pget_nfilters(how) > 0 ? MOST_DEFLATED : 1;
    double bytes = (double)H5Tget_size(type);
    for (int k = 0; k < rank; k++) bytes *= (double)shape[k];
    const double stored = (double)H5Dget_storage_size(set);
    H5Pclose(how);
    H5Tclose(type);
    return bytes <= most * stored && stored <= (double)t->size;
}

/* An attribute that is one string, in out; false where there is none. */
static bool read_text(hid_t set, const char *name, char *out, size_t room)
{
    char *found = NULL;
    if (H5Aexists(set, name) <= 0) return false;
    hid_t at = H5Aopen(set, name, H5P_DEFAULT), type = H5Aget_type(at), space = H5Aget_space(at);
    bool good = H5Tget_class(type) == H5T_STRING && H5Sget_simple_extent_npoints(space) == 1;
    memset(out, 0, room);
    if (good && H5Tis_variable_str(type) > 0) {
        good = H5Aread(at, type, &found) >= 0 && found;
        if (good) memcpy(out, found, strnlen(found, room - 1));
        if (found) H5free_memory(found);
    } else if (good) {
        hid_t want = H5Tcopy(H5T_C_S1);
        H5Tset_size(want, room);
        H5Tset_cset(want, H5Tget_cset(type));
        good = H5Aread(at, want, out) >= 0;
        H5Tclose(want);
    }
    H5Sclose(space), H5Tclose(type), H5Aclose(at);
    return good;
}

/* What to multiply a set's numbers with, by its attribute `unit` (H5MD) or `units` (mdtraj): to angstrom or, for times,
 * picoseconds; 0: it does not say. */
static double scale_of(hid_t set)
{
    static const struct {
        const char *name;
        double scale;
    } units[] = {{"nm", 10},
                 {"nanometer", 10},
                 {"nanometers", 10},
                 {"Angstrom", 1},
                 {"angstrom", 1},
                 {"angstroms", 1},
                 {"Angstroms", 1},
                 {"A", 1},
                 {"\xc3\x85", 1},
                 {"pm", 0.01},
                 {"ps", 1},
                 {"picosecond", 1},
                 {"picoseconds", 1},
                 {"fs", 1e-3},
                 {"femtosecond", 1e-3},
                 {"femtoseconds", 1e-3},
                 {"ns", 1e3},
                 {"nanosecond", 1e3},
                 {"nanoseconds", 1e3},
                 {"us", 1e6}};
    char text[32];
    if (!read_text(set, "unit", text, sizeof text) && !read_text(set, "units", text, sizeof text)) return 0;
    for (size_t k = 0; k < sizeof units / sizeof *units; k++)
        if (!strcmp(text, units[k].name)) return units[k].scale;
    return 0;
}

static herr_t pick_group(hid_t particles, const char *name, const H5L_info_t *info, void *arg)
{
    char path[200];
    (void)info;
    if (snprintf(path, sizeof path, "/particles/%s/position/value", name) >= (int)sizeof path ||
        !exists(particles, path))
        return 0;
    *(char **)arg = km_strdup(path);
    return 1;
}

/* The data set of positions and, beside it, times and box. */
static bool find_positions(km_traj_h5 *h, char **ret_time)
{
    *ret_time = NULL;
    if (h->named) return exists(h->file, h->positions);
    if (exists(h->file, "/particles")) {
        hid_t g = H5Gopen2(h->file, "/particles", H5P_DEFAULT);
        if (g >= 0) {
            H5Literate(g, H5_INDEX_NAME, H5_ITER_INC, NULL, pick_group, &h->positions);
            H5Gclose(g);
        }
        if (!h->positions) return false;
        const int stem = (int)(strlen(h->positions) - strlen("/position/value"));
        *ret_time = km_asprintf("%.*s/position/time", stem, h->positions);
        h->box = km_asprintf("%.*s/box/edges", stem, h->positions);
        return true;
    }
    if (!exists(h->file, "/coordinates")) return false;
    h->positions = km_strdup("/coordinates");
    *ret_time = km_strdup("/time");
    return true;
}

/* A number that is an attribute, 0 where there is none. */
static double read_offset(hid_t set)
{
    double offset = 0;
    if (H5Aexists(set, "offset") <= 0) return 0;
    hid_t at = H5Aopen(set, "offset", H5P_DEFAULT);
    if (at >= 0) {
        hid_t space = H5Aget_space(at);
        if (H5Sget_simple_extent_npoints(space) == 1) H5Aread(at, H5T_NATIVE_DOUBLE, &offset);
        H5Sclose(space);
        H5Aclose(at);
    }
    return offset;
}

/* One time a frame, or one number and an offset (H5MD's fixed interval). Without a unit they are not times. */
static void read_times(km_traj *t, const char *path)
{
    km_traj_h5 *h = t->h5;
    hsize_t shape[4] = {0};
    hid_t set = path && exists(h->file, path) ? H5Dopen2(h->file, path, H5P_DEFAULT) : -1;
    t->untimed = true;
    if (set < 0) return;
    const int rank = shape_of(set, shape);
    const double scale = scale_of(set) * 1000;
    const bool each = rank == 1 && shape[0] == (hsize_t)t->n_frames && has_bytes(t, set, shape, rank);
    const bool fixed = rank == 0 || (rank == 1 && shape[0] == 1 && t->n_frames > 1);
    if (scale > 0 && is_number(set) && (each || fixed)) {
        double *v = km_alloc((size_t)t->n_frames * sizeof *v), offset = each ? 0 : read_offset(set);
        bool good = H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0;
        const double step = v[0];
        h->times = km_alloc((size_t)t->n_frames * sizeof *h->times);
        for (int64_t i = 0; i < t->n_frames && good; i++) {
            const double fs = scale * (each ? v[i] : offset + (double)i * step);
            good = fabs(fs) < 9e17;
            if (good) h->times[i] = llround(fs);
        }
        free(v);
        t->untimed = !good;
    }
    H5Dclose(set);
}

/* Numbers [..., 3], or -1 */
static hid_t open_edges(const km_traj *t, const char *path)
{
    hsize_t shape[4] = {0};
    hid_t set = exists(t->h5->file, path) ? H5Dopen2(t->h5->file, path, H5P_DEFAULT) : -1;
    if (set < 0) return -1;
    const int rank = shape_of(set, shape);
    if (is_number(set) && rank >= 1 && shape[rank - 1] == 3 && has_bytes(t, set, shape, rank)) return set;
    H5Dclose(set);
    return -1;
}

static void open_boxes(km_traj *t)
{
    km_traj_h5 *h = t->h5;
    if (h->box) { /* H5MD: the data set itself where the box is fixed, else its `value` */
        char *value = km_asprintf("%s/value", h->box);
        h->one_box = !exists(h->file, value);
        h->edges = open_edges(t, h->one_box ? h->box : value);
        free(value);
    }
    if (h->edges >= 0) {
        const double scale = scale_of(h->edges);
        h->box_scale = h->named ? 10 : scale > 0 ? scale : h->scale;
    } else if (!strcmp(h->positions, "/coordinates")) {
        h->lengths = open_edges(t, "/cell_lengths");
        h->angles = open_edges(t, "/cell_angles");
        const double scale = h->lengths >= 0 ? scale_of(h->lengths) : 0;
        h->box_scale = scale > 0 ? scale : 10;
    }
}

/* Row i of [F, 3], [F, 3, 3] or, where it is not `each` frame's, all of [3], [3, 3]; numbers read, 0 on failure. */
static int read_row(hid_t set, int64_t i, bool each, double out[9])
{
    hsize_t shape[4] = {0}, start[4] = {0}, count[4] = {1, 1, 1, 1};
    const int rank = shape_of(set, shape);
    int n = 1;
    if (rank < 1 || rank > 3) return 0;
    for (int k = each; k < rank; k++) count[k] = shape[k], n *= (int)shape[k];
    if (each) start[0] = (hsize_t)i;
    if ((n != 3 && n != 9) || (each && shape[0] <= start[0])) return 0;
    const hsize_t numbers = (hsize_t)n;
    hid_t from = H5Dget_space(set), to = H5Screate_simple(1, &numbers, NULL);
    const bool good = H5Sselect_hyperslab(from, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                      H5Dread(set, H5T_NATIVE_DOUBLE, to, from, H5P_DEFAULT, out) >= 0;
    H5Sclose(from), H5Sclose(to);
    return good ? n : 0;
}

static km_status read_box(const km_traj *t, int64_t i, float *box, km_err *err)
{
    const km_traj_h5 *h = t->h5;
    double v[9], angle[9];
    bool good = true;
    memset(box, 0, 9 * sizeof *box);
    if (h->edges >= 0) {
        const int n = read_row(h->edges, i, !h->one_box, v);
        good = n > 0;
        for (int k = 0; k < n; k++) box[n == 9 ? k : 4 * k] = (float)(v[k] * h->box_scale);
    } else if (h->lengths >= 0 && h->angles >= 0) {
        good = read_row(h->lengths, i, true, v) == 3 && read_row(h->angles, i, true, angle) == 3;
        for (int k = 0; k < 3 && good; k++) v[k] *= h->box_scale;
        good = good && km_box_of_degrees(v, angle, box);
    }
    for (int k = 0; k < 9 && good; k++) good = isfinite(box[k]);
    return good ? KM_OK : km_fail(err, KM_INPUT, "%s: frame %lld: its box cannot be read", t->name, (long long)i);
}

static km_status read_frame(const km_traj *t, int64_t i, float *coords, float *box, km_err *err)
{
    const km_traj_h5 *h = t->h5;
    const hsize_t start[3] = {(hsize_t)i, 0, 0}, count[3] = {1, (hsize_t)t->n_atoms, 3};
    hid_t from = H5Dget_space(h->value), to = H5Screate_simple(3, count, NULL);
    const bool good = H5Sselect_hyperslab(from, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                      H5Dread(h->value, H5T_NATIVE_FLOAT, to, from, H5P_DEFAULT, coords) >= 0;
    H5Sclose(from), H5Sclose(to);
    if (!good) return km_fail(err, KM_INPUT, "%s: frame %lld cannot be read", t->name, (long long)i);
    for (int64_t k = 0; k < 3 * (int64_t)t->n_atoms && h->scale != 1; k++) coords[k] = (float)(coords[k] * h->scale);
    return read_box(t, i, box, err);
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The median distance of the first atoms of frame 0 to their nearest neighbours, as the file has it; 0 where it cannot
 * be told. */
static float median_neighbour(const km_traj *t, km_err *err)
{
    enum { MOST = 1000 };
    float *x = km_alloc(12 * (size_t)t->n_atoms), nearest[MOST], box[9];
    const int n = t->n_atoms < MOST ? t->n_atoms : MOST;
    float median = 0;
    if (n > 1 && read_frame(t, 0, x, box, err) == KM_OK) {
        for (int i = 0; i < n; i++) {
            nearest[i] = INFINITY;
            for (int j = 0; j < n; j++) {
                const float *p = x + 3 * i, *q = x + 3 * j;
                const float dx = p[0] - q[0], dy = p[1] - q[1], dz = p[2] - q[2], d = dx * dx + dy * dy + dz * dz;
                if (j != i && d < nearest[i]) nearest[i] = d;
            }
        }
        qsort(nearest, (size_t)n, sizeof *nearest, compare);
        median = sqrtf(nearest[n / 2]);
    }
    free(x);
    return median;
}

/* By the attribute, else by what chemistry allows: bonds are 0.9 to 1.6 angstrom long. */
static km_status find_scale(km_traj *t, km_err *err)
{
    km_traj_h5 *h = t->h5;
    if (h->named) return KM_OK;
    const double scale = scale_of(h->value);
    if (scale > 0) {
        h->scale = scale;
        return KM_OK;
    }
    const float near = median_neighbour(t, err);
    if (!((near > 0.05f && near <= 0.35f) || (near >= 0.8f && near < 4)))
        return km_fail(err, KM_INPUT,
                       "%s: %s has no known unit, and its atoms are %g apart: neither nanometres nor angstrom", t->name,
                       h->positions, (double)near);
    h->scale = near <= 0.35f ? 10 : 1;
    return KM_OK;
}

static km_status open_value(km_traj *t, km_err *err)
{
    km_traj_h5 *h = t->h5;
    hsize_t shape[4] = {0};
    h->value = open_cached(h->file, h->positions);
    const int rank = h->value >= 0 ? shape_of(h->value, shape) : -1;
    if (rank != 3 || shape[2] != 3 || !is_number(h->value) || shape[1] < 1 || shape[1] > INT_MAX / 16)
        return km_fail(err, KM_INPUT, "%s: %s: not numbers [frames, atoms, 3]", t->name, h->positions);
    if (shape[0] == 0) return km_fail(err, KM_INPUT, "%s: %s: no frames", t->name, h->positions);
    if (!has_bytes(t, h->value, shape, rank))
        return km_fail(err, KM_INPUT, "%s: %s: incomplete", t->name, h->positions);
    t->n_frames = (int64_t)shape[0];
    t->n_atoms = (int32_t)shape[1];
    return KM_OK;
}

static km_status open_all(km_traj *t, km_err *err)
{
    km_traj_h5 *h = t->h5;
    char *time = NULL;
    hid_t how = H5Pcreate(H5P_FILE_ACCESS);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Pset_file_locking(how, false, true); /* data may lie where files cannot be locked */
    h->file = H5Fopen(t->name, H5F_ACC_RDONLY, how);
    H5Pclose(how);
    if (h->file < 0) return km_fail(err, KM_INPUT, "%s: truncated, damaged, or being written", t->name);
    if (!find_positions(h, &time))
        return h->named ? km_fail(err, KM_INPUT, "%s: there is no %s", t->name, h->positions)
                        : km_fail(err, KM_INPUT, "%s: no trajectory: neither H5MD nor mdtraj's layout", t->name);
    km_status s = open_value(t, err);
    if (s == KM_OK) read_times(t, time);
    free(time);
    if (s == KM_OK) s = find_scale(t, err);
    if (s < 0) return s;
    open_boxes(t);
    if (!h->named)
        snprintf(t->note, sizeof t->note, "positions are %.60s, %s%s%s", h->positions,
                 h->scale == 10 ? "nm" : "angstrom",
                 scale_of(h->value) > 0 ? "" : " by the distances of atoms: the file does not say",
                 t->untimed ? "; no times with a unit" : "");
    return KM_OK;
}

km_status km_traj_h5_open(km_traj *t, km_err *err)
{
    if (!t->h5) t->h5 = km_traj_h5_named(NULL, NULL);
    pthread_mutex_lock(&lock);
    km_status s = open_all(t, err);
    pthread_mutex_unlock(&lock);
    return s;
}

km_status km_traj_h5_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    *ret_fs = t->untimed ? i : t->h5->times[i];
    pthread_mutex_lock(&lock);
    km_status s = read_frame(t, i, coords, box, err);
    pthread_mutex_unlock(&lock);
    return s;
}
