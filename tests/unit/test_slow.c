/* SPDX-License-Identifier: MIT
 * Slow motions learnt from trajectories: a peptide whose last residue hops between two places. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/h5md.h"
#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/train/slow.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"

enum { RUNS = 2, FRAMES = 2000, DT = 2000 };
static const double hop = 0.05; /* in a frame: distances remember 1 - 2 hop of where they were */

static void must(km_status status, const km_err *err)
{
    if (status < 0) printf("# %s\n", err->msg), exit(1);
}

/* In place 1 the last residue is 3 A away; every atom trembles. */
static void make_frame(const km_system *s, const float *start, int place, const km_rng *r, float *x)
{
    for (int a = 0; a < s->n_atoms; a++) {
        float n[3];
        km_rng_normal3(r, (uint32_t)a, n);
        for (int k = 0; k < 3; k++) x[3 * a + k] = start[3 * a + k] + 0.1f * n[k];
        if (place && s->atoms[a].residue == s->n_residues - 1) x[3 * a] += 3;
    }
}

static void write_data(const char *path)
{
    float *start;
    km_h5md_writer *w;
    km_err err;
    km_system *s = peptide_system("pipelines/mini/examples/LGE.pdb", NULL, &start);
    float *x = KM_NEWN(float, (size_t)s->n_atoms * 3);
    int place = 0;
    must(km_h5md_create(path, s, "made up", "", &w, &err), &err);
    for (int i = 0; i < RUNS * FRAMES; i++) {
        km_rng r = km_rng_of(5, KM_RNG_NOISE, (uint32_t)i, 0, 0);
        double u[4];
        km_rng_uniform4(&r, 1000, u);
        if (u[0] < hop) place = !place;
        make_frame(s, start, place, &r, x);
        must(km_h5md_write(w, i / FRAMES, x, i % FRAMES * DT, &err), &err);
    }
    must(km_h5md_commit(w, &err), &err);
    free(x), free(start);
    km_system_free(s);
}

static km_dataset *open_data(const char *path, const char *json, km_train_config **ret)
{
    km_dataset *d;
    km_err err;
    must(km_train_config_parse(json, ret, &err), &err);
    must(km_dataset_open(&path, 1, NULL, *ret, &d, &err), &err);
    return d;
}

static void test_model(const char *path)
{
    km_train_config *c;
    km_err err;
    km_dataset *d = open_data(path, "{\"loss.tica\": \"1\", \"tica.lag\": \"2ps\", \"tica.components\": \"1\", "
                                    "\"tica.states\": \"2\", \"validation_share\": \"0\"}", &c);
    const km_train_system *t = &d->systems[0];
    const km_slow *s = t->opt_slow;
    if (!s) printf("# no model\n"), exit(1);
    ok(s->P == 3 && s->D == 1 && s->K == 2 && s->lag == DT, "one component of three distances, two states");
    const double *p = s->transition;
    ok(fabs(p[0] - 0.95) < 0.02 && fabs(p[3] - 0.95) < 0.02 && fabs(p[0] + p[1] - 1) < 1e-9,
       "they are left as often as in the data: %g %g", p[1], p[2]);
    ok(fabs(s->stationary[0] - 0.5) < 0.1 && fabs(s->memory[0] - 0.9) < 0.03, "shares %g, memory %g", s->stationary[0],
       s->memory[0]);
    int A = (int)t->features->A;
    float *x = KM_NEWN(float, (size_t)(4 * A * 3));
    must(km_h5md_read(t->file, 0, 0, 1, 4, x, &err), &err);
    for (int f = 0; f < 3; f++) memcpy(x + f * A * 3, x, (size_t)A * 3 * sizeof *x);
    for (int a = 0; a < A; a++) x[3 * A * 3 + 3 * a] = x[3 * a] + (t->residue[a] == 2 ? 3.0f : 0.0f);
    km_arena *arena = km_arena_new();
    const float *shares;
    km_markov m = km_slow_window(arena, s, x, 4, A, 4 * DT + 100, &shares);
    const float *log_t = m.numbers + m.P + m.P * m.D + 2 * m.K * m.D;
    double stay = (1 + pow(2 * (p[0] + p[3]) / 2 - 1, 4)) / 2;
    ok(fabs(exp(log_t[0]) + exp(log_t[1]) - 1) < 1e-6 && fabs(exp(log_t[0]) - stay) < 0.01,
       "a window's step of four frames: %g", exp(log_t[0]));
    ok(fabs(log_t[6] - pow(s->memory[0], 4)) < 1e-6, "what is remembered over it");
    ok(fabs(fabsf(shares[0] - shares[1]) - 0.5f) < 1e-6, "three frames of one state, one of the other");
    km_arena_free(arena);
    free(x);
    km_dataset_close(d);
    km_train_config_free(c);
}

static void test_none(const char *path)
{
    km_train_config *c;
    km_dataset *d = open_data(path, "{\"loss.tica\": \"1\", \"tica.lag\": \"1ns\", \"validation_share\": \"0\"}", &c);
    ok(!d->systems[0].opt_slow, "trajectories shorter than ten lags have no model");
    km_dataset_close(d);
    km_train_config_free(c);
    d = open_data(path, "{\"validation_share\": \"0\"}", &c);
    ok(!d->systems[0].opt_slow, "nor is one made that nobody asks for");
    km_dataset_close(d);
    km_train_config_free(c);
}

int main(void)
{
    char path[] = "/tmp/km-slow-XXXXXX.h5";
    int fd = mkstemps(path, 3);
    if (fd < 0) return 1;
    close(fd);
    write_data(path);
    test_model(path);
    test_none(path);
    unlink(path);
    return tap_end();
}
