/* SPDX-License-Identifier: MIT
 * lib/chem/perceive.h against RDKit's bonds of the same molecules (tests/data/make_perceive.py). */
#include "lib/chem/perceive.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/geometry.h"
#include "tests/unit/tap.h"

enum { MOST = 256 };

typedef struct molecule {
    char name[64];
    int elements[MOST], n, charge, n_bonds;
    km_name names[MOST];
    float x[3 * MOST];
    km_component_bond bonds[MOST];
} molecule;

/* The next one of the file; false at its end. */
static bool read_molecule(FILE *f, molecule *m)
{
    char line[200], symbol[4], kind;
    int charge, a, b;
    memset(m, 0, sizeof *m);
    while (fgets(line, sizeof line, f)) {
        float *x = m->x + 3 * m->n;
        if (sscanf(line, "molecule %60[^\n]", m->name) == 1) continue;
        if (sscanf(line, "atom %2s %d %f %f %f", symbol, &charge, x, x + 1, x + 2) == 5) {
            snprintf(m->names[m->n], sizeof *m->names, "%.2s%d", symbol, m->n);
            m->elements[m->n++] = km_element_of(symbol);
            m->charge += charge;
        } else if (sscanf(line, "bond %d %d %c", &a, &b, &kind) == 3) {
            const uint8_t type = kind == 'a' ? KM_BOND_AROMATIC : (uint8_t)(KM_BOND_SINGLE + kind - '1');
            m->bonds[m->n_bonds++] = (km_component_bond){(uint16_t)a, (uint16_t)b, type};
        }
        const int next = fgetc(f); /* another molecule begins */
        if (next != EOF) ungetc(next, f);
        if (next == 'm') return true;
    }
    return m->n > 0;
}

static int count_type(const km_component_bond *b, int n, int type)
{
    int count = 0;
    for (int i = 0; i < n; i++) count += b[i].type == type;
    return count;
}

/* Who is bonded to whom, which bonds are aromatic, how many are double and triple (which of two like oxygens has the
 * double one is anybody's choice), and the charge of all. */
static void check(const molecule *m)
{
    km_component *c;
    km_err err = {0};
    int charge = 0, other = 0, hydrogens = 0;
    const km_status status = km_chem_perceive(m->elements, m->names, m->x, NULL, m->n, NULL, 0, &c, &err);
    if (!ok(status == KM_OK, "%s: %s", m->name, err.msg)) return;
    for (int i = 0; i < c->n_atoms; i++) charge += c->atoms[i].charge, hydrogens += c->atoms[i].hydrogens;
    for (int i = 0; i < m->n_bonds; i++) {
        bool found = false;
        for (int k = 0; k < c->n_bonds && !found; k++)
            found = c->bonds[k].a == m->bonds[i].a && c->bonds[k].b == m->bonds[i].b &&
                    (c->bonds[k].type == KM_BOND_AROMATIC) == (m->bonds[i].type == KM_BOND_AROMATIC);
        other += !found;
    }
    ok(c->n_bonds == m->n_bonds && other == 0 && c->n_atoms + hydrogens == m->n, "%s: bonds", m->name);
    bool same = true;
    for (int type = KM_BOND_SINGLE; type <= KM_BOND_AROMATIC; type++)
        same &= count_type(c->bonds, c->n_bonds, type) == count_type(m->bonds, m->n_bonds, type);
    ok(same && charge == m->charge, "%s: orders, and charge %d", m->name, charge);
    free(c);
}

/* The same where distances tell nothing and bonds are told, some twice. */
static void check_told(const molecule *m)
{
    km_bond told[3 * MOST];
    int heavy[MOST], n = 0, k = 0;
    float x[3 * MOST];
    km_component *c;
    km_err err = {0};
    for (int i = 0; i < m->n; i++)
        if (m->elements[i] != 1) heavy[k++] = i;
    for (int i = 0; i < m->n_bonds; i++)
        for (int twice = 0; twice < 1 + i % 2; twice++)
            told[n++] = (km_bond){.a = heavy[m->bonds[i].a], .b = heavy[m->bonds[i].b]};
    for (int i = 0; i < m->n; i++) {
        double least = INFINITY, d;
        for (int at = 0; at < k && m->elements[i] == 1; at++)
            if ((d = km_chem_distance(m->x + 3 * i, m->x + 3 * heavy[at])) < least)
                least = d, told[n] = (km_bond){.a = i, .b = heavy[at]};
        if (m->elements[i] == 1) told[n + 1] = told[n], n += 1 + i % 2;
    }
    for (int i = 0; i < 3 * m->n; i++) x[i] = 2.5f * m->x[i];
    const km_status status = km_chem_perceive(m->elements, m->names, x, NULL, m->n, told, n, &c, &err);
    if (!ok(status == KM_OK, "%s, told: %s", m->name, err.msg)) return;
    bool same = c->n_bonds == m->n_bonds;
    for (int i = 0; i < m->n_bonds && same; i++) {
        bool found = false;
        for (int j = 0; j < c->n_bonds && !found; j++)
            found = c->bonds[j].a == m->bonds[i].a && c->bonds[j].b == m->bonds[i].b;
        same = found;
    }
    ok(same, "%s, told: bonds", m->name);
    free(c);
}

static bool refused(const molecule *m, const char *why, km_err *err)
{
    km_component *c;
    return km_chem_perceive(m->elements, m->names, m->x, NULL, m->n, NULL, 0, &c, err) == KM_INPUT &&
           strstr(err->msg, why);
}

/* A molecule that lost a hydrogen, has another atom in its middle, comes in two, or flies apart. */
static void check_faults(const molecule *of)
{
    molecule m = *of;
    km_err err;
    m.n--;
    ok(refused(&m, "valences", &err), "a hydrogen less: %s", err.msg);
    m = *of;
    for (int k = 0; k < 3; k++) m.x[3 * (m.n - 1) + k] += 5;
    ok(refused(&m, "bonded to nothing", &err), "a hydrogen away: %s", err.msg);
    m = *of;
    m.elements[m.n - 1] = 8;
    for (int k = 0; k < 3; k++) m.x[3 * (m.n - 1) + k] += 5;
    ok(refused(&m, "not one molecule", &err), "two pieces: %s", err.msg);
    m = *of;
    m.elements[m.n - 1] = 9;
    for (int k = 0; k < 3; k++) m.x[3 * (m.n - 1) + k] = m.x[k] + 0.9f;
    ok(refused(&m, "cannot be bonded", &err), "too many neighbours: %s", err.msg);
    m.elements[0] = 0;
    ok(refused(&m, "no known element", &err), "an unknown atom: %s", err.msg);
    m.n = 0;
    ok(refused(&m, "no ligand", &err), "nothing: %s", err.msg);
}

int main(void)
{
    static molecule m;
    FILE *f = fopen("tests/data/perceive.txt", "r");
    if (!f) return 1;
    while (read_molecule(f, &m)) {
        check(&m);
        check_told(&m);
        if (strcmp(m.name, "dimethyl sulfone") == 0) check_faults(&m);
    }
    fclose(f);
    return tap_end();
}
