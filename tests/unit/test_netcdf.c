/* SPDX-License-Identifier: MIT
 * formats/traj.h, Amber's NetCDF: files of mdtraj, MDAnalysis and netCDF4 (tests/data/traj/make_formats.py). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "tests/unit/tap.h"
#include "tests/unit/traj_check.h"

#define DATA "tests/data/traj/"
enum { ATOMS = 7, RECORD = 4 + 12 * ATOMS + 48 }; /* mdtraj.nc: time, coordinates, lengths and angles */
static char scratch[64], dir[] = "/tmp/km-netcdf-XXXXXX";

static void test_references(void)
{
    static const struct {
        const char *file, *raw;
        int64_t frames, last_fs;
        bool box;
    } want[] = {
        {DATA "mdtraj.nc", DATA "mdtraj.nc.raw", 3, 5000, true},
        {DATA "mdanalysis.nc", DATA "mdanalysis.nc.raw", 3, 5000, true},
        {DATA "cdf1.nc", DATA "mdtraj.nc.raw", 3, 5000, false},
        {DATA "cdf5.nc", DATA "mdtraj.nc.raw", 3, 5000, false},
        {DATA "restart.nc", NULL, 1, 7500, true},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        km_traj *t;
        km_err err;
        float x[3 * ATOMS], box[9];
        int64_t fs = 0;
        if (want[i].raw) ok(check_same_as_raw(want[i].file, want[i].raw), "%s: coordinates", want[i].file);
        if (!ok(km_traj_open(want[i].file, &t, &err) == KM_OK, "%s: opens", want[i].file)) continue;
        ok(km_traj_get_kind(t) == KM_TRAJ_NETCDF && km_traj_atoms(t) == ATOMS && km_traj_frames(t) == want[i].frames &&
               !km_traj_truncated(t) && km_traj_timed(t),
           "%s: counts", want[i].file);
        bool good = km_traj_read(t, want[i].frames - 1, x, &fs, box, &err) == KM_OK && fs == want[i].last_fs;
        /* 30, 40, 50 and 80, 75, 110 degrees */
        ok(good &&
               (box[0] == 30 && box[3] < -13.6f && box[3] > -13.7f && box[6] > 12.9f && box[6] < 13.0f) ==
                   want[i].box &&
               box[1] == 0,
           "%s: time and box", want[i].file);
        km_traj_close(t);
    }
    size_t n;
    float *raw = check_slurp(DATA "mdtraj.nc.raw", &n), x[3 * ATOMS];
    km_traj *t;
    km_err err;
    ok(km_traj_open(DATA "restart.nc", &t, &err) == KM_OK && km_traj_read(t, 0, x, NULL, NULL, &err) == KM_OK &&
           !memcmp(x, raw, sizeof x),
       "a restart's coordinates");
    km_traj_close(t);
    free(raw);
}

/* Frames of mdtraj.nc that a cut leaves. */
static int64_t whole_frames(const void *data, size_t bytes)
{
    (void)data;
    size_t all;
    free(check_slurp(DATA "mdtraj.nc", &all));
    return bytes < all - 3 * RECORD ? 0 : (int64_t)(bytes - (all - 3 * RECORD)) / RECORD;
}

static void refused(size_t at, const void *with, size_t n, const char *words)
{
    km_err err;
    bool truncated;
    size_t bytes;
    uint8_t *data = check_slurp(DATA "mdtraj.nc", &bytes);
    memcpy(data + at, with, n);
    check_spill(scratch, data, bytes);
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, words), "refused: %s", err.msg);
    free(data);
}

static void test_damage(void)
{
    km_err err;
    size_t bytes;
    bool truncated = false, good = true;
    uint8_t *data = check_slurp(DATA "mdtraj.nc", &bytes);
    for (size_t cut = 0; cut < bytes && good; cut++) { /* the header has a count: every cut shows */
        check_spill(scratch, data, cut);
        const int64_t n = check_read_all(scratch, &truncated, &err), whole = whole_frames(data, cut);
        good = whole ? n == whole && truncated : n == KM_INPUT && strstr(err.msg, scratch);
        if (!good) printf("# cut at %zu: %lld frames, %s\n", cut, (long long)n, err.msg);
    }
    ok(good, "cut at every byte: the whole frames before it");
    memset(data + 4, 0xff, 4); /* a file that was being written: as many frames as there are */
    check_spill(scratch, data, bytes - RECORD - 10);
    ok(check_read_all(scratch, &truncated, &err) == 1, "without a count");
    free(data);
    ok(check_flips(DATA "mdtraj.nc", scratch) > 100 && check_flips(DATA "cdf5.nc", scratch) > 100,
       "flipped bits are survived");
    refused(3, "\x03", 1, "not a classic NetCDF");
    refused(12, "\x7f\xff\xff\xff", 4, "damaged");
    refused(4, "\0\0\0\0", 4, "no frames");
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    snprintf(scratch, sizeof scratch, "%s/x", dir);
    test_references();
    test_damage();
    unlink(scratch);
    rmdir(dir);
    return tap_end();
}
