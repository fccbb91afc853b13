/* SPDX-License-Identifier: MIT */
#include "lib/chem/skeleton.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

/* A number that looks like none near it (Steele, Lea & Flood 2014). */
static uint64_t stir(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t km_chem_skeleton(const km_system *s, int32_t chain)
{
    const km_chain *c = &s->chains[chain];
    if (c->n_residues == 0) return 0;
    const km_residue *end = &s->residues[c->first_residue + c->n_residues - 1];
    const int32_t first = s->residues[c->first_residue].first_atom, n = end->first_atom + end->n_atoms - first;
    uint64_t *key = KM_NEWN(uint64_t, (size_t)n + 1), *near = KM_NEWN(uint64_t, (size_t)n + 1), all = (uint64_t)n;
    for (int32_t i = 0; i < n; i++) key[i] = stir(s->atoms[first + i].element);
    for (int32_t round = 0; round < n; round++) { /* as many as the longest way */
        memset(near, 0, (size_t)n * sizeof *near);
        for (int32_t i = 0; i < s->n_bonds; i++) {
            const int32_t a = s->bonds[i].a - first, b = s->bonds[i].b - first;
            if (a >= 0 && a < n && b >= 0 && b < n) near[a] += stir(key[b]), near[b] += stir(key[a]);
        }
        for (int32_t i = 0; i < n; i++) key[i] = stir(3 * key[i] + near[i]);
    }
    for (int32_t i = 0; i < n; i++) all += stir(key[i]);
    free(key), free(near);
    return stir(all);
}
