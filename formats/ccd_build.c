/* SPDX-License-Identifier: MIT
 * Rows of a dictionary to an image of it. The rows of one component stand together in each category. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "formats/ccd_impl.h"
#include "lib/base/mem.h"

const km_ccd_category km_ccd_categories[KM_CCD_CATEGORIES] = {
    {"_chem_comp", {"id", "type", "one_letter_code"}, 1},
    {"_chem_comp_atom",
     {"comp_id", "atom_id", "type_symbol", "charge", "pdbx_leaving_atom_flag", "pdbx_model_Cartn_x_ideal",
      "pdbx_model_Cartn_y_ideal", "pdbx_model_Cartn_z_ideal", "model_Cartn_x", "model_Cartn_y", "model_Cartn_z"},
     3},
    {"_chem_comp_bond", {"comp_id", "atom_id_1", "atom_id_2", "value_order"}, 4},
};

typedef struct atom_row {
    km_ccd_atom atom; /* pos: ideal, NaN where there is none */
    float model[3];
} atom_row;

typedef struct bond_row {
    km_name a, b;
    uint8_t type;
} bond_row;

/* Rows first ... first + n - 1 of a component. */
typedef struct group {
    km_name name;
    uint8_t mol_type, parent;
    size_t first, n;
} group;

typedef struct groups {
    group *at;
    size_t n, room;
} groups;

struct km_ccd_builder {
    groups of[KM_CCD_CATEGORIES];
    atom_row *atoms;
    bond_row *bonds;
    size_t n_atoms, n_bonds, room_atoms, room_bonds;
    char *image;
    size_t n, room;
};

km_ccd_builder *km_ccd_builder_new(void) { return KM_NEW(km_ccd_builder); }

void km_ccd_builder_free(km_ccd_builder *b)
{
    if (!b) return;
    for (int i = 0; i < KM_CCD_CATEGORIES; i++) free(b->of[i].at);
    free(b->atoms), free(b->bonds), free(b->image);
    free(b);
}

static void *grow(void *at, size_t n, size_t *room, size_t size)
{
    if (n < *room) return at;
    *room = 2 * *room + 64;
    return km_realloc(at, *room * size);
}

static bool take_name(km_ccd_value t, km_name out)
{
    memset(out, 0, sizeof(km_name));
    if (!t.s || t.n == 0 || t.n >= sizeof(km_name)) return false;
    for (size_t i = 0; i < t.n; i++)
        if (t.s[i] <= ' ' || t.s[i] > '~') return false;
    memcpy(out, t.s, t.n);
    return true;
}

static double take_number(km_ccd_value t)
{
    char text[32], *end;
    if (t.is_number) return fabs(t.number) < 1e6 ? t.number : NAN;
    if (!t.s || t.n == 0 || t.n >= sizeof text) return NAN;
    memcpy(text, t.s, t.n);
    text[t.n] = '\0';
    double v = strtod(text, &end);
    return *end || !(fabs(v) < 1e6) ? NAN : v;
}

static bool contains(km_ccd_value t, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; t.s && i + n <= t.n; i++)
        if (strncasecmp(t.s + i, word, n) == 0) return true;
    return false;
}

static uint8_t mol_type_of(km_ccd_value type)
{
    if (contains(type, "peptide") && !contains(type, "peptide-like")) return KM_PROTEIN;
    return contains(type, "DNA") ? KM_DNA : contains(type, "RNA") ? KM_RNA : KM_NONPOLYMER;
}

static uint8_t order_of(km_ccd_value t)
{
    static const struct {
        const char *word;
        uint8_t type;
    } orders[] = {{"SING", KM_BOND_SINGLE}, {"DOUB", KM_BOND_DOUBLE}, {"TRIP", KM_BOND_TRIPLE},
                  {"AROM", KM_BOND_AROMATIC}, {"DELO", KM_BOND_AROMATIC}};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (t.s && t.n == 4 && strncasecmp(t.s, orders[i].word, 4) == 0) return orders[i].type;
    return KM_BOND_OTHER;
}

static km_status bad(const km_ccd_value *row, const char *what, km_err *err)
{
    return km_fail(err, KM_INPUT, "component %.*s: %s", row[0].s ? (int)(row[0].n > 20 ? 20 : row[0].n) : 1,
                   row[0].s ? row[0].s : "?", what);
}

static km_status add_atom(km_ccd_builder *b, const km_ccd_value *row, km_err *err)
{
    b->atoms = grow(b->atoms, b->n_atoms, &b->room_atoms, sizeof *b->atoms);
    atom_row *r = &b->atoms[b->n_atoms];
    memset(r, 0, sizeof *r);
    km_name symbol;
    if (!take_name(row[1], r->atom.name)) return bad(row, "an atom without a name of 1 to 7 characters", err);
    if (!take_name(row[2], symbol)) return bad(row, "an atom without an element", err);
    r->atom.element = (uint8_t)km_element_of(symbol);
    double charge = row[3].s || row[3].is_number ? take_number(row[3]) : 0;
    if (!(fabs(charge) <= 20) || charge != rint(charge)) return bad(row, "a charge that is no small whole number", err);
    r->atom.charge = (int8_t)charge;
    r->atom.leaves = row[4].s && row[4].n == 1 && (*row[4].s == 'Y' || *row[4].s == 'y');
    for (int k = 0; k < 3; k++) {
        r->atom.pos[k] = (float)take_number(row[5 + k]);
        r->model[k] = (float)take_number(row[8 + k]);
    }
    b->n_atoms++;
    return KM_OK;
}

static km_status add_bond(km_ccd_builder *b, const km_ccd_value *row, km_err *err)
{
    b->bonds = grow(b->bonds, b->n_bonds, &b->room_bonds, sizeof *b->bonds);
    bond_row *r = &b->bonds[b->n_bonds];
    if (!take_name(row[1], r->a) || !take_name(row[2], r->b)) return bad(row, "a bond without two atoms", err);
    r->type = order_of(row[3]);
    b->n_bonds++;
    return KM_OK;
}

km_status km_ccd_builder_row(km_ccd_builder *b, int category, const km_ccd_value *row, km_err *err)
{
    groups *g = &b->of[category];
    km_name name;
    if (!take_name(row[0], name)) return km_fail(err, KM_INPUT, "a component without a name of 1 to 7 characters");
    size_t before = category == KM_CCD_ATOM ? b->n_atoms : b->n_bonds;
    if (category == KM_CCD_ATOM) KM_TRY(add_atom(b, row, err));
    if (category == KM_CCD_BOND) KM_TRY(add_bond(b, row, err));
    if (category == KM_CCD_COMP || g->n == 0 || memcmp(g->at[g->n - 1].name, name, sizeof name) != 0) {
        g->at = grow(g->at, g->n, &g->room, sizeof *g->at);
        g->at[g->n] = (group){.first = before};
        memcpy(g->at[g->n++].name, name, sizeof name);
    }
    group *last = &g->at[g->n - 1];
    last->n++;
    if (category == KM_CCD_COMP) last->mol_type = mol_type_of(row[1]);
    if (category == KM_CCD_COMP && row[2].n == 1) last->parent = (uint8_t)*row[2].s;
    return KM_OK;
}

/* -- the image */

static int by_name(const void *x, const void *y)
{
    return memcmp(((const group *)x)->name, ((const group *)y)->name, sizeof(km_name));
}

static km_status sort_groups(groups *g, const char *what, km_err *err)
{
    if (g->n == 0) return KM_OK;
    qsort(g->at, g->n, sizeof *g->at, by_name);
    for (size_t i = 1; i < g->n; i++)
        if (by_name(&g->at[i - 1], &g->at[i]) == 0)
            return km_fail(err, KM_INPUT, "component %s: its %s stand in two places", g->at[i].name, what);
    return KM_OK;
}

static const group *find_group(const groups *g, const km_name name)
{
    group key;
    memcpy(key.name, name, sizeof key.name);
    return g->n ? bsearch(&key, g->at, g->n, sizeof *g->at, by_name) : NULL;
}

static void put(km_ccd_builder *b, const void *data, size_t n)
{
    while (b->n + n > b->room) {
        b->room = 2 * b->room + 4096;
        b->image = km_realloc(b->image, b->room);
    }
    memcpy(b->image + b->n, data, n);
    b->n += n;
}

/* Ideal coordinates where all atoms have them, else the model's, else none. */
static bool place(atom_row *atoms, size_t n)
{
    bool ideal = true, model = true;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 3 && atoms[i].atom.element != 1; k++) {
            ideal = ideal && !isnan(atoms[i].atom.pos[k]);
            model = model && !isnan(atoms[i].model[k]);
        }
    for (size_t i = 0; i < n && !ideal; i++)
        for (int k = 0; k < 3; k++) atoms[i].atom.pos[k] = model ? atoms[i].model[k] : 0;
    return ideal || model;
}

static int find_atom(const km_ccd_atom *atoms, int n, const km_name name)
{
    for (int i = 0; i < n; i++)
        if (memcmp(atoms[i].name, name, sizeof(km_name)) == 0) return i;
    return -1;
}

static const atom_row *find_row(const atom_row *rows, size_t n, const km_name name)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(rows[i].atom.name, name, sizeof(km_name)) == 0) return &rows[i];
    return NULL;
}

/* Bonds between heavy atoms are kept, those to hydrogens counted. */
static km_status take_bonds(const km_ccd_builder *b, const group *atoms, const group *bonds, km_ccd_atom *heavy,
                            km_ccd_bond *out, km_ccd_record *r, km_err *err)
{
    for (size_t i = 0; bonds && i < bonds->n; i++) {
        const bond_row *row = &b->bonds[bonds->first + i];
        const atom_row *x = find_row(b->atoms + atoms->first, atoms->n, row->a);
        const atom_row *y = find_row(b->atoms + atoms->first, atoms->n, row->b);
        if (!x || !y || x == y)
            return km_fail(err, KM_INPUT, "component %s: a bond between %s and %s", atoms->name, row->a, row->b);
        int p = find_atom(heavy, r->n_atoms, row->a), q = find_atom(heavy, r->n_atoms, row->b);
        if (p >= 0 && q >= 0)
            out[r->n_bonds++] = (km_ccd_bond){(uint16_t)(p < q ? p : q), (uint16_t)(p < q ? q : p), row->type};
        else if (p >= 0 || q >= 0) heavy[p >= 0 ? p : q].hydrogens++;
    }
    return KM_OK;
}

static km_status put_record(km_ccd_builder *b, const group *comp, const group *atoms, const group *bonds, km_err *err)
{
    if (atoms->n > 20000 || (bonds && bonds->n > 20000))
        return km_fail(err, KM_INPUT, "component %s: more than 20000 atoms or bonds", atoms->name);
    km_ccd_record r = {.mol_type = comp ? comp->mol_type : KM_NONPOLYMER, .parent = comp ? comp->parent : 0};
    r.unplaced = !place(b->atoms + atoms->first, atoms->n);
    km_ccd_atom *heavy = KM_NEWN(km_ccd_atom, atoms->n);
    km_ccd_bond *kept = KM_NEWN(km_ccd_bond, bonds ? bonds->n : 0);
    km_status status = KM_OK;
    for (size_t i = 0; i < atoms->n && status == KM_OK; i++) {
        const km_ccd_atom *a = &b->atoms[atoms->first + i].atom;
        if (a->element == 1) continue;
        if (find_atom(heavy, r.n_atoms, a->name) >= 0)
            status = km_fail(err, KM_INPUT, "component %s: atom %s is there twice", atoms->name, a->name);
        heavy[r.n_atoms++] = *a;
    }
    if (status == KM_OK) status = take_bonds(b, atoms, bonds, heavy, kept, &r, err);
    put(b, &r, sizeof r);
    put(b, heavy, r.n_atoms * sizeof *heavy);
    put(b, kept, r.n_bonds * sizeof *kept);
    put(b, "\0\0", b->n % 4); /* records begin at multiples of four */
    free(heavy), free(kept);
    return status;
}

km_status km_ccd_builder_image(km_ccd_builder *b, char **ret, size_t *ret_n, km_err *err)
{
    static const char *const what[] = {"descriptions", "atoms", "bonds"};
    for (int i = 0; i < KM_CCD_CATEGORIES; i++) KM_TRY(sort_groups(&b->of[i], what[i], err));
    const groups *g = &b->of[KM_CCD_ATOM];
    if (g->n == 0) return km_fail(err, KM_INPUT, "no components (rows of _chem_comp_atom) found");
    km_ccd_head head = {.magic = KM_CCD_MAGIC, .count = (uint32_t)g->n};
    size_t directory = g->n * sizeof(km_ccd_entry);
    km_ccd_entry *entries = km_calloc(g->n, sizeof *entries);
    b->n = 0;
    put(b, &head, sizeof head);
    put(b, entries, directory);
    km_status status = KM_OK;
    for (size_t i = 0; i < g->n && status == KM_OK; i++) {
        km_ccd_entry *e = &entries[i];
        memcpy(e->name, g->at[i].name, sizeof e->name);
        e->offset = b->n;
        status = put_record(b, find_group(&b->of[KM_CCD_COMP], e->name), &g->at[i],
                            find_group(&b->of[KM_CCD_BOND], e->name), err);
        e->bytes = (uint32_t)(b->n - e->offset);
        e->crc = (uint32_t)crc32(0, (const Bytef *)b->image + e->offset, e->bytes);
    }
    head.bytes = b->n;
    head.crc = (uint32_t)crc32(0, (const Bytef *)entries, (uInt)directory);
    memcpy(b->image, &head, sizeof head);
    memcpy(b->image + sizeof head, entries, directory);
    free(entries);
    if (status < 0) return status;
    *ret = b->image, *ret_n = b->n;
    b->image = NULL, b->n = b->room = 0;
    return KM_OK;
}
