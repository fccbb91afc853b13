/* SPDX-License-Identifier: MIT */
#include "lib/chem/build.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/residues.h"

km_build km_build_start(const char *name)
{
    km_build b = {.s = km_system_new()};
    free(b.s->name);
    b.s->name = km_strdup(name ? name : "");
    return b;
}

/* Room for n rows of this many bytes. */
static void *room_for(void *rows, int32_t n, int32_t *room, size_t bytes)
{
    if (n <= *room) return rows;
    *room = 2 * n + 64;
    return km_realloc(rows, (size_t)*room * bytes);
}

km_chain *km_build_chain(km_build *b, const char *name, int mol_type)
{
    km_system *s = b->s;
    s->chains = room_for(s->chains, s->n_chains + 1, &b->room_chains, sizeof *s->chains);
    km_chain *c = &s->chains[s->n_chains];
    *c = (km_chain){.asym_id = s->n_chains, .first_residue = s->n_residues, .mol_type = (uint8_t)mol_type};
    memcpy(c->name, name, strnlen(name, sizeof c->name - 1));
    if (!c->name[0]) c->name[0] = (char)('A' + s->n_chains % 26);
    s->n_chains++;
    return c;
}

static void add_atoms(km_build *b, const km_component *c, const int32_t *opt_found, bool present, int32_t residue)
{
    km_system *s = b->s;
    int32_t room = b->room_atoms, token = s->n_tokens;
    bool split = s->chains[s->n_chains - 1].mol_type == KM_NONPOLYMER;
    s->atoms = room_for(s->atoms, s->n_atoms + c->n_atoms, &b->room_atoms, sizeof *s->atoms);
    b->source = room_for(b->source, s->n_atoms + c->n_atoms, &room, sizeof *b->source);
    for (int i = 0; i < c->n_atoms; i++) {
        int32_t from = opt_found ? opt_found[i] : -1;
        km_atom a = {.element = c->atoms[i].element,
                     .charge = c->atoms[i].charge,
                     .residue = residue,
                     .token = split ? token + i : token,
                     .ref_space_uid = residue,
                     .present = from >= 0 || present};
        memcpy(a.name, c->atoms[i].name, sizeof a.name);
        memcpy(a.ref_pos, c->atoms[i].pos, sizeof a.ref_pos);
        b->source[s->n_atoms] = from;
        s->atoms[s->n_atoms++] = a;
    }
}

/* What is not standard has the class of the unknown: UNK, DN, N. */
static int class_of(const km_component *c, const km_chain *chain)
{
    enum { UNK = 22, N = 27, DN = 32 };
    if (c->standard && chain->mol_type != KM_NONPOLYMER) return c->res_type;
    return chain->mol_type == KM_DNA ? DN : chain->mol_type == KM_RNA ? N : UNK;
}

static void add_tokens(km_build *b, const km_component *c, int32_t residue)
{
    km_system *s = b->s;
    const km_residue *r = &s->residues[residue];
    const km_chain *ch = &s->chains[r->chain];
    bool split = ch->mol_type == KM_NONPOLYMER;
    int32_t n = split ? r->n_atoms : 1;
    s->tokens = room_for(s->tokens, s->n_tokens + n, &b->room_tokens, sizeof *s->tokens);
    for (int32_t i = 0; i < n; i++) {
        int32_t first = r->first_atom + i;
        s->tokens[s->n_tokens] = (km_token){.residue = residue,
                                            .res_type = class_of(c, ch),
                                            .first_atom = first,
                                            .n_atoms = split ? 1 : r->n_atoms,
                                            .center_atom = split ? first : first + c->center,
                                            .repr_atom = split ? first : first + c->repr,
                                            .asym_id = ch->asym_id,
                                            .residue_index = r->index,
                                            .token_index = s->n_tokens,
                                            .mol_type = ch->mol_type,
                                            .modified = !split && !c->standard};
        s->n_tokens++;
    }
}

static void put_bond(km_build *b, int32_t x, int32_t y, int type)
{
    km_system *s = b->s;
    s->bonds = room_for(s->bonds, s->n_bonds + 1, &b->room_bonds, sizeof *s->bonds);
    s->bonds[s->n_bonds++] = (km_bond){x < y ? x : y, x < y ? y : x, (uint8_t)type};
}

int32_t km_build_residue(km_build *b, const km_component *c, const km_residue *like, const int32_t *opt_found,
                         bool present)
{
    km_system *s = b->s;
    int32_t residue = s->n_residues++, first = s->n_atoms;
    s->residues = room_for(s->residues, s->n_residues, &b->room_residues, sizeof *s->residues);
    km_residue *r = &s->residues[residue];
    *r = *like;
    if (!r->name[0]) memcpy(r->name, c->name, sizeof r->name);
    if (!r->icode) r->icode = ' ';
    r->chain = s->n_chains - 1;
    r->first_atom = first, r->n_atoms = c->n_atoms;
    s->chains[r->chain].n_residues++;
    add_atoms(b, c, opt_found, present, residue);
    for (int i = 0; i < c->n_bonds; i++) {
        bool twice = false;
        for (int k = 0; k < i && !twice; k++) twice = c->bonds[k].a == c->bonds[i].a && c->bonds[k].b == c->bonds[i].b;
        if (twice) continue;
        put_bond(b, first + c->bonds[i].a, first + c->bonds[i].b, c->bonds[i].type);
        b->n_dictionary++;
    }
    add_tokens(b, c, residue);
    return residue;
}

bool km_build_bond(km_build *b, int32_t x, int32_t y, int type)
{
    km_system *s = b->s;
    int32_t lo = x < y ? x : y, hi = x < y ? y : x;
    for (int32_t i = 0; i < s->n_bonds; i++)
        if (s->bonds[i].a == lo && s->bonds[i].b == hi) return false;
    put_bond(b, x, y, type);
    return true;
}

void km_build_link(km_build *b, int32_t x, int32_t y)
{
    put_bond(b, x, y, KM_BOND_SINGLE);
    b->n_dictionary++;
}

int32_t km_build_atom(const km_build *b, int32_t residue, const char *name)
{
    const km_residue *r = &b->s->residues[residue];
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (strcmp(b->s->atoms[i].name, name) == 0) return i;
    return -1;
}

void km_build_finish(km_build *b, const int32_t *entity)
{
    km_system *s = b->s;
    int32_t entities = 0;
    for (int32_t c = 0; c < s->n_chains; c++) {
        int32_t like = 0, copies = 0;
        while (entity[like] != entity[c]) like++;
        for (int32_t d = like; d < c; d++) copies += entity[d] == entity[c];
        s->chains[c].entity_id = like < c ? s->chains[like].entity_id : entities++;
        s->chains[c].sym_id = copies;
    }
    for (int32_t t = 0; t < s->n_tokens; t++) {
        const km_chain *c = &s->chains[s->residues[s->tokens[t].residue].chain];
        s->tokens[t].entity_id = c->entity_id;
        s->tokens[t].sym_id = c->sym_id;
        s->tokens[t].cyclic_period = c->cyclic_period;
    }
}
