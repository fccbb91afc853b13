/* SPDX-License-Identifier: MIT */
#include "formats/trunk_h5.h"

#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"

enum { MAX_SIZE = 1 << 16, N_TENSORS = 3 };
#define MAX_HALF 6e4f

/* A tensor of a result: its data set, its shape, where it lies. */
typedef struct tensor {
    const char *name;
    int nd;
    hsize_t shape[3];
    float **data;
} tensor;

static void list_tensors(km_trunk_result *t, tensor out[N_TENSORS])
{
    hsize_t N = (hsize_t)t->n_tokens, in = (hsize_t)t->inputs_s, s = (hsize_t)t->token_s, z = (hsize_t)t->token_z;
    out[0] = (tensor){"/s_inputs", 2, {N, in}, &t->s_inputs};
    out[1] = (tensor){"/s", 2, {N, s}, &t->s};
    out[2] = (tensor){"/z", 3, {N, N, z}, &t->z};
}

static size_t count(const tensor *x)
{
    return (size_t)(x->shape[0] * x->shape[1] * (x->nd > 2 ? x->shape[2] : 1));
}

static bool fits_half(const float *x, size_t n)
{
    bool fits = true;
    for (size_t i = 0; i < n; i++) fits &= fabsf(x[i]) <= MAX_HALF; /* not a number does not fit */
    return fits;
}

void km_trunk_h5_round(km_trunk_result *t)
{
    tensor all[N_TENSORS];
    list_tensors(t, all);
    for (int k = 0; k < N_TENSORS; k++) {
        float *x = *all[k].data;
        size_t n = count(&all[k]);
        if (!fits_half(x, n)) continue;
        for (size_t i = 0; i < n; i++) x[i] = (float)(_Float16)x[i];
    }
}

/* A row of the first dimension a chunk. */
static const hsize_t *chunk_of(const tensor *x, hsize_t out[3])
{
    out[0] = 1, out[1] = x->shape[1], out[2] = x->nd > 2 ? x->shape[2] : 1;
    return out;
}

/* IEEE half precision, little-endian. */
static hid_t half_type(void)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

static bool write_tensor(hid_t file, const tensor *x)
{
    size_t n = count(x);
    hsize_t chunk[3];
    const float *from = *x->data;
    bool half = fits_half(from, n);
    hid_t type = half ? half_type() : H5Tcopy(H5T_IEEE_F32LE), space = H5Screate_simple(x->nd, x->shape, NULL);
    hid_t how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(how, false);
    H5Pset_fletcher32(how);
    H5Pset_chunk(how, x->nd, chunk_of(x, chunk));
    hid_t set = H5Dcreate2(file, x->name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    _Float16 *halves = km_alloc((half ? n : 0) * sizeof *halves);
    for (size_t i = 0; half && i < n; i++) halves[i] = (_Float16)from[i];
    const void *data = half ? (const void *)halves : from;
    bool good = set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    if (set >= 0) good = H5Dclose(set) >= 0 && good;
    free(halves);
    H5Pclose(how), H5Sclose(space), H5Tclose(type);
    return good;
}

static bool write_text(hid_t file, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    text = text ? text : "";
    H5Tset_size(type, strlen(text) + 1);
    hid_t at = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = at >= 0 && H5Awrite(at, type, text) >= 0;
    if (at >= 0) H5Aclose(at);
    H5Sclose(space), H5Tclose(type);
    return good;
}

/* In HDF5's layout of 1.10, which has a checksum over every header: damage is found before it is believed. */
static hid_t create_file(const char *path)
{
    hid_t how = H5Pcreate(H5P_FILE_ACCESS), root = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_libver_bounds(how, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_obj_track_times(root, false);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, root, how);
    H5Pclose(how), H5Pclose(root);
    return file;
}

static bool write_file(const char *path, const char *key, const char *input, km_trunk_result *t)
{
    tensor all[N_TENSORS];
    hid_t file = create_file(path), space = H5Screate(H5S_SCALAR);
    bool good = file >= 0;
    list_tensors(t, all);
    for (int k = 0; k < N_TENSORS; k++) good = good && write_tensor(file, &all[k]);
    good = good && write_text(file, "key", key) && write_text(file, "input", input) &&
           write_text(file, "trunk_digest", t->trunk_digest) && write_text(file, "weights_name", t->weights_name) &&
           write_text(file, "weights_path", t->weights_path) && write_text(file, "weights_digest", t->weights_digest);
    hid_t at = good ? H5Acreate2(file, "recycles", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
    good = at >= 0 && H5Awrite(at, H5T_NATIVE_INT32, &t->recycles) >= 0;
    if (at >= 0) H5Aclose(at);
    H5Sclose(space);
    return file >= 0 && H5Fclose(file) >= 0 && good;
}

km_status km_trunk_h5_write(const char *folder, const char *key, const char *input, const km_trunk_result *t,
                            km_err *err)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    char *path = km_asprintf("%s/%s.h5", folder, key), *part = km_asprintf("%s.%ld.part", path, (long)getpid());
    km_status status = KM_OK;
    errno = 0;
    if (!write_file(part, key, input, (km_trunk_result *)t) || rename(part, path)) {
        status = km_fail(err, KM_SYSTEM, "cannot write '%.180s': %s", path, errno ? strerror(errno) : "HDF5 refused");
        unlink(part);
    }
    free(part), free(path);
    return status;
}

static char *read_text(hid_t file, const char *name)
{
    char *text = NULL;
    hid_t at = H5Aopen(file, name, H5P_DEFAULT);
    if (at < 0) return NULL;
    hid_t type = H5Aget_type(at);
    size_t n = H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 ? H5Tget_size(type) : 0;
    if (n > 0 && n < 1 << 20 && H5Aget_storage_size(at) == n) {
        text = km_calloc(n + 1, 1);
        if (H5Aread(at, type, text) < 0) free(text), text = NULL;
    }
    H5Tclose(type), H5Aclose(at);
    return text;
}

static bool read_int(hid_t file, const char *name, int32_t *ret)
{
    hid_t at = H5Aopen(file, name, H5P_DEFAULT);
    bool good = at >= 0 && H5Aget_storage_size(at) == sizeof *ret && H5Aread(at, H5T_NATIVE_INT32, ret) >= 0;
    if (at >= 0) H5Aclose(at);
    return good;
}

/* A dimension of a data set of nd dimensions, or -1. */
static int32_t size_of(hid_t file, const char *name, int nd, int dim)
{
    hsize_t shape[3];
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = set >= 0 ? H5Dget_space(set) : -1;
    bool good = space >= 0 && H5Sget_simple_extent_ndims(space) == nd &&
                H5Sget_simple_extent_dims(space, shape, NULL) == nd && shape[dim] > 0 && shape[dim] <= MAX_SIZE;
    if (space >= 0) H5Sclose(space);
    if (set >= 0) H5Dclose(set);
    return good ? (int32_t)shape[dim] : -1;
}

/* Chunks of other sizes than ours are damage, and libhdf5 1.10 would read beyond their end. */
static bool has_our_chunks(hid_t set, const tensor *x)
{
    hsize_t chunk[3], ours[3];
    hid_t how = H5Dget_create_plist(set);
    bool good = how >= 0 && H5Pget_layout(how) == H5D_CHUNKED && H5Pget_chunk(how, 3, chunk) == x->nd &&
                !memcmp(chunk, chunk_of(x, ours), (size_t)x->nd * sizeof *chunk);
    if (how >= 0) H5Pclose(how);
    return good;
}

/* Sizes were held against the bytes that the file has, so that memory is there for what is read. */
static bool read_tensor(hid_t file, const tensor *x, int64_t file_size)
{
    hsize_t shape[3] = {0};
    hid_t set = H5Dopen2(file, x->name, H5P_DEFAULT), space = set >= 0 ? H5Dget_space(set) : -1;
    hid_t type = set >= 0 ? H5Dget_type(set) : -1;
    bool good = space >= 0 && type >= 0 && H5Sget_simple_extent_ndims(space) == x->nd &&
                H5Sget_simple_extent_dims(space, shape, NULL) == x->nd && !memcmp(shape, x->shape, sizeof shape);
    size_t n = count(x), each = good ? H5Tget_size(type) : 0;
    good = good && H5Tget_class(type) == H5T_FLOAT && (each == 2 || each == 4) && n * each <= (size_t)file_size &&
           H5Dget_storage_size(set) >= n * each && has_our_chunks(set, x);
    if (good) {
        *x->data = km_alloc(n * sizeof(float));
        hid_t half = half_type();
        _Float16 *halves = km_alloc(each == 2 ? n * sizeof *halves : 0);
        good = H5Dread(set, each == 2 ? half : H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                       each == 2 ? (void *)halves : (void *)*x->data) >= 0;
        for (size_t i = 0; good && each == 2 && i < n; i++) (*x->data)[i] = (float)halves[i];
        for (size_t i = 0; good && i < n; i++) good = isfinite((*x->data)[i]);
        free(halves);
        H5Tclose(half);
    }
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (set >= 0) H5Dclose(set);
    return good;
}

static km_status read_file(hid_t file, const char *path, const char *key, int64_t size, km_trunk_result *t, km_err *err)
{
    tensor all[N_TENSORS];
    char *found = read_text(file, "key");
    bool same = found && !strcmp(found, key);
    free(found);
    if (!same) return km_fail(err, KM_INPUT, "%.180s: not the trunk's result of its name", path);
    t->inputs_s = size_of(file, "/s_inputs", 2, 1), t->token_s = size_of(file, "/s", 2, 1);
    t->token_z = size_of(file, "/z", 3, 2);
    t->trunk_digest = read_text(file, "trunk_digest"), t->weights_name = read_text(file, "weights_name");
    t->weights_path = read_text(file, "weights_path"), t->weights_digest = read_text(file, "weights_digest");
    bool good = t->inputs_s > 0 && t->token_s > 0 && t->token_z > 0 && t->trunk_digest && t->weights_name &&
                t->weights_path && t->weights_digest && read_int(file, "recycles", &t->recycles) && t->recycles >= 0;
    if (good) list_tensors(t, all);
    for (int k = 0; k < N_TENSORS && good; k++) good = read_tensor(file, &all[k], size);
    return good ? KM_OK : km_fail(err, KM_INPUT, "%.180s: damaged", path);
}

/* Open for reading: 1; 0 where there is no such file. */
static km_status open_file(const char *path, hid_t *ret, int64_t *ret_bytes, km_err *err)
{
    struct stat st;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    if (stat(path, &st))
        return errno == ENOENT ? 0 : km_fail(err, KM_SYSTEM, "cannot open '%.180s': %s", path, strerror(errno));
    *ret = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    *ret_bytes = st.st_size;
    return *ret >= 0 ? 1 : km_fail(err, KM_INPUT, "%.180s: truncated, damaged or no HDF5", path);
}

km_status km_trunk_h5_read(const char *folder, const char *key, int32_t n_tokens, km_trunk_result **ret, km_err *err)
{
    hid_t file;
    int64_t bytes;
    char *path = km_asprintf("%s/%s.h5", folder, key);
    *ret = NULL;
    km_status status = open_file(path, &file, &bytes, err);
    if (status == 1) {
        km_trunk_result *t = KM_NEW(km_trunk_result);
        t->n_tokens = n_tokens;
        km_status got = read_file(file, path, key, bytes, t, err);
        H5Fclose(file);
        if (got < 0) km_trunk_result_free(t), status = got;
        else *ret = t;
    }
    free(path);
    return status;
}

static void read_label_text(hid_t file, const char *name, char *out, size_t room)
{
    char *text = read_text(file, name);
    snprintf(out, room, "%s", text ? text : "");
    free(text);
}

km_status km_trunk_h5_label_read(const char *path, km_trunk_h5_label *ret, km_err *err)
{
    hid_t file;
    int64_t bytes;
    km_status status = open_file(path, &file, &bytes, err);
    if (status != 1) return status;
    *ret = (km_trunk_h5_label){.n_tokens = size_of(file, "/s", 2, 0), .token_s = size_of(file, "/s", 2, 1),
                               .token_z = size_of(file, "/z", 3, 2), .recycles = -1};
    read_label_text(file, "key", ret->key, sizeof ret->key);
    read_label_text(file, "input", ret->input, sizeof ret->input);
    read_label_text(file, "trunk_digest", ret->trunk_digest, sizeof ret->trunk_digest);
    read_label_text(file, "weights_name", ret->weights_name, sizeof ret->weights_name);
    bool good = ret->n_tokens > 0 && ret->token_s > 0 && ret->token_z > 0 && read_int(file, "recycles", &ret->recycles);
    H5Fclose(file);
    return good ? 1 : km_fail(err, KM_INPUT, "%.180s: damaged", path);
}
