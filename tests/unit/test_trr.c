/* SPDX-License-Identifier: MIT
 * formats/traj.h, TRR: files of mdtraj and MDAnalysis and one in double precision (tests/data/traj/make.py). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "tests/unit/tap.h"
#include "tests/unit/traj_check.h"

#define DATA "tests/data/traj/"
/* Bytes from the start of a frame. */
enum { AT_NAME = 12, AT_INPUT = 24, AT_BOX = 32, AT_POSITIONS = 52, AT_ATOMS = 64, AT_TIME = 76 };
static char scratch[64], dir[] = "/tmp/km-trr-XXXXXX";

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_word(uint8_t *p, uint32_t x)
{
    for (int k = 0; k < 4; k++) p[k] = (uint8_t)(x >> (24 - 8 * k));
}

static void test_references(void)
{
    static const struct {
        const char *file, *raw;
        int64_t frames, last_fs;
        float box[9];
    } want[] = {
        {DATA "mdtraj.trr", DATA "mdtraj.trr.raw", 3, 4000, {30, 0, 0, 5, 40, 0, -5, 2.5f, 50}},
        {DATA "mdanalysis.trr", DATA "mdanalysis.trr.raw", 3, 80, {70, 40, 40, 45, 80, 40, 35, 42.5f, 90}},
        {DATA "double.trr", DATA "double.trr.raw", 3, 40, {30, 0, 0, 5, 40, 0, -5, 2.5f, 50}},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        km_traj *t;
        km_err err;
        float x[36], box[9];
        int64_t fs = 0;
        ok(check_same_as_raw(want[i].file, want[i].raw), "%s: coordinates", want[i].file);
        if (!ok(km_traj_open(want[i].file, &t, &err) == KM_OK, "%s: opens", want[i].file)) continue;
        ok(km_traj_get_kind(t) == KM_TRAJ_TRR && km_traj_atoms(t) == 12 && km_traj_frames(t) == want[i].frames &&
               !km_traj_truncated(t), "%s: counts", want[i].file);
        ok(km_traj_read(t, 2, x, &fs, box, &err) == KM_OK && fs == want[i].last_fs &&
               !memcmp(box, want[i].box, sizeof box), "%s: time and box", want[i].file);
        km_traj_close(t);
    }
}

static void test_written(void)
{
    km_traj *t;
    km_traj_writer *w;
    km_err err;
    size_t n, m;
    float x[6] = {1, 2, 3, -4, 5, 1e-3f}, y[6], box[9];
    int64_t fs = 0;
    char *want = check_slurp(DATA "mdtraj.trr", &n);
    ok(check_copy(DATA "mdtraj.trr", scratch, KM_TRAJ_TRR, &err) == KM_OK, "copies");
    char *got = check_slurp(scratch, &m);
    ok(n == m && !memcmp(want, got, n), "the bytes mdtraj writes");
    free(want);
    free(got);
    bool good = km_traj_create(scratch, KM_TRAJ_TRR, 2, 0, &w, &err) == KM_OK &&
                km_traj_write(w, x, 0, NULL, &err) == KM_OK && km_traj_write(w, x, 123, NULL, &err) == KM_OK;
    ok(good && km_traj_commit(w, &err) == KM_OK, "writes without a box, unevenly spaced");
    good = ok(km_traj_open(scratch, &t, &err) == KM_OK, "opens again") && km_traj_frames(t) == 2 &&
           km_traj_read(t, 1, y, &fs, box, &err) == KM_OK;
    for (int k = 0; k < 6 && good; k++) good = fabsf(x[k] - y[k]) <= 1.2e-7f * fabsf(x[k]);
    for (int k = 0; k < 9 && good; k++) good = box[k] == 0;
    ok(good && fs == 123, "coordinates, time, no box");
    km_traj_close(t);
    x[4] = NAN;
    good = km_traj_create(scratch, KM_TRAJ_TRR, 2, 0, &w, &err) == KM_OK;
    ok(good && km_traj_write(w, x, 0, NULL, &err) == KM_INPUT && strstr(err.msg, "atom 1"), "NaN is refused");
    km_traj_abandon(w);
}

static int64_t frame_bytes(const uint8_t *p)
{
    int64_t n = word(p + AT_BOX) == 72 ? 92 : 84;
    for (int k = AT_INPUT; k < AT_ATOMS; k += 4) n += word(p + k);
    return n;
}

static int64_t whole_frames(const void *data, size_t bytes)
{
    int64_t n = 0, at = 0;
    for (; at + AT_TIME <= (int64_t)bytes; n++) {
        at += frame_bytes((const uint8_t *)data + at);
        if (at > (int64_t)bytes) break;
    }
    return n;
}

/* The first of MDAnalysis' frames has velocities only, and so has (with forces) the fourth. */
static void test_no_positions(void)
{
    km_err err;
    bool truncated = false;
    size_t bytes;
    uint8_t *data = check_slurp(DATA "mdanalysis.trr", &bytes);
    const int64_t first = frame_bytes(data);
    int64_t at = 0;
    for (int i = 0; i < 3; i++) at += frame_bytes(data + at);
    check_spill(scratch, data, (size_t)first);
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, "no frame has positions"),
       "velocities only are refused: %s", err.msg);
    check_spill(scratch, data, (size_t)first + 100);
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, "truncated"),
       "cut before there were positions: %s", err.msg);
    check_spill(scratch, data, (size_t)at);
    ok(check_read_all(scratch, &truncated, &err) == 2 && !truncated, "frames without positions do not count");
    check_spill(scratch, data, (size_t)at + 100);
    ok(check_read_all(scratch, &truncated, &err) == 2 && truncated, "cut inside one of them");
    free(data);
}

/* A change of one word of mdtraj.trr's second frame is refused with a message that has `words`. */
static void refused(int at, uint32_t value, const char *words)
{
    km_err err;
    bool truncated;
    size_t bytes;
    uint8_t *data = check_slurp(DATA "mdtraj.trr", &bytes);
    put_word(data + bytes / 3 + at, value);
    check_spill(scratch, data, bytes);
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, words), "refused: %s", err.msg);
    free(data);
}

static void test_damage(void)
{
    km_err err;
    bool truncated;
    size_t bytes;
    ok(check_truncation(DATA "mdtraj.trr", scratch, whole_frames) &&
           check_truncation(DATA "double.trr", scratch, whole_frames), "cut at every byte: the whole frames before it");
    ok(check_flips(DATA "mdtraj.trr", scratch) > 100 && check_flips(DATA "double.trr", scratch) > 100 &&
           check_flips(DATA "mdanalysis.trr", scratch) > 100, "flipped bits are survived");
    refused(0, 1995, "no TRR frame at byte 264");
    refused(AT_NAME, 0, "no TRR frame at byte 264");
    refused(AT_INPUT, 4, "sizes");
    refused(AT_BOX, 72, "sizes");
    refused(AT_POSITIONS, 0xfffffff0, "sizes");
    refused(AT_ATOMS, 0xffffffff, "-1 atoms");
    refused(AT_ATOMS, 11, "11 atoms, unlike");
    refused(AT_TIME, 0x7fc00000, "frame 1 has no valid time");
    uint8_t *data = check_slurp(DATA "mdtraj.trr", &bytes);
    put_word(data + AT_ATOMS, 100000000);
    put_word(data + AT_POSITIONS, 1200000000);
    check_spill(scratch, data, bytes);
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, "truncated"),
       "more atoms than the file has room for: %s", err.msg);
    memset(data + AT_INPUT, 0, AT_ATOMS - AT_INPUT);
    check_spill(scratch, data, bytes);
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, "sizes"), "a frame of nothing: %s",
       err.msg);
    free(data);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    snprintf(scratch, sizeof scratch, "%s/x", dir);
    test_references();
    test_written();
    test_no_positions();
    test_damage();
    unlink(scratch);
    rmdir(dir);
    return tap_end();
}
