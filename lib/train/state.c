/* SPDX-License-Identifier: MIT
 * state.h5: one dataset for each block of numbers, attributes for the rest, among them a checksum of all of it. The
 * state before it stays as state-before.h5. */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/h5_lock.h"
#include "lib/base/mem.h"
#include "lib/train/run.h"

static const char latest[] = "state.h5", before[] = "state-before.h5", part[] = "state.h5.part";

static char *state_path(const char *dir, const char *name) { return km_asprintf("%s/%s", dir, name); }

bool km_state_exists(const char *dir)
{
    char *path = state_path(dir, latest);
    bool yes = access(path, F_OK) == 0;
    free(path);
    return yes;
}

static bool put_floats(hid_t file, const char *name, const float *x, km_dim n)
{
    hsize_t size = (hsize_t)n;
    hid_t space = H5Screate_simple(1, &size, NULL);
    hid_t set = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool good = set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0;
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    return good;
}

static bool put_value(hid_t file, const char *name, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR), at = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = at >= 0 && H5Awrite(at, type, value) >= 0;
    if (at >= 0) H5Aclose(at);
    H5Sclose(space);
    return good;
}

static bool put_text(hid_t file, const char *name, const char *text)
{
    hsize_t n = strlen(text) + 1;
    hid_t space = H5Screate_simple(1, &n, NULL);
    hid_t set = H5Dcreate2(file, name, H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool good = set >= 0 && H5Dwrite(set, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) >= 0;
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    return good;
}

/* CRC-32 over blocks and counts as they lie in memory. */
static uint32_t checksum_of(const km_params *p, const km_adam *a, const km_train_state *s)
{
    const float *const blocks[] = {km_params_block(p), a->m, a->v, a->ema};
    uLong sum = crc32(0, (const Bytef *)&a->step, sizeof a->step);
    sum = crc32(sum, (const Bytef *)s, offsetof(km_train_state, damaged));
    for (int i = 0; i < 4; i++)
        if (blocks[i]) sum = crc32_z(sum, (const Bytef *)blocks[i], (size_t)a->n * sizeof(float));
    return (uint32_t)sum;
}

/* What was written is on the disk before it takes the state's name; the state that had it stays as the one before. */
static bool take_name(const char *from, const char *dir)
{
    char *path = state_path(dir, latest), *old = state_path(dir, before);
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    unlink(old);
    if (good && link(path, old) != 0 && access(path, F_OK) == 0) good = rename(path, old) == 0;
    good = good && rename(from, path) == 0;
    free(path), free(old);
    return good;
}

km_status km_state_write(const char *dir, const km_params *p, const km_adam *a, const km_train_state *s,
                         const char *config_json, km_err *err)
{
    char *path = state_path(dir, part), layout[65];
    uint32_t checksum = checksum_of(p, a, s);
    km_h5_lock();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    km_params_layout(p, layout);
    bool good = file >= 0 && put_floats(file, "weights", km_params_block(p), a->n) &&
                put_floats(file, "m", a->m, a->n) && put_floats(file, "v", a->v, a->n) &&
                (!a->ema || put_floats(file, "ema", a->ema, a->n)) &&
                put_value(file, "step", H5T_NATIVE_INT64, &s->step) &&
                put_value(file, "adam_step", H5T_NATIVE_INT64, &a->step) &&
                put_value(file, "skipped", H5T_NATIVE_INT64, &s->skipped) &&
                put_value(file, "in_a_row", H5T_NATIVE_INT64, &s->in_a_row) &&
                put_value(file, "without_best", H5T_NATIVE_INT64, &s->without_best) &&
                put_value(file, "due", H5T_NATIVE_INT64, &s->due) &&
                put_value(file, "best", H5T_NATIVE_DOUBLE, &s->best) &&
                put_value(file, "mean_loss", H5T_NATIVE_DOUBLE, &s->mean_loss) &&
                put_value(file, "checksum", H5T_NATIVE_UINT32, &checksum) && put_text(file, "layout", layout) &&
                put_text(file, "config", config_json);
    if (file >= 0) good = H5Fclose(file) >= 0 && good;
    km_h5_unlock();
    if (good) good = take_name(path, dir);
    else unlink(path);
    km_status status = good ? KM_OK : km_fail(err, KM_SYSTEM, "%.200s/%s: cannot be written", dir, latest);
    free(path);
    return status;
}

/* The whole of a dataset of n elements; false when it is absent or of another length. */
static bool get_block(hid_t file, const char *name, hid_t type, void *to, hsize_t n)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) return false;
    hid_t space = H5Dget_space(set);
    bool good = H5Sget_simple_extent_npoints(space) == (hssize_t)n &&
                H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0;
    H5Sclose(space);
    H5Dclose(set);
    return good;
}

static char *get_text(hid_t file, const char *name)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) return NULL;
    hid_t space = H5Dget_space(set);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    char *text = n > 0 && n < (1 << 24) ? km_calloc((size_t)n + 1, 1) : NULL;
    if (text && H5Dread(set, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0) free(text), text = NULL;
    H5Sclose(space);
    H5Dclose(set);
    return text;
}

static bool get_value(hid_t file, const char *name, hid_t type, void *to)
{
    hid_t at = H5Aopen(file, name, H5P_DEFAULT);
    bool good = at >= 0 && H5Aread(at, type, to) >= 0;
    if (at >= 0) H5Aclose(at);
    return good;
}

static km_status open_state(const char *dir, const char *name, hid_t *ret, km_err *err)
{
    char *path = state_path(dir, name);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    *ret = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    km_status status = *ret >= 0 ? KM_OK : km_fail(err, KM_INPUT, "%.200s: not a readable state", path);
    free(path);
    return status;
}

static bool get_counts(hid_t file, km_adam *a, km_train_state *s, uint32_t *checksum)
{
    return get_value(file, "step", H5T_NATIVE_INT64, &s->step) &&
           get_value(file, "adam_step", H5T_NATIVE_INT64, &a->step) &&
           get_value(file, "skipped", H5T_NATIVE_INT64, &s->skipped) &&
           get_value(file, "in_a_row", H5T_NATIVE_INT64, &s->in_a_row) &&
           get_value(file, "without_best", H5T_NATIVE_INT64, &s->without_best) &&
           get_value(file, "due", H5T_NATIVE_INT64, &s->due) &&
           get_value(file, "best", H5T_NATIVE_DOUBLE, &s->best) &&
           get_value(file, "mean_loss", H5T_NATIVE_DOUBLE, &s->mean_loss) &&
           get_value(file, "checksum", H5T_NATIVE_UINT32, checksum);
}

static km_status read_state(const char *dir, const char *name, km_params *p, km_adam *a, km_train_state *s, km_err *err)
{
    hid_t file;
    char layout[65];
    uint32_t checksum;
    KM_TRY(open_state(dir, name, &file, err));
    hsize_t n = (hsize_t)a->n;
    km_params_layout(p, layout);
    char *stored = get_text(file, "layout");
    bool same = stored && !strcmp(stored, layout);
    bool good = same && get_block(file, "weights", H5T_NATIVE_FLOAT, km_params_block(p), n) &&
                get_block(file, "m", H5T_NATIVE_FLOAT, a->m, n) && get_block(file, "v", H5T_NATIVE_FLOAT, a->v, n) &&
                (!a->ema || get_block(file, "ema", H5T_NATIVE_FLOAT, a->ema, n)) && get_counts(file, a, s, &checksum) &&
                checksum == checksum_of(p, a, s);
    free(stored);
    H5Fclose(file);
    if (good) return KM_OK;
    return km_fail(err, KM_INPUT, "%.160s/%s: %s", dir, name, same ? "damaged" : "belongs to another model");
}

km_status km_state_read(const char *dir, km_params *p, km_adam *a, km_train_state *s, km_err *err)
{
    km_err second;
    *s = (km_train_state){0};
    km_status status = read_state(dir, latest, p, a, s, err);
    if (status == KM_OK || read_state(dir, before, p, a, s, &second) < 0) return status;
    s->damaged = true;
    return KM_OK;
}

static km_status read_config(const char *dir, const char *name, char **ret_json, km_err *err)
{
    hid_t file;
    KM_TRY(open_state(dir, name, &file, err));
    *ret_json = get_text(file, "config");
    H5Fclose(file);
    return *ret_json ? KM_OK : km_fail(err, KM_INPUT, "%.160s/%s: holds no configuration", dir, name);
}

km_status km_state_config(const char *dir, char **ret_json, km_err *err)
{
    km_err second;
    km_status status = read_config(dir, latest, ret_json, err);
    return status == KM_OK || read_config(dir, before, ret_json, &second) < 0 ? status : KM_OK;
}

int64_t km_state_step(const char *dir)
{
    hid_t file;
    int64_t step = -1;
    if (open_state(dir, latest, &file, NULL) < 0) return -1;
    if (!get_value(file, "step", H5T_NATIVE_INT64, &step)) step = -1;
    H5Fclose(file);
    return step;
}

km_status km_run_lock(const char *dir, bool wait, bool *ret_held, km_err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return km_fail(err, KM_SYSTEM, "cannot open '%.180s': %s", dir, strerror(errno));
    *ret_held = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0;
    if (*ret_held) return KM_OK; /* the descriptor stays open, and with it the lock */
    bool taken = errno == EWOULDBLOCK;
    km_status status = taken ? KM_OK : km_fail(err, KM_SYSTEM, "cannot lock '%.180s': %s", dir, strerror(errno));
    close(fd);
    return status;
}
