/* SPDX-License-Identifier: MIT */
#include "tests/unit/traj_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"

void *check_slurp(const char *path, size_t *ret_bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f) KM_BUG("cannot open %s", path);
    fseek(f, 0, SEEK_END);
    *ret_bytes = (size_t)ftell(f);
    rewind(f);
    char *data = km_alloc(*ret_bytes);
    if (fread(data, 1, *ret_bytes, f) != *ret_bytes) KM_BUG("cannot read %s", path);
    fclose(f);
    return data;
}

void check_spill(const char *path, const void *data, size_t bytes)
{
    unlink(path); /* writing over a file waits for the disk on some file systems */
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f) != 0) KM_BUG("cannot write %s", path);
}

int64_t check_read_all(const char *path, bool *ret_truncated, km_err *err)
{
    km_traj *t;
    err->msg[0] = 0;
    KM_TRY(km_traj_open(path, &t, err));
    int64_t n = km_traj_frames(t);
    *ret_truncated = km_traj_truncated(t);
    float *x = km_alloc(12 * (size_t)km_traj_atoms(t)), box[9];
    for (int64_t i = 0; i < n; i++) {
        int64_t fs;
        km_status s = km_traj_read(t, i, x, &fs, box, err);
        if (s < 0) {
            n = s;
            break;
        }
    }
    free(x);
    km_traj_close(t);
    return n;
}

km_status check_copy(const char *src, const char *dst, km_traj_kind kind, km_err *err)
{
    km_traj *t;
    km_traj_writer *w;
    KM_TRY(km_traj_open(src, &t, err));
    KM_TRY(km_traj_create(dst, kind, km_traj_atoms(t), 0, &w, err));
    float *x = km_alloc(12 * (size_t)km_traj_atoms(t)), box[9];
    km_status s = KM_OK;
    for (int64_t i = 0; i < km_traj_frames(t) && s == KM_OK; i++) {
        int64_t fs;
        s = km_traj_read(t, i, x, &fs, box, err);
        if (s == KM_OK) s = km_traj_write(w, x, fs, box, err);
    }
    free(x);
    km_traj_close(t);
    if (s == KM_OK) return km_traj_commit(w, err);
    km_traj_abandon(w);
    return s;
}

bool check_same_as_raw(const char *src, const char *raw)
{
    km_err err;
    km_traj *t;
    size_t bytes;
    if (km_traj_open(src, &t, &err) < 0) return false;
    const size_t n = (size_t)km_traj_frames(t), frame = 3 * (size_t)km_traj_atoms(t);
    float *want = check_slurp(raw, &bytes), *x = km_alloc(n * frame * 4);
    bool same = bytes == n * frame * 4 && km_traj_read_many(t, 0, 1, (int64_t)n, 1, x, NULL, &err) == KM_OK &&
                !memcmp(x, want, bytes);
    free(want);
    free(x);
    km_traj_close(t);
    return same;
}

bool check_truncation(const char *src, const char *scratch, int64_t (*whole_frames)(const void *data, size_t bytes))
{
    size_t bytes;
    char *data = check_slurp(src, &bytes);
    bool good = true;
    for (size_t cut = 0; cut < bytes && good; cut++) {
        km_err err;
        bool truncated = false;
        check_spill(scratch, data, cut);
        int64_t n = check_read_all(scratch, &truncated, &err), whole = whole_frames(data, cut);
        good = whole == 0 ? n == KM_INPUT && strstr(err.msg, scratch) : n == whole;
        /* only at the end of a frame of a format without a count is a cut not to be seen */
        if (whole > 0 && !truncated) good &= whole_frames(data, cut - 1) == whole - 1;
        if (!good) printf("# cut at %zu: %lld frames, %s\n", cut, (long long)n, err.msg);
    }
    free(data);
    return good;
}

int check_flips(const char *src, const char *scratch)
{
    size_t bytes;
    unsigned char *data = check_slurp(src, &bytes);
    int refused = 0;
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        km_err err;
        bool truncated;
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        check_spill(scratch, data, bytes);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        int64_t n = check_read_all(scratch, &truncated, &err);
        if (n < 0 && !err.msg[0]) KM_BUG("a refusal without a message at bit %zu", bit);
        refused += n < 0;
    }
    free(data);
    return refused;
}
