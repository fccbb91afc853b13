/* SPDX-License-Identifier: MIT
 * Coordinates of a raw structure in a system's order, and a place for what is missing. */
#include <math.h>
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

static void place_missing(const km_tokenized *t, const km_residue *r, float *out)
{
    const km_component *c = km_chem_component(r->name);
    int f[3];
    double here[3][3], ideal[3][3];
    km_chem_component_frame(c, f);
    float *x = out + (size_t)r->first_atom * 3;
    axes_of(x + f[0] * 3, x + f[1] * 3, x + f[2] * 3, here);
    axes_of(c->atoms[f[0]].pos, c->atoms[f[1]].pos, c->atoms[f[2]].pos, ideal);
    for (int i = 0; i < c->n_atoms; i++) {
        if (t->source[r->first_atom + i] >= 0) continue;
        for (int k = 0; k < 3; k++) x[i * 3 + k] = x[f[1] * 3 + k];
        for (int axis = 0; axis < 3; axis++) {
            double along = 0;
            for (int k = 0; k < 3; k++) along += ideal[axis][k] * ((double)c->atoms[i].pos[k] - c->atoms[f[1]].pos[k]);
            for (int k = 0; k < 3; k++) x[i * 3 + k] += (float)(along * here[axis][k]);
        }
    }
}

void km_chem_gather(const km_tokenized *t, const float *raw, float *out)
{
    for (int32_t i = 0; i < t->system->n_atoms; i++)
        if (t->source[i] >= 0) memcpy(out + (size_t)i * 3, raw + (size_t)t->source[i] * 3, 3 * sizeof *out);
    for (int32_t r = 0; r < t->system->n_residues; r++) {
        const km_residue *res = &t->system->residues[r];
        bool whole = true;
        for (int32_t i = res->first_atom; i < res->first_atom + res->n_atoms; i++) whole = whole && t->source[i] >= 0;
        if (!whole) place_missing(t, res, out);
    }
}
