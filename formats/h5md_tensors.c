/* SPDX-License-Identifier: MIT */
#include "formats/h5md_tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/km_wire.h"
#include "lib/base/mem.h"

enum { MAX_RATIO = 1100, CHUNK_BYTES = 1 << 16, LEVEL = 4 }; /* deflate makes at most 1032 of 1 */

static bool put_int(hid_t object, const char *name, int32_t v)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t at = H5Acreate2(object, name, H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = at >= 0 && H5Awrite(at, H5T_NATIVE_INT32, &v) >= 0;
    if (at >= 0) H5Aclose(at);
    H5Sclose(space);
    return good;
}

static bool get_int(hid_t object, const char *name, int32_t *ret)
{
    hid_t at = H5Aopen(object, name, H5P_DEFAULT);
    bool good = at >= 0 && H5Aget_storage_size(at) == sizeof *ret && H5Aread(at, H5T_NATIVE_INT32, ret) >= 0;
    if (at >= 0) H5Aclose(at);
    return good;
}

/* "msa.residues" is the data set residues of the group msa. */
static const char *set_name(const km_wire_part *p) { return strchr(p->of, '.') + 1; }

static bool write_part(hid_t group, const km_wire_part *p)
{
    const hsize_t shape[2] = {(hsize_t)p->rows, p->row_bytes};
    hsize_t rows = CHUNK_BYTES / (p->row_bytes + 1) + 1;
    const hsize_t chunk[2] = {rows < shape[0] ? rows : shape[0], shape[1]};
    hid_t space = H5Screate_simple(2, shape, NULL), how = H5Pcreate(H5P_DATASET_CREATE);
    bool good = H5Pset_obj_track_times(how, false) >= 0 && H5Pset_chunk(how, 2, chunk) >= 0 &&
                H5Pset_deflate(how, LEVEL) >= 0 && H5Pset_fletcher32(how) >= 0;
    hid_t set = good ? H5Dcreate2(group, set_name(p), H5T_STD_U8LE, space, H5P_DEFAULT, how, H5P_DEFAULT) : -1;
    good = set >= 0 && H5Dwrite(set, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, km_wire_part_data(p)) >= 0;
    if (set >= 0) good = H5Dclose(set) >= 0 && good;
    H5Pclose(how), H5Sclose(space);
    return good;
}

static bool write_group(hid_t file, const char *path, const char *count_name, int32_t count, int32_t n_tokens,
                        const km_wire_part *parts, int n)
{
    hid_t group = H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool good = group >= 0 && put_int(group, count_name, count) && put_int(group, "n_tokens", n_tokens);
    for (int i = 0; i < n && good; i++) good = write_part(group, &parts[i]);
    return group >= 0 && H5Gclose(group) >= 0 && good;
}

bool km_h5md_write_msa(hid_t file, const km_msa *m)
{
    km_wire_part parts[KM_WIRE_MAX_PARTS];
    return write_group(file, "/kinematic/msa", "n_rows", m->n_rows, m->n_tokens, parts, km_wire_msa_parts(m, parts));
}

bool km_h5md_write_templates(hid_t file, const km_templates *t)
{
    km_wire_part parts[KM_WIRE_MAX_PARTS];
    return write_group(file, "/kinematic/templates", "n_templates", t->n_templates, t->n_tokens, parts,
                       km_wire_templates_parts(t, parts));
}

static bool read_part(hid_t group, const km_wire_part *p)
{
    hsize_t shape[2];
    hid_t set = H5Dopen2(group, set_name(p), H5P_DEFAULT), space = set >= 0 ? H5Dget_space(set) : -1;
    size_t bytes = (size_t)p->rows * p->row_bytes;
    bool good = space >= 0 && H5Sget_simple_extent_ndims(space) == 2 &&
                H5Sget_simple_extent_dims(space, shape, NULL) == 2 && shape[0] == (hsize_t)p->rows &&
                shape[1] == p->row_bytes && bytes / MAX_RATIO <= H5Dget_storage_size(set);
    if (good) {
        km_wire_part_set(p, km_alloc(bytes));
        good = H5Dread(set, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, km_wire_part_data(p)) >= 0;
    }
    if (space >= 0) H5Sclose(space);
    if (set >= 0) H5Dclose(set);
    return good;
}

/* 1 with the group's numbers, 0 where there is no such group. */
static km_status open_group(hid_t file, const char *path, const char *count_name, int32_t most, int32_t n_tokens,
                            hid_t *ret, int32_t *ret_count, km_err *err)
{
    int32_t N = -1;
    if (H5Lexists(file, path, H5P_DEFAULT) <= 0) return 0;
    *ret = H5Gopen2(file, path, H5P_DEFAULT);
    if (*ret >= 0 && get_int(*ret, count_name, ret_count) && get_int(*ret, "n_tokens", &N) && N == n_tokens &&
        *ret_count > 0 && *ret_count <= most)
        return 1;
    if (*ret >= 0) H5Gclose(*ret);
    return km_fail(err, KM_INPUT, "%s: damaged, or not of the system's tokens", path);
}

static km_status read_parts(hid_t group, const char *path, const km_wire_part *parts, int n, km_err *err)
{
    bool good = true;
    for (int i = 0; i < n && good; i++) good = read_part(group, &parts[i]);
    H5Gclose(group);
    return good ? KM_OK : km_fail(err, KM_INPUT, "%s: damaged", path);
}

km_status km_h5md_read_msa(hid_t file, int32_t n_tokens, km_msa **ret, km_err *err)
{
    static const char path[] = "/kinematic/msa";
    km_wire_part parts[KM_WIRE_MAX_PARTS];
    hid_t group;
    int32_t rows;
    *ret = NULL;
    km_status got = open_group(file, path, "n_rows", KM_MSA_MAX_ROWS, n_tokens, &group, &rows, err);
    if (got <= 0) return got;
    km_msa *m = KM_NEW(km_msa);
    m->n_rows = rows, m->n_tokens = n_tokens;
    got = read_parts(group, path, parts, km_wire_msa_parts(m, parts), err);
    if (got == KM_OK) got = km_msa_check(m, err);
    if (got < 0) km_msa_free(m);
    else *ret = m;
    return got;
}

km_status km_h5md_read_templates(hid_t file, int32_t n_tokens, km_templates **ret, km_err *err)
{
    static const char path[] = "/kinematic/templates";
    km_wire_part parts[KM_WIRE_MAX_PARTS];
    hid_t group;
    int32_t count;
    *ret = NULL;
    km_status got = open_group(file, path, "n_templates", KM_TEMPLATES_MAX, n_tokens, &group, &count, err);
    if (got <= 0) return got;
    km_templates *t = KM_NEW(km_templates);
    t->n_templates = count, t->n_tokens = n_tokens;
    got = read_parts(group, path, parts, km_wire_templates_parts(t, parts), err);
    if (got == KM_OK) got = km_templates_check(t, err);
    if (got < 0) km_templates_free(t);
    else *ret = t;
    return got;
}
