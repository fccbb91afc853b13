/* SPDX-License-Identifier: MIT
 * formats/traj.h, XTC: files of mdtraj (tests/data/traj/make.py) read, and written again byte for byte. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "tests/unit/tap.h"
#include "tests/unit/traj_check.h"

#define DATA "tests/data/traj/"
static char scratch[64], dir[] = "/tmp/km-xtc-XXXXXX";

static bool same_bytes(const char *a, const char *b)
{
    size_t n, m;
    char *x = check_slurp(a, &n), *y = check_slurp(b, &m);
    bool same = n == m && !memcmp(x, y, n);
    free(x);
    free(y);
    return same;
}

static void test_references(void)
{
    static const char *const names[] = {"nine", "ten", "chain", "water", "same", "sparse", "wide"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char xtc[64], raw[64];
        km_err err;
        snprintf(xtc, sizeof xtc, DATA "%s.xtc", names[i]);
        snprintf(raw, sizeof raw, DATA "%s.raw", names[i]);
        ok(check_same_as_raw(xtc, raw), "%s: the coordinates mdtraj reads", names[i]);
        if (!strcmp(names[i], "wide")) continue; /* float32 angstrom cannot tell its grid */
        ok(check_copy(xtc, scratch, KM_TRAJ_XTC, &err) == KM_OK && same_bytes(xtc, scratch),
           "%s: the bytes mdtraj writes", names[i]);
    }
}

static void test_frame(void)
{
    km_traj *t;
    km_err err;
    float x[39 * 3], box[9];
    int64_t fs = 0;
    ok(km_traj_open(DATA "chain.xtc", &t, &err) == KM_OK, "opens");
    ok(km_traj_get_kind(t) == KM_TRAJ_XTC && km_traj_atoms(t) == 39 && km_traj_frames(t) == 4 && !km_traj_truncated(t),
       "counts");
    ok(km_traj_read(t, 3, x, &fs, box, &err) == KM_OK && fs == 6000, "time in fs");
    ok(box[0] == 30 && box[3] == 5 && box[4] == 40 && box[6] == -5 && box[7] == 2.5f && box[8] == 50,
       "box in angstrom");
    km_traj_close(t);
}

static void test_threads(void)
{
    km_traj *t;
    km_traj_writer *w;
    km_err err;
    enum { FRAMES = 200, ATOMS = 50 };
    float *one = km_calloc(FRAMES, ATOMS * 12), *four = km_calloc(FRAMES, ATOMS * 12), x[ATOMS * 3];
    int64_t times[FRAMES];
    ok(km_traj_create(scratch, KM_TRAJ_XTC, ATOMS, 0, &w, &err) == KM_OK, "creates");
    bool good = true;
    for (int i = 0; i < FRAMES; i++) {
        for (int k = 0; k < ATOMS * 3; k++) x[k] = (float)(k / 3 + sin(i * 7 + k * 3));
        good &= km_traj_write(w, x, i * 100, NULL, &err) == KM_OK;
    }
    ok(good && km_traj_commit(w, &err) == KM_OK, "writes");
    ok(km_traj_open(scratch, &t, &err) == KM_OK && km_traj_frames(t) == FRAMES, "opens again");
    ok(km_traj_read_many(t, 0, 1, FRAMES, 1, one, NULL, &err) == KM_OK, "one thread");
    ok(km_traj_read_many(t, FRAMES - 1, -1, FRAMES, 4, four, times, &err) == KM_OK, "four threads, backwards");
    good = times[0] == (FRAMES - 1) * 100 && times[FRAMES - 1] == 0;
    for (int i = 0; i < FRAMES; i++)
        good &= !memcmp(one + i * ATOMS * 3, four + (FRAMES - 1 - i) * ATOMS * 3, sizeof x);
    ok(good, "the same frames");
    good = true;
    for (int k = 0; k < ATOMS * 3; k++) good &= fabsf(four[k] - x[k]) <= 0.00501f;
    ok(good, "within half a grid step");
    km_traj_close(t);
    free(one);
    free(four);
}

static int64_t whole_frames(const void *data, size_t bytes)
{
    const uint8_t *p = data;
    int64_t n = 0;
    for (size_t at = 0; at + 92 <= bytes; n++) {
        uint32_t packed =
            (uint32_t)p[at + 88] << 24 | (uint32_t)p[at + 89] << 16 | (uint32_t)p[at + 90] << 8 | p[at + 91];
        at += 92 + (packed + 3) / 4 * 4;
        if (at > bytes) break;
    }
    return n;
}

static void test_damage(void)
{
    km_err err;
    bool truncated;
    size_t bytes;
    ok(check_truncation(DATA "chain.xtc", scratch, whole_frames), "cut at every byte: the whole frames before it");
    ok(check_flips(DATA "ten.xtc", scratch) > 100 && check_flips(DATA "nine.xtc", scratch) > 100,
       "flipped bits are survived");
    ok(check_flips(DATA "water.xtc", scratch) > 100 && check_flips(DATA "wide.xtc", scratch) > 100,
       "flipped bits, runs and wide numbers");
    uint8_t *data = check_slurp(DATA "chain.xtc", &bytes);
    data[2] = 2023 >> 8, data[3] = 2023 & 255;
    check_spill(scratch, data, bytes);
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, "298 million"),
       "the large variant is refused: %s", err.msg);
    check_spill(scratch, "hello, this is no trajectory", 28);
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, "known format"),
       "other files are refused");
    ok(check_read_all(dir, &truncated, &err) == KM_INPUT, "directories are refused");
    ok(check_read_all("/nonexistent", &truncated, &err) == KM_SYSTEM && strstr(err.msg, "nonexistent"), "no file");
    free(data);
}

/* Two frames of many are damaged: the message is that of the first, whichever thread comes upon it. */
static void test_damaged_frames(void)
{
    enum { FIRST = 300, SECOND = 305, ATOMS = 44, FRAMES = 600, SMALL_INDEX = 84 };
    static const char start[8] = {0, 0, 0x07, (char)0xcb, 0, 0, 0, ATOMS};
    size_t n;
    char *bytes = check_slurp("pipelines/mini/examples/LGE.xtc", &n);
    int frame = -1;
    for (size_t i = 0; i + SMALL_INDEX + 4 < n; i++) {
        if (memcmp(bytes + i, start, sizeof start) != 0) continue;
        frame++;
        if (frame == FIRST || frame == SECOND) memset(bytes + i + SMALL_INDEX, 0x7f, 4);
    }
    check_spill(scratch, bytes, n);
    km_traj *t;
    km_err err = {0}, alone = {0};
    float *x = km_alloc(FRAMES * ATOMS * 12);
    if (ok(km_traj_open(scratch, &t, &err) == KM_OK, "a file with two damaged frames opens: %s", err.msg)) {
        ok(km_traj_read(t, FIRST, x, NULL, NULL, &alone) == KM_INPUT &&
               km_traj_read(t, FIRST + 1, x, NULL, NULL, &err) == KM_OK,
           "what is damaged is refused: %s", alone.msg);
        bool same = true;
        for (int threads = 1; threads <= 4; threads++)
            same = same && km_traj_read_many(t, 0, 1, FRAMES, threads, x, NULL, &err) == KM_INPUT &&
                   !strcmp(err.msg, alone.msg);
        ok(same, "many at once: the first damaged one is named");
        ok(km_traj_read_many(t, FIRST + 1, 1, SECOND - FIRST - 1, 3, x, NULL, &err) == KM_OK, "those between are read");
        km_traj_close(t);
    }
    free(x), free(bytes);
}

static void test_writer(void)
{
    km_traj_writer *w;
    km_err err;
    char part[80];
    float x[30] = {0};
    snprintf(part, sizeof part, "%s.part", scratch);
    unlink(scratch);
    ok(km_traj_create(scratch, KM_TRAJ_XTC, 10, 0, &w, &err) == KM_OK && access(part, F_OK) == 0, "a part file");
    x[4] = NAN;
    ok(km_traj_write(w, x, 0, NULL, &err) == KM_INPUT && strstr(err.msg, "atom 1"), "NaN is refused: %s", err.msg);
    x[4] = 1e9f;
    ok(km_traj_write(w, x, 0, NULL, &err) == KM_INPUT && strstr(err.msg, "large"), "beyond the grid is refused: %s",
       err.msg);
    km_traj_abandon(w);
    ok(access(part, F_OK) != 0 && access(scratch, F_OK) != 0, "nothing is left behind");
    ok(km_traj_create("/nonexistent/x.xtc", KM_TRAJ_XTC, 10, 0, &w, &err) == KM_SYSTEM, "no such directory");
    if (access("/dev/full", W_OK) == 0 && symlink("/dev/full", part) == 0) {
        x[4] = 0;
        bool good = km_traj_create(scratch, KM_TRAJ_XTC, 10, 0, &w, &err) == KM_OK &&
                    km_traj_write(w, x, 0, NULL, &err) == KM_OK;
        ok(good && km_traj_commit(w, &err) == KM_SYSTEM && access(scratch, F_OK) != 0, "a full disk: %s", err.msg);
    }
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    snprintf(scratch, sizeof scratch, "%s/x", dir);
    test_references();
    test_frame();
    test_threads();
    test_damage();
    test_damaged_frames();
    test_writer();
    unlink(scratch);
    rmdir(dir);
    return tap_end();
}
