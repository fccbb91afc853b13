/* SPDX-License-Identifier: MIT */
#include "formats/h5_table.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"

enum { MOST = 1 << 28 };

static km_status open_file(const char *path, hid_t *ret, km_err *err)
{
    hid_t how = H5Pcreate(H5P_FILE_ACCESS);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Pset_file_locking(how, false, true);
    *ret = H5Fopen(path, H5F_ACC_RDONLY, how);
    H5Pclose(how);
    if (*ret >= 0) return KM_OK;
    if (access(path, R_OK) != 0) return km_fail(err, KM_SYSTEM, "cannot open '%.150s'", path);
    return km_fail(err, KM_INPUT, "%s: not an HDF5 file, truncated, or damaged", path);
}

/* A data set of rank 0 or 1 and its number of elements; negative: none. */
static hid_t open_column(hid_t file, const char *name, int64_t *ret_n)
{
    hsize_t n = 1;
    hid_t set = H5Lexists(file, name, H5P_DEFAULT) > 0 ? H5Dopen2(file, name, H5P_DEFAULT) : -1;
    if (set < 0) return -1;
    hid_t space = H5Dget_space(set);
    const int rank = H5Sget_simple_extent_ndims(space);
    const bool good = rank == 0 || (rank == 1 && H5Sget_simple_extent_dims(space, &n, NULL) == 1);
    H5Sclose(space);
    *ret_n = (int64_t)n;
    if (good && n > 0 && n <= MOST && (rank == 0 || H5Dget_storage_size(set) >= n / 1100)) return set;
    H5Dclose(set);
    return -1;
}

km_status km_h5_numbers(const char *path, const char *name, double **ret, int64_t *ret_n, km_err *err)
{
    hid_t file;
    KM_TRY(open_file(path, &file, err));
    hid_t set = open_column(file, name, ret_n);
    bool good = set >= 0;
    *ret = good ? KM_NEWN(double, (size_t)*ret_n) : NULL;
    good = good && H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, *ret) >= 0;
    if (set >= 0) H5Dclose(set);
    H5Fclose(file);
    if (good) return KM_OK;
    free(*ret);
    *ret = NULL;
    return km_fail(err, KM_INPUT, "%s: %s: not a column of numbers", path, name);
}

static bool read_texts(hid_t set, char **out, int64_t n)
{
    hid_t type = H5Dget_type(set);
    bool good = H5Tget_class(type) == H5T_STRING;
    if (good && H5Tis_variable_str(type) > 0) {
        char **found = KM_NEWN(char *, (size_t)n);
        good = H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, found) >= 0;
        for (int64_t i = 0; i < n && good; i++) out[i] = km_strdup(found[i] ? found[i] : "");
        hid_t space = H5Dget_space(set);
        if (good) H5Dvlen_reclaim(type, space, H5P_DEFAULT, found);
        H5Sclose(space);
        free(found);
    } else if (good) {
        const size_t width = H5Tget_size(type);
        good = width > 0 && (double)width * (double)n <= MOST;
        char *found = good ? km_calloc((size_t)n, width) : NULL;
        good = good && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, found) >= 0;
        for (int64_t i = 0; i < n && good; i++)
            out[i] = km_asprintf("%.*s", (int)strnlen(found + (size_t)i * width, width), found + (size_t)i * width);
        free(found);
    }
    H5Tclose(type);
    return good;
}

km_status km_h5_texts(const char *path, const char *name, char ***ret, int64_t *ret_n, km_err *err)
{
    hid_t file;
    KM_TRY(open_file(path, &file, err));
    hid_t set = open_column(file, name, ret_n);
    *ret = set >= 0 ? KM_NEWN(char *, (size_t)*ret_n) : NULL;
    const bool good = set >= 0 && read_texts(set, *ret, *ret_n);
    if (set >= 0) H5Dclose(set);
    H5Fclose(file);
    if (good) return KM_OK;
    if (*ret) km_h5_texts_free(*ret, *ret_n);
    *ret = NULL;
    return km_fail(err, KM_INPUT, "%s: %s: not a column of texts", path, name);
}

typedef struct names {
    char **list;
    int64_t n;
} names;

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *arg)
{
    names *to = arg;
    (void)group, (void)info;
    if ((to->n & (to->n - 1)) == 0) to->list = km_realloc(to->list, (to->n ? 2 * (size_t)to->n : 1) * sizeof *to->list);
    to->list[to->n++] = km_strdup(name);
    return 0;
}

km_status km_h5_names(const char *path, const char *group, char ***ret, int64_t *ret_n, km_err *err)
{
    hid_t file;
    names found = {0};
    KM_TRY(open_file(path, &file, err));
    hid_t g = H5Gopen2(file, group, H5P_DEFAULT);
    const bool good = g >= 0 && H5Literate(g, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, &found) >= 0;
    if (g >= 0) H5Gclose(g);
    H5Fclose(file);
    *ret = found.list, *ret_n = found.n;
    if (good) return KM_OK;
    km_h5_texts_free(found.list, found.n);
    return km_fail(err, KM_INPUT, "%s: %s: no group that can be read", path, group);
}

void km_h5_texts_free(char **texts, int64_t n)
{
    for (int64_t i = 0; i < n && texts; i++) free(texts[i]);
    free(texts);
}

bool km_h5_has(const char *path, const char *object)
{
    hid_t file;
    if (open_file(path, &file, NULL) < 0) return false;
    char part[256];
    bool has = true;
    for (size_t i = 1; has && i <= strlen(object) && i < sizeof part; i++) {
        if (object[i] != '/' && object[i] != '\0') continue;
        memcpy(part, object, i);
        part[i] = '\0';
        has = H5Lexists(file, part, H5P_DEFAULT) > 0;
    }
    H5Fclose(file);
    return has;
}
