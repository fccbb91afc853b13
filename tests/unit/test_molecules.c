/* SPDX-License-Identifier: MIT
 * lib/traj/molecules.h and lib/chem/whole.h: two chains of atoms in skewed and rectangular boxes, and a raw structure
 * across a wall. */
#include "lib/traj/molecules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/chem/whole.h"
#include "tests/unit/tap.h"

enum { LENGTH = 9, ATOMS = 2 * LENGTH };
static const float boxes[][9] = {{20, 0, 0, 0, 22, 0, 0, 0, 24}, {20, 0, 0, 7, 19, 0, -6, 8, 18}};

static km_system *two_chains(void)
{
    km_system *s = km_system_new();
    s->n_atoms = ATOMS;
    s->atoms = KM_NEWN(km_atom, ATOMS);
    s->bonds = KM_NEWN(km_bond, ATOMS);
    for (int32_t i = 0; i < ATOMS - 1; i++)
        if (i != LENGTH - 1) s->bonds[s->n_bonds++] = (km_bond){i, i + 1, KM_BOND_SINGLE};
    return s;
}

/* Two rods 3 apart at a place, [A, 3] */
static void rods(float x[ATOMS][3], float at, float apart)
{
    for (int i = 0; i < ATOMS; i++) {
        x[i][0] = at + 1.5f * (float)(i % LENGTH);
        x[i][1] = at + (i < LENGTH ? 0 : apart);
        x[i][2] = at + 0.3f * (float)(i % LENGTH);
    }
}

static void wrap(const float box[9], float x[ATOMS][3])
{
    km_lattice l;
    ok(km_lattice_of(box, &l), "a box");
    km_rng r = km_rng_of(1, KM_RNG_TEST, 0, 0, 0);
    for (int i = 0; i < ATOMS; i++) {
        float n[3];
        km_rng_normal3(&r, (uint32_t)i, n);
        for (int k = 0; k < 3; k++)
            x[i][k] += rintf(2 * n[0]) * box[k] + rintf(n[1]) * box[3 + k] + rintf(n[2]) * box[6 + k];
    }
}

static double distance(const float *a, const float *b)
{
    return sqrt(pow((double)a[0] - b[0], 2) + pow((double)a[1] - b[1], 2) + pow((double)a[2] - b[2], 2));
}

static bool same_shape(float a[ATOMS][3], float b[ATOMS][3], int from, int to)
{
    for (int i = from; i < to; i++)
        for (int j = from; j < to; j++)
            if (fabs(distance(a[i], a[j]) - distance(b[i], b[j])) > 1e-3) return false;
    return true;
}

static void test_walls(void)
{
    km_system *s = two_chains();
    km_molecules *m = km_molecules_of(s);
    ok(m->count == 2 && m->first[1] == LENGTH && m->first[2] == ATOMS, "two molecules");
    for (int b = 0; b < 2; b++) {
        float x[ATOMS][3], truth[ATOMS][3];
        km_lattice l;
        double before[6], centres[6];
        km_lattice_of(boxes[b], &l);
        rods(truth, 0, 3), rods(x, 0, 3), wrap(boxes[b], x);
        km_molecules_make_whole(m, &l, x[0]);
        ok(same_shape(x, truth, 0, LENGTH) && same_shape(x, truth, LENGTH, ATOMS), "box %d: whole", b);
        km_molecules_bring_together(m, &l, x[0]);
        ok(same_shape(x, truth, 0, ATOMS), "box %d: together", b);
        km_molecules_centres(m, x[0], before);
        bool good = true;
        for (int f = 1; f < 20 && good; f++) { /* they part, farther than half the box */
            rods(truth, 1.5f * (float)f, 3 + 2.0f * (float)f), rods(x, 1.5f * (float)f, 3 + 2.0f * (float)f);
            for (int i = 0; i < ATOMS; i++)
                for (int k = 0; k < 3; k++)
                    x[i][k] += (float)(f % 3) * boxes[b][k] - (i < LENGTH ? boxes[b][6 + k] : 0);
            km_molecules_centres(m, x[0], centres);
            km_molecules_follow(m, &l, before, centres, x[0]);
            good = same_shape(x, truth, 0, ATOMS);
            memcpy(before, centres, sizeof before);
        }
        ok(good, "box %d: followed through the walls", b);
    }
    km_molecules_free(m);
    km_system_free(s);
}

/* Two residues and a water, the second residue and one atom of the first through the wall, in one chain without a name.
 */
static void test_raw(void)
{
    static const struct {
        const char *residue, *atom;
        float x;
    } rows[] = {{"ALA", "CA", 17},   {"ALA", "C", 18.5f}, {"ALA", "O", -0.3f},
                {"GLY", "N", -0.2f}, {"GLY", "CA", 1.2f}, {"SOL", "OW", 9}};
    enum { N = sizeof rows / sizeof *rows };
    km_structure raw = {.system = km_system_new(),
                        .coords = KM_NEWN(float, 3 * N),
                        .n_models = 1,
                        .is_polymer = KM_NEWN(bool, N),
                        .is_het = KM_NEWN(bool, N),
                        .sequence = KM_NEWN(char *, 1)};
    km_system *s = raw.system;
    s->atoms = KM_NEWN(km_atom, N), s->residues = KM_NEWN(km_residue, N), s->chains = KM_NEWN(km_chain, 1);
    s->n_chains = 1;
    for (int i = 0; i < N; i++) {
        if (i == 0 || strcmp(rows[i].residue, rows[i - 1].residue) != 0) {
            km_residue *r = &s->residues[s->n_residues++];
            *r = (km_residue){.number = s->n_residues, .first_atom = i};
            memcpy(r->name, rows[i].residue, 3);
        }
        s->residues[s->n_residues - 1].n_atoms++;
        s->atoms[i].residue = s->n_residues - 1;
        memcpy(s->atoms[i].name, rows[i].atom, strlen(rows[i].atom));
        raw.coords[3 * i] = rows[i].x;
        s->n_atoms++;
    }
    s->chains[0].n_residues = s->n_residues;
    km_chem_raw_whole(&raw, boxes[0]);
    ok(fabsf(raw.coords[6] - 19.7f) < 1e-4f && fabsf(raw.coords[9] - 19.8f) < 1e-4f &&
           fabsf(raw.coords[12] - 21.2f) < 1e-4f,
       "a raw chain is whole");
    ok(raw.coords[15] == 9, "water stays");
    km_chem_raw_split(&raw);
    ok(s->n_chains == 2 && s->chains[0].n_residues == 2 && s->chains[1].first_residue == 2 && s->residues[2].chain == 1,
       "what is not linked is another chain");
    free(raw.coords), free(raw.is_polymer), free(raw.is_het), free(raw.sequence);
    km_system_free(s);
}

int main(void)
{
    test_walls();
    test_raw();
    return tap_end();
}
