/* SPDX-License-Identifier: MIT */
#include "lib/chem/aromatic.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { MAX_RING = 24, MAX_RINGS = 300, MAX_FUSED = 6, NO_DONOR = -1 };

typedef struct ring {
    int n, atoms[MAX_RING], bonds[MAX_RING]; /* bond i joins atoms i and i + 1 */
} ring;

typedef struct molecule {
    const km_component_atom *atoms;
    const km_component_bond *bonds;
    int n_atoms, n_bonds, n_rings;
    int *degree, *valence;  /* [A] heavy neighbours and hydrogens; sum of orders */
    int (*neighbours)[8];   /* [A] bonds of an atom, -1 behind the last */
    bool *cyclic;           /* [B] */
    ring *rings;
    int *donated;           /* [A] electrons for a ring, NO_DONOR where it can be part of none */
    bool *aromatic;         /* [B] */
} molecule;

static int order_of(const km_component_bond *b)
{
    return b->type == KM_BOND_DOUBLE ? 2 : b->type == KM_BOND_TRIPLE ? 3 : 1;
}

static int other_end(const km_component_bond *b, int atom) { return b->a == atom ? b->b : b->a; }

/* -- rings: the shortest through each bond */

static bool same_ring(const ring *x, const ring *y)
{
    if (x->n != y->n) return false;
    for (int i = 0; i < x->n; i++) {
        bool found = false;
        for (int k = 0; k < y->n && !found; k++) found = x->bonds[i] == y->bonds[k];
        if (!found) return false;
    }
    return true;
}

static void add_ring(molecule *m, int bond, const int *by)
{
    ring r = {.n = 1, .bonds = {bond}, .atoms = {m->bonds[bond].a}};
    int at = m->bonds[bond].b;
    while (at != m->bonds[bond].a && r.n < MAX_RING) {
        r.atoms[r.n] = at;
        r.bonds[r.n++] = by[at];
        at = other_end(&m->bonds[by[at]], at);
    }
    if (at != m->bonds[bond].a || m->n_rings == MAX_RINGS) return;
    for (int i = 0; i < r.n; i++) m->cyclic[r.bonds[i]] = true;
    for (int i = 0; i < m->n_rings; i++)
        if (same_ring(&m->rings[i], &r)) return;
    m->rings[m->n_rings++] = r;
}

/* Breadth first from one end of each bond to the other, without the bond. */
static void find_rings(molecule *m)
{
    int *by = KM_NEWN(int, (size_t)m->n_atoms + 1), *queue = KM_NEWN(int, (size_t)m->n_atoms + 1);
    for (int bond = 0; bond < m->n_bonds; bond++) {
        int head = 0, tail = 0, start = m->bonds[bond].a, goal = m->bonds[bond].b;
        for (int i = 0; i < m->n_atoms; i++) by[i] = -1;
        queue[tail++] = start;
        by[start] = bond;
        while (head < tail && by[goal] < 0) {
            int at = queue[head++];
            for (int k = 0; k < 8 && m->neighbours[at][k] >= 0; k++) {
                int b = m->neighbours[at][k], to = other_end(&m->bonds[b], at);
                if (b == bond || by[to] >= 0) continue;
                by[to] = b;
                queue[tail++] = to;
            }
        }
        if (by[goal] >= 0) add_ring(m, bond, by);
    }
    free(by), free(queue);
}

/* -- electrons */

/* Valence electrons, and the bonds an element usually makes; 0: not one that rings are made of. */
static void shell_of(int element, int *outer, int *usual)
{
    static const struct {
        int element, outer, usual;
    } table[] = {{5, 3, 3},  {6, 4, 4},  {7, 5, 3},  {8, 6, 2},  {9, 7, 1},  {13, 3, 3}, {14, 4, 4},
                 {15, 5, 3}, {16, 6, 2}, {17, 7, 1}, {34, 6, 2}, {35, 7, 1}, {52, 6, 2}, {53, 7, 1}};
    *outer = *usual = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].element == element) *outer = table[i].outer, *usual = table[i].usual;
}

static bool more_electronegative(int element, int than)
{
    int outer, outer_than, unused;
    shell_of(element, &outer, &unused);
    shell_of(than, &outer_than, &unused);
    return outer != outer_than ? outer > outer_than : element < than;
}

/* The atom at the far end of a multiple bond that is (not) part of a ring, or -1. */
static int multiple_partner(const molecule *m, int atom, bool cyclic)
{
    for (int k = 0; k < 8 && m->neighbours[atom][k] >= 0; k++) {
        int b = m->neighbours[atom][k];
        if (order_of(&m->bonds[b]) > 1 && m->cyclic[b] == cyclic) return other_end(&m->bonds[b], atom);
    }
    return -1;
}

static int electrons_of(const molecule *m, int atom)
{
    const km_component_atom *a = &m->atoms[atom];
    int outer, usual;
    shell_of(a->element, &outer, &usual);
    if (usual <= 1 || m->degree[atom] > 3) return -1;
    int pairs = outer - usual - a->charge, free_electrons = usual - m->degree[atom] + (pairs > 0 ? pairs : 0);
    return free_electrons > 1 && m->valence[atom] - m->degree[atom] > 1 ? 1 : free_electrons;
}

static int donated_by(const molecule *m, int atom)
{
    int n = electrons_of(m, atom), outside = multiple_partner(m, atom, false), inside = multiple_partner(m, atom, true);
    bool stolen = outside >= 0 && more_electronegative(m->atoms[outside].element, m->atoms[atom].element);
    if (n < 0) return NO_DONOR;
    if (n == 0) return outside >= 0 ? 0 : inside >= 0 ? 1 : NO_DONOR;
    if (n == 1 && outside >= 0) return stolen ? 0 : 1;
    if (n == 1) return inside >= 0 ? 1 : m->atoms[atom].charge == 1 ? 0 : NO_DONOR;
    return (n - stolen) % 2 ? 1 : 2;
}

/* No more bonds than usual for its charge, and no two multiple ones. */
static bool may_be_aromatic(const molecule *m, int atom)
{
    int outer, usual, multiple = 0;
    shell_of(m->atoms[atom].element - m->atoms[atom].charge, &outer, &usual);
    if (usual > 0 && m->valence[atom] > usual) return false;
    for (int k = 0; k < 8 && m->neighbours[atom][k] >= 0; k++)
        multiple += order_of(&m->bonds[m->neighbours[atom][k]]) > 1;
    return multiple < 2;
}

static bool is_candidate(const molecule *m, const ring *r)
{
    for (int i = 0; i < r->n; i++)
        if (m->donated[r->atoms[i]] == NO_DONOR) return false;
    return true;
}

/* -- ring systems */

static bool share_bond(const ring *x, const ring *y)
{
    for (int i = 0; i < x->n; i++)
        for (int k = 0; k < y->n; k++)
            if (x->bonds[i] == y->bonds[k]) return true;
    return false;
}

/* Electrons around the rings chosen; inner atoms, of three of them, do not count. Where they are 4n + 2 the bonds of
 * one ring alone are aromatic, those between two are not on that account. */
static void try_system(molecule *m, const int *chosen, int n, int *times)
{
    int electrons = 0;
    memset(times, 0, (size_t)m->n_atoms * sizeof *times);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m->rings[chosen[i]].n; k++) times[m->rings[chosen[i]].atoms[k]]++;
    for (int a = 0; a < m->n_atoms; a++)
        if (times[a] == 1 || times[a] == 2) electrons += m->donated[a];
    if (electrons % 4 != 2) return;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m->rings[chosen[i]].n; k++) {
            int bond = m->rings[chosen[i]].bonds[k], count = 0;
            for (int j = 0; j < n; j++)
                for (int l = 0; l < m->rings[chosen[j]].n; l++) count += m->rings[chosen[j]].bonds[l] == bond;
            if (count == 1) m->aromatic[bond] = true;
        }
}

/* Every connected choice of rings that begins with chosen[0], its lowest; `left` bounds the work on a large system. */
static void extend(molecule *m, int *chosen, int n, int *times, int *left)
{
    if (--*left < 0) return;
    try_system(m, chosen, n, times);
    for (int r = chosen[0] + 1; r < m->n_rings && n < MAX_FUSED; r++) {
        bool joined = false, taken = false;
        for (int i = 0; i < n; i++) {
            taken = taken || chosen[i] == r;
            joined = joined || share_bond(&m->rings[chosen[i]], &m->rings[r]);
        }
        if (taken || !joined) continue;
        chosen[n] = r;
        extend(m, chosen, n + 1, times, left);
    }
}

static void count_bonds(molecule *m)
{
    memset(m->neighbours, -1, (size_t)m->n_atoms * sizeof *m->neighbours);
    for (int i = 0; i < m->n_atoms; i++) m->degree[i] = m->valence[i] = m->atoms[i].hydrogens;
    for (int i = 0; i < m->n_bonds; i++)
        for (int end = 0; end < 2; end++) {
            int a = end ? m->bonds[i].b : m->bonds[i].a, k = 0;
            while (k < 8 && m->neighbours[a][k] >= 0) k++;
            if (k < 8) m->neighbours[a][k] = i;
            m->degree[a]++;
            m->valence[a] += order_of(&m->bonds[i]);
        }
}

void km_chem_find_aromatic(const km_component_atom *atoms, int n_atoms, km_component_bond *bonds, int n_bonds)
{
    size_t A = (size_t)n_atoms + 1, B = (size_t)n_bonds + 1;
    molecule m = {.atoms = atoms, .bonds = bonds, .n_atoms = n_atoms, .n_bonds = n_bonds,
                  .degree = KM_NEWN(int, A), .valence = KM_NEWN(int, A), .donated = KM_NEWN(int, A),
                  .neighbours = km_calloc(A, sizeof *m.neighbours), .cyclic = KM_NEWN(bool, B),
                  .aromatic = KM_NEWN(bool, B), .rings = KM_NEWN(ring, MAX_RINGS)};
    int chosen[MAX_FUSED], *times = KM_NEWN(int, A), kept = 0, left = 100000;
    count_bonds(&m);
    find_rings(&m);
    for (int i = 0; i < n_atoms; i++) m.donated[i] = may_be_aromatic(&m, i) ? donated_by(&m, i) : NO_DONOR;
    for (int i = 0; i < m.n_rings; i++)
        if (is_candidate(&m, &m.rings[i])) m.rings[kept++] = m.rings[i];
    m.n_rings = kept;
    for (int i = 0; i < m.n_rings; i++) {
        chosen[0] = i;
        extend(&m, chosen, 1, times, &left);
    }
    for (int i = 0; i < n_bonds; i++)
        if (m.aromatic[i]) bonds[i].type = KM_BOND_AROMATIC;
    free(times), free(m.degree), free(m.valence), free(m.donated), free(m.neighbours), free(m.cyclic);
    free(m.aromatic), free(m.rings);
}
