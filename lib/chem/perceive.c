/* SPDX-License-Identifier: MIT
 * 1. Neighbours as told, or by distance. 2. Groups of one atom with several equal oxygens (phosphates, sulfones,
 * carboxylates, nitro groups), which would be many ways to say one thing. 3. All other orders, by search: least charged
 * first. */
#include "lib/chem/perceive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/aromatic.h"
#include "lib/chem/graph.h"
#include "lib/chem/polymer.h"

/* The longest bond, as a part of the sum of radii. */
#define STRETCH 1.2
enum { MOST_ATOMS = 2000, MOST_STEPS = 2000000, MOST_COST = 24, MOST_OPTIONS = 3 };

typedef struct option {
    int extra, charge, cost; /* bond orders beyond one for each neighbour, and how unlikely that is */
} option;

typedef struct molecule {
    int n, n_bonds;
    km_component_atom *atoms;
    km_component_bond *bonds; /* in the order of the search */
    float *length;            /* [n_bonds] */
    int *neighbours;          /* [n] heavy ones and hydrogens */
    int *used, *most;         /* [n] extra orders so far; the most that there may be */
    const bool *opt_told;     /* [n, n] who is bonded to whom; NULL: by distance */
    bool *fixed;              /* [n] by the second step: no more than are used */
    int *extra, *last;        /* [n_bonds]; [n] the last bond of each atom, -1: none */
    int limit, steps;
} molecule;

/* What an atom of so many neighbours may be; returns how many ways there are. */
static int options_of(int element, int neighbours, option out[MOST_OPTIONS])
{
    static const struct {
        int element, neighbours;
        option o;
    } table[] = {{5, 2, {1, 0, 0}},  {5, 3, {0, 0, 0}},  {5, 4, {0, -1, 0}}, {6, 1, {3, 0, 0}},   {6, 2, {2, 0, 0}},
                 {6, 3, {1, 0, 0}},  {6, 4, {0, 0, 0}},  {7, 1, {2, 0, 0}},  {7, 1, {1, -1, 3}},  {7, 2, {1, 0, 0}},
                 {7, 2, {0, -1, 3}}, {7, 2, {2, 1, 3}},  {7, 3, {0, 0, 0}},  {7, 3, {1, 1, 2}},   {7, 4, {0, 1, 0}},
                 {8, 1, {1, 0, 0}},  {8, 1, {0, -1, 2}}, {8, 2, {0, 0, 0}},  {8, 2, {1, 1, 4}},   {8, 3, {0, 1, 2}},
                 {9, 1, {0, 0, 0}},  {14, 4, {0, 0, 0}}, {15, 2, {1, 0, 0}}, {15, 3, {0, 0, 0}},  {15, 4, {1, 0, 0}},
                 {15, 4, {0, 1, 1}}, {15, 5, {0, 0, 0}}, {16, 1, {1, 0, 0}}, {16, 1, {0, -1, 1}}, {16, 2, {0, 0, 0}},
                 {16, 2, {1, 1, 4}}, {16, 3, {1, 0, 0}}, {16, 3, {0, 1, 2}}, {16, 4, {2, 0, 0}},  {16, 5, {1, 0, 0}},
                 {16, 6, {0, 0, 0}}, {17, 1, {0, 0, 0}}, {34, 1, {1, 0, 0}}, {34, 1, {0, -1, 1}}, {34, 2, {0, 0, 0}},
                 {34, 2, {1, 1, 4}}, {34, 3, {1, 0, 0}}, {34, 3, {0, 1, 2}}, {34, 4, {2, 0, 0}},  {35, 1, {0, 0, 0}},
                 {53, 1, {0, 0, 0}}};
    static const int known[] = {5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53};
    bool judged = false;
    int n = 0;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) judged |= known[k] == element;
    if (!judged) return out[0] = (option){0, 0, 0}, 1;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (table[k].element == element && table[k].neighbours == neighbours) out[n++] = table[k].o;
    return n;
}

/* The option of so many extra orders, or false. */
static bool option_with(const molecule *m, int atom, int extra, option *ret)
{
    option all[MOST_OPTIONS];
    const int n = options_of(m->atoms[atom].element, m->neighbours[atom], all);
    for (int k = 0; k < n; k++)
        if (all[k].extra == extra) return *ret = all[k], true;
    return false;
}

static double reach(int element, int other)
{
    static const double hydrogen = 0.32;
    return STRETCH * ((element == 1 ? hydrogen : km_chem_bond_radius(element)) +
                      (other == 1 ? hydrogen : km_chem_bond_radius(other)));
}

static double distance(const float *a, const float *b)
{
    double sum = 0;
    for (int k = 0; k < 3; k++) sum += ((double)a[k] - b[k]) * ((double)a[k] - b[k]);
    return sqrt(sum);
}

/* A hydrogen is that of the nearest heavy atom. */
static km_status count_hydrogen(molecule *m, const char *name, const float *x, km_err *err)
{
    int best = -1;
    double least = INFINITY;
    for (int i = 0; i < m->n; i++) {
        const double d = distance(m->atoms[i].pos, x);
        if (d < least) least = d, best = i;
    }
    if (best < 0 || least > reach(1, m->atoms[best].element))
        return km_fail(err, KM_INPUT, "hydrogen %s is bonded to nothing", name);
    m->atoms[best].hydrogens++;
    m->neighbours[best]++;
    return KM_OK;
}

static int compare_bonds(const void *x, const void *y)
{
    const km_component_bond *p = x, *q = y;
    return p->a != q->a ? (p->a < q->a ? -1 : 1) : (p->b > q->b) - (p->b < q->b);
}

/* Bonds as a walk from the first atom comes by them, at each atom the shortest first: then what an atom may be is soon
 * known. False where it does not come everywhere. */
static bool find_bonds(molecule *m)
{
    int *queue = KM_NEWN(int, (size_t)m->n + 1), *place = KM_NEWN(int, (size_t)m->n + 1), found = 1;
    for (int i = 1; i < m->n; i++) place[i] = -1;
    for (int at = 0; at < found; at++) {
        const int a = queue[at], begin = m->n_bonds;
        for (int b = 0; b < m->n; b++) {
            if (b == a || (place[b] >= 0 && place[b] < at)) continue;
            const float d = (float)distance(m->atoms[a].pos, m->atoms[b].pos);
            if (m->opt_told ? !m->opt_told[a * m->n + b] : d > reach(m->atoms[a].element, m->atoms[b].element))
                continue;
            if (place[b] < 0) queue[place[b] = found++] = b;
            int k = m->n_bonds++;
            if (m->n_bonds > 6 * m->n) break;
            for (; k > begin && m->length[k - 1] > d; k--)
                m->bonds[k] = m->bonds[k - 1], m->length[k] = m->length[k - 1];
            m->bonds[k] = (km_component_bond){(uint16_t)(a < b ? a : b), (uint16_t)(a < b ? b : a), KM_BOND_SINGLE};
            m->length[k] = d;
            m->neighbours[a]++, m->neighbours[b]++;
        }
        if (m->n_bonds > 6 * m->n) break;
    }
    free(queue), free(place);
    return found == m->n && m->n_bonds <= 6 * m->n;
}

/* How many of its oxygens of one neighbour (sulfurs too) an atom has as double bonds; where there are more of them the
 * others are charged. */
static int doubles_of(const molecule *m, int atom, int ends)
{
    switch (m->atoms[atom].element) {
    case 6:
        return ends >= 2 && m->neighbours[atom] == 3;
    case 7:
        return ends >= 2 && m->neighbours[atom] == 3;
    case 15:
        return m->neighbours[atom] == 4;
    case 16:
        return m->neighbours[atom] == 4 ? 2 : m->neighbours[atom] == 3;
    default:
        return 0;
    }
}

static void fix_groups(molecule *m)
{
    for (int a = 0; a < m->n; a++) {
        int ends = 0, *end = KM_NEWN(int, (size_t)m->n_bonds + 1);
        for (int k = 0; k < m->n_bonds; k++) { /* the shortest first, of those that the walk found from here */
            const int b = m->bonds[k].a == a ? m->bonds[k].b : m->bonds[k].b == a ? m->bonds[k].a : -1;
            if (b >= 0 && m->neighbours[b] == 1 && (m->atoms[b].element == 8 || m->atoms[b].element == 16))
                end[ends++] = k;
        }
        const int doubles = doubles_of(m, a, ends);
        for (int k = 0; k < ends && doubles > 0; k++) {
            const km_component_bond *bond = &m->bonds[end[k]];
            const int b = bond->a == a ? bond->b : bond->a;
            m->extra[end[k]] = k < doubles;
            m->used[a] += k < doubles, m->used[b] = k < doubles;
            m->fixed[b] = true;
        }
        m->fixed[a] = doubles > 0 && ends >= doubles;
        free(end);
    }
}

/* Can an atom be as it is after bond k? Adds what that costs where it was its last. */
static bool may_end(const molecule *m, int atom, int k, int *cost)
{
    option o;
    if (m->last[atom] != k) return true;
    if (!option_with(m, atom, m->used[atom], &o)) return false;
    *cost += m->fixed[atom] ? 0 : o.cost;
    return true;
}

/* Orders of bond k and all behind it. */
static bool search(molecule *m, int k, int cost)
{
    if (k == m->n_bonds) return true;
    const int a = m->bonds[k].a, b = m->bonds[k].b;
    const bool fixed = m->fixed[a] || m->fixed[b];
    int most = m->most[a] - m->used[a] < m->most[b] - m->used[b] ? m->most[a] - m->used[a] : m->most[b] - m->used[b];
    if (most > 2) most = 2;
    if (fixed) most = 0;
    for (int e = most; e >= 0; e--) {
        int more = 0;
        if (++m->steps > MOST_STEPS) return false;
        m->used[a] += e, m->used[b] += e;
        if (may_end(m, a, k, &more) && may_end(m, b, k, &more) && cost + more <= m->limit) {
            if (!fixed) m->extra[k] = e;
            if (search(m, k + 1, cost + more)) return true;
        }
        m->used[a] -= e, m->used[b] -= e;
    }
    return false;
}

static bool find_orders(molecule *m)
{
    for (int i = 0; i < m->n; i++) m->last[i] = -1;
    for (int k = 0; k < m->n_bonds; k++) m->last[m->bonds[k].a] = m->last[m->bonds[k].b] = k;
    for (m->limit = 0; m->limit <= MOST_COST; m->limit++)
        if (search(m, 0, 0)) return true;
    return false;
}

static km_status solve(molecule *m, km_err *err)
{
    option o, all[MOST_OPTIONS];
    if (!find_bonds(m)) return km_fail(err, KM_INPUT, "it is not one molecule");
    for (int i = 0; i < m->n; i++) {
        const int n = options_of(m->atoms[i].element, m->neighbours[i], all);
        if (n == 0 && m->neighbours[i] > 0)
            return km_fail(err, KM_INPUT, "%s cannot be bonded to %d atoms", m->atoms[i].name, m->neighbours[i]);
        for (int k = 0; k < n; k++) m->most[i] = all[k].extra > m->most[i] ? all[k].extra : m->most[i];
    }
    fix_groups(m);
    if (!find_orders(m)) return km_fail(err, KM_INPUT, "no bond orders fill the valences of its atoms");
    for (int i = 0; i < m->n; i++)
        if (option_with(m, i, m->used[i], &o)) m->atoms[i].charge = (int8_t)o.charge;
    for (int k = 0; k < m->n_bonds; k++) m->bonds[k].type = (uint8_t)(KM_BOND_SINGLE + m->extra[k]);
    return KM_OK;
}

/* Who of the heavy atoms is bonded to whom, and their hydrogens, by what the bonds say: a matrix to free. */
static bool *take_bonds(molecule *m, const int *elements, int n, const km_bond *bonds, int n_bonds)
{
    bool *told = KM_NEWN(bool, (size_t)m->n *(size_t)m->n);
    int *place = KM_NEWN(int, (size_t)n + 1), heavy = 0; /* -1: a hydrogen that is bonded, -2: one that is not yet */
    for (int i = 0; i < n; i++) place[i] = elements[i] == 1 ? -2 : heavy++;
    for (int k = 0; k < n_bonds; k++) {
        int *a = &place[bonds[k].a], *b = &place[bonds[k].b];
        if (*a >= 0 && *b >= 0) told[*a * m->n + *b] = told[*b * m->n + *a] = true;
        if ((*a >= 0) == (*b >= 0) || (*a < 0 ? *a : *b) == -1) continue;
        const int at = *a < 0 ? *b : *a;
        m->atoms[at].hydrogens++, m->neighbours[at]++;
        *(*a < 0 ? a : b) = -1;
    }
    free(place);
    return told;
}

km_status km_chem_perceive(const int *elements, const km_name *names, const float *x, const int *opt_elsewhere, int n,
                           const km_bond *opt_bonds, int n_bonds, km_component **ret, km_err *err)
{
    bool *told = NULL;
    int heavy = 0;
    km_status status = KM_OK;
    for (int i = 0; i < n; i++) {
        if (elements[i] <= 0) return km_fail(err, KM_INPUT, "atom %s has no known element", names[i]);
        heavy += elements[i] != 1;
    }
    if (heavy == 0 || n > MOST_ATOMS) return km_fail(err, KM_INPUT, "%d atoms are no ligand", n);
    const size_t A = (size_t)heavy, B = 6 * A + 1;
    km_component *c = km_calloc(1, sizeof *c + A * sizeof *c->atoms + B * sizeof *c->bonds);
    molecule m = {.atoms = (km_component_atom *)(c + 1),
                  .length = KM_NEWN(float, B),
                  .neighbours = KM_NEWN(int, A),
                  .used = KM_NEWN(int, A),
                  .most = KM_NEWN(int, A),
                  .fixed = KM_NEWN(bool, A),
                  .extra = KM_NEWN(int, B),
                  .last = KM_NEWN(int, A)};
    m.bonds = (km_component_bond *)(m.atoms + heavy);
    for (int i = 0; i < n; i++) {
        if (elements[i] == 1) continue;
        km_component_atom *a = &m.atoms[m.n];
        m.neighbours[m.n++] = opt_elsewhere ? opt_elsewhere[i] : 0;
        a->element = (uint8_t)elements[i];
        memcpy(a->name, names[i], sizeof a->name);
        memcpy(a->pos, x + 3 * i, sizeof a->pos);
    }
    if (opt_bonds) m.opt_told = told = take_bonds(&m, elements, n, opt_bonds, n_bonds);
    for (int i = 0; i < n && status == KM_OK && !told; i++)
        if (elements[i] == 1) status = count_hydrogen(&m, names[i], x + 3 * i, err);
    if (status == KM_OK) status = solve(&m, err);
    free(told), free(m.length), free(m.neighbours), free(m.used), free(m.most), free(m.fixed), free(m.extra),
        free(m.last);
    if (status < 0) return free(c), status;
    qsort(m.bonds, (size_t)m.n_bonds, sizeof *m.bonds, compare_bonds);
    km_chem_find_aromatic(m.atoms, m.n, m.bonds, m.n_bonds);
    *c = (km_component){.letter = 'X',
                        .mol_type = KM_NONPOLYMER,
                        .n_atoms = m.n,
                        .n_bonds = m.n_bonds,
                        .atoms = m.atoms,
                        .bonds = m.bonds};
    *ret = c;
    return KM_OK;
}

static bool is_nonmetal(int element)
{
    option unused[MOST_OPTIONS];
    return element == 1 || options_of(element, 99, unused) == 0;
}

/* Bonds of an atom to atoms of other residues, metals apart. */
static int count_elsewhere(const km_structure *raw, const int *elements, int32_t atom)
{
    const km_system *s = raw->system;
    const km_residue *r = &s->residues[s->atoms[atom].residue];
    int count = 0;
    for (int32_t i = 0; i < s->n_atoms; i++) {
        if (i == r->first_atom) i += r->n_atoms;
        if (i >= s->n_atoms) break;
        if (elements[i] <= 1 || !is_nonmetal(elements[i])) continue;
        count += (double)km_chem_raw_distance(raw, atom, i) <= reach(elements[atom], elements[i]);
    }
    return count;
}

/* The bonds that the structure has within a residue, counted from its first atom; 0 unless every atom has one. */
static int bonds_within(const km_system *s, const km_residue *r, km_bond *bonds)
{
    bool *bonded = KM_NEWN(bool, (size_t)r->n_atoms + 1), all = true;
    int n = 0;
    for (int32_t i = 0; i < s->n_bonds; i++) {
        const int32_t a = s->bonds[i].a - r->first_atom, b = s->bonds[i].b - r->first_atom;
        if (a < 0 || a >= r->n_atoms || b < 0 || b >= r->n_atoms) continue;
        bonded[a] = bonded[b] = true;
        bonds[n++] = (km_bond){.a = a, .b = b};
    }
    for (int32_t i = 0; i < r->n_atoms; i++) all = all && bonded[i];
    free(bonded);
    return all ? n : 0;
}

km_status km_chem_perceive_raw(const km_structure *raw, int32_t residue, km_component **ret, km_err *err)
{
    const km_system *s = raw->system;
    const km_residue *r = &s->residues[residue];
    const size_t n = (size_t)r->n_atoms + 1;
    int *elements = KM_NEWN(int, (size_t)s->n_atoms + 1), *elsewhere = KM_NEWN(int, n);
    km_name *names = km_calloc(n, sizeof *names);
    for (int32_t i = 0; i < s->n_atoms; i++) elements[i] = km_chem_raw_element(raw, i);
    for (int32_t i = 0; i < r->n_atoms; i++) {
        const int32_t atom = r->first_atom + i;
        memcpy(names[i], s->atoms[atom].name, sizeof *names);
        if (elements[atom] > 1 && is_nonmetal(elements[atom])) elsewhere[i] = count_elsewhere(raw, elements, atom);
    }
    km_bond *told = KM_NEWN(km_bond, (size_t)s->n_bonds + 1);
    const int n_told = bonds_within(s, r, told);
    const km_status status = km_chem_perceive(elements + r->first_atom, names, raw->coords + 3 * (size_t)r->first_atom,
                                              elsewhere, r->n_atoms, n_told ? told : NULL, n_told, ret, err);
    free(elements), free(elsewhere), free(names), free(told);
    return status;
}
