/* SPDX-License-Identifier: MIT */
#include "lib/chem/tokens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/build.h"
#include "lib/chem/graph.h"
#include "lib/chem/polymer.h"
#include "lib/chem/residues.h"

/* A build in progress. */
typedef struct builder {
    const km_structure *raw;
    const km_token_options *options;
    km_library *library;
    km_build to;
    km_token_report *report;
    bool *stays;     /* [R] of the raw residues */
    int32_t *raw_of; /* [C] of the system's chains: the raw chain whose sequence counts */
} builder;

static bool chain_selected(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strncmp(p, name, n) == 0 && (p[n] == '\0' || p[n] == ',')) return true;
    return !list;
}

static km_status check_selection(const km_structure *raw, const char *list, km_err *err)
{
    for (const char *p = list; p;) {
        const char *end = strchr(p, ',');
        size_t n = end ? (size_t)(end - p) : strlen(p);
        bool found = false;
        for (int32_t c = 0; c < raw->system->n_chains && !found; c++)
            found = strlen(raw->system->chains[c].name) == n && strncmp(raw->system->chains[c].name, p, n) == 0;
        if (!found) return km_fail(err, KM_INPUT, "there is no chain '%.*s'", (int)(n > 40 ? 40 : n), p);
        p = end ? end + 1 : NULL;
    }
    return KM_OK;
}

static const char *chain_label(const km_chain *c)
{
    return c->name[0] ? c->name : "(blank)";
}

static km_status residue_fail(const builder *b, const km_residue *r, km_err *err, const char *what)
{
    char icode[2] = {r->icode == ' ' ? '\0' : r->icode, '\0'};
    return km_fail(err, KM_INPUT, "residue %s %d%s of chain %s: %s", r->name, r->number, icode,
                   chain_label(&b->raw->system->chains[r->chain]), what);
}

/* Does this residue leave? Counts it. */
static bool leaves(builder *b, int32_t residue)
{
    const km_residue *r = &b->raw->system->residues[residue];
    if (b->options->keep) return false;
    if (km_chem_is_water(r->name)) return b->report->waters++, true;
    if (km_chem_is_additive(r->name)) return b->report->additives++, true;
    if (r->n_atoms != 1 || !km_chem_is_ion(r->name)) return false;
    if (km_chem_is_held(b->raw, residue)) return b->report->held++, false;
    return b->report->ions++, true;
}

/* Find each atom of component c among the residue's raw atoms: found [c->n_atoms], -1 where there is none. whole: c
 * with its leaving atoms, or NULL. */
static km_status match_atoms(builder *b, const km_residue *r, const km_component *c, const km_component *whole,
                             int32_t *found, km_err *err)
{
    char what[96];
    for (int i = 0; i < c->n_atoms; i++) found[i] = -1;
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++) {
        const km_atom *a = &b->raw->system->atoms[i];
        int element = a->element ? a->element : km_chem_guess_element(r->name, a->name);
        if (element == 1) {
            b->report->hydrogens++;
            continue;
        }
        const char *name = c->n_atoms == 1 && r->n_atoms == 1 ? c->atoms[0].name : km_chem_atom_name(c->name, a->name);
        int k = km_chem_component_atom(c, name);
        if (k < 0 && (strcmp(name, "OXT") == 0 || strcmp(name, "OP3") == 0 ||
                      (whole && km_chem_component_atom(whole, name) >= 0))) {
            b->report->leaving++;
            continue;
        }
        if (k < 0) {
            snprintf(what, sizeof what, "atom %s does not belong to it", a->name);
            return residue_fail(b, r, err, what);
        }
        if (found[k] >= 0) {
            snprintf(what, sizeof what, "atom %s is there twice", name);
            return residue_fail(b, r, err, what);
        }
        found[k] = i;
    }
    return KM_OK;
}

/* Is what is there enough to place what is not? */
static km_status check_anchors(builder *b, const km_residue *r, const km_component *c, const int32_t *found,
                               km_err *err)
{
    char what[64];
    int anchors[3], there = 0;
    if (!c->standard) {
        for (int i = 0; i < c->n_atoms; i++) there += found[i] >= 0;
        snprintf(what, sizeof what, "only %d of its %d atoms are there", there, c->n_atoms);
        return there < 3 ? residue_fail(b, r, err, what) : KM_OK;
    }
    km_chem_component_frame(c, anchors);
    for (int i = 0; i < 3; i++)
        if (found[anchors[i]] < 0) {
            snprintf(what, sizeof what, "backbone atom %s is missing", c->atoms[anchors[i]].name);
            return residue_fail(b, r, err, what);
        }
    return KM_OK;
}

static km_status note_missing(builder *b, const km_residue *r, const km_component *c, const int32_t *found, km_err *err)
{
    char names[96] = "";
    int n = 0;
    for (int i = 0; i < c->n_atoms; i++) {
        if (found[i] >= 0) continue;
        size_t used = strlen(names);
        if (used + 6 < sizeof names)
            snprintf(names + used, sizeof names - used, "%s%s", n ? " " : "", c->atoms[i].name);
        n++;
    }
    if (n == 0) return KM_OK;
    char list[160];
    snprintf(list, sizeof list, "%s %d %s: %s", r->name, r->number, chain_label(&b->raw->system->chains[r->chain]),
             names);
    if (b->report->missing == 0) memcpy(b->report->missing_list, list, sizeof list);
    else if (strlen(b->report->missing_list) + strlen(list) + 3 < sizeof b->report->missing_list)
        strcat(strcat(b->report->missing_list, "; "), list);
    b->report->missing += n;
    return b->options->missing == KM_MISSING_REFUSE ? KM_OK : check_anchors(b, r, c, found, err);
}

/* Distance in the first model, or -1 where one of the two is missing. */
static float distance(const builder *b, int32_t x, int32_t y)
{
    if (x < 0 || y < 0 || b->to.source[x] < 0 || b->to.source[y] < 0) return -1;
    return km_chem_raw_distance(b->raw, b->to.source[x], b->to.source[y]);
}

/* Where the residue stands in its chain. */
static int32_t number_residue(const builder *b, int32_t raw_residue, int32_t raw_before, float link)
{
    const km_system *s = b->to.s, *raw = b->raw->system;
    const km_residue *r = &raw->residues[raw_residue];
    bool numbered = b->raw->sequence[r->chain] && b->raw->label_seq[raw_residue] > 0;
    if (raw_before < 0) return numbered ? b->raw->label_seq[raw_residue] - 1 : 0;
    int32_t step = r->number - raw->residues[raw_before].number;
    if (s->chains[s->n_chains - 1].mol_type == KM_NONPOLYMER) step = 1;
    else if (numbered && b->raw->label_seq[raw_residue] > b->raw->label_seq[raw_before])
        step = b->raw->label_seq[raw_residue] - b->raw->label_seq[raw_before];
    else if (link <= 2.5f || step < 1) step = 1;
    return s->residues[s->n_residues - 1].index + step;
}

/* Number the new last residue and join it to the one before. Neighbours are joined unless the file shows that they are
 * apart; then the gap is as wide as the author's numbers say. */
static void link_residue(builder *b, int32_t residue, int32_t raw_residue, int32_t raw_before)
{
    km_system *s = b->to.s;
    int32_t x = -1, y = -1;
    if (raw_before >= 0) {
        int mol_type = s->chains[s->residues[residue].chain].mol_type;
        x = km_build_atom(&b->to, residue - 1, mol_type == KM_PROTEIN ? "C" : "O3'");
        y = km_build_atom(&b->to, residue, mol_type == KM_PROTEIN ? "N" : "P");
        if (mol_type == KM_NONPOLYMER) x = y = -1;
    }
    float d = distance(b, x, y);
    s->n_residues--; /* its number is that of the residue before, and a step */
    int32_t index = number_residue(b, raw_residue, raw_before, d);
    s->residues[s->n_residues++].index = index;
    for (int32_t t = s->atoms[s->residues[residue].first_atom].token; t < s->n_tokens; t++)
        s->tokens[t].residue_index = index;
    if (x >= 0 && y >= 0 && index == s->residues[residue - 1].index + 1 && d <= 2.5f) km_build_link(&b->to, x, y);
}

/* What a residue of this chain is made of, and the same with its leaving atoms where it has any. */
static km_status find_component(builder *b, const km_residue *raw, const km_component **c, const km_component **whole,
                                km_err *err)
{
    const km_system *s = b->to.s;
    const km_chain *chain = &s->chains[s->n_chains - 1];
    bool polymer = chain->mol_type != KM_NONPOLYMER;
    const char *name = polymer ? km_chem_residue_name(raw->name)
                               : raw->n_atoms == 1 ? km_chem_ion_name(raw->name) : raw->name;
    km_err why;
    *whole = NULL;
    km_status status =
        polymer ? km_library_residue(b->library, name, c, &why) : km_library_molecule(b->library, name, c, &why);
    if (status == KM_OK && polymer && !(*c)->standard) status = km_library_molecule(b->library, name, whole, &why);
    if (status < 0)
        return why.code == KM_INPUT ? residue_fail(b, raw, err, why.msg) : km_fail(err, why.code, "%s", why.msg);
    if ((*c)->standard && polymer && (*c)->mol_type != chain->mol_type)
        return residue_fail(b, raw, err, "another kind of polymer than the chain before it");
    return KM_OK;
}

/* Of a molecule bonded to others, leaving atoms that the file does not have are gone; found is cut as well. */
static const km_component *without_left(builder *b, const km_component *c, int32_t *found)
{
    bool *leave = KM_NEWN(bool, (size_t)c->n_atoms);
    int kept = 0, all = c->n_atoms;
    for (int i = 0; i < all; i++) {
        leave[i] = found[i] < 0 && c->atoms[i].leaves;
        if (!leave[i]) found[kept++] = found[i];
    }
    if (kept < all) c = km_library_without(b->library, c, leave);
    free(leave);
    return c;
}

static km_status add_residue(builder *b, int32_t raw_residue, int32_t raw_before, km_err *err)
{
    const km_residue *raw = &b->raw->system->residues[raw_residue];
    const km_component *c, *whole;
    KM_TRY(find_component(b, raw, &c, &whole, err));
    int32_t *found = KM_NEWN(int32_t, (size_t)c->n_atoms);
    km_status status = match_atoms(b, raw, c, whole, found, err);
    if (status == KM_OK && !c->standard) c = without_left(b, c, found);
    if (status == KM_OK) status = note_missing(b, raw, c, found, err);
    if (status == KM_OK) {
        const km_residue like = {.number = raw->number, .icode = raw->icode};
        int32_t residue = km_build_residue(&b->to, c, &like, found, b->options->missing == KM_MISSING_BUILD);
        link_residue(b, residue, raw_residue, raw_before);
    }
    free(found);
    return status;
}

/* A ligand that the user has drawn: its atoms are found by elements and bonds, and have the file's names. False where
 * the residue is another molecule. */
static bool add_drawn(builder *b, int32_t raw_residue, int32_t raw_before)
{
    const km_system *raw = b->raw->system;
    const km_residue *r = &raw->residues[raw_residue];
    const char *chain = raw->chains[r->chain].name;
    const km_component *c = km_library_drawn(b->library, chain, false);
    if (!c || b->to.s->chains[b->to.s->n_chains - 1].mol_type != KM_NONPOLYMER) return false;
    size_t n = (size_t)r->n_atoms;
    int32_t *heavy = KM_NEWN(int32_t, n), *found = KM_NEWN(int32_t, n + (size_t)c->n_atoms);
    int *elements = KM_NEWN(int, n), *place = KM_NEWN(int, (size_t)c->n_atoms), count = 0;
    float *x = KM_NEWN(float, 3 * (n + (size_t)c->n_atoms));
    km_name *names = km_calloc((size_t)c->n_atoms, sizeof *names);
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++) {
        int element =
            raw->atoms[i].element ? raw->atoms[i].element : km_chem_guess_element(r->name, raw->atoms[i].name);
        if (element == 1) continue;
        memcpy(x + 3 * count, b->raw->coords + 3 * (size_t)i, 3 * sizeof *x);
        elements[count] = element;
        heavy[count++] = i;
    }
    bool same = km_chem_match_graph(c, elements, x, count, place);
    if (same) {
        for (int i = 0; i < c->n_atoms; i++) {
            found[i] = heavy[place[i]];
            memcpy(names[i], raw->atoms[found[i]].name, sizeof *names);
            memcpy(x + 3 * i, b->raw->coords + 3 * (size_t)found[i], 3 * sizeof *x);
        }
        km_library_drawn(b->library, chain, true);
        b->report->hydrogens += r->n_atoms - count;
        km_residue like = {.number = r->number, .icode = r->icode};
        memcpy(like.name, r->name, sizeof like.name);
        int32_t residue = km_build_residue(&b->to, km_library_named(b->library, c, names, x), &like, found, false);
        link_residue(b, residue, raw_residue, raw_before);
    }
    free(heavy), free(found), free(elements), free(place), free(x), free(names);
    return same;
}

/* The raw chains first ... last - 1 are one of the system's. */
static km_status add_chain(builder *b, int32_t first, int32_t last, km_err *err)
{
    const km_system *raw = b->raw->system;
    int32_t before = -1, of = first;
    int mol_type = km_chem_raw_mol_type(b->raw, b->stays, first, last, &of);
    for (int32_t c = first; c < last; c++) {
        const km_chain *from = &raw->chains[c];
        for (int32_t i = from->first_residue; i < from->first_residue + from->n_residues; i++) {
            if (!b->stays[i]) continue;
            if (before < 0) {
                b->raw_of[b->to.s->n_chains] = of;
                km_build_chain(&b->to, from->name, mol_type);
            }
            if (!add_drawn(b, i, before)) KM_TRY(add_residue(b, i, before, err));
            before = i;
        }
    }
    return KM_OK;
}

/* Equal kind and sequence. The file's whole sequence counts where both chains have one: gaps do not make another
 * entity. */
static bool same_entity(const builder *b, int32_t x, int32_t y)
{
    const km_system *s = b->to.s;
    const km_chain *p = &s->chains[x], *q = &s->chains[y];
    if (p->mol_type != q->mol_type) return false;
    const char *sx = b->raw->sequence[b->raw_of[x]], *sy = b->raw->sequence[b->raw_of[y]];
    if (sx && sy) return strcmp(sx, sy) == 0;
    if (p->n_residues != q->n_residues) return false;
    for (int32_t i = 0; i < p->n_residues; i++)
        if (strcmp(s->residues[p->first_residue + i].name, s->residues[q->first_residue + i].name) != 0) return false;
    return true;
}

static void finish(builder *b)
{
    km_system *s = b->to.s;
    int32_t *entity = KM_NEWN(int32_t, (size_t)s->n_chains + 1);
    for (int32_t c = 0; c < s->n_chains; c++)
        while (entity[c] < c && !same_entity(b, entity[c], c)) entity[c]++;
    km_build_finish(&b->to, entity);
    free(entity);
}

static bool is_single_ion(const km_structure *raw, int32_t atom)
{
    const km_residue *r = &raw->system->residues[raw->system->atoms[atom].residue];
    return r->n_atoms == 1 && km_chem_is_ion(r->name);
}

/* What the file states between residues, coordination of ions apart; then disulfides by distance. */
static void add_other_bonds(builder *b)
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
        b->report->bonds_file += km_build_bond(&b->to, x, y, KM_BOND_COVALENT);
    }
    free(of_raw);
    int32_t *sulfur = KM_NEWN(int32_t, (size_t)s->n_residues + 1), n = 0;
    for (int32_t i = 0; i < s->n_atoms; i++)
        if (strcmp(s->atoms[i].name, "SG") == 0 && b->to.source[i] >= 0 && n < s->n_residues) sulfur[n++] = i;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = i + 1; k < n; k++)
            if (distance(b, sulfur[i], sulfur[k]) < KM_DISULFIDE_MAX)
                b->report->bonds_distance += km_build_bond(&b->to, sulfur[i], sulfur[k], KM_BOND_COVALENT);
    free(sulfur);
}

/* A polymer whose last residue is linked to its first is a ring. */
static void close_rings(builder *b)
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

static km_status build(builder *b, km_err *err)
{
    const km_system *raw = b->raw->system;
    const char *chains = b->options->chains;
    KM_TRY(check_selection(b->raw, chains, err));
    for (int32_t i = 0; i < raw->n_residues; i++)
        b->stays[i] = chain_selected(chains, raw->chains[raw->residues[i].chain].name) && !leaves(b, i);
    for (int32_t c = 0, next; c < raw->n_chains; c = next) {
        next = km_chem_raw_chain_end(b->raw, b->stays, c);
        KM_TRY(add_chain(b, c, next, err));
    }
    if (b->to.s->n_chains == 0) return km_fail(err, KM_INPUT, "nothing is left without solvent and ions");
    KM_TRY(km_library_check_used(b->library, err));
    if (b->report->missing > 0 && b->options->missing == KM_MISSING_REFUSE)
        return km_fail(err, KM_INPUT, "%d heavy atoms are missing (%s): use --missing drop or --missing build",
                       b->report->missing, b->report->missing_list);
    close_rings(b);
    add_other_bonds(b);
    finish(b);
    b->report->bonds_dictionary = b->to.n_dictionary;
    return KM_OK;
}

km_status km_chem_tokenize(const km_structure *raw, const km_token_options *options, km_tokenized *ret, km_err *err)
{
    memset(ret, 0, sizeof *ret);
    builder b = {.raw = raw, .options = options, .to = km_build_start(raw->system->name), .report = &ret->report,
                 .library = options->library ? options->library : km_library_new(NULL),
                 .stays = KM_NEWN(bool, (size_t)raw->system->n_residues + 1),
                 .raw_of = KM_NEWN(int32_t, (size_t)raw->system->n_chains + 1)};
    ret->report.alternates = raw->alt_dropped ? *raw->alt_dropped : 0;
    km_status status = build(&b, err);
    if (!options->library) km_library_free(b.library);
    free(b.stays), free(b.raw_of);
    ret->system = b.to.s;
    ret->source = b.to.source;
    if (status == KM_OK) status = km_system_check(ret->system, err);
    if (status < 0) km_tokenized_clear(ret);
    return status;
}

void km_tokenized_clear(km_tokenized *t)
{
    km_system_free(t->system);
    free(t->source);
    t->system = NULL;
    t->source = NULL;
}
