/* SPDX-License-Identifier: MIT
 * Trajectories: decoding XTC, the tests of clean frames, frames of H5MD in any order, superposition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <unistd.h>

#include "formats/h5md.h"
#include "formats/traj.h"
#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/base/superpose.h"
#include "lib/traj/clean.h"
#include "lib/traj/pairs.h"
#include "tools/bench.h"

enum { TIMES = 5 };

/* A chain of bonds of 1.5 A that wanders, and every atom's shaking in each frame, angstrom [F, A, 3]; free() */
static float *wandering(int atoms, int frames)
{
    size_t frame = (size_t)atoms * 3;
    float *x = km_alloc((size_t)frames * frame * sizeof *x), n[3], at[3] = {0};
    km_rng chain = km_rng_of(1, KM_RNG_TEST, 0, -1, 0);
    for (int a = 0; a < atoms; a++) {
        km_rng_normal3(&chain, (uint32_t)a, n);
        for (int k = 0; k < 3; k++) x[3 * a + k] = at[k] += 0.87f * n[k];
    }
    for (int f = frames - 1; f >= 0; f--) {
        km_rng r = km_rng_of(1, KM_RNG_TEST, 0, f, 0);
        for (int a = 0; a < atoms; a++) {
            km_rng_normal3(&r, (uint32_t)a, n);
            for (int k = 0; k < 3; k++) x[(size_t)f * frame + (size_t)(3 * a + k)] = x[3 * a + k] + 0.5f * n[k];
        }
    }
    return x;
}

typedef struct decoding {
    km_traj *traj;
    float *x;
    int64_t frames;
    int threads;
    km_status status;
    km_err *err;
} decoding;

static void decode(void *arg)
{
    decoding *d = arg;
    if (d->status == KM_OK) d->status = km_traj_read_many(d->traj, 0, 1, d->frames, d->threads, d->x, NULL, d->err);
}

static km_status write_frames(const char *path, const float *x, int atoms, int frames, km_err *err)
{
    km_traj_writer *w;
    KM_TRY(km_traj_create(path, KM_TRAJ_XTC, atoms, 0, &w, err));
    for (int f = 0; f < frames; f++) {
        km_status status = km_traj_write(w, x + (size_t)f * (size_t)atoms * 3, (int64_t)f * 1000, NULL, err);
        if (status < 0) {
            km_traj_abandon(w);
            return status;
        }
    }
    return km_traj_commit(w, err);
}

/* A new directory, *ret the caller's to free. */
static km_status make_dir(char **ret, km_err *err)
{
    const char *tmp = getenv("TMPDIR");
    *ret = km_asprintf("%s/km-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(*ret)) return KM_OK;
    km_status status = km_fail(err, KM_SYSTEM, "cannot make a directory for the trajectory: %.200s", *ret);
    free(*ret);
    return status;
}

km_status km_bench_xtc(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    char *dir;
    KM_TRY(make_dir(&dir, err));
    char *path = km_asprintf("%s/made-up.xtc", dir);
    decoding d = {.x = wandering(s->atoms, s->frames), .frames = s->frames, .threads = s->threads, .err = err};
    d.status = write_frames(path, d.x, s->atoms, s->frames, err);
    if (d.status == KM_OK) d.status = km_traj_open(path, &d.traj, err);
    if (d.status == KM_OK) {
        km_bench_best(TIMES, decode, &d, ret);
        km_traj_close(d.traj);
    }
    ret->items = (double)s->atoms * s->frames;
    unlink(path), rmdir(dir);
    free(path), free(dir), free(d.x);
    return d.status;
}

/* A chain of residues of so many carbon atoms, the last of what is left. */
static km_system *chain_of(int atoms, int each)
{
    km_system *s = km_system_new();
    s->chains = KM_NEWN(km_chain, 1), s->n_chains = 1;
    s->residues = KM_NEWN(km_residue, (size_t)(atoms / each) + 1);
    s->atoms = KM_NEWN(km_atom, (size_t)atoms), s->n_atoms = atoms;
    s->bonds = KM_NEWN(km_bond, (size_t)atoms), s->n_bonds = atoms - 1;
    for (int a = 0; a < atoms; a++) {
        if (a % each == 0)
            s->residues[s->n_residues++] = (km_residue){.name = "ALA",
                                                        .icode = ' ',
                                                        .first_atom = a,
                                                        .n_atoms = a + each < atoms ? each : atoms - a,
                                                        .index = a / each,
                                                        .number = a / each + 1};
        s->atoms[a] = (km_atom){.name = "CA", .element = 6, .present = 1, .token = -1, .residue = a / each};
        if (a > 0) s->bonds[a - 1] = (km_bond){a - 1, a, KM_BOND_SINGLE};
    }
    s->chains[0] = (km_chain){.name = "A", .n_residues = s->n_residues};
    return s;
}

typedef struct checking {
    const km_clean *clean;
    const float *x;
    int atoms, frames, threads, bad;
} checking;

static void check_frames(void *arg)
{
    checking *c = arg;
    int bad = 0;
#pragma omp parallel for schedule(static) num_threads(c->threads) reduction(+ : bad)
    for (int f = 0; f < c->frames; f++) {
        const float *x = c->x + (size_t)f * (size_t)c->atoms * 3;
        bad += km_clean_check(c->clean, x, NULL) != KM_FAULT_NONE;
        bad += f > 0 && km_clean_leaps(c->clean, x - (size_t)c->atoms * 3, x);
    }
    c->bad = bad;
}

/* As dense as a protein: a chain that goes to and fro through a cube of atoms 2.4 A apart, shaking. */
static void fold(float *x, int atoms, int frames)
{
    const int side = (int)ceil(cbrt(atoms));
    for (int f = 0; f < frames; f++) {
        km_rng r = km_rng_of(1, KM_RNG_TEST, 0, f, 0);
        for (int a = 0; a < atoms; a++) {
            const int i = a % side, j = a / side % side, k = a / side / side;
            const int at[3] = {a / side % 2 ? side - 1 - i : i, k % 2 ? side - 1 - j : j, k};
            float n[3];
            km_rng_normal3(&r, (uint32_t)a, n);
            for (int c = 0; c < 3; c++)
                x[((size_t)f * (size_t)atoms + (size_t)a) * 3 + (size_t)c] = 2.4f * (float)at[c] + 0.03f * n[c];
        }
    }
}

km_status km_bench_clean(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    float *x = km_alloc((size_t)s->frames * (size_t)s->atoms * 3 * sizeof *x);
    fold(x, s->atoms, s->frames);
    km_system *system = chain_of(s->atoms, 8);
    for (int a = 0; a < s->atoms; a++) memcpy(system->atoms[a].ref_pos, x + 3 * (size_t)a, 3 * sizeof *x);
    km_clean *clean = km_clean_new(system, &km_clean_defaults);
    checking c = {clean, x, s->atoms, s->frames, s->threads, 0};
    km_status status = km_clean_learn(clean, x, 2, err);
    if (status == KM_OK) km_bench_best(TIMES, check_frames, &c, ret);
    KM_ASSERT(c.bad == 0);
    ret->items = (double)s->atoms * s->frames;
    km_clean_free(clean);
    km_system_free(system);
    free(x);
    return status;
}

typedef struct drawing {
    km_h5md *file;
    float *x; /* [A, 3] */
    int64_t frames;
    km_status status;
    km_err *err;
} drawing;

/* As many frames as there are, one at a time, drawn at random. */
static void draw_frames(void *arg)
{
    drawing *d = arg;
    km_rng r = km_rng_of(1, KM_RNG_TEST, 0, 0, 0);
    for (int64_t i = 0; i < d->frames && d->status == KM_OK; i++) {
        double u[4];
        km_rng_uniform4(&r, (uint32_t)i, u);
        d->status = km_h5md_read(d->file, 0, (int64_t)(u[0] * (double)d->frames) % d->frames, 1, 1, d->x, d->err);
    }
}

static km_status write_h5md(const char *path, const float *x, int atoms, int frames, km_err *err)
{
    km_system *s = chain_of(atoms, atoms);
    km_h5md_writer *w;
    km_status status = km_h5md_create(path, s, "", "", &w, err);
    for (int f = 0; f < frames && status == KM_OK; f++) {
        status = km_h5md_write(w, 0, x + (size_t)f * (size_t)atoms * 3, (int64_t)f * 1000, err);
        if (status < 0) km_h5md_abandon(w);
    }
    if (status == KM_OK) status = km_h5md_commit(w, err);
    km_system_free(s);
    return status;
}

km_status km_bench_h5md(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    char *dir;
    KM_TRY(make_dir(&dir, err));
    char *path = km_asprintf("%s/made-up.h5", dir);
    drawing d = {.x = wandering(s->atoms, s->frames), .frames = s->frames, .err = err};
    d.status = write_h5md(path, d.x, s->atoms, s->frames, err);
    if (d.status == KM_OK) d.status = km_h5md_open(path, &d.file, err);
    if (d.status == KM_OK) {
        km_bench_best(TIMES, draw_frames, &d, ret);
        km_h5md_close(d.file);
    }
    ret->items = (double)s->atoms * s->frames;
    unlink(path), rmdir(dir);
    free(path), free(dir), free(d.x);
    return d.status;
}

typedef struct fitting {
    const float *x;
    int atoms, frames, threads;
} fitting;

static void superpose(void *arg)
{
    const fitting *p = arg;
#pragma omp parallel for schedule(static) num_threads(p->threads)
    for (int f = 1; f < p->frames; f++) {
        double rot[9], from[3], to[3];
        km_superpose(p->x + (size_t)f * (size_t)p->atoms * 3, p->x, NULL, p->atoms, rot, from, to);
    }
}

km_status km_bench_rmsd(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    (void)err;
    float *x = wandering(s->atoms, s->frames);
    fitting p = {x, s->atoms, s->frames, s->threads};
    km_bench_best(TIMES, superpose, &p, ret);
    ret->items = (double)s->atoms * (s->frames - 1);
    free(x);
    return KM_OK;
}

typedef struct all_pairs {
    const float *x;
    float *out;
    int atoms, frames, threads;
} all_pairs;

static void measure_pairs(void *arg)
{
    const all_pairs *p = arg;
    km_rmsd_pairs(p->x, p->frames, p->atoms, p->threads, p->out);
}

km_status km_bench_pairs(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    (void)err;
    int atoms = s->atoms > 0 ? s->atoms : 100;
    float *x = wandering(atoms, s->frames), *out = km_alloc((size_t)s->frames * (size_t)s->frames * sizeof *out);
    all_pairs p = {x, out, atoms, s->frames, s->threads};
    km_bench_best(TIMES, measure_pairs, &p, ret);
    ret->items = (double)atoms * s->frames * (s->frames - 1) / 2;
    free(x), free(out);
    return KM_OK;
}
