/* SPDX-License-Identifier: MIT
 * Reading H5MD. Whatever the file says about sizes is held against the bytes it has before memory is asked for. */
#include "formats/h5md.h"

#include <errno.h>
#include <hdf5.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/h5md_tensors.h"
#include "formats/km.h"
#include "lib/base/mem.h"

typedef struct trajectory {
    hid_t value;
    int64_t n_frames;
    int64_t *times; /* [F] fs */
} trajectory;

struct km_h5md {
    char *name; /* for messages */
    hid_t file;
    int64_t size; /* of the file, bytes */
    km_system *system;
    km_msa *msa;
    km_templates *templates;
    char *set, *license;
    int n_trajectories;
    trajectory *trajectories;
};

/* Open a data set and tell its shape; it must have rank nd and as many bytes as its shape and `each` ask for. Negative:
 * no. */
static hid_t open_set(const km_h5md *h, const char *path, int nd, size_t each, hsize_t *shape)
{
    hid_t how = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(how, 0, 0, 0); /* frames are not packed: straight from the file to where they are wanted */
    hid_t set = H5Dopen2(h->file, path, how);
    H5Pclose(how);
    if (set < 0) return set;
    hid_t space = H5Dget_space(set);
    bool good =
        space >= 0 && H5Sget_simple_extent_ndims(space) == nd && H5Sget_simple_extent_dims(space, shape, NULL) == nd;
    double bytes = (double)each;
    for (int k = 0; good && k < nd; k++) bytes *= (double)shape[k];
    good = good && bytes <= (double)H5Dget_storage_size(set) && bytes <= (double)h->size;
    if (space >= 0) H5Sclose(space);
    if (good) return set;
    H5Dclose(set);
    return -1;
}

static km_status read_system(km_h5md *h, km_err *err)
{
    hsize_t n;
    hid_t set = open_set(h, "/kinematic/system", 1, 1, &n);
    if (set < 0)
        return km_fail(err, KM_INPUT, "%s: no system record: not an H5MD file of Kinematic, or damaged", h->name);
    void *bytes = km_alloc(n);
    km_status s = KM_INPUT;
    if (H5Dread(set, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0) {
        s = km_fail(err, KM_INPUT, "%s: the system record cannot be read", h->name);
    } else if ((s = km_system_unpack(bytes, n, &h->system, err)) < 0 && err) {
        s = km_fail_in(err, h->name);
    }
    free(bytes);
    H5Dclose(set);
    return s;
}

/* A string attribute of variable length, "" where there is none. */
static char *read_text(hid_t file, const char *object, const char *name)
{
    char *text = NULL, *found = NULL;
    hid_t at = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (at < 0) return km_strdup("");
    hid_t type = H5Aget_type(at), space = H5Aget_space(at);
    if (H5Tis_variable_str(type) > 0 && H5Sget_simple_extent_npoints(space) == 1 && H5Aread(at, type, &found) >= 0 &&
        found) {
        text = km_strdup(found);
        H5free_memory(found);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(at);
    return text ? text : km_strdup("");
}

static km_status read_times(km_h5md *h, trajectory *t, const char *path, km_err *err)
{
    hsize_t n;
    hid_t set = open_set(h, path, 1, sizeof(double), &n);
    if (set < 0 || n != (hsize_t)t->n_frames) {
        if (set >= 0) H5Dclose(set);
        return km_fail(err, KM_INPUT, "%s: %s: not one time a frame", h->name, path);
    }
    double *ps = km_alloc((size_t)n * sizeof *ps);
    bool good = H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, ps) >= 0;
    H5Dclose(set);
    t->times = km_alloc((size_t)n * sizeof *t->times);
    for (hsize_t i = 0; i < n && good; i++) {
        good = fabs(ps[i]) < 9e15;
        if (good) t->times[i] = llround(ps[i] * 1000);
    }
    free(ps);
    return good ? KM_OK : km_fail(err, KM_INPUT, "%s: %s: cannot be read, or not all are times", h->name, path);
}

static km_status open_trajectory(km_h5md *h, trajectory *t, int number, km_err *err)
{
    char path[80];
    hsize_t shape[3] = {0};
    snprintf(path, sizeof path, "/particles/trajectory%d/position/value", number);
    t->value = open_set(h, path, 3, sizeof(float), shape);
    if (t->value < 0)
        return km_fail(err, KM_INPUT, "%s: %s: absent, not [frames, atoms, 3], or incomplete", h->name, path);
    if (shape[1] != (hsize_t)h->system->n_atoms || shape[2] != 3) {
        return km_fail(err, KM_INPUT, "%s: %s: %llu atoms where the system has %d", h->name, path,
                       (unsigned long long)shape[1], h->system->n_atoms);
    }
    hid_t type = H5Dget_type(t->value);
    const bool real = H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) == sizeof(float);
    H5Tclose(type);
    if (!real) return km_fail(err, KM_INPUT, "%s: %s: not of 4-byte floating-point numbers", h->name, path);
    t->n_frames = (int64_t)shape[0];
    snprintf(path, sizeof path, "/particles/trajectory%d/position/time", number);
    return read_times(h, t, path, err);
}

static bool has_trajectory(const km_h5md *h, int number)
{
    char path[64];
    snprintf(path, sizeof path, "/particles/trajectory%d", number);
    return H5Lexists(h->file, "/particles", H5P_DEFAULT) > 0 && H5Lexists(h->file, path, H5P_DEFAULT) > 0;
}

bool km_h5md_is(const char *path)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = H5Fis_hdf5(path) > 0 ? H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT) : -1;
    if (file < 0) return false;
    const bool is = H5Lexists(file, "/kinematic", H5P_DEFAULT) > 0;
    H5Fclose(file);
    return is;
}

static km_status open_file(km_h5md *h, km_err *err)
{
    struct stat st;
    if (stat(h->name, &st) != 0 || access(h->name, R_OK) != 0) {
        return km_fail(err, KM_SYSTEM, "cannot open '%.150s': %s", h->name, strerror(errno));
    }
    if (!S_ISREG(st.st_mode) || H5Fis_hdf5(h->name) <= 0)
        return km_fail(err, KM_INPUT, "%s: not an HDF5 file", h->name);
    h->size = st.st_size;
    h->file = H5Fopen(h->name, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (h->file < 0) return km_fail(err, KM_INPUT, "%s: truncated, damaged, or being written", h->name);
    KM_TRY(read_system(h, err));
    km_status status = km_h5md_read_msa(h->file, h->system->n_tokens, &h->msa, err);
    if (status == KM_OK) status = km_h5md_read_templates(h->file, h->system->n_tokens, &h->templates, err);
    if (status < 0) return km_fail_in(err, h->name);
    h->set = read_text(h->file, "/kinematic", "set");
    h->license = read_text(h->file, "/kinematic", "license");
    while (h->n_trajectories < INT_MAX && has_trajectory(h, h->n_trajectories + 1)) {
        h->trajectories = km_realloc(h->trajectories, ((size_t)h->n_trajectories + 1) * sizeof *h->trajectories);
        trajectory *t = &h->trajectories[h->n_trajectories++];
        *t = (trajectory){.value = -1};
        KM_TRY(open_trajectory(h, t, h->n_trajectories, err));
    }
    return KM_OK;
}

km_status km_h5md_open(const char *path, km_h5md **ret, km_err *err)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    km_h5md *h = KM_NEW(km_h5md);
    h->name = km_strdup(path);
    h->file = -1;
    km_status s = open_file(h, err);
    if (s < 0) km_h5md_close(h);
    *ret = s < 0 ? NULL : h;
    return s;
}

void km_h5md_close(km_h5md *h)
{
    if (!h) return;
    for (int k = 0; k < h->n_trajectories; k++) {
        if (h->trajectories[k].value >= 0) H5Dclose(h->trajectories[k].value);
        free(h->trajectories[k].times);
    }
    if (h->file >= 0) H5Fclose(h->file);
    km_system_free(h->system);
    km_msa_free(h->msa);
    km_templates_free(h->templates);
    free(h->trajectories);
    free(h->set), free(h->license);
    free(h->name);
    free(h);
}

const km_system *km_h5md_system(const km_h5md *h) { return h->system; }
const km_msa *km_h5md_msa(const km_h5md *h) { return h->msa; }

void km_h5md_forget_msa(km_h5md *h)
{
    km_msa_free(h->msa);
    h->msa = NULL;
}
const km_templates *km_h5md_templates(const km_h5md *h) { return h->templates; }
const char *km_h5md_set(const km_h5md *h) { return h->set; }
const char *km_h5md_license(const km_h5md *h) { return h->license; }
int km_h5md_trajectories(const km_h5md *h) { return h->n_trajectories; }

int64_t km_h5md_frames(const km_h5md *h, int k)
{
    KM_ASSERT(k >= 0 && k < h->n_trajectories);
    return h->trajectories[k].n_frames;
}

const int64_t *km_h5md_times(const km_h5md *h, int k)
{
    KM_ASSERT(k >= 0 && k < h->n_trajectories);
    return h->trajectories[k].times;
}

km_status km_h5md_read(km_h5md *h, int k, int64_t first, int64_t stride, int64_t n, float *coords, km_err *err)
{
    KM_ASSERT(k >= 0 && k < h->n_trajectories && first >= 0 && stride >= 1 && n >= 0);
    const trajectory *t = &h->trajectories[k];
    if (n == 0) return KM_OK;
    KM_ASSERT(first < t->n_frames && (n - 1) <= (t->n_frames - 1 - first) / stride);
    const hsize_t atoms = (hsize_t)h->system->n_atoms, shape[3] = {(hsize_t)n, atoms, 3};
    const hsize_t start[3] = {(hsize_t)first, 0, 0}, step[3] = {n == 1 ? 1 : (hsize_t)stride, atoms, 3};
    const hsize_t count[3] = {(hsize_t)n, 1, 1}, block[3] = {1, atoms, 3};
    hid_t from = H5Dget_space(t->value), to = H5Screate_simple(3, shape, NULL);
    bool good = H5Sselect_hyperslab(from, H5S_SELECT_SET, start, step, count, block) >= 0 &&
                H5Dread(t->value, H5T_NATIVE_FLOAT, to, from, H5P_DEFAULT, coords) >= 0;
    H5Sclose(from);
    H5Sclose(to);
    if (!good)
        return km_fail(err, KM_INPUT, "%s: trajectory %d cannot be read from frame %lld on", h->name, k + 1,
                       (long long)first);
    for (int64_t i = 0; i < n * (int64_t)atoms * 3; i++) {
        if (isfinite(coords[i])) continue;
        return km_fail(err, KM_INPUT, "%s: trajectory %d, frame %lld: not a finite number", h->name, k + 1,
                       (long long)(first + i / (int64_t)(atoms * 3) * stride));
    }
    return KM_OK;
}
