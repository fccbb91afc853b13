/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/select.h"

/* New numbers of what is kept, -1 for the rest; returns how many there are. */
static int32_t renumber(const bool *keep, int32_t n, int32_t *to)
{
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++) to[i] = keep[i] ? count++ : -1;
    return count;
}

typedef struct maps {
    int32_t *atom, *residue, *chain, *token;
} maps;

static void cut_atoms(km_system *c, const maps *m)
{
    int32_t n = 0;
    for (int32_t a = 0; a < c->n_atoms; a++) {
        if (m->atom[a] < 0) continue;
        km_atom t = c->atoms[a];
        t.residue = m->residue[t.residue];
        if (t.token >= 0) t.token = m->token[t.token];
        c->atoms[n++] = t;
    }
    c->n_atoms = n;
}

static void cut_residues(km_system *c, const maps *m)
{
    int32_t n = 0;
    for (int32_t r = 0; r < c->n_residues; r++) {
        if (m->residue[r] < 0) continue;
        km_residue t = c->residues[r];
        t.chain = m->chain[t.chain];
        c->residues[n++] = t;
    }
    c->n_residues = n;
    n = 0;
    for (int32_t i = 0; i < c->n_chains; i++) {
        if (m->chain[i] < 0) continue;
        c->chains[n++] = c->chains[i];
    }
    c->n_chains = n;
}

/* A token's number of atoms is counted anew; its centre is its first atom where the old one is gone. */
static void cut_tokens(km_system *c, const maps *m)
{
    int32_t n = 0;
    for (int32_t i = 0; i < c->n_tokens; i++) {
        if (m->token[i] < 0) continue;
        km_token t = c->tokens[i];
        int32_t first = -1, count = 0;
        for (int32_t a = t.first_atom; a < t.first_atom + t.n_atoms; a++) {
            if (m->atom[a] < 0) continue;
            if (first < 0) first = m->atom[a];
            count++;
        }
        t.first_atom = first;
        t.n_atoms = count;
        t.residue = m->residue[t.residue];
        t.center_atom = m->atom[t.center_atom] >= 0 ? m->atom[t.center_atom] : first;
        t.repr_atom = m->atom[t.repr_atom] >= 0 ? m->atom[t.repr_atom] : first;
        t.token_index = n;
        c->tokens[n++] = t;
    }
    c->n_tokens = n;
    n = 0;
    for (int32_t i = 0; i < c->n_bonds; i++) {
        km_bond b = c->bonds[i];
        if (m->atom[b.a] < 0 || m->atom[b.b] < 0) continue;
        c->bonds[n++] = (km_bond){m->atom[b.a], m->atom[b.b], b.type};
    }
    c->n_bonds = n;
    n = 0;
    for (int32_t i = 0; i < c->n_contacts; i++) {
        km_contact k = c->contacts[i];
        if (m->token[k.a] < 0 || m->token[k.b] < 0) continue;
        k.a = m->token[k.a], k.b = m->token[k.b];
        c->contacts[n++] = k;
    }
    c->n_contacts = n;
}

/* Where the atoms of a residue and the residues of a chain now begin. */
static void restore_ranges(km_system *c)
{
    for (int32_t r = 0; r < c->n_residues; r++) c->residues[r].n_atoms = 0;
    for (int32_t a = 0; a < c->n_atoms; a++) {
        km_residue *r = &c->residues[c->atoms[a].residue];
        if (r->n_atoms++ == 0) r->first_atom = a;
    }
    for (int32_t i = 0; i < c->n_chains; i++) c->chains[i].n_residues = 0;
    for (int32_t r = 0; r < c->n_residues; r++) {
        km_chain *h = &c->chains[c->residues[r].chain];
        if (h->n_residues++ == 0) h->first_residue = r;
    }
    for (int32_t n = 0; n < c->n_tokens; n++) {
        const km_chain *h = &c->chains[c->residues[c->tokens[n].residue].chain];
        if (h->n_residues < h->cyclic_period) c->tokens[n].cyclic_period = 0;
    }
    for (int32_t i = 0; i < c->n_chains; i++)
        if (c->chains[i].n_residues < c->chains[i].cyclic_period) c->chains[i].cyclic_period = 0;
}

km_system *km_chem_cut(const km_system *s, const bool *mask)
{
    km_system *c = km_system_copy(s);
    bool *residue = KM_NEWN(bool, (size_t)s->n_residues), *chain = KM_NEWN(bool, (size_t)s->n_chains),
         *token = KM_NEWN(bool, (size_t)s->n_tokens);
    maps m = {KM_NEWN(int32_t, (size_t)s->n_atoms), KM_NEWN(int32_t, (size_t)s->n_residues),
              KM_NEWN(int32_t, (size_t)s->n_chains), KM_NEWN(int32_t, (size_t)s->n_tokens)};
    for (int32_t a = 0; a < s->n_atoms; a++)
        if (mask[a]) residue[s->atoms[a].residue] = chain[s->residues[s->atoms[a].residue].chain] = true;
    for (int32_t n = 0; n < s->n_tokens; n++)
        for (int32_t a = s->tokens[n].first_atom; a < s->tokens[n].first_atom + s->tokens[n].n_atoms; a++)
            token[n] |= mask[a];
    renumber(mask, s->n_atoms, m.atom);
    renumber(residue, s->n_residues, m.residue);
    renumber(chain, s->n_chains, m.chain);
    renumber(token, s->n_tokens, m.token);
    cut_atoms(c, &m);
    cut_tokens(c, &m);
    cut_residues(c, &m);
    restore_ranges(c);
    free(residue), free(chain), free(token);
    free(m.atom), free(m.residue), free(m.chain), free(m.token);
    return c;
}
