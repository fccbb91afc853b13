/* SPDX-License-Identifier: MIT
 * The engine of the small model's dynamics against OpenMM's forces and energies (tests/data/make_copies.py), and its
 * integrator by what it has to keep: total energy without friction, constraints, the bath's temperature. */
#include <math.h>
#include <string.h>

#include "formats/safetensors.h"
#include "pipelines/mini/copies.c" // compiled by the pipeline alone, for the machine that it runs on
#include "tests/unit/tap.h"

enum { GFP_ATOMS = 44, MOST = GFP_ATOMS * AXES * COPIES };

static const double GAS = 8.31446262e-3, KT = 8.31446262e-3 * 310;
static float x[MOST] __attribute__((aligned(64))), v[MOST] __attribute__((aligned(64)));
static float force[MOST] __attribute__((aligned(64))), energy[COPIES] __attribute__((aligned(64)));

static const void *of(const km_safetensors *st, const char *name, int32_t *opt_rows)
{
    const km_st_tensor *t = km_safetensors_find(st, name);
    if (!t) printf("Bail out! no %s\n", name), exit(1);
    if (opt_rows) *opt_rows = (int32_t)t->shape[0];
    return t->data;
}

static struct copies_molecule molecule_of(const km_safetensors *st)
{
    struct copies_molecule m = {0};
    m.mass = of(st, "mass", &m.atoms), m.charge = of(st, "charge", NULL);
    m.radius = of(st, "radius", NULL), m.scale = of(st, "scale", NULL);
    m.repulsion = of(st, "repulsion", NULL), m.dispersion = of(st, "dispersion", NULL);
    m.coulomb = of(st, "coulomb", NULL);
    m.bond = of(st, "bond", &m.bonds), m.bond_shape = of(st, "bond_shape", NULL);
    m.angle = of(st, "angle", &m.angles), m.angle_shape = of(st, "angle_shape", NULL);
    m.torsion = of(st, "torsion", &m.torsions), m.torsion_shape = of(st, "torsion_shape", NULL);
    m.constraint = of(st, "constraint", &m.constraints), m.length = of(st, "length", NULL);
    if (m.atoms != GFP_ATOMS) printf("Bail out! %d atoms\n", m.atoms), exit(1);
    return m;
}

/* Odd copies stand in the second frame. */
static void place(const km_safetensors *st)
{
    const float *frames[] = {of(st, "x0", NULL), of(st, "x1", NULL)};
    for (int i = 0; i < MOST; i++) x[i] = frames[i % COPIES % 2][i / COPIES];
}

static void test_forces(const km_safetensors *st, const struct copies_molecule *m)
{
    place(st);
    ok(!copies_forces(m, x, force, energy), "forces");
    const float *want[] = {of(st, "force0", NULL), of(st, "force1", NULL)};
    const double *sum[] = {of(st, "energy0", NULL), of(st, "energy1", NULL)};
    double worst = 0, off = 0;
    for (int c = 0; c < COPIES; c++) {
        double square = 0, all = 0;
        for (int i = 0; i < m->atoms * AXES; i++) {
            square += pow(force[i * COPIES + c] - want[c % 2][i], 2);
            all += pow(want[c % 2][i], 2);
        }
        worst = fmax(worst, sqrt(square / all));
        off = fmax(off, fabs(energy[c] / sum[c % 2][0] - 1));
    }
    ok(worst < 2e-5, "every copy's forces are OpenMM's (%.1e)", worst);
    ok(off < 5e-6, "so are energies (%.1e)", off);
}

static double kinetic(const struct copies_molecule *m, const float *at, int c)
{
    double sum = 0;
    for (int i = 0; i < m->atoms * AXES; i++) sum += 0.5 * m->mass[i / AXES] * pow(at[i * COPIES + c], 2);
    return sum;
}

/* Total energies; velocities are half a step behind coordinates and catch up first. */
static void totals(const struct copies_molecule *m, float dt, double out[COPIES])
{
    static float level[MOST] __attribute__((aligned(64)));
    (void)copies_forces(m, x, force, energy);
    for (int i = 0; i < MOST; i++) level[i] = v[i] + 0.5F * dt / m->mass[i / (AXES * COPIES)] * force[i];
    ok(!constrain(m, (const vec *)x, (vec *)level, 1), "velocities along constraints");
    for (int c = 0; c < COPIES; c++) out[c] = energy[c] + kinetic(m, level, c);
}

static void fill(uint32_t state[4][COPIES])
{
    for (int k = 0; k < 4; k++)
        for (int c = 0; c < COPIES; c++) state[k][c] = 2654435761U * (uint32_t)(1 + k * COPIES + c);
}

/* Velocities of the temperature, by a short run in a strong bath. */
static void warm(const struct copies_molecule *m, uint32_t state[4][COPIES])
{
    memset(v, 0, sizeof v);
    ok(!copies_run(m, x, v, state, 500, 0.001F, (float)KT, 50), "a bath");
}

static void test_energy(const km_safetensors *st, const struct copies_molecule *m)
{
    uint32_t state[4][COPIES];
    double before[COPIES], after[COPIES], worst = 0, moved = 0;
    const float dt = 0.00025F;
    place(st);
    fill(state);
    warm(m, state);
    ok(!copies_run(m, x, v, state, 1, dt, (float)KT, 0), "a step without a bath");
    totals(m, dt, before);
    float at[COPIES];
    memcpy(at, energy, sizeof at);
    ok(!copies_run(m, x, v, state, 1000, dt, (float)KT, 0), "a quarter of a picosecond without a bath");
    totals(m, dt, after);
    for (int c = 0; c < COPIES; c++) {
        worst = fmax(worst, fabs(after[c] - before[c]));
        moved = fmax(moved, fabsf(energy[c] - at[c]));
    }
    ok(moved > 10, "energies go over into one another (%.1f kJ/mol)", moved);
    ok(worst < moved / 50, "and their sum stays (%.2f kJ/mol)", worst);
}

static void test_bath(const km_safetensors *st, const struct copies_molecule *m)
{
    uint32_t state[4][COPIES];
    double warmth = 0, worst = 0, apart = 0;
    place(st);
    fill(state);
    warm(m, state);
    enum { TIMES = 25 };
    double freedom = 3 * m->atoms - m->constraints;
    for (int k = 0; k < TIMES; k++) {
        if (copies_run(m, x, v, state, 100, 0.004F, (float)KT, 5)) ok(false, "run %d", k);
        for (int c = 0; c < COPIES; c++) warmth += 2 * kinetic(m, v, c) / (freedom * GAS * COPIES * TIMES);
    }
    ok(fabs(warmth - 310) < 8, "the bath's temperature (%.1f K)", warmth);
    for (int k = 0; k < m->constraints; k++) {
        for (int c = 0; c < COPIES; c++) {
            const vec *p = (const vec *)x + m->constraint[2 * k], *q = (const vec *)x + m->constraint[2 * k + 1];
            double r2 = 0;
            for (int a = 0; a < AXES; a++) r2 += pow((*p)[a][c] - (*q)[a][c], 2);
            worst = fmax(worst, fabs(sqrt(r2) / m->length[k] - 1));
        }
    }
    ok(worst < 3e-5, "lengths are kept (%.1e)", worst);
    for (int i = 0; i < m->atoms * AXES; i++) apart = fmax(apart, fabsf(x[i * COPIES] - x[i * COPIES + 2]));
    ok(apart > 0.05, "copies of one start go their own ways");
}

int main(void)
{
    km_safetensors *st = NULL;
    km_err err = {0};
    if (km_safetensors_open("tests/data/copies.safetensors", &st, &err) < 0) printf("Bail out! %s\n", err.msg), exit(1);
    struct copies_molecule m = molecule_of(st);
    test_forces(st, &m);
    test_energy(st, &m);
    test_bath(st, &m);
    m.constraint = m.bond; // lengths of other atoms
    m.constraints = m.bonds < m.constraints ? m.bonds : m.constraints;
    place(st);
    uint32_t state[4][COPIES];
    fill(state);
    ok(copies_run(&m, x, v, state, 200, 0.004F, (float)KT, 1) == -2, "what cannot be kept is said");
    km_safetensors_close(st);
    return tap_end();
}
