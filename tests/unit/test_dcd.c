/* SPDX-License-Identifier: MIT
 * formats/traj.h, DCD: files of mdtraj and MDAnalysis (tests/data/traj/make.py), both byte orders, X-PLOR's header. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "tests/unit/tap.h"
#include "tests/unit/traj_check.h"

#define DATA "tests/data/traj/"
enum { FRAME = 56 + 3 * (4 * 12 + 8) };
static char scratch[64], dir[] = "/tmp/km-dcd-XXXXXX";

static void test_references(void)
{
    static const char *const names[] = {DATA "mdtraj.dcd", DATA "mdanalysis.dcd"};
    static const float want[9] = {30, 0, 0, -13.680806f, 37.587704f, 0, 12.940952f, 13.949748f, 46.237823f};
    static const int64_t last[] = {98, 50}; /* 2 steps of 48.88821 fs; steps 5 + 2 * 10 of 2 fs */
    for (int i = 0; i < 2; i++) {
        km_traj *t;
        km_err err;
        float x[36], box[9], worst = 0;
        int64_t fs = 0;
        ok(check_same_as_raw(names[i], DATA "dcd.raw"), "%s: coordinates", names[i]);
        bool good = km_traj_open(names[i], &t, &err) == KM_OK && km_traj_read(t, 2, x, &fs, box, &err) == KM_OK;
        for (int k = 0; k < 9; k++) worst = fmaxf(worst, fabsf(box[k] - want[k]));
        ok(good && worst < 1e-5f && fs == last[i] && !km_traj_truncated(t), "%s: unit cell and time", names[i]);
        km_traj_close(t);
    }
}

static void test_written(void)
{
    km_traj *t;
    km_traj_writer *w;
    km_err err;
    size_t n, m;
    const float cell[9] = {30, 0, 0, -13.680806f, 37.587704f, 0, 12.940952f, 13.949748f, 46.237823f};
    float x[9] = {1, 2, 3, -4, 5, 6, 7, 8, 1e-3f}, y[9], box[9], worst = 0;
    int64_t fs = 0;
    bool good = km_traj_create(scratch, KM_TRAJ_DCD, 3, 0, &w, &err) == KM_OK;
    for (int i = 0; i < 5; i++) good &= km_traj_write(w, x, 1000000000000 + 50000 * i, cell, &err) == KM_OK;
    ok(good && km_traj_commit(w, &err) == KM_OK, "writes");
    ok(km_traj_open(scratch, &t, &err) == KM_OK && km_traj_frames(t) == 5 && km_traj_atoms(t) == 3, "reads again");
    ok(km_traj_read(t, 4, y, &fs, box, &err) == KM_OK && !memcmp(x, y, sizeof x) && fs == 1000000200000,
       "coordinates and time exactly");
    for (int k = 0; k < 9; k++) worst = fmaxf(worst, fabsf(box[k] - cell[k]));
    ok(worst < 1e-5f, "unit cell");
    km_traj_close(t);
    char *one = check_slurp(scratch, &n);
    ok(check_copy(scratch, scratch, KM_TRAJ_DCD, &err) == KM_OK, "copies");
    char *two = check_slurp(scratch, &m);
    ok(n == m && !memcmp(one, two, n), "the same bytes each time");
    free(one);
    free(two);
    good = km_traj_create(scratch, KM_TRAJ_DCD, 3, 0, &w, &err) == KM_OK &&
           km_traj_write(w, x, 0, NULL, &err) == KM_OK && km_traj_write(w, x, 100, NULL, &err) == KM_OK;
    ok(good && km_traj_write(w, x, 250, NULL, &err) == KM_INPUT && strstr(err.msg, "evenly"),
       "uneven times are refused: %s", err.msg);
    km_traj_abandon(w);
}

/* Turn a file of the other byte order out of one written by MDAnalysis. */
static void test_byte_order(void)
{
    size_t bytes, at = 0;
    uint8_t *data = check_slurp(DATA "mdanalysis.dcd", &bytes);
    const size_t title = 92 + 8 + 4 + 240;
    for (; at + 4 <= bytes; at += 4) {
        uint32_t x;
        const size_t in_frame = at < title + 12 ? 0 : (at - title - 12) % FRAME;
        const bool cell = at >= title + 12 && in_frame >= 4 && in_frame < 52;
        if (at == 4 || (at > 96 && at < title - 4)) continue;
        if (cell) {
            uint64_t d;
            memcpy(&d, data + at, 8);
            d = __builtin_bswap64(d);
            memcpy(data + at, &d, 8);
            at += 4;
            continue;
        }
        memcpy(&x, data + at, 4);
        x = __builtin_bswap32(x);
        memcpy(data + at, &x, 4);
    }
    check_spill(scratch, data, bytes);
    ok(check_same_as_raw(scratch, DATA "dcd.raw"), "the other byte order");
    free(data);
}

static void test_xplor(void)
{
    size_t bytes, title = 92 + 8 + 4 + 240 + 12;
    uint8_t *data = check_slurp(DATA "mdanalysis.dcd", &bytes), *out = km_alloc(bytes);
    const double delta = 0.0409096;
    memset(data + 8 + 40, 0, 4);
    memcpy(data + 8 + 36, &delta, 8);
    memset(data + 8 + 76, 0, 4);
    memcpy(out, data, title);
    for (int i = 0; i < 3; i++) memcpy(out + title + i * (FRAME - 56), data + title + i * FRAME + 56, FRAME - 56);
    check_spill(scratch, out, title + 3 * (FRAME - 56));
    km_traj *t;
    km_err err;
    int64_t fs = 0;
    float x[36], box[9];
    ok(check_same_as_raw(scratch, DATA "dcd.raw"), "x-plor: a double time step and no cell");
    bool good = km_traj_open(scratch, &t, &err) == KM_OK && km_traj_read(t, 1, x, &fs, box, &err) == KM_OK;
    ok(good && fs == 30 && box[0] == 0, "x-plor: time");
    km_traj_close(t);
    data[8 + 32] = 1;
    check_spill(scratch, data, bytes);
    bool truncated;
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, "fixed atoms"),
       "fixed atoms are refused");
    free(data);
    free(out);
}

static int64_t whole_frames(const void *data, size_t bytes)
{
    const size_t header = 92 + 8 + 4 + 240 + 12;
    (void)data;
    return bytes < header ? 0 : (int64_t)((bytes - header) / FRAME);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    snprintf(scratch, sizeof scratch, "%s/x", dir);
    test_references();
    test_written();
    test_byte_order();
    test_xplor();
    ok(check_truncation(DATA "mdanalysis.dcd", scratch, whole_frames), "cut at every byte: the whole frames before it");
    ok(check_flips(DATA "mdanalysis.dcd", scratch) > 100, "flipped bits are survived");
    unlink(scratch);
    rmdir(dir);
    return tap_end();
}
