/* SPDX-License-Identifier: MIT
 * Coordinates of a raw structure in a system's order, and a place for what is missing. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/chem/residues.h"
#include "lib/chem/tokens.h"

/* Orthonormal axes (rows) at the middle of three points. */
static void axes_of(const float *a, const float *b, const float *c, double e[3][3])
{
    double n = 0, dot = 0;
    for (int k = 0; k < 3; k++) e[0][k] = (double)c[k] - b[k], n += e[0][k] * e[0][k];
    for (int k = 0; k < 3; k++) e[0][k] /= sqrt(n) + 1e-12;
    for (int k = 0; k < 3; k++) e[1][k] = (double)a[k] - b[k], dot += e[1][k] * e[0][k];
    n = 0;
    for (int k = 0; k < 3; k++) e[1][k] -= dot * e[0][k], n += e[1][k] * e[1][k];
    for (int k = 0; k < 3; k++) e[1][k] /= sqrt(n) + 1e-12;
    for (int k = 0; k < 3; k++) e[2][k] = e[0][(k + 1) % 3] * e[1][(k + 2) % 3] - e[0][(k + 2) % 3] * e[1][(k + 1) % 3];
}

/* Put an atom where it lies in the reference conformer, laid on three others f; the origin is the middle one. */
static void place(const km_atom *atoms, const int f[3], int atom, float *x)
{
    double here[3][3], ideal[3][3];
    axes_of(x + f[0] * 3, x + f[1] * 3, x + f[2] * 3, here);
    axes_of(atoms[f[0]].ref_pos, atoms[f[1]].ref_pos, atoms[f[2]].ref_pos, ideal);
    for (int k = 0; k < 3; k++) x[atom * 3 + k] = x[f[1] * 3 + k];
    for (int axis = 0; axis < 3; axis++) {
        double along = 0;
        for (int k = 0; k < 3; k++) along += ideal[axis][k] * ((double)atoms[atom].ref_pos[k] - atoms[f[1]].ref_pos[k]);
        for (int k = 0; k < 3; k++) x[atom * 3 + k] += (float)(along * here[axis][k]);
    }
}

static double squared_distance(const float *a, const float *b)
{
    double sum = 0;
    for (int k = 0; k < 3; k++) sum += ((double)a[k] - b[k]) * ((double)a[k] - b[k]);
    return sum;
}

static bool in_line(const float *a, const float *b, const float *c)
{
    double p = squared_distance(a, b), q = squared_distance(b, c), r = squared_distance(a, c);
    return 4 * p * q - (p + q - r) * (p + q - r) < 0.1 * p * q; /* 16 times the squared area; 9 degrees */
}

/* The three atoms that are there nearest to a missing one in the conformer, not in line if that can be. */
static void choose_anchors(const km_tokenized *t, const km_residue *r, int atom, int f[3])
{
    const km_atom *atoms = t->system->atoms + r->first_atom;
    const int32_t *source = t->source + r->first_atom;
    for (int rank = 0; rank < 3; rank++) {
        double best = INFINITY;
        f[rank] = rank ? f[0] : 0;
        for (int pass = 0; pass < 2 && best == INFINITY; pass++)
            for (int i = 0; i < r->n_atoms; i++) {
                double d = squared_distance(atoms[i].ref_pos, atoms[atom].ref_pos);
                if (source[i] < 0 || d >= best || (rank > 0 && i == f[0]) || (rank > 1 && i == f[1])) continue;
                if (rank == 2 && pass == 0 && in_line(atoms[f[0]].ref_pos, atoms[f[1]].ref_pos, atoms[i].ref_pos))
                    continue;
                best = d, f[rank] = i;
            }
    }
    int nearest = f[0];
    f[0] = f[1], f[1] = nearest;
}

/* The atoms of a residue without a source where its conformer has them, its place `from` at x. */
static void put_conformer(const km_tokenized *t, const km_residue *r, const float *x, const float *from, float *out)
{
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        for (int k = 0; k < 3 && t->source[i] < 0; k++)
            out[(size_t)i * 3 + k] = x[k] + t->system->atoms[i].ref_pos[k] - from[k];
}

static void place_missing(const km_tokenized *t, const km_residue *r, float *out)
{
    const km_token *token = &t->system->tokens[t->system->atoms[r->first_atom].token];
    bool standard = token->mol_type != KM_NONPOLYMER && !token->modified;
    int f[3], first = -1, there = 0;
    for (int i = r->n_atoms - 1; i >= 0; i--)
        if (t->source[r->first_atom + i] >= 0) first = i, there++;
    if (standard) km_chem_component_frame(km_chem_component(r->name), f);
    for (int k = 0; k < 3 && standard; k++)
        if (t->source[r->first_atom + f[k]] < 0) there = 0;
    if (there < 3) { /* too few to lay anything on: the conformer moved to the first of them */
        put_conformer(t, r, out + (size_t)(r->first_atom + first) * 3, t->system->atoms[r->first_atom + first].ref_pos,
                      out);
        return;
    }
    for (int i = 0; i < r->n_atoms; i++) {
        if (t->source[r->first_atom + i] >= 0) continue;
        if (!standard) choose_anchors(t, r, i, f);
        place(t->system->atoms + r->first_atom, f, i, out + (size_t)r->first_atom * 3);
    }
}

/* The residue of the same chain that has coordinates and is nearest along it; its chain has one. */
static const km_residue *nearest_there(const km_tokenized *t, int32_t residue)
{
    const km_system *s = t->system;
    const km_chain *c = &s->chains[s->residues[residue].chain];
    const km_residue *best = NULL;
    for (int32_t i = c->first_residue; i < c->first_residue + c->n_residues; i++) {
        const km_residue *r = &s->residues[i];
        bool there = false;
        for (int32_t a = r->first_atom; a < r->first_atom + r->n_atoms; a++) there = there || t->source[a] >= 0;
        if (there && (!best || abs(i - residue) < abs((int)(best - s->residues) - residue))) best = r;
    }
    return best;
}

/* Nobody knows where it is: around the centre of the residue next to the gap. */
static void place_unresolved(const km_tokenized *t, int32_t residue, float *out)
{
    const km_system *s = t->system;
    const km_residue *next_to = nearest_there(t, residue);
    int32_t centre = s->tokens[s->atoms[next_to->first_atom].token].center_atom;
    put_conformer(t, &s->residues[residue], out + (size_t)centre * 3, (const float[3]){0}, out);
}

void km_chem_gather(const km_tokenized *t, const float *raw, float *out)
{
    bool all = true;
    for (int32_t i = 0; i < t->system->n_atoms; i++) {
        all &= t->source[i] >= 0;
        if (t->source[i] >= 0) memcpy(out + (size_t)i * 3, raw + (size_t)t->source[i] * 3, 3 * sizeof *out);
    }
    if (all) return;
    for (int unresolved = 0; unresolved < 2; unresolved++) /* which lie where others do */
        for (int32_t r = 0; r < t->system->n_residues; r++) {
            const km_residue *res = &t->system->residues[r];
            int32_t there = 0;
            for (int32_t i = res->first_atom; i < res->first_atom + res->n_atoms; i++) there += t->source[i] >= 0;
            if (unresolved && there == 0) place_unresolved(t, r, out);
            if (!unresolved && there > 0 && there < res->n_atoms) place_missing(t, res, out);
        }
}
