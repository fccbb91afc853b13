/* SPDX-License-Identifier: MIT
 * formats/traj.h, text and bin: PDB, mmCIF and GRO of several frames as mdtraj, biotite and GROMACS write them
 * (tests/data/traj/make_formats.py). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "tests/unit/tap.h"
#include "tests/unit/traj_check.h"

#define DATA "tests/data/traj/"
enum { ATOMS = 7, FRAMES = 3 };
static char scratch[64], dir[] = "/tmp/km-text-XXXXXX";

static const struct reference {
    const char *file, *raw;
    km_traj_kind kind;
    bool timed;
    float last_a;      /* the first edge of the last frame's box */
    const char *close; /* what a whole frame ends with; NULL: the number of its lines, or rows, does */
    int lines;
} references[] = {
    {DATA "mdtraj.pdb", DATA "mdtraj.pdb.raw", KM_TRAJ_PDB, false, 30, "END", 0},
    {DATA "gromacs.pdb", DATA "mdtraj.pdb.raw", KM_TRAJ_PDB, true, 32, "END", 0},
    {DATA "mdtraj.gro", DATA "mdtraj.gro.raw", KM_TRAJ_GRO, true, 30, NULL, ATOMS + 3},
    {DATA "biotite.cif", DATA "biotite.cif.raw", KM_TRAJ_CIF, false, 30, NULL, 0},
};
enum { REFERENCES = sizeof references / sizeof *references };

static void test_references(void)
{
    for (int i = 0; i < REFERENCES; i++) {
        const struct reference *r = &references[i];
        km_traj *t;
        km_err err;
        float x[3 * ATOMS], box[9];
        int64_t fs = 0;
        if (r->kind != KM_TRAJ_GRO) ok(check_same_as_raw(r->file, r->raw), "%s: coordinates exactly", r->file);
        if (!ok(km_traj_open(r->file, &t, &err) == KM_OK, "%s: opens", r->file)) continue;
        ok(km_traj_get_kind(t) == r->kind && km_traj_atoms(t) == ATOMS && km_traj_frames(t) == FRAMES &&
               !km_traj_truncated(t) && km_traj_timed(t) == r->timed,
           "%s: counts", r->file);
        ok(km_traj_read(t, 2, x, &fs, box, &err) == KM_OK && fs == (r->timed ? 5000 : 2), "%s: time", r->file);
        ok(fabsf(box[0] - r->last_a) < 1e-4f && box[3] < -13.6f && box[3] > -13.7f && box[1] == 0, "%s: box", r->file);
        km_traj_close(t);
    }
}

/* Nanometres in float32 are one rounding more than the text. */
static bool near(const float *x, const float *raw)
{
    for (int k = 0; k < 3 * ATOMS; k++)
        if (fabsf(x[k] - raw[k]) > 3e-7f * fabsf(raw[k])) return false;
    return true;
}

/* Whole frames of a text that is cut; -1: not told here. */
static int64_t whole_frames(const struct reference *r, const char *data, size_t n)
{
    int64_t count = 0, lines = 0;
    const size_t m = r->close ? strlen(r->close) : 0;
    for (size_t i = m; i <= n && r->close; i++) count += !memcmp(data + i - m, r->close, m);
    for (size_t i = 0; i < n; i++) lines += data[i] == '\n';
    return r->close ? (count < FRAMES ? count : FRAMES) : r->lines ? lines / r->lines : -1;
}

static void test_cuts(void)
{
    for (int i = 0; i < REFERENCES; i++) {
        const struct reference *r = &references[i];
        size_t bytes, unused;
        char *data = check_slurp(r->file, &bytes);
        float *raw = check_slurp(r->raw, &unused), x[3 * ATOMS];
        bool good = true;
        for (size_t cut = 0; cut < bytes && good; cut++) {
            km_err err = {0};
            km_traj *t;
            check_spill(scratch, data, cut);
            const km_status status = km_traj_open(scratch, &t, &err);
            const int64_t n = status < 0 ? 0 : km_traj_frames(t), whole = whole_frames(r, data, cut);
            good = whole < 0 || n == whole;
            good = good && (n > 0 || (status == KM_INPUT && strstr(err.msg, scratch)));
            /* nothing in an mmCIF file says how many atoms the first model has */
            const bool all = n > 0 && (km_traj_atoms(t) == ATOMS || whole >= 0);
            for (int64_t f = 0; f < n && good && all; f++)
                good = km_traj_read(t, f, x, NULL, NULL, &err) == KM_OK && near(x, raw + f * 3 * ATOMS);
            if (all && n < FRAMES && cut > 30 && memmem(data + cut - 20, 20, "\nATOM", 5))
                good = good && km_traj_truncated(t);
            if (!good)
                printf("# %s cut at %zu: %lld of %lld frames, %s\n", r->file, cut, (long long)n, (long long)whole,
                       err.msg);
            if (status == KM_OK) km_traj_close(t);
        }
        ok(good, "%s: cut at every byte: the whole frames before it", r->file);
        ok(check_flips(r->file, scratch) > 100, "%s: flipped bits are survived", r->file);
        free(data), free(raw);
    }
}

static void refused(const char *text, const char *words)
{
    km_err err;
    bool truncated;
    check_spill(scratch, text, strlen(text));
    ok(check_read_all(scratch, &truncated, &err) == KM_INPUT && strstr(err.msg, words), "refused: %s", err.msg);
}

#define ATOM(model_x) "ATOM      1  N   ALA A   1    " model_x "   1.000   2.000  1.00  0.00\n"

static void test_texts(void)
{
    km_err err;
    bool truncated = false;
    char long_line[20000];
    const char frames[] = ATOM("   1.000") "END\n" ATOM("   2.000") "END\n";
    check_spill(scratch, frames, sizeof frames - 1);
    ok(check_read_all(scratch, &truncated, &err) == 2 && !truncated, "frames between END records");
    check_spill(scratch, ATOM("   1.000"), sizeof ATOM("   1.000") - 1);
    ok(check_read_all(scratch, &truncated, &err) == 1 && !truncated, "a model without records around it");
    refused("MODEL        1\n" ATOM("   1.000") ATOM("   1.500") "ENDMDL\nMODEL        2\n" ATOM("   2.000") "ENDMDL\n",
            "frame 1 has 1 atoms");
    refused(ATOM("   1.0x0"), "no number");
    refused("ATOM      1  N  AALA A   1       1.000   1.000   2.000  1.00  0.00\n", "alternate location");
    refused("ATOM      1  N   ALA A   1       1.000\nEND\n", "cut short");
    refused("HEADER    nothing\nEND\n", "no atoms");
    refused("data_x\nloop_\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n_atom_site.Cartn_z\n1 2\n#\n", "not 3 values");
    refused("data_x\nloop_\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n_atom_site.Cartn_z\n1 2 a\n#\n", "no coordinates");
    refused("data_x\n_cell.length_a 3\n", "no atoms");
    refused("title\n 1\n    1ALA      N    1   0.100   0.200     nan\n   1.0 1.0 1.0\n", "known format");
    refused("title\n 1\n    1ALA      N    1   0.100   0.200   0.300\n   1.0 1.0\n", "other than numbers");
    memset(long_line, ' ', sizeof long_line);
    memcpy(long_line, "HEADER", 6);
    long_line[sizeof long_line - 1] = '\0';
    refused(long_line, "a line of more than");
}

static void test_bin(void)
{
    km_traj *t;
    km_err err;
    int64_t fs;
    size_t n;
    float x[3 * ATOMS], *raw = check_slurp(DATA "mdtraj.pdb.raw", &n);
    ok(km_traj_open_bin(DATA "mdtraj.pdb.raw", ATOMS, &t, &err) == KM_OK && km_traj_frames(t) == FRAMES &&
           !km_traj_truncated(t) && !km_traj_timed(t),
       "a bin opens");
    ok(km_traj_read(t, 2, x, &fs, NULL, &err) == KM_OK && !memcmp(x, raw + 6 * ATOMS, sizeof x) && fs == 2,
       "its last frame");
    km_traj_close(t);
    bool good = true;
    for (size_t cut = 0; cut < n && good; cut++) {
        check_spill(scratch, raw, cut);
        const km_status s = km_traj_open_bin(scratch, ATOMS, &t, &err);
        good = cut < sizeof x ? s == KM_INPUT
                              : s == KM_OK && km_traj_frames(t) == (int64_t)(cut / sizeof x) &&
                                    km_traj_truncated(t) == (cut % sizeof x != 0);
        if (s == KM_OK) km_traj_close(t);
    }
    ok(good, "a bin cut at every byte");
    free(raw);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    snprintf(scratch, sizeof scratch, "%s/x", dir);
    test_references();
    test_cuts();
    test_texts();
    test_bin();
    unlink(scratch);
    rmdir(dir);
    return tap_end();
}
