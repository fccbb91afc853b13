/* SPDX-License-Identifier: MIT */
#include "lib/chem/graph.h"

#include <stdlib.h>

#include "lib/base/mem.h"

/* The longest bond, as a part of the sum of radii. */
#define STRETCH 1.25
enum { MAX_STEPS = 1000000 };

double km_chem_bond_radius(int element)
{
    static const struct {
        int element;
        double radius;
    } table[] = {{5, 0.85}, {6, 0.75}, {7, 0.71}, {8, 0.63}, {9, 0.64}, {14, 1.16}, {15, 1.11}, {16, 1.03},
                 {17, 0.99}, {34, 1.16}, {35, 1.14}, {53, 1.33}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].element == element) return table[i].radius;
    return 1.4;
}

typedef struct search {
    const km_component *c;
    const int *elements;
    int n, steps;
    bool *drawn, *near;  /* [n, n] bonds of the component and of the structure */
    int *degree_drawn, *degree_near, *order, *found;
    bool *taken;
} search;

static bool fits(const search *s, int depth, int to)
{
    int atom = s->order[depth];
    if (s->taken[to] || s->elements[to] != s->c->atoms[atom].element || s->degree_drawn[atom] != s->degree_near[to])
        return false;
    for (int d = 0; d < depth; d++) {
        int other = s->order[d];
        if (s->drawn[atom * s->n + other] != s->near[to * s->n + s->found[other]]) return false;
    }
    return true;
}

static bool extend(search *s, int depth)
{
    if (depth == s->n) return true;
    int atom = s->order[depth];
    for (int k = 0; k < s->n; k++) {
        int to = k == 0 ? atom : k - (k <= atom); /* the same place first */
        if (++s->steps > MAX_STEPS) return false;
        if (!fits(s, depth, to)) continue;
        s->found[atom] = to;
        s->taken[to] = true;
        if (extend(s, depth + 1)) return true;
        s->taken[to] = false;
    }
    return false;
}

static void find_bonds(search *s, const float *coords)
{
    for (int i = 0; i < s->c->n_bonds; i++) {
        int a = s->c->bonds[i].a, b = s->c->bonds[i].b;
        s->drawn[a * s->n + b] = s->drawn[b * s->n + a] = true;
    }
    for (int a = 0; a < s->n; a++)
        for (int b = 0; b < s->n; b++) {
            double d2 = 0;
            double limit = STRETCH * (km_chem_bond_radius(s->elements[a]) + km_chem_bond_radius(s->elements[b]));
            for (int k = 0; k < 3; k++) {
                double d = (double)coords[3 * a + k] - coords[3 * b + k];
                d2 += d * d;
            }
            s->near[a * s->n + b] = a != b && d2 < limit * limit;
        }
    for (int a = 0; a < s->n; a++)
        for (int b = 0; b < s->n; b++) {
            s->degree_drawn[a] += s->drawn[a * s->n + b];
            s->degree_near[a] += s->near[a * s->n + b];
        }
}

/* Each atom behind one that it is bonded to, so that a wrong choice is soon found. */
static void choose_order(search *s)
{
    bool *in = KM_NEWN(bool, (size_t)s->n);
    for (int n = 0; n < s->n;) {
        int next = -1;
        for (int a = 0; a < s->n && next < 0; a++)
            for (int d = 0; d < n && !in[a] && next < 0; d++)
                if (s->drawn[a * s->n + s->order[d]]) next = a;
        for (int a = 0; a < s->n && next < 0; a++)
            if (!in[a]) next = a;
        in[next] = true;
        s->order[n++] = next;
    }
    free(in);
}

bool km_chem_match_graph(const km_component *c, const int *elements, const float *coords, int n, int *found)
{
    size_t N = (size_t)n + 1;
    if (n != c->n_atoms || n > 2000) return false;
    search s = {.c = c, .elements = elements, .n = n, .drawn = KM_NEWN(bool, N * N), .near = KM_NEWN(bool, N * N),
                .degree_drawn = KM_NEWN(int, N), .degree_near = KM_NEWN(int, N), .order = KM_NEWN(int, N),
                .found = found, .taken = KM_NEWN(bool, N)};
    find_bonds(&s, coords);
    choose_order(&s);
    bool good = extend(&s, 0);
    free(s.drawn), free(s.near), free(s.degree_drawn), free(s.degree_near), free(s.order), free(s.taken);
    return good;
}
