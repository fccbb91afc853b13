/* SPDX-License-Identifier: MIT */
#include "formats/sdf.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "formats/slurp.h"
#include "lib/base/mem.h"

enum { MAX_ATOMS = 9999, MAX_LINE = 256, MAX_CHARGE = 8 };

typedef struct atom_row {
    int element, charge;
    float pos[3];
} atom_row;

typedef struct bond_row {
    int a, b, order; /* order as the file has it: 1, 2, 3, 4 aromatic, others */
} bond_row;

typedef struct reader {
    const char *at;
    int line_number, n_atoms, n_bonds;
    char line[MAX_LINE + 1];
    atom_row *atoms;
    bond_row *bonds;
    km_err *err;
} reader;

static km_status bad(const reader *r, const char *what)
{
    return km_fail(r->err, KM_INPUT, "line %d: %s", r->line_number, what);
}

static km_status next(reader *r)
{
    r->line_number++;
    if (!*r->at) return bad(r, "the molecule is cut short");
    size_t n = strcspn(r->at, "\n");
    if (n > MAX_LINE) return bad(r, "longer than 256 characters");
    memcpy(r->line, r->at, n);
    r->line[n] = '\0';
    if (n && r->line[n - 1] == '\r') r->line[n - 1] = '\0';
    r->at += n + (r->at[n] == '\n');
    return KM_OK;
}

/* The whole number in a fixed field, 0 where it is blank; -100000 for what is none. */
static int field(const reader *r, size_t from, size_t width)
{
    char text[8] = {0}, *end;
    if (strlen(r->line) <= from) return 0;
    strncpy(text, r->line + from, width);
    if (text[strspn(text, " ")] == '\0') return 0;
    long v = strtol(text, &end, 10);
    return *end && *end != ' ' ? -100000 : (int)v;
}

static km_status start(reader *r, int n_atoms, int n_bonds)
{
    if (n_atoms < 1 || n_atoms > MAX_ATOMS || n_bonds < 0 || n_bonds > 4 * MAX_ATOMS)
        return bad(r, "no counts of 1 to 9999 atoms and their bonds");
    r->n_atoms = n_atoms, r->n_bonds = n_bonds;
    r->atoms = KM_NEWN(atom_row, (size_t)n_atoms);
    r->bonds = KM_NEWN(bond_row, (size_t)n_bonds + 1);
    return KM_OK;
}

static km_status put_atom(reader *r, int i, const char *symbol, const double x[3], int charge)
{
    atom_row *a = &r->atoms[i];
    a->element = km_element_of(symbol);
    a->charge = charge;
    if (!a->element) return bad(r, "an atom of no element");
    for (int k = 0; k < 3; k++) {
        if (!(fabs(x[k]) < 1e6)) return bad(r, "an atom without coordinates");
        a->pos[k] = (float)x[k];
    }
    return abs(charge) <= MAX_CHARGE ? KM_OK : bad(r, "a charge out of range");
}

static km_status put_bond(reader *r, int i, int a, int b, int order)
{
    if (a < 1 || b < 1 || a > r->n_atoms || b > r->n_atoms || a == b || order < 1)
        return bad(r, "a bond of atoms that there are not");
    r->bonds[i] = (bond_row){a - 1, b - 1, order};
    return KM_OK;
}

static km_status read_v2000(reader *r)
{
    static const int charges[] = {0, 3, 2, 1, 0, -1, -2, -3};
    bool stated = false;
    KM_TRY(start(r, field(r, 0, 3), field(r, 3, 3)));
    for (int i = 0; i < r->n_atoms; i++) {
        double x[3];
        char symbol[4];
        KM_TRY(next(r));
        if (sscanf(r->line, "%10lf%10lf%10lf %3s", &x[0], &x[1], &x[2], symbol) != 4) return bad(r, "not an atom");
        int code = field(r, 36, 3);
        KM_TRY(put_atom(r, i, symbol, x, code > 0 && code < 8 ? charges[code] : 0));
    }
    for (int i = 0; i < r->n_bonds; i++) {
        KM_TRY(next(r));
        KM_TRY(put_bond(r, i, field(r, 0, 3), field(r, 3, 3), field(r, 6, 3)));
    }
    KM_TRY(next(r));
    while (strncmp(r->line, "M  END", 6) != 0) {
        if (strncmp(r->line, "M  CHG", 6) == 0) {
            for (int i = 0; i < r->n_atoms && !stated; i++) r->atoms[i].charge = 0;
            stated = true; /* the codes of the atom lines no longer count */
            for (int k = 0; k < field(r, 6, 3); k++) {
                int atom = field(r, 9 + 8 * (size_t)k, 4), charge = field(r, 13 + 8 * (size_t)k, 4);
                if (atom < 1 || atom > r->n_atoms || abs(charge) > MAX_CHARGE) return bad(r, "not a charge");
                r->atoms[atom - 1].charge = charge;
            }
        }
        KM_TRY(next(r));
    }
    return KM_OK;
}

/* A line behind "M  V30 ", with those that it goes on in. */
static km_status next_v30(reader *r, char *out, size_t room)
{
    size_t used = 0;
    for (bool more = true; more;) {
        KM_TRY(next(r));
        if (strncmp(r->line, "M  V30 ", 7) != 0) return bad(r, "not a line of V3000");
        size_t n = strlen(r->line + 7);
        more = n > 0 && r->line[7 + n - 1] == '-';
        if (used + n + 1 > room) return bad(r, "a line that is too long");
        memcpy(out + used, r->line + 7, n + 1);
        used += n - more;
        out[used] = '\0';
    }
    return KM_OK;
}

static km_status read_v3000(reader *r)
{
    char line[4 * MAX_LINE], symbol[4];
    int n_atoms = 0, n_bonds = 0, number, a, b, order, atoms = 0, bonds = 0;
    do {
        KM_TRY(next_v30(r, line, sizeof line));
    } while (sscanf(line, "COUNTS %d %d", &n_atoms, &n_bonds) != 2);
    KM_TRY(start(r, n_atoms, n_bonds));
    for (const char *in = ""; strncmp(line, "END CTAB", 8) != 0;) {
        double x[3];
        KM_TRY(next_v30(r, line, sizeof line));
        if (strncmp(line, "BEGIN ATOM", 10) == 0) in = "atom";
        else if (strncmp(line, "BEGIN BOND", 10) == 0) in = "bond";
        else if (strncmp(line, "END ", 4) == 0) in = "";
        else if (*in == 'a') {
            const char *charge = strstr(line, "CHG=");
            if (sscanf(line, "%d %3s %lf %lf %lf", &number, symbol, &x[0], &x[1], &x[2]) != 5 || number != atoms + 1 ||
                atoms == n_atoms)
                return bad(r, "not the next atom");
            KM_TRY(put_atom(r, atoms++, symbol, x, charge ? atoi(charge + 4) : 0));
        } else if (*in == 'b') {
            if (sscanf(line, "%d %d %d %d", &number, &order, &a, &b) != 4 || bonds == n_bonds)
                return bad(r, "not a bond");
            KM_TRY(put_bond(r, bonds++, a, b, order));
        }
    }
    return atoms == n_atoms && bonds == n_bonds ? KM_OK : bad(r, "fewer atoms or bonds than its counts");
}

/* Hydrogens that an element of this charge still takes with these bonds. */
static int implicit_hydrogens(int element, int charge, int valence)
{
    static const struct {
        int element, valences[3];
    } table[] = {{5, {3}},        {6, {4}},  {7, {3}},        {8, {2}}, {9, {1}}, {14, {4}},
                 {15, {3, 5}},    {16, {2, 4, 6}}, {17, {1}}, {34, {2, 4, 6}}, {35, {1}}, {53, {1}}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].element != element) continue;
        /* carbon loses a bond with either charge, the others gain one with each positive */
        int shift = element == 6 ? -abs(charge) : element == 5 ? -charge : charge;
        for (int k = 0; k < 3 && table[i].valences[k]; k++)
            if (table[i].valences[k] + shift >= valence) return table[i].valences[k] + shift - valence;
    }
    return 0;
}

static uint8_t type_of(int order)
{
    return (uint8_t)(order == 4 ? KM_BOND_AROMATIC : order < 4 ? order + 1 : KM_BOND_OTHER);
}

static km_component *component_of(const reader *r)
{
    size_t n = (size_t)r->n_atoms;
    km_component *c =
        km_calloc(1, sizeof *c + n * sizeof(km_component_atom) + (size_t)r->n_bonds * sizeof(km_component_bond));
    km_component_atom *atoms = (km_component_atom *)(c + 1);
    km_component_bond *bonds = (km_component_bond *)(atoms + n);
    int *to = KM_NEWN(int, n), *twice = KM_NEWN(int, n); /* place among the heavy ones; twice the sum of orders */
    bool flat = true;
    *c = (km_component){.name = "LIG", .letter = 'X', .mol_type = KM_NONPOLYMER, .atoms = atoms, .bonds = bonds};
    for (int i = 0; i < r->n_atoms; i++) {
        const atom_row *a = &r->atoms[i];
        to[i] = a->element == 1 ? -1 : c->n_atoms;
        flat = flat && a->pos[2] == 0;
        if (to[i] < 0) continue;
        km_component_atom *t = &atoms[c->n_atoms++];
        t->element = (uint8_t)a->element, t->charge = (int8_t)a->charge;
        memcpy(t->pos, a->pos, sizeof t->pos);
        snprintf(t->name, sizeof t->name, "%s%d", km_element_symbol(a->element), c->n_atoms);
        for (char *p = t->name; *p; p++) *p = (char)toupper((unsigned char)*p);
    }
    for (int i = 0; i < r->n_bonds; i++) {
        const bond_row *b = &r->bonds[i];
        int p = to[b->a], q = to[b->b], order = b->order == 4 ? 3 : b->order < 4 ? 2 * b->order : 2;
        twice[b->a] += order, twice[b->b] += order;
        if (p >= 0 && q >= 0)
            bonds[c->n_bonds++] =
                (km_component_bond){(uint16_t)(p < q ? p : q), (uint16_t)(p < q ? q : p), type_of(b->order)};
        else if (p >= 0 || q >= 0) atoms[p >= 0 ? p : q].hydrogens++;
    }
    for (int i = 0; i < r->n_atoms; i++)
        if (to[i] >= 0)
            atoms[to[i]].hydrogens = (uint8_t)(atoms[to[i]].hydrogens +
                implicit_hydrogens(r->atoms[i].element, r->atoms[i].charge, (twice[i] + 1) / 2));
    c->unplaced = flat && c->n_atoms > 1;
    free(to), free(twice);
    return c;
}

static km_status read_molecule(reader *r)
{
    for (int i = 0; i < 4; i++) KM_TRY(next(r)); /* title, program, comment, counts */
    if (strstr(r->line, "V3000")) return read_v3000(r);
    return strstr(r->line, "V2000") ? read_v2000(r) : bad(r, "neither V2000 nor V3000");
}

km_status km_sdf_parse(const char *text, const char *name, km_component **ret, km_err *err)
{
    reader r = {.at = text, .err = err};
    *ret = NULL;
    km_status status = read_molecule(&r);
    if (status == KM_OK) *ret = component_of(&r);
    if (status == KM_OK && (*ret)->n_atoms == 0) {
        free(*ret);
        *ret = NULL;
        status = km_fail(err, KM_INPUT, "no heavy atoms");
    }
    free(r.atoms), free(r.bonds);
    if (status < 0 && err) return km_fail_in(err, name);
    return status;
}

km_status km_sdf_read(const char *path, km_component **ret, km_err *err)
{
    char *text;
    size_t n;
    KM_TRY(km_slurp(path, &text, &n, err));
    km_status status = km_sdf_parse(text, path, ret, err);
    free(text);
    return status;
}
