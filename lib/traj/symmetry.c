/* SPDX-License-Identifier: MIT */
#include "lib/traj/symmetry.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

typedef struct search {
    km_symmetry *s;
    uint64_t *class; /* [n] atoms of different classes are not alike */
    bool *bonded;    /* [n, n] */
    int32_t *order;  /* [n] in which places are found: each behind a neighbour, where it has one */
    int32_t *place;  /* [n] */
    bool *taken;
} search;

static uint64_t mixed(uint64_t x)
{
    x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15u;
    return x ^ (x >> 29);
}

/* Each atom by its element and, round after round, by its neighbours. */
static void classify(search *q, const uint8_t *elements)
{
    enum { ROUNDS = 16 };
    int32_t n = q->s->n_atoms;
    uint64_t *next = KM_NEWN(uint64_t, (size_t)n + 1);
    for (int32_t i = 0; i < n; i++) q->class[i] = mixed(elements[i]);
    for (int round = 0; round < ROUNDS; round++) {
        for (int32_t i = 0; i < n; i++) {
            next[i] = 3 * q->class[i];
            for (int32_t j = 0; j < n; j++) next[i] += q->bonded[i * n + j] ? mixed(q->class[j]) : 0;
        }
        for (int32_t i = 0; i < n; i++) q->class[i] = mixed(next[i]);
    }
    free(next);
}

static void put_in_order(search *q)
{
    int32_t n = q->s->n_atoms, known = 0, from = 0;
    for (int32_t first = 0; first < n; first++) {
        if (q->taken[first]) continue;
        q->taken[first] = true, q->order[known++] = first;
        for (; from < known; from++)
            for (int32_t j = 0; j < n; j++)
                if (q->bonded[q->order[from] * n + j] && !q->taken[j]) q->taken[j] = true, q->order[known++] = j;
    }
    memset(q->taken, 0, (size_t)n * sizeof *q->taken);
}

static void find(search *q, int32_t depth)
{
    km_symmetry *s = q->s;
    int32_t n = s->n_atoms;
    if (s->n == KM_SYMMETRY_MOST) {
        s->cut = true;
        return;
    }
    if (depth == n) {
        s->places = km_realloc(s->places, (size_t)(s->n + 1) * (size_t)n * sizeof *s->places);
        memcpy(s->places + (ptrdiff_t)s->n++ * n, q->place, (size_t)n * sizeof *q->place);
        return;
    }
    int32_t i = q->order[depth];
    for (int32_t k = -1; k < n && !s->cut; k++) { /* where it is comes first */
        int32_t to = k < 0 ? i : k;
        if (k == i || q->taken[to] || q->class[to] != q->class[i]) continue;
        bool good = true;
        for (int32_t d = 0; d < depth && good; d++)
            good = q->bonded[i * n + q->order[d]] == q->bonded[to * n + q->place[q->order[d]]];
        if (!good) continue;
        q->place[i] = to, q->taken[to] = true;
        find(q, depth + 1);
        q->taken[to] = false;
    }
}

km_symmetry km_symmetry_of(const uint8_t *elements, int32_t n_atoms, const int32_t (*bonds)[2], int32_t n_bonds)
{
    km_symmetry s = {.n_atoms = n_atoms};
    size_t n = (size_t)n_atoms;
    search q = {.s = &s,
                .class = KM_NEWN(uint64_t, n + 1),
                .bonded = KM_NEWN(bool, n *n + 1),
                .order = KM_NEWN(int32_t, n + 1),
                .place = KM_NEWN(int32_t, n + 1),
                .taken = KM_NEWN(bool, n + 1)};
    for (int32_t b = 0; b < n_bonds; b++)
        q.bonded[bonds[b][0] * n_atoms + bonds[b][1]] = q.bonded[bonds[b][1] * n_atoms + bonds[b][0]] = true;
    classify(&q, elements);
    if (n_bonds) { /* without bonds names are all there is */
        put_in_order(&q);
        find(&q, 0);
    } else {
        s.n = 1, s.places = KM_NEWN(int32_t, n + 1);
        for (int32_t i = 0; i < n_atoms; i++) s.places[i] = i;
    }
    free(q.class), free(q.bonded), free(q.order), free(q.place), free(q.taken);
    return s;
}

void km_symmetry_clear(km_symmetry *s)
{
    free(s->places);
    *s = (km_symmetry){0};
}

double km_symmetry_distance(const km_symmetry *s, const float *x, const float *y, double enough, int32_t *opt_way)
{
    for (int32_t p = 0; p < s->n; p++) {
        const int32_t *place = s->places + (ptrdiff_t)p * s->n_atoms;
        double sum = 0;
        for (int32_t i = 0; i < s->n_atoms && sum < enough; i++)
            for (int k = 0; k < 3; k++) {
                double d = (double)x[3 * place[i] + k] - y[3 * i + k];
                sum += d * d;
            }
        if (sum >= enough) continue;
        enough = sum;
        if (opt_way) *opt_way = p;
    }
    return enough;
}
