/* SPDX-License-Identifier: MIT */
#include "lib/chem/whole.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/box.h"
#include "lib/base/mem.h"
#include "lib/chem/polymer.h"
#include "lib/chem/residues.h"

static float *at(km_structure *raw, int32_t atom) { return raw->coords + 3 * (size_t)atom; }

/* How far q's nearest image is from p, squared, and what leads there. */
static double image(const km_lattice *l, const float *p, const float *q, double shift[3])
{
    double d[3];
    for (int k = 0; k < 3; k++) d[k] = (double)q[k] - p[k];
    km_lattice_nearest(l, d);
    for (int k = 0; k < 3; k++) shift[k] = p[k] + d[k] - q[k];
    return d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
}

static void move(float *x, int32_t n, const double shift[3])
{
    for (int32_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++) x[3 * i + k] = (float)(x[3 * i + k] + shift[k]);
}

/* Atom after atom goes to the image nearest to any of those before it in the residue that are in place. */
static void join_residue(km_structure *raw, const km_lattice *l, const km_residue *r)
{
    enum { ENOUGH = 4 }; /* squared: a bond's length, no need to look further */
    for (int32_t i = 1; i < r->n_atoms; i++) {
        double best[3] = {0}, least = INFINITY, shift[3];
        for (int32_t j = i - 1; j >= 0 && least > ENOUGH; j--) {
            const double d = image(l, at(raw, r->first_atom + j), at(raw, r->first_atom + i), shift);
            if (d < least) least = d, memcpy(best, shift, sizeof best);
        }
        move(at(raw, r->first_atom + i), 1, best);
    }
}

/* A residue goes to the image in which it has an atom nearest to one of the residue before it. */
static void join_chain(km_structure *raw, const km_lattice *l, const km_residue *before, const km_residue *r)
{
    double best[3] = {0}, least = INFINITY, shift[3];
    for (int32_t i = 0; i < before->n_atoms; i++)
        for (int32_t j = 0; j < r->n_atoms; j++) {
            const double d = image(l, at(raw, before->first_atom + i), at(raw, r->first_atom + j), shift);
            if (d < least) least = d, memcpy(best, shift, sizeof best);
        }
    move(at(raw, r->first_atom), r->n_atoms, best);
}

static void join_metal(km_structure *raw, const km_lattice *l, int32_t metal)
{
    const km_system *s = raw->system;
    double best[3] = {0}, least = INFINITY, shift[3];
    for (int32_t r = 0; r < s->n_residues; r++) {
        const km_residue *near = &s->residues[r];
        if (near->n_atoms == 1 || km_chem_is_water(near->name)) continue;
        for (int32_t i = near->first_atom; i < near->first_atom + near->n_atoms; i++) {
            const double d = image(l, at(raw, i), at(raw, s->residues[metal].first_atom), shift);
            if (d < least) least = d, memcpy(best, shift, sizeof best);
        }
    }
    move(at(raw, s->residues[metal].first_atom), 1, best);
}

void km_chem_raw_whole(km_structure *raw, const float box[9])
{
    const km_system *s = raw->system;
    km_lattice l;
    if (!km_lattice_of(box, &l)) return;
    for (int32_t r = 0; r < s->n_residues; r++) {
        const km_residue *res = &s->residues[r], *before = r > 0 ? &s->residues[r - 1] : NULL;
        join_residue(raw, &l, res);
        const bool small = km_chem_is_water(res->name) || res->n_atoms == 1;
        if (!small && before && before->chain == res->chain && before->n_atoms > 1 && !km_chem_is_water(before->name))
            join_chain(raw, &l, before, res);
    }
    for (int32_t r = 0; r < s->n_residues; r++)
        if (s->residues[r].n_atoms == 1 && km_chem_is_metal(s->residues[r].name)) join_metal(raw, &l, r);
}

static bool linked(const km_structure *raw, int32_t before, int32_t r)
{
    static const char *const ends[][2] = {{"C", "N"}, {"O3'", "P"}};
    for (int k = 0; k < 2; k++) {
        const int32_t a = km_chem_raw_atom(raw->system, before, ends[k][0]);
        const int32_t b = km_chem_raw_atom(raw->system, r, ends[k][1]);
        if (a >= 0 && b >= 0 && km_chem_raw_distance(raw, a, b) <= KM_LINK_MAX) return true;
    }
    return false;
}

void km_chem_raw_split(km_structure *raw)
{
    km_system *s = raw->system;
    km_chain *chains = KM_NEWN(km_chain, (size_t)s->n_residues + 1);
    char **sequence = KM_NEWN(char *, (size_t)s->n_residues + 1);
    int32_t n = 0;
    for (int32_t r = 0; r < s->n_residues; r++) {
        km_residue *res = &s->residues[r];
        const km_chain *of = &s->chains[res->chain];
        const bool first = r == of->first_residue;
        if (first || (!of->name[0] && !linked(raw, r - 1, r))) {
            chains[n] = *of;
            chains[n].first_residue = r, chains[n].n_residues = 0, chains[n].asym_id = n;
            sequence[n++] = first ? raw->sequence[res->chain] : NULL;
        }
        res->index = chains[n - 1].n_residues++;
    }
    for (int32_t c = 0; c < n; c++)
        for (int32_t r = chains[c].first_residue; r < chains[c].first_residue + chains[c].n_residues; r++)
            s->residues[r].chain = c;
    free(s->chains), free(raw->sequence);
    s->chains = chains, raw->sequence = sequence, s->n_chains = n;
}
