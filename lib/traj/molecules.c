/* SPDX-License-Identifier: MIT */
#include "lib/traj/molecules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

/* Each atom's neighbours, one list behind the other: those of a are list[from[a] .. from[a + 1] - 1]. */
static void list_neighbours(const km_system *s, int32_t *from, int32_t *list)
{
    for (int32_t i = 0; i < s->n_bonds; i++) from[s->bonds[i].a + 1]++, from[s->bonds[i].b + 1]++;
    for (int32_t a = 0; a < s->n_atoms; a++) from[a + 1] += from[a];
    int32_t *used = KM_NEWN(int32_t, (size_t)s->n_atoms + 1);
    for (int32_t i = 0; i < s->n_bonds; i++) {
        const int32_t a = s->bonds[i].a, b = s->bonds[i].b;
        list[from[a] + used[a]++] = b;
        list[from[b] + used[b]++] = a;
    }
    free(used);
}

km_molecules *km_molecules_of(const km_system *s)
{
    const size_t n = (size_t)s->n_atoms;
    km_molecules *m = KM_NEW(km_molecules);
    int32_t *from = KM_NEWN(int32_t, n + 2), *list = KM_NEWN(int32_t, 2 * (size_t)s->n_bonds + 1), done = 0;
    bool *seen = KM_NEWN(bool, n + 1);
    *m = (km_molecules){s->n_atoms, 0, KM_NEWN(int32_t, n + 1), KM_NEWN(int32_t, n + 1), KM_NEWN(int32_t, n + 1)};
    list_neighbours(s, from, list);
    for (int32_t root = 0; root < s->n_atoms; root++) {
        if (seen[root]) continue;
        m->first[m->count++] = done;
        int32_t end = done;
        m->order[end] = root, m->parent[end++] = -1;
        seen[root] = true;
        for (; done < end; done++) {
            const int32_t a = m->order[done];
            for (int32_t k = from[a]; k < from[a + 1]; k++) {
                if (seen[list[k]]) continue;
                seen[list[k]] = true;
                m->order[end] = list[k], m->parent[end++] = a;
            }
        }
    }
    m->first[m->count] = done;
    free(from), free(list), free(seen);
    return m;
}

void km_molecules_free(km_molecules *m)
{
    if (!m) return;
    free(m->order), free(m->parent), free(m->first);
    free(m);
}

/* The lattice vector that takes `to` nearest to `at`. */
static void image(const km_lattice *l, const float *at, const float *to, double shift[3])
{
    double d[3], e[3];
    for (int k = 0; k < 3; k++) e[k] = d[k] = (double)to[k] - at[k];
    km_lattice_nearest(l, d);
    for (int k = 0; k < 3; k++) shift[k] = d[k] - e[k];
}

void km_molecules_make_whole(const km_molecules *m, const km_lattice *l, float *x)
{
    for (int32_t i = 0; i < m->n_atoms; i++) {
        if (m->parent[i] < 0) continue;
        float *at = x + 3 * (size_t)m->order[i];
        const float *on = x + 3 * (size_t)m->parent[i];
        const float d[3] = {at[0] - on[0], at[1] - on[1], at[2] - on[2]};
        if (d[0] * d[0] + d[1] * d[1] + d[2] * d[2] < 9) continue; /* no box is so small that this is another's image */
        double shift[3];
        image(l, on, at, shift);
        for (int k = 0; k < 3; k++) at[k] = (float)(at[k] + shift[k]);
    }
}

void km_molecules_centres(const km_molecules *m, const float *x, double *centres)
{
    for (int32_t c = 0; c < m->count; c++) {
        double *centre = centres + 3 * (size_t)c;
        double sum[2][3] = {{0}}; /* two, so that one addition need not wait for another */
        for (int32_t i = m->first[c]; i < m->first[c + 1]; i++)
            for (int k = 0; k < 3; k++) sum[i & 1][k] += x[3 * (size_t)m->order[i] + (size_t)k];
        for (int k = 0; k < 3; k++) centre[k] = (sum[0][k] + sum[1][k]) / (m->first[c + 1] - m->first[c]);
    }
}

static void move(const km_molecules *m, int32_t c, const double shift[3], float *x)
{
    if (shift[0] == 0 && shift[1] == 0 && shift[2] == 0) return;
    for (int32_t i = m->first[c]; i < m->first[c + 1]; i++)
        for (int k = 0; k < 3; k++) {
            float *at = x + 3 * (size_t)m->order[i] + k;
            *at = (float)(*at + shift[k]);
        }
}

void km_molecules_follow(const km_molecules *m, const km_lattice *l, const double *before, double *centres, float *x)
{
    for (int32_t c = 0; c < m->count; c++) {
        const double *was = before + 3 * (size_t)c;
        double *is = centres + 3 * (size_t)c, d[3], shift[3];
        for (int k = 0; k < 3; k++) d[k] = is[k] - was[k];
        km_lattice_nearest(l, d);
        bool stays = true;
        for (int k = 0; k < 3; k++) {
            shift[k] = was[k] + d[k] - is[k];
            stays &= fabs(shift[k]) < 1e-6 * (fabs(is[k]) + 1);
        }
        if (stays) continue;
        move(m, c, shift, x);
        for (int k = 0; k < 3; k++) is[k] += shift[k];
    }
}

/* The nearest pair of an atom of molecule `c`, every `step`th, and one of molecule `to`, over all images. */
static double nearest_pair(const km_molecules *m, const km_lattice *l, const float *x, int32_t c, int32_t to, int step,
                           double shift[3])
{
    double least = INFINITY;
    for (int32_t i = m->first[c]; i < m->first[c + 1]; i += step)
        for (int32_t j = m->first[to]; j < m->first[to + 1]; j += step) {
            const float *p = x + 3 * (size_t)m->order[i], *q = x + 3 * (size_t)m->order[j];
            double d[3];
            for (int k = 0; k < 3; k++) d[k] = (double)p[k] - q[k];
            km_lattice_nearest(l, d);
            const double size = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
            if (size >= least) continue;
            least = size;
            for (int k = 0; k < 3; k++) shift[k] = q[k] + d[k] - p[k];
        }
    return least;
}

void km_molecules_bring_together(const km_molecules *m, const km_lattice *l, float *x)
{
    enum { MOST = 4000 };
    const int step = 1 + m->n_atoms / MOST;
    double *least = KM_NEWN(double, (size_t)m->count + 1), (*shift)[3] = km_calloc((size_t)m->count + 1, sizeof *shift);
    bool *placed = KM_NEWN(bool, (size_t)m->count + 1);
    int32_t now = 0;
    for (int32_t c = 0; c < m->count; c++) {
        least[c] = INFINITY;
        if (m->first[c + 1] - m->first[c] > m->first[now + 1] - m->first[now]) now = c;
    }
    for (int32_t left = m->count - 1; left > 0; left--) {
        placed[now] = true;
        int32_t next = -1;
        for (int32_t c = 0; c < m->count; c++) {
            if (placed[c]) continue;
            double s[3];
            const double d = nearest_pair(m, l, x, c, now, step, s);
            if (d < least[c]) least[c] = d, memcpy(shift[c], s, sizeof s);
            if (next < 0 || least[c] < least[next]) next = c;
        }
        move(m, now = next, shift[next], x);
    }
    free(least), free(shift), free(placed);
}
