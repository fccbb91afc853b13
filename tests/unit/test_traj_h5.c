/* SPDX-License-Identifier: MIT
 * formats/traj.h, HDF5 of others: MDAnalysis' H5MD, mdtraj's layout, a stranger's without units, a named data set
 * (tests/data/traj/make_formats.py). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "tests/unit/tap.h"
#include "tests/unit/traj_check.h"

#define DATA "tests/data/traj/"
enum { ATOMS = 7, FRAMES = 3 };
static char scratch[64], dir[] = "/tmp/km-trajh5-XXXXXX";

/* An open trajectory's facts; closes it. skewed: the box has the angles 80, 75, 110 degrees, else right ones. */
static void check(km_traj *t, const char *what, bool timed, int64_t last_fs, bool skewed, const char *note)
{
    km_err err;
    float x[3 * ATOMS], box[9];
    int64_t fs = 0;
    ok(km_traj_get_kind(t) == KM_TRAJ_H5 && km_traj_atoms(t) == ATOMS && km_traj_frames(t) == FRAMES &&
           !km_traj_truncated(t) && km_traj_timed(t) == timed,
       "%s: counts", what);
    ok(strstr(km_traj_note(t), note), "%s: %s", what, km_traj_note(t));
    bool good = km_traj_read(t, 2, x, &fs, box, &err) == KM_OK && fs == last_fs;
    good = good && box[0] > 29.99f && box[0] < 30.01f && box[1] == 0;
    ok(good && (skewed ? box[3] < -13.6f && box[3] > -13.7f : box[3] == 0), "%s: time and box", what);
    km_traj_close(t);
}

static void test_references(void)
{
    static const struct {
        const char *file, *raw;
        int64_t last_fs;
        bool skewed;
        const char *note;
    } want[] = {
        {DATA "mdanalysis.h5md", DATA "mdanalysis.h5md.raw", 5000, true, "/particles/trajectory/position/value, nm"},
        {DATA "mdtraj.h5", DATA "mdtraj.h5.raw", 5000, true, "/coordinates, nm"},
        {DATA "stranger.h5", DATA "mdanalysis.h5md.raw", 10000, false, "nm by the distances of atoms"},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        km_traj *t;
        km_err err;
        float x[3 * ATOMS];
        size_t n;
        if (!ok(km_traj_open(want[i].file, &t, &err) == KM_OK, "%s: opens %s", want[i].file, err.msg)) continue;
        float *raw = check_slurp(want[i].raw, &n);
        bool good = true;
        for (int f = 0; f < FRAMES && good; f++) {
            good = km_traj_read(t, f, x, NULL, NULL, &err) == KM_OK;
            for (int k = 0; k < 3 * ATOMS && good; k++) { /* from nanometres: one rounding more */
                const float d = x[k] - raw[f * 3 * ATOMS + k], size = x[k] < 0 ? -x[k] : x[k];
                good = (d < 0 ? -d : d) <= 3e-7f * size;
            }
        }
        ok(good, "%s: coordinates", want[i].file);
        free(raw);
        check(t, want[i].file, true, want[i].last_fs, want[i].skewed, want[i].note);
    }
    km_traj *t;
    km_err err;
    ok(km_traj_open_h5(DATA "stranger.h5", "/10GS/trajectory_coordinates", "/box", &t, &err) == KM_OK, "a named set");
    check(t, "a named set", false, 2, false, "");
}

static void test_damage(void)
{
    km_err err;
    km_traj *t;
    size_t bytes;
    char *data = check_slurp(DATA "stranger.h5", &bytes);
    bool good = true;
    for (size_t cut = 0; cut < bytes && good; cut++) {
        check_spill(scratch, data, cut);
        good = km_traj_open(scratch, &t, &err) == KM_INPUT && strstr(err.msg, scratch);
    }
    ok(good, "cut at every byte: refused");
    free(data);
    ok(km_traj_open_h5(DATA "stranger.h5", "/1ABC/trajectory_coordinates", NULL, &t, &err) == KM_INPUT &&
           strstr(err.msg, "there is no /1ABC"),
       "no such set: %s", err.msg);
    ok(km_traj_open_h5(DATA "stranger.h5", "/box", NULL, &t, &err) == KM_INPUT && strstr(err.msg, "[frames, atoms, 3]"),
       "another shape: %s", err.msg);
    ok(km_traj_open_h5(DATA "stranger.h5", "/particles", NULL, &t, &err) == KM_INPUT, "not a data set: %s", err.msg);
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
