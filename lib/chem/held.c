/* SPDX-License-Identifier: MIT
 * Metals that molecules hold. */
#include <stdlib.h>

#include "lib/base/box.h"
#include "lib/base/mem.h"
#include "lib/chem/polymer.h"
#include "lib/chem/residues.h"
#include "lib/chem/tokens.h"

#define HELD_MAX 2.8

static bool is_metal(const km_residue *r) { return r->n_atoms == 1 && km_chem_is_metal(r->name); }

bool km_chem_has_metals(const km_system *s)
{
    for (int32_t r = 0; r < s->n_residues; r++)
        if (is_metal(&s->residues[r])) return true;
    return false;
}

/* N, O and S of what may hold a metal; returns how many. */
static int32_t find_donors(const km_structure *raw, int32_t *atoms)
{
    const km_system *s = raw->system;
    int32_t n = 0;
    for (int32_t r = 0; r < s->n_residues; r++) {
        const km_residue *near = &s->residues[r];
        if (km_chem_is_water(near->name) || km_chem_is_additive(near->name) || km_chem_is_lipid(near->name) ||
            (near->n_atoms == 1 && km_chem_is_ion(near->name)))
            continue;
        for (int32_t i = near->first_atom; i < near->first_atom + near->n_atoms; i++) {
            const int element = km_chem_raw_element(raw, i);
            if (element == 7 || element == 8 || element == 16) atoms[n++] = i;
        }
    }
    return n;
}

void km_chem_count_held(const km_structure *raw, const float *coords, const float *opt_box, int32_t *counts)
{
    const km_system *s = raw->system;
    km_lattice lattice;
    const bool boxed = opt_box && km_lattice_of(opt_box, &lattice);
    if (!km_chem_has_metals(s)) return;
    int32_t *donors = KM_NEWN(int32_t, (size_t)s->n_atoms);
    const int32_t n = find_donors(raw, donors);
    for (int32_t r = 0; r < s->n_residues; r++) {
        if (!is_metal(&s->residues[r])) continue;
        const float *metal = coords + 3 * (size_t)s->residues[r].first_atom;
        int near = 0;
        for (int32_t i = 0; i < n && near < 2; i++) {
            double d[3];
            for (int k = 0; k < 3; k++) d[k] = (double)coords[3 * (size_t)donors[i] + (size_t)k] - metal[k];
            if (boxed) km_lattice_nearest(&lattice, d);
            near += d[0] * d[0] + d[1] * d[1] + d[2] * d[2] <= HELD_MAX * HELD_MAX;
        }
        counts[r] += near == 2;
    }
    free(donors);
}
