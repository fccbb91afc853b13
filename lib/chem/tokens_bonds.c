/* SPDX-License-Identifier: MIT
 * The tokeniser's bonds between residues, and their places in the sequence, which go by them. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/polymer.h"
#include "lib/chem/residues.h"
#include "lib/chem/tokens_impl.h"

/* Distance in the first model, or -1 where one of the two is missing. */
static float distance(const km_tokens_builder *b, int32_t x, int32_t y)
{
    if (x < 0 || y < 0 || b->to.source[x] < 0 || b->to.source[y] < 0) return -1;
    return km_chem_raw_distance(b->raw, b->to.source[x], b->to.source[y]);
}

/* Where a residue with coordinates stands in its chain; link: its distance from the one before, or -1. */
static int32_t number_residue(const km_tokens_builder *b, int32_t raw_residue, float link)
{
    const km_system *s = b->to.s, *raw = b->raw->system;
    const km_residue *r = &raw->residues[raw_residue];
    const km_chain *chain = &s->chains[s->n_chains - 1];
    int32_t label = b->raw->sequence[r->chain] ? b->raw->label_seq[raw_residue] : 0, step = 1;
    if (chain->n_residues == 1) return label > 0 ? label - 1 : 0;
    if (chain->mol_type == KM_NONPOLYMER) step = 1;
    else if (label > b->label) step = label - b->label;
    else if (link > 2.5f) step = r->number - raw->residues[b->before].number;
    return s->residues[s->n_residues - 2].index + (step < 1 ? 1 : step);
}

/* The atoms by which the last residue is joined to the one before, or -1 where there are none. */
static void find_ends(const km_tokens_builder *b, int32_t *x, int32_t *y)
{
    const km_system *s = b->to.s;
    const km_chain *chain = &s->chains[s->n_chains - 1];
    *x = *y = -1;
    if (chain->n_residues < 2 || chain->mol_type == KM_NONPOLYMER) return;
    *x = km_build_atom(&b->to, s->n_residues - 2, chain->mol_type == KM_PROTEIN ? "C" : "O3'");
    *y = km_build_atom(&b->to, s->n_residues - 1, chain->mol_type == KM_PROTEIN ? "N" : "P");
}

static void set_index(km_system *s, int32_t index)
{
    km_residue *r = &s->residues[s->n_residues - 1];
    r->index = index;
    for (int32_t t = s->atoms[r->first_atom].token; t < s->n_tokens; t++) s->tokens[t].residue_index = index;
}

/* Neighbours are joined unless the file shows that they are apart; then the gap is as wide as the author's numbers say.
 */
void km_tokens_link(km_tokens_builder *b, int32_t raw_residue)
{
    km_system *s = b->to.s;
    int32_t x, y;
    find_ends(b, &x, &y);
    float d = distance(b, x, y);
    set_index(s, number_residue(b, raw_residue, d));
    if (x >= 0 && y >= 0 && s->residues[s->n_residues - 1].index == s->residues[s->n_residues - 2].index + 1 &&
        d <= 2.5f)
        km_build_link(&b->to, x, y);
    b->before = raw_residue;
    b->label = b->raw->label_seq[raw_residue];
}

void km_tokens_link_unresolved(km_tokens_builder *b)
{
    km_system *s = b->to.s;
    int32_t x, y;
    find_ends(b, &x, &y);
    set_index(s, s->chains[s->n_chains - 1].n_residues < 2 ? 0 : s->residues[s->n_residues - 2].index + 1);
    if (x >= 0 && y >= 0) km_build_link(&b->to, x, y);
    b->label++;
}

static bool is_single_ion(const km_structure *raw, int32_t atom)
{
    const km_residue *r = &raw->system->residues[raw->system->atoms[atom].residue];
    return r->n_atoms == 1 && km_chem_is_ion(r->name);
}

void km_tokens_add_bonds(km_tokens_builder *b)
{
    km_system *s = b->to.s;
    const km_system *raw = b->raw->system;
    int32_t *of_raw = KM_NEWN(int32_t, (size_t)raw->n_atoms + 1);
    for (int32_t i = 0; i < raw->n_atoms; i++) of_raw[i] = -1;
    for (int32_t i = 0; i < s->n_atoms; i++)
        if (b->to.source[i] >= 0) of_raw[b->to.source[i]] = i;
    for (int32_t i = 0; i < raw->n_bonds; i++) {
        const km_bond *k = &raw->bonds[i];
        int32_t x = of_raw[k->a], y = of_raw[k->b];
        if (x < 0 || y < 0 || s->atoms[x].residue == s->atoms[y].residue) continue;
        if (is_single_ion(b->raw, k->a) || is_single_ion(b->raw, k->b)) continue;
        b->report->bonds_file += km_build_bond(&b->to, x, y, k->type);
    }
    free(of_raw);
    int32_t *sulfur = KM_NEWN(int32_t, (size_t)s->n_residues + 1), n = 0;
    for (int32_t i = 0; i < s->n_atoms; i++)
        if (strcmp(s->atoms[i].name, "SG") == 0 && b->to.source[i] >= 0 && n < s->n_residues) sulfur[n++] = i;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = i + 1; k < n; k++)
            if (distance(b, sulfur[i], sulfur[k]) < KM_DISULFIDE_MAX)
                b->report->bonds_distance += km_build_bond(&b->to, sulfur[i], sulfur[k], KM_BOND_SINGLE);
    free(sulfur);
}

void km_tokens_close_rings(km_tokens_builder *b)
{
    km_system *s = b->to.s;
    for (int32_t c = 0; c < s->n_chains; c++) {
        km_chain *h = &s->chains[c];
        int32_t first = h->first_residue, last = first + h->n_residues - 1;
        if (h->mol_type == KM_NONPOLYMER || h->n_residues < 3 ||
            s->residues[last].index - s->residues[first].index != h->n_residues - 1)
            continue;
        bool protein = h->mol_type == KM_PROTEIN;
        int32_t x = km_build_atom(&b->to, last, protein ? "C" : "O3'");
        int32_t y = km_build_atom(&b->to, first, protein ? "N" : "P");
        float d = distance(b, x, y);
        if (d < 0 || d > KM_LINK_MAX) continue;
        h->cyclic_period = h->n_residues;
        b->report->bonds_distance += km_build_bond(&b->to, x, y, KM_BOND_SINGLE);
    }
}
