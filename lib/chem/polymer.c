/* SPDX-License-Identifier: MIT */
#include "lib/chem/polymer.h"

#include <math.h>
#include <string.h>

#include "lib/chem/residues.h"

float km_chem_raw_distance(const km_structure *raw, int32_t a, int32_t b)
{
    const float *p = raw->coords + (size_t)a * 3, *q = raw->coords + (size_t)b * 3;
    return sqrtf((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]) + (p[2] - q[2]) * (p[2] - q[2]));
}

int km_chem_raw_element(const km_structure *raw, int32_t atom)
{
    const km_atom *a = &raw->system->atoms[atom];
    return a->element ? a->element : km_chem_guess_element(raw->system->residues[a->residue].name, a->name);
}

bool km_chem_raw_has_hydrogens(const km_structure *raw, const km_residue *r)
{
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (km_chem_raw_element(raw, i) == 1) return true;
    return false;
}

int32_t km_chem_raw_atom(const km_system *s, int32_t residue, const char *name)
{
    const km_residue *r = &s->residues[residue];
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (strcmp(s->atoms[i].name, name) == 0) return i;
    return -1;
}

const char *km_chem_raw_residue_name(const km_structure *raw, int32_t residue)
{
    const km_system *s = raw->system;
    const char *name = km_chem_residue_name(s->residues[residue].name);
    bool sugar = km_chem_raw_atom(s, residue, "C2'") >= 0 || km_chem_raw_atom(s, residue, "C2*") >= 0;
    bool hydroxyl = km_chem_raw_atom(s, residue, "O2'") >= 0 || km_chem_raw_atom(s, residue, "O2*") >= 0;
    return sugar && !hydroxyl ? km_chem_deoxy_name(name) : name;
}

/* A standard residue that the file does not have as a molecule by itself. */
static const km_component *standard_of(const km_structure *raw, int32_t residue)
{
    if (raw->is_het[residue] && !raw->is_polymer[residue]) return NULL;
    return km_chem_component(km_chem_raw_residue_name(raw, residue));
}

int km_chem_raw_mol_type(const km_structure *raw, const bool *stays, int32_t first, int32_t last, int32_t *ret_chain)
{
    const km_system *s = raw->system;
    int stated = KM_NONPOLYMER;
    *ret_chain = first;
    for (int32_t c = first; c < last; c++)
        for (int32_t i = s->chains[c].first_residue; i < s->chains[c].first_residue + s->chains[c].n_residues; i++) {
            const km_component *k = stays[i] ? standard_of(raw, i) : NULL;
            if (k) return *ret_chain = c, k->mol_type;
            if (stays[i] && raw->is_polymer[i] && stated == KM_NONPOLYMER)
                *ret_chain = c, stated = s->chains[c].mol_type;
        }
    return stated;
}

/* The first (step 1) or last (step -1) residue of a chain that stays, or -1. */
static int32_t end_of(const km_system *s, const bool *stays, int32_t chain, int step)
{
    const km_chain *c = &s->chains[chain];
    for (int32_t k = 0; k < c->n_residues; k++) {
        int32_t i = c->first_residue + (step > 0 ? k : c->n_residues - 1 - k);
        if (stays[i]) return i;
    }
    return -1;
}

/* Is the last residue of one chain linked to the first of the next as in a polymer? */
static bool linked(const km_structure *raw, const bool *stays, int32_t x, int32_t y)
{
    static const char *const ends[][2] = {{"C", "N"}, {"O3'", "P"}};
    const km_system *s = raw->system;
    int32_t p = end_of(s, stays, x, -1), q = end_of(s, stays, y, 1);
    for (int i = 0; p >= 0 && q >= 0 && i < 2; i++) {
        int32_t a = km_chem_raw_atom(s, p, ends[i][0]), b = km_chem_raw_atom(s, q, ends[i][1]);
        if (a >= 0 && b >= 0 && km_chem_raw_distance(raw, a, b) <= KM_LINK_MAX) return true;
    }
    return false;
}

int32_t km_chem_raw_chain_end(const km_structure *raw, const bool *stays, int32_t chain)
{
    const km_system *s = raw->system;
    int32_t c = chain + 1, unused;
    bool polymer = km_chem_raw_mol_type(raw, stays, chain, c, &unused) != KM_NONPOLYMER;
    for (; c < s->n_chains && strcmp(s->chains[c].name, s->chains[chain].name) == 0; c++) {
        bool next = km_chem_raw_mol_type(raw, stays, c, c + 1, &unused) != KM_NONPOLYMER;
        if ((polymer && next) || !linked(raw, stays, c - 1, c)) break;
        polymer = polymer || next;
    }
    return polymer ? c : chain + 1;
}
