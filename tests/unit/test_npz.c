/* SPDX-License-Identifier: MIT
 * formats/traj.h, NumPy's arrays (tests/data/traj/make_npz.py). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "tests/unit/tap.h"
#include "tests/unit/traj_check.h"

#define DATA "tests/data/traj/"
enum { ATOMS = 7, FRAMES = 3 };
static char scratch[64], dir[] = "/tmp/km-npz-XXXXXX";

static void test_read(const char *name, const char *sequence, bool nm)
{
    km_traj *t;
    km_err err;
    char *path = km_asprintf(DATA "%s", name), *raw = km_asprintf(DATA "%s.raw", name);
    ok(check_same_as_raw(path, raw), "%s: coordinates", name);
    if (ok(km_traj_open(path, &t, &err) == KM_OK, "%s: opens", name)) {
        const char *got = km_traj_sequence(t);
        ok(km_traj_get_kind(t) == KM_TRAJ_NPZ && km_traj_atoms(t) == ATOMS && km_traj_frames(t) == FRAMES &&
               !km_traj_truncated(t) && !km_traj_timed(t),
           "%s: counts", name);
        ok(sequence ? got && !strcmp(got, sequence) : !got, "%s: letters", name);
        ok(!strncmp(km_traj_note(t), "its lengths are taken for ", 26) && !strstr(km_traj_note(t), "nano") == !nm,
           "%s: %s", name, km_traj_note(t));
        km_traj_close(t);
    }
    free(path), free(raw);
}

/* A .npy file with this header and 252 bytes of zeros. */
static km_status open_header(const char *header, km_err *err)
{
    uint8_t file[600] = "\x93NUMPY\x01";
    size_t n = strlen(header);
    km_traj *t;
    file[8] = (uint8_t)n, file[9] = (uint8_t)(n >> 8);
    memcpy(file + 10, header, n);
    check_spill(scratch, file, 10 + n + 252);
    km_status status = km_traj_open(scratch, &t, err);
    if (status == KM_OK) km_traj_close(t);
    return status;
}

static void test_headers(void)
{
    static const char *const bad[] = {
        "{'descr': '>f4', 'fortran_order': False, 'shape': (3, 7, 3)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 7, 3)}",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 7, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 21)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 7, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, -7, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 7, 3",
        "{'descr': '<f4', 'shape': (3, 7, 3)}",
        "",
    };
    km_err err;
    ok(open_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 7, 3), }   \n", &err) == KM_OK, "a header");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(open_header(bad[i], &err) == KM_INPUT && strstr(err.msg, "holds no positions"), "not: %s", bad[i]);
    ok(open_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 22, 3)}", &err) == KM_INPUT &&
           strstr(err.msg, "truncated"),
       "fewer bytes than a frame");
}

/* An array may lose its last frames; an archive cut anywhere has no directory. */
static int64_t whole_frames(const void *data, size_t bytes)
{
    (void)data;
    return bytes < 128 ? 0 : (int64_t)(bytes - 128) / (ATOMS * 6);
}
static int64_t no_frames(const void *data, size_t bytes)
{
    (void)data, (void)bytes;
    return 0;
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    snprintf(scratch, sizeof scratch, "%s/x", dir);
    test_read("bioemu.npz", "GAVLSXW", true);
    test_read("packed.npz", NULL, false);
    test_read("half.npy", NULL, false);
    test_headers();
    ok(check_truncation(DATA "half.npy", scratch, whole_frames), "an array cut at every byte");
    ok(check_truncation(DATA "bioemu.npz", scratch, no_frames), "an archive cut at every byte");
    ok(check_truncation(DATA "packed.npz", scratch, no_frames), "a packed archive cut at every byte");
    ok(check_flips(DATA "packed.npz", scratch) > 0 && check_flips(DATA "bioemu.npz", scratch) > 0, "changed bits");
    unlink(scratch), rmdir(dir);
    return tap_end();
}
