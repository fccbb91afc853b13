/* SPDX-License-Identifier: MIT
 * lib/traj/clean.h: a peptide whose frames shake a little, and each fault by itself. */
#include "lib/traj/clean.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/traj/clash.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"

enum { FRAMES = 10 };
static km_system *s;
static float *x; /* [FRAMES, A, 3] */

static int32_t atom(int32_t residue, const char *name)
{
    const km_residue *r = &s->residues[residue];
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (!strcmp(s->atoms[i].name, name)) return i;
    KM_BUG("no %s", name);
}

/* Frame 0 with an atom moved along x, or put where another is. */
static km_fault moved(const km_clean *c, int32_t a, float by, int32_t onto, int32_t at[2])
{
    float *y = km_alloc(12 * (size_t)s->n_atoms);
    memcpy(y, x, 12 * (size_t)s->n_atoms);
    if (onto >= 0) memcpy(y + 3 * a, y + 3 * onto, 12);
    y[3 * a] += by;
    const km_fault f = km_clean_check(c, y, at);
    free(y);
    return f;
}

static void test_faults(km_clean *c)
{
    int32_t at[2] = {-1, -1};
    bool good = true;
    for (int f = 0; f < FRAMES; f++) good &= km_clean_check(c, x + 3 * f * s->n_atoms, at) == KM_FAULT_NONE;
    ok(good, "frames that shake are good");
    const int32_t ca = atom(2, "CA"), n = atom(2, "N"), o = atom(1, "O");
    ok(moved(c, ca, NAN, -1, at) == KM_FAULT_NUMBER && at[0] == ca, "no number");
    ok(moved(c, n, 3, -1, at) == KM_FAULT_PEPTIDE, "a broken peptide");
    ok(moved(c, ca, 6, -1, at) == KM_FAULT_CA, "neighbouring CA far apart");
    ok(moved(c, o, 4, -1, at) == KM_FAULT_BOND && (at[0] == o || at[1] == o), "a long bond");
    ok(moved(c, o, 0.3f, atom(1, "C"), at) == KM_FAULT_BOND, "a short bond");
    for (int f = KM_FAULT_NUMBER; f < KM_FAULTS; f++) good &= strlen(km_fault_name((km_fault)f)) > 3;
    ok(good, "faults have names");
}

static bool near(const float *p, const float *q, float least)
{
    const float u = p[0] - q[0], v = p[1] - q[1], w = p[2] - q[2];
    return u * u + v * v + w * w < least * least;
}

/* The peptide twice, as two chains in one place but for `apart` along z. */
static void test_clash(float apart, bool want)
{
    km_err err;
    const int32_t n = s->n_atoms;
    km_system *two = km_system_copy(s);
    two->n_atoms = 2 * n, two->n_residues = 2 * s->n_residues, two->n_chains = 2, two->n_bonds = 0;
    two->atoms = km_realloc(two->atoms, 2 * (size_t)n * sizeof *two->atoms);
    two->residues = km_realloc(two->residues, 2 * (size_t)s->n_residues * sizeof *two->residues);
    two->chains = km_realloc(two->chains, 2 * sizeof *two->chains);
    two->chains[1] = two->chains[0];
    for (int32_t i = 0; i < n; i++) two->atoms[n + i] = s->atoms[i], two->atoms[n + i].residue += s->n_residues;
    for (int32_t i = 0; i < s->n_residues; i++)
        two->residues[s->n_residues + i] = s->residues[i], two->residues[s->n_residues + i].chain = 1;
    float *y = km_alloc(24 * (size_t)n);
    memcpy(y, x, 12 * (size_t)n), memcpy(y + 3 * n, x, 12 * (size_t)n);
    for (int32_t i = n; i < 2 * n; i++) y[3 * i + 2] += apart;
    km_clean *c = km_clean_new(two, &km_clean_defaults);
    ok(km_clean_learn(c, y, 1, &err) == KM_OK, "one frame is enough to learn from");
    int32_t at[2] = {0, 0};
    const km_fault f = km_clean_check(c, y, at);
    ok(want ? f == KM_FAULT_CLASH && (at[0] < n) != (at[1] < n) : f == KM_FAULT_NONE, "chains %g apart", (double)apart);
    km_clean_free(c);
    free(y);
    km_system_free(two);
}

/* Atoms at random in a box of these sides, beside all pairs; residues are one atom each. */
static void test_all_pairs(int32_t n, float a, float b, float c)
{
    enum { TRIES = 40 };
    km_system *y = km_system_new();
    y->n_atoms = y->n_residues = n;
    y->atoms = KM_NEWN(km_atom, (size_t)n), y->residues = KM_NEWN(km_residue, (size_t)n);
    int32_t *atoms = KM_NEWN(int32_t, (size_t)n), at[2] = {0}, found = 0;
    for (int32_t i = 0; i < n; i++) atoms[i] = y->atoms[i].residue = y->residues[i].index = i;
    float *p = KM_NEWN(float, 3 * (size_t)n);
    bool good = true;
    for (int try = 0; try < TRIES; try++) {
        km_rng r = km_rng_of(3, KM_RNG_TEST, 0, try, 0);
        const float least = 0.02f + 0.02f * (float)try;
        bool want = false;
        for (int32_t i = 0; i < n; i++) {
            double u[4];
            km_rng_uniform4(&r, (uint32_t)i, u);
            p[3 * i] = a * (float)u[0], p[3 * i + 1] = b * (float)u[1], p[3 * i + 2] = c * (float)u[2];
        }
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = 0; j + 2 < i; j++) want = want || near(p + 3 * i, p + 3 * j, least);
        const bool is = km_clash_find(y, atoms, n, p, least, at);
        good = good && is == want && (!is || (abs(at[0] - at[1]) > 2 && near(p + 3 * at[0], p + 3 * at[1], least)));
        found += want;
    }
    ok(good && found > 0 && found < TRIES, "%d atoms in %g by %g by %g: %d clashes of %d", n, (double)a, (double)b,
       (double)c, found, TRIES);
    free(atoms), free(p);
    km_system_free(y);
}

static void test_learning(km_clean *c)
{
    km_err err;
    const size_t n = 3 * (size_t)s->n_atoms;
    float *y = km_alloc(2 * n * sizeof *y);
    memcpy(y, x, 2 * n * sizeof *y);
    ok(!km_clean_leaps(c, x, x + n), "no leap");
    for (size_t i = 0; i < n; i += 3) y[n + i] = -x[n + i] + 20, y[n + i + 1] = -x[n + i + 1];
    ok(!km_clean_leaps(c, y, y + n), "turned over as a whole and elsewhere, none");
    memcpy(y + n, x + n, n * sizeof *y);
    for (size_t i = 0; i < n / 2; i += 3) y[n + i] += 60; /* half of the atoms */
    ok(km_clean_leaps(c, y, y + n), "a leap of half the atoms from the others");
    memcpy(y + n, x + n, n * sizeof *y);
    for (size_t i = 0; i < n / 4; i += 3) y[n + i] += 8;
    ok(!km_clean_leaps(c, y, y + n), "a loop that moves is none");
    y[3 * atom(1, "O")] += 4;
    ok(km_clean_learn(c, y, 1, &err) == KM_NEGATIVE && strstr(err.msg, "the bond from"), "a median is no bond: %s",
       err.msg);
    free(y);
}

int main(void)
{
    km_err err = {0};
    float *first;
    s = peptide_system("pipelines/mini/examples/LGE.pdb", NULL, &first);
    const size_t n = 3 * (size_t)s->n_atoms;
    x = km_alloc(FRAMES * n * sizeof *x);
    km_rng r = km_rng_of(2, KM_RNG_TEST, 0, 0, 0);
    for (uint32_t i = 0; i < FRAMES * n / 3; i++) {
        float shake[3];
        km_rng_normal3(&r, i, shake);
        for (size_t k = 0; k < 3; k++) x[3 * i + k] = first[(3 * i + k) % n] + 0.02f * shake[k];
    }
    km_clean *c = km_clean_new(s, &km_clean_defaults);
    ok(km_clean_learn(c, x, FRAMES, &err) == KM_OK, "learns: %s", err.msg);
    test_faults(c);
    test_clash(0.5f, true);
    test_clash(40, false);
    test_all_pairs(60, 8, 8, 8);
    test_all_pairs(60, 0, 300, 0);
    test_all_pairs(60, 100, 0.5f, 0.5f);
    test_all_pairs(300, 3, 200, 1);
    test_all_pairs(9, 0.2f, 3, 1);
    test_learning(c);
    km_clean_free(c);
    free(x), free(first);
    km_system_free(s);
    return tap_end();
}
