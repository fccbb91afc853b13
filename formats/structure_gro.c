/* SPDX-License-Identifier: MIT
 * Columns of five: residue number, residue, atom, atom number; then coordinates, nanometres. */
#include "formats/structure_gro.h"

#include <stdlib.h>
#include <string.h>

#include "formats/traj_lines.h"
#include "lib/base/mem.h"

enum { COLUMN = 5, AT_RESIDUE = 5, AT_ATOM = 10, AT_X = 20 };

/* A name without its blanks; false where there is none or it is too long. */
static bool take_name(const char *p, km_name out)
{
    size_t from = 0, n = COLUMN;
    while (from < n && p[from] == ' ') from++;
    while (n > from && p[n - 1] == ' ') n--;
    memset(out, 0, sizeof(km_name));
    memcpy(out, p + from, n - from);
    return n > from;
}

static bool take_atom(km_structure *t, const char *line, size_t n)
{
    km_system *s = t->system;
    km_name residue, atom;
    double number;
    float x[3];
    if (!km_gro_place(line, n, x) || !take_name(line + AT_RESIDUE, residue) || !take_name(line + AT_ATOM, atom) ||
        !km_text_number(line, COLUMN, &number))
        return false;
    km_residue *r = s->n_residues ? &s->residues[s->n_residues - 1] : NULL;
    if (!r || r->number != (int32_t)number || strcmp(r->name, residue) != 0) {
        r = &s->residues[s->n_residues++];
        *r = (km_residue){
            .number = (int32_t)number, .icode = ' ', .index = s->chains[0].n_residues++, .first_atom = s->n_atoms};
        memcpy(r->name, residue, sizeof residue);
    }
    r->n_atoms++;
    memcpy(t->coords + 3 * (size_t)s->n_atoms, x, sizeof x);
    km_atom *a = &s->atoms[s->n_atoms++];
    a->present = 1, a->token = -1, a->residue = s->n_residues - 1;
    memcpy(a->name, atom, sizeof atom);
    return true;
}

/* The line behind *at, which goes on to its end, without that; false where there is none. The last may lack one. */
static bool next_line(const char **at, const char *end, const char **line, size_t *n)
{
    if (*at >= end) return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    *line = *at;
    *n = (size_t)((stop ? stop : end) - *at);
    *at = stop ? stop + 1 : end;
    if (*n > 0 && (*line)[*n - 1] == '\r') --*n;
    return true;
}

static bool fill(km_structure *t, const char *text, const char *end)
{
    const char *line;
    size_t n;
    double count;
    float box[9];
    if (!next_line(&text, end, &line, &n) || !next_line(&text, end, &line, &n)) return false;
    if (!km_text_number(line, n, &count) || count < 1 || count > (double)(end - text) / AT_X) return false;
    const size_t room = (size_t)count;
    t->system->atoms = KM_NEWN(km_atom, room), t->system->residues = KM_NEWN(km_residue, room);
    t->coords = KM_NEWN(float, 3 * room);
    t->is_polymer = KM_NEWN(bool, room), t->is_het = KM_NEWN(bool, room), t->label_seq = KM_NEWN(int32_t, room);
    for (size_t i = 0; i < room; i++)
        if (!next_line(&text, end, &line, &n) || !take_atom(t, line, n)) return false;
    return next_line(&text, end, &line, &n) && km_gro_box(line, n, box);
}

km_status km_structure_of_gro(const char *text, size_t n, const char *name, km_structure **ret, km_err *err)
{
    km_structure *t = KM_NEW(km_structure);
    t->system = km_system_new();
    free(t->system->name);
    t->system->name = km_strdup(name);
    t->system->chains = KM_NEWN(km_chain, 1), t->system->n_chains = 1;
    t->system->chains[0].mol_type = KM_NONPOLYMER;
    t->sequence = KM_NEWN(char *, 1), t->alt_dropped = KM_NEW(int32_t), t->n_models = 1;
    if (fill(t, text, text + n)) {
        *ret = t;
        return KM_OK;
    }
    const int32_t atoms = t->system->n_atoms;
    km_structure_free(t);
    return km_fail(err, KM_INPUT, "%.150s: truncated or damaged after atom %d", name, atoms);
}
