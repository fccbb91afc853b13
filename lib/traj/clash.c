/* SPDX-License-Identifier: MIT
 * Atoms are sorted into columns along z, and each is compared with those of its own and of the four next ones, all the
 * frame through without a look at who is bonded to whom: bonds are longer than what is looked for, so that hardly a
 * frame has two atoms so near. Only where one has, the pairs are looked at one by one. */
#include "lib/traj/clash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { LANES = 8, MOST = 1024 };
typedef float pack __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
typedef int32_t mask __attribute__((vector_size(LANES * sizeof(int32_t))));

/* Each column is as wide as atoms may be near, or wider where there would be more columns than atoms. */
typedef struct grid {
    float low[2], per[2]; /* columns an angstrom */
    int32_t n[2];
} grid;

/* Atoms in the order of their columns: those of column k are from[k] ... from[k + 1] - 1. */
typedef struct sorted {
    float *x, *y, *z;       /* [n + 2 LANES] */
    int32_t *atom, *column; /* [n] */
    int32_t *from, n, rows; /* [columns + rows + 3], n behind the last */
} sorted;

/* Of all coordinates, three by three. */
static void bounds_of(const float *x, size_t n, float low[3], float high[3])
{
    enum { BLOCK = 3 * LANES };
    float least[BLOCK], most[BLOCK];
    for (int k = 0; k < BLOCK; k++) least[k] = INFINITY, most[k] = -INFINITY;
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (int k = 0; k < BLOCK; k++) {
            const float v = x[i + (size_t)k];
            least[k] = v < least[k] ? v : least[k];
            most[k] = v > most[k] ? v : most[k];
        }
    for (int k = 0; i < n; i++, k++) least[k] = fminf(least[k], x[i]), most[k] = fmaxf(most[k], x[i]);
    for (int k = 0; k < 3; k++) low[k] = least[k], high[k] = most[k];
    for (int k = 3; k < BLOCK; k++) low[k % 3] = fminf(low[k % 3], least[k]), high[k % 3] = fmaxf(high[k % 3], most[k]);
}

static grid grid_of(const km_system *s, int32_t n, const float *coords, float least)
{
    float low[3], high[3];
    bounds_of(coords, 3 * (size_t)s->n_atoms, low, high);
    grid g = {.low = {low[0], low[1]}};
    const float even = sqrtf((high[0] - low[0]) * (high[1] - low[1]) / (float)n);
    for (int k = 0; k < 2; k++) {
        const float width = fmaxf(fmaxf(1.001f * least, even), (high[k] - low[k]) / (MOST - 1));
        g.per[k] = 1 / width;
        g.n[k] = (int32_t)((high[k] - low[k]) * g.per[k]) + 1;
    }
    return g;
}

static sorted sort(const km_system *y, const int32_t *atoms, int32_t n, const float *coords, float least)
{
    const grid g = grid_of(y, n, coords, least);
    const int32_t all = g.n[0] * g.n[1], ends = all + g.n[1] + 3;
    const size_t wide = (size_t)n + 2 * LANES;
    sorted s = {.n = n, .rows = g.n[1], .x = km_alloc((6 * wide + (size_t)ends) * sizeof(float))};
    s.y = s.x + wide, s.z = s.y + wide;
    s.atom = (int32_t *)(s.z + wide), s.column = s.atom + wide;
    int32_t *of = s.column + wide;
    s.from = of + wide;
    memset(s.from, 0, (size_t)ends * sizeof *s.from);
    for (int32_t i = 0; i < n; i++) {
        const float *p = coords + 3 * (size_t)atoms[i];
        of[i] = (int32_t)((p[0] - g.low[0]) * g.per[0]) * g.n[1] + (int32_t)((p[1] - g.low[1]) * g.per[1]);
        s.from[of[i] + 2]++;
    }
    for (int32_t k = 2; k < ends; k++) s.from[k] += s.from[k - 1];
    for (int32_t i = 0; i < n; i++) {
        const float *p = coords + 3 * (size_t)atoms[i];
        const int32_t to = s.from[of[i] + 1]++;
        s.x[to] = p[0], s.y[to] = p[1], s.z[to] = p[2], s.atom[to] = atoms[i], s.column[to] = of[i];
    }
    for (int32_t i = n; i < n + 2 * LANES; i++) s.x[i] = s.y[i] = s.z[i] = INFINITY;
    return s;
}

/* Where what an atom is compared with ends and begins: atoms behind it in its own column and the next, and three of the
 * next row. */
static inline __attribute__((always_inline)) void reach(const sorted *s, int32_t p, int32_t *own, int32_t next[2])
{
    const int32_t *from = s->from + s->column[p];
    *own = from[2];
    next[0] = from[s->rows - 1] > from[2] ? from[s->rows - 1] : from[2];
    next[1] = from[s->rows + 2];
}

/* Are any of the eight atoms from i on near to atom p? */
static inline __attribute__((always_inline)) void look(const sorted *s, int32_t p, int32_t i, float square, mask *any)
{
    const pack x = *(const pack *)(s->x + i) - s->x[p], y = *(const pack *)(s->y + i) - s->y[p],
               z = *(const pack *)(s->z + i) - s->z[p];
    *any |= x * x + y * y + z * z < square;
}

/* Compiled for several processors; which one it is is found out when the program starts. Atoms beyond the ends are
 * compared too, which does no harm, and saves guessing which way the loops go. */
__attribute__((target_clones("avx2", "default"))) static bool any_near(const sorted *s, float square)
{
    mask any = {0};
    for (int32_t p = 0; p < s->n; p++) {
        int32_t own, next[2];
        reach(s, p, &own, next);
        look(s, p, p + 1, square, &any);
        look(s, p, next[0], square, &any);
        for (int32_t i = p + 1 + LANES; i < own; i += LANES) look(s, p, i, square, &any);
        for (int32_t i = next[0] + LANES; i < next[1]; i += LANES) look(s, p, i, square, &any);
    }
    int32_t all = 0;
    for (int k = 0; k < LANES; k++) all |= any[k];
    return all;
}

static bool may_touch(const km_system *s, int32_t a, int32_t b)
{
    const km_residue *p = &s->residues[s->atoms[a].residue], *q = &s->residues[s->atoms[b].residue];
    return p->chain == q->chain && abs(p->index - q->index) <= 2;
}

static bool is_clash(const sorted *o, const km_system *s, int32_t p, int32_t q, float square)
{
    const float x = o->x[p] - o->x[q], y = o->y[p] - o->y[q], z = o->z[p] - o->z[q];
    return x * x + y * y + z * z < square && !may_touch(s, o->atom[p], o->atom[q]);
}

static bool find(const sorted *o, const km_system *s, float square, int32_t at[2])
{
    for (int32_t p = 0; p < o->n; p++) {
        int32_t own, next[2];
        reach(o, p, &own, next);
        for (int part = 0; part < 2; part++)
            for (int32_t q = part ? next[0] : p + 1; q < (part ? next[1] : own); q++)
                if (is_clash(o, s, p, q, square)) return at[0] = o->atom[p], at[1] = o->atom[q], true;
    }
    return false;
}

bool km_clash_find(const km_system *s, const int32_t *atoms, int32_t n, const float *coords, float least,
                   int32_t ret_atoms[2])
{
    if (n < 2 || !(least > 0)) return false;
    const sorted o = sort(s, atoms, n, coords, least);
    const float square = least * least;
    const bool found = any_near(&o, square) && find(&o, s, square, ret_atoms);
    free(o.x);
    return found;
}
