/* SPDX-License-Identifier: MIT
 * formats/h5md.h: several trajectories there and back, the same bytes each time, and files that are damaged or
 * another's. */
#include "formats/h5md.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hdf5.h>

#include "lib/base/mem.h"
#include "tests/unit/tap.h"
#include "tests/unit/traj_check.h"

enum { ATOMS = 700, FRAMES = 20 }; /* 7 frames a chunk */
static char scratch[64], other[64], dir[] = "/tmp/km-h5md-XXXXXX";

static km_system *make_system(void)
{
    km_system *s = km_system_new();
    s->name = (free(s->name), km_strdup("peptide"));
    s->n_atoms = ATOMS, s->n_residues = s->n_chains = 1;
    s->atoms = KM_NEWN(km_atom, ATOMS);
    s->residues = KM_NEW(km_residue);
    s->chains = KM_NEW(km_chain);
    for (int i = 0; i < ATOMS; i++) {
        s->atoms[i] = (km_atom){.name = "CA", .element = 6, .present = 1, .token = -1, .ref_pos = {(float)i, 0, -1.5f}};
    }
    s->residues[0] = (km_residue){.name = "ALA", .number = 1, .icode = ' ', .n_atoms = ATOMS};
    s->chains[0] = (km_chain){.name = "A", .n_residues = 1};
    s->method = 1;
    return s;
}

static float number(int trajectory, int frame, int i) { return (float)(trajectory * 1000 + frame) + (float)i * 0.001f; }

static km_status write_file(const char *path, km_err *err)
{
    km_system *s = make_system();
    km_h5md_writer *w;
    km_status status = km_h5md_create(path, s, "a set", "CC-BY-4.0", &w, err);
    km_system_free(s);
    if (status < 0) return status;
    float *x = km_alloc(ATOMS * 12);
    for (int t = 0; t < 2 && status == KM_OK; t++) {
        for (int f = 0; f < FRAMES - 7 * t && status == KM_OK; f++) {
            for (int i = 0; i < 3 * ATOMS; i++) x[i] = number(t, f, i);
            status = km_h5md_write(w, t, x, 1234567 + 1500 * f, err);
        }
    }
    free(x);
    if (status == KM_OK) return km_h5md_commit(w, err);
    km_h5md_abandon(w);
    return status;
}

static void test_there_and_back(void)
{
    km_err err;
    km_h5md *h;
    ok(write_file(scratch, &err) == KM_OK && km_h5md_open(scratch, &h, &err) == KM_OK, "writes and opens");
    const km_system *s = km_h5md_system(h);
    ok(s->n_atoms == ATOMS && !strcmp(s->name, "peptide") && s->atoms[5].ref_pos[2] == -1.5f, "the system");
    ok(!strcmp(km_h5md_set(h), "a set"), "the set's name");
    ok(km_h5md_trajectories(h) == 2 && km_h5md_frames(h, 0) == FRAMES && km_h5md_frames(h, 1) == FRAMES - 7,
       "trajectories and frames");
    ok(km_h5md_times(h, 0)[0] == 1234567 && km_h5md_times(h, 1)[12] == 1234567 + 12 * 1500, "times exactly");
    float *x = km_alloc((size_t)FRAMES * ATOMS * 12);
    static const int from[][4] = {{0, 0, 1, FRAMES}, {0, 3, 5, 4},  {1, 12, 100, 1},
                                  {1, 1, 3, 4},      {0, 19, 1, 1}, {0, 0, 1, 0}};
    for (size_t k = 0; k < sizeof from / sizeof *from; k++) {
        const int *q = from[k];
        bool good = km_h5md_read(h, q[0], q[1], q[2], q[3], x, &err) == KM_OK;
        for (int f = 0; f < q[3]; f++) {
            for (int i = 0; i < 3 * ATOMS; i++) good &= x[f * 3 * ATOMS + i] == number(q[0], q[1] + f * q[2], i);
        }
        ok(good, "trajectory %d: %d frames from %d by %d", q[0], q[3], q[1], q[2]);
    }
    free(x);
    km_h5md_close(h);
    size_t n, m;
    ok(write_file(other, &err) == KM_OK, "writes once more");
    char *a = check_slurp(scratch, &n), *b = check_slurp(other, &m);
    ok(n == m && !memcmp(a, b, n), "the same bytes");
    free(a);
    free(b);
}

/* The status of opening path; a file that opens is closed again. */
static km_status try_open(const char *path, km_err *err)
{
    km_h5md *h = NULL;
    km_status s = km_h5md_open(path, &h, err);
    km_h5md_close(h);
    return s;
}

static void test_refused(void)
{
    km_err err;
    size_t n;
    char *data = check_slurp(scratch, &n);
    bool good = true;
    for (size_t cut = 0; cut < n && good; cut += cut < 4096 ? 13 : 997) {
        check_spill(other, data, cut);
        good = try_open(other, &err) == KM_INPUT && strstr(err.msg, other);
        if (!good) printf("# cut at %zu: %s\n", cut, err.msg);
    }
    ok(good, "cut files are refused");
    free(data);
    check_spill(other, "not HDF5 at all", 15);
    ok(try_open(other, &err) == KM_INPUT && strstr(err.msg, "not an HDF5"), "other formats: %s", err.msg);
    ok(try_open(dir, &err) == KM_INPUT, "directories: %s", err.msg);
    ok(try_open("/nonexistent.h5", &err) == KM_SYSTEM && strstr(err.msg, "nonexistent"), "no file: %s", err.msg);
    unlink(other);
    H5Fclose(H5Fcreate(other, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    ok(try_open(other, &err) == KM_INPUT && strstr(err.msg, "system record"), "another program's file: %s", err.msg);
}

/* A data set replaced by one that claims more than the file has, or by one of the wrong shape. */
static void test_lies(void)
{
    static const struct {
        const char *set;
        int nd;
        hsize_t shape[3];
        const char *says;
    } lies[] = {
        {"/particles/trajectory1/position/value", 3, {(hsize_t)1 << 40, ATOMS, 3}, "incomplete"},
        {"/particles/trajectory1/position/value", 2, {FRAMES, ATOMS * 3, 0}, "incomplete"},
        {"/particles/trajectory1/position/time", 1, {(hsize_t)1 << 40, 0, 0}, "one time a frame"},
        {"/kinematic/system", 1, {(hsize_t)1 << 40, 0, 0}, "system record"},
    };
    for (size_t k = 0; k < sizeof lies / sizeof *lies; k++) {
        km_err err;
        bool good = write_file(other, &err) == KM_OK;
        const hsize_t chunk[3] = {1, 1, 1};
        hid_t f = H5Fopen(other, H5F_ACC_RDWR, H5P_DEFAULT), how = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(how, lies[k].nd, chunk);
        H5Ldelete(f, lies[k].set, H5P_DEFAULT);
        hid_t space = H5Screate_simple(lies[k].nd, lies[k].shape, NULL);
        hid_t d = H5Dcreate2(f, lies[k].set, H5T_IEEE_F32LE, space, H5P_DEFAULT, how, H5P_DEFAULT);
        good &= d >= 0;
        H5Dclose(d);
        H5Sclose(space);
        H5Pclose(how);
        H5Fclose(f);
        ok(good && try_open(other, &err) == KM_INPUT && strstr(err.msg, lies[k].says), "a lie is refused: %s", err.msg);
    }
}

/* Is all of it there, as it was written? */
static bool is_whole(km_h5md *h, float *x)
{
    km_err err;
    bool good = km_h5md_trajectories(h) == 2 && km_h5md_system(h)->atoms[5].ref_pos[2] == -1.5f;
    for (int t = 0; t < 2 && good; t++) {
        good = km_h5md_frames(h, t) == FRAMES - 7 * t && km_h5md_read(h, t, 0, 1, FRAMES - 7 * t, x, &err) == KM_OK;
        for (int f = 0; f < FRAMES - 7 * t && good; f++) {
            good = km_h5md_times(h, t)[f] == 1234567 + 1500 * f;
            for (int i = 0; i < 3 * ATOMS; i++) good &= x[f * 3 * ATOMS + i] == number(t, f, i);
        }
    }
    return good;
}

/* One bit of the file is another: it is refused, or a read fails, or nothing of the data has changed. */
static void test_flips(void)
{
    enum { FLIPS = 1500 };
    km_err err;
    size_t n;
    char *data = check_slurp(scratch, &n);
    float *x = km_alloc((size_t)FRAMES * ATOMS * 12);
    int found = 0, silent = 0;
    for (size_t k = 0; k < FLIPS; k++) {
        const size_t at = k * n / FLIPS;
        km_h5md *h = NULL;
        data[at] = (char)(data[at] ^ 1 << k % 8);
        check_spill(other, data, n);
        data[at] = (char)(data[at] ^ 1 << k % 8);
        bool fails = km_h5md_open(other, &h, &err) < 0;
        for (int t = 0; !fails && t < km_h5md_trajectories(h); t++)
            fails = km_h5md_frames(h, t) > FRAMES || km_h5md_read(h, t, 0, 1, km_h5md_frames(h, t), x, &err) < 0;
        found += fails;
        if (!fails && !is_whole(h, x) && silent++ == 0) printf("# byte %zu of %zu\n", at, n);
        km_h5md_close(h);
    }
    ok(silent == 0 && found > FLIPS / 2, "%d of %d flipped bits are found, %d change the data in silence", found, FLIPS,
       silent);
    free(data), free(x);
}

static void test_writer(void)
{
    km_err err;
    km_h5md_writer *w;
    char part[80];
    km_system *s = make_system();
    float *x = km_calloc(ATOMS, 12);
    snprintf(part, sizeof part, "%s.part", other);
    unlink(other);
    x[5] = NAN;
    ok(km_h5md_create(other, s, NULL, NULL, &w, &err) == KM_OK && access(part, F_OK) == 0, "a part file");
    ok(km_h5md_write(w, 0, x, 0, &err) == KM_INPUT && strstr(err.msg, "atom 1"), "NaN is refused: %s", err.msg);
    x[5] = 0;
    ok(km_h5md_write(w, 0, x, 0, &err) == KM_OK, "and the writer goes on");
    km_h5md_abandon(w);
    ok(access(part, F_OK) != 0 && access(other, F_OK) != 0, "nothing is left behind");
    ok(km_h5md_create("/nonexistent/x.h5", s, NULL, NULL, &w, &err) == KM_SYSTEM, "no such directory: %s", err.msg);
    free(x);
    km_system_free(s);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    snprintf(scratch, sizeof scratch, "%s/a.h5", dir);
    snprintf(other, sizeof other, "%s/b.h5", dir);
    test_there_and_back();
    test_refused();
    test_lies();
    test_flips();
    test_writer();
    unlink(scratch);
    unlink(other);
    rmdir(dir);
    return tap_end();
}
