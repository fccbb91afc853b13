/* SPDX-License-Identifier: MIT */
#include "lib/chem/tokens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/residues.h"

/* A build in progress: arrays have room for what the raw structure could give. */
typedef struct builder {
    const km_structure *raw;
    const km_token_options *options;
    km_system *s;
    int32_t *source;
    km_token_report *report;
    int64_t room_atoms, room_bonds;
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
static bool leaves(builder *b, const km_residue *r)
{
    if (km_chem_is_water(r->name)) return b->report->waters++, true;
    if (r->n_atoms == 1 && km_chem_is_ion(r->name)) return b->report->ions++, true;
    if (km_chem_is_additive(r->name)) return b->report->additives++, true;
    return false;
}

/* Find each atom of component c among the residue's raw atoms: found [c->n_atoms], -1 where there is none. */
static km_status match_atoms(builder *b, const km_residue *r, const km_component *c, int32_t *found, km_err *err)
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
        const char *name = km_chem_atom_name(c->name, a->name);
        if (strcmp(name, "OXT") == 0 || strcmp(name, "OP3") == 0) {
            b->report->leaving++;
            continue;
        }
        int k = km_chem_component_atom(c, name);
        if (k < 0) {
            snprintf(what, sizeof what, "atom %s does not belong to it (modified residues need --ccd)", a->name);
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

static km_status note_missing(builder *b, const km_residue *r, const km_component *c, const int32_t *found, km_err *err)
{
    char names[96] = "";
    int n = 0, anchors[3];
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
    km_chem_component_frame(c, anchors);
    for (int i = 0; i < 3 && b->options->missing != KM_MISSING_REFUSE; i++)
        if (found[anchors[i]] < 0) {
            char what[64];
            snprintf(what, sizeof what, "backbone atom %s is missing", c->atoms[anchors[i]].name);
            return residue_fail(b, r, err, what);
        }
    return KM_OK;
}

static void add_token(builder *b, const km_component *c, int32_t residue)
{
    km_system *s = b->s;
    const km_residue *r = &s->residues[residue];
    const km_chain *ch = &s->chains[r->chain];
    km_token *t = &s->tokens[s->n_tokens];
    *t = (km_token){.residue = residue,
                    .res_type = c->res_type,
                    .first_atom = r->first_atom,
                    .n_atoms = r->n_atoms,
                    .center_atom = r->first_atom + c->center,
                    .repr_atom = r->first_atom + c->repr,
                    .asym_id = ch->asym_id,
                    .residue_index = r->index,
                    .token_index = s->n_tokens,
                    .mol_type = c->mol_type};
    s->n_tokens++;
}

static void add_atoms(builder *b, const km_component *c, const int32_t *found, int32_t residue)
{
    km_system *s = b->s;
    if (s->n_atoms + c->n_atoms > b->room_atoms) {
        b->room_atoms = 2 * b->room_atoms + c->n_atoms;
        s->atoms = km_realloc(s->atoms, (size_t)b->room_atoms * sizeof *s->atoms);
        b->source = km_realloc(b->source, (size_t)b->room_atoms * sizeof *b->source);
    }
    for (int i = 0; i < c->n_atoms; i++) {
        km_atom a = {.element = c->atoms[i].element,
                     .charge = c->atoms[i].charge,
                     .residue = residue,
                     .token = s->n_tokens,
                     .ref_space_uid = residue,
                     .present = found[i] >= 0 || b->options->missing == KM_MISSING_BUILD};
        memcpy(a.name, c->atoms[i].name, sizeof a.name);
        memcpy(a.ref_pos, c->atoms[i].pos, sizeof a.ref_pos);
        b->source[s->n_atoms] = found[i];
        s->atoms[s->n_atoms++] = a;
    }
}

static void add_bond(builder *b, int32_t x, int32_t y, int type, int *count)
{
    km_system *s = b->s;
    int32_t lo = x < y ? x : y, hi = x < y ? y : x;
    /* Only bonds between residues can come twice, and there are few of those; dictionary bonds come first and once. */
    if (count != &b->report->bonds_dictionary)
        for (int32_t i = 0; i < s->n_bonds; i++)
            if (s->bonds[i].a == lo && s->bonds[i].b == hi) return;
    if (s->n_bonds == b->room_bonds) {
        b->room_bonds = 2 * b->room_bonds + 64;
        s->bonds = km_realloc(s->bonds, (size_t)b->room_bonds * sizeof *s->bonds);
    }
    s->bonds[s->n_bonds++] = (km_bond){lo, hi, (uint8_t)type};
    ++*count;
}

static int32_t system_atom(const km_system *s, int32_t residue, const char *name)
{
    const km_residue *r = &s->residues[residue];
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (strcmp(s->atoms[i].name, name) == 0) return i;
    return -1;
}

/* Distance in the first model, or -1 where one of the two is missing. */
static float distance(const builder *b, int32_t x, int32_t y)
{
    if (b->source[x] < 0 || b->source[y] < 0) return -1;
    const float *p = b->raw->coords + (size_t)b->source[x] * 3, *q = b->raw->coords + (size_t)b->source[y] * 3;
    return sqrtf((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]) + (p[2] - q[2]) * (p[2] - q[2]));
}

/* Number the new last residue and join it to the one before. Neighbours are joined unless the file shows that they are
 * apart; then the gap is as wide as the author's numbers say. */
static void link_residue(builder *b, int32_t residue, int32_t raw_residue, int32_t raw_before)
{
    km_system *s = b->s;
    km_residue *r = &s->residues[residue];
    bool numbered = b->raw->sequence[b->raw->system->residues[raw_residue].chain] && b->raw->label_seq[raw_residue] > 0;
    if (raw_before < 0) {
        r->index = numbered ? b->raw->label_seq[raw_residue] - 1 : 0;
        return;
    }
    const km_residue *before = &s->residues[residue - 1];
    bool protein = s->chains[r->chain].mol_type == KM_PROTEIN;
    int32_t x = system_atom(s, residue - 1, protein ? "C" : "O3'"), y = system_atom(s, residue, protein ? "N" : "P");
    float d = distance(b, x, y);
    int32_t step = r->number - before->number;
    if (numbered && b->raw->label_seq[raw_residue] > b->raw->label_seq[raw_before])
        step = b->raw->label_seq[raw_residue] - b->raw->label_seq[raw_before];
    else if (d <= 2.5f || step < 1)
        step = 1;
    r->index = before->index + step;
    if (step == 1 && d <= 2.5f) add_bond(b, x, y, KM_BOND_SINGLE, &b->report->bonds_dictionary);
}

static km_status add_residue(builder *b, int32_t raw_residue, int32_t raw_before, km_err *err)
{
    const km_residue *raw = &b->raw->system->residues[raw_residue];
    km_system *s = b->s;
    const km_component *c = km_chem_component(km_chem_residue_name(raw->name));
    if (!c) return residue_fail(b, raw, err, "not one of the built-in components (needs --ccd)");
    km_chain *chain = &s->chains[s->n_chains - 1];
    if (raw_before < 0) chain->mol_type = c->mol_type;
    if (chain->mol_type != c->mol_type)
        return residue_fail(b, raw, err, "another kind of polymer than the chain before it");
    int32_t found[32];
    KM_ASSERT(c->n_atoms <= 32);
    KM_TRY(match_atoms(b, raw, c, found, err));
    KM_TRY(note_missing(b, raw, c, found, err));
    int32_t residue = s->n_residues++, first = s->n_atoms;
    km_residue *r = &s->residues[residue];
    *r = (km_residue){.chain = s->n_chains - 1, .number = raw->number, .icode = raw->icode ? raw->icode : ' ',
                      .first_atom = first, .n_atoms = c->n_atoms};
    memcpy(r->name, c->name, sizeof r->name);
    chain->n_residues++;
    add_atoms(b, c, found, residue);
    for (int i = 0; i < c->n_bonds; i++)
        add_bond(b, first + c->bonds[i].a, first + c->bonds[i].b, c->bonds[i].type, &b->report->bonds_dictionary);
    link_residue(b, residue, raw_residue, raw_before);
    add_token(b, c, residue);
    return KM_OK;
}

static km_status add_chain(builder *b, int32_t raw_chain, km_err *err)
{
    const km_chain *raw = &b->raw->system->chains[raw_chain];
    km_system *s = b->s;
    int32_t before = -1;
    for (int32_t i = raw->first_residue; i < raw->first_residue + raw->n_residues; i++) {
        if (leaves(b, &b->raw->system->residues[i])) continue;
        if (before < 0) {
            km_chain *c = &s->chains[s->n_chains];
            *c = (km_chain){.asym_id = s->n_chains, .first_residue = s->n_residues};
            memcpy(c->name, raw->name, sizeof c->name);
            if (!c->name[0]) c->name[0] = (char)('A' + s->n_chains % 26);
            s->n_chains++;
        }
        KM_TRY(add_residue(b, i, before, err));
        before = i;
    }
    return KM_OK;
}

/* Equal kind and sequence. The file's whole sequence counts where both chains have one: gaps do not make another
 * entity. */
static bool same_entity(const builder *b, const int32_t *raw_of, int32_t x, int32_t y)
{
    const km_chain *p = &b->s->chains[x], *q = &b->s->chains[y];
    if (p->mol_type != q->mol_type) return false;
    const char *sx = b->raw->sequence[raw_of[x]], *sy = b->raw->sequence[raw_of[y]];
    if (sx && sy) return strcmp(sx, sy) == 0;
    if (p->n_residues != q->n_residues) return false;
    for (int32_t i = 0; i < p->n_residues; i++)
        if (strcmp(b->s->residues[p->first_residue + i].name, b->s->residues[q->first_residue + i].name) != 0)
            return false;
    return true;
}

static void number_entities(builder *b, const int32_t *raw_of)
{
    km_system *s = b->s;
    int32_t entities = 0;
    for (int32_t c = 0; c < s->n_chains; c++) {
        int32_t like = 0, copies = 0;
        while (like < c && !same_entity(b, raw_of, like, c)) like++;
        for (int32_t d = 0; d < c; d++) copies += like < c && s->chains[d].entity_id == s->chains[like].entity_id;
        s->chains[c].entity_id = like < c ? s->chains[like].entity_id : entities++;
        s->chains[c].sym_id = copies;
    }
    for (int32_t t = 0; t < s->n_tokens; t++) {
        const km_chain *c = &s->chains[s->residues[s->tokens[t].residue].chain];
        s->tokens[t].entity_id = c->entity_id;
        s->tokens[t].sym_id = c->sym_id;
    }
}

static int compare_bonds(const void *x, const void *y)
{
    const km_bond *p = x, *q = y;
    return p->a != q->a ? (p->a < q->a ? -1 : 1) : (p->b > q->b) - (p->b < q->b);
}

/* What the file states, then disulfides by distance. */
static void add_other_bonds(builder *b)
{
    km_system *s = b->s;
    int32_t *of_raw = KM_NEWN(int32_t, (size_t)b->raw->system->n_atoms + 1);
    for (int32_t i = 0; i < b->raw->system->n_atoms; i++) of_raw[i] = -1;
    for (int32_t i = 0; i < s->n_atoms; i++)
        if (b->source[i] >= 0) of_raw[b->source[i]] = i;
    for (int32_t i = 0; i < b->raw->system->n_bonds; i++) {
        int32_t x = of_raw[b->raw->system->bonds[i].a], y = of_raw[b->raw->system->bonds[i].b];
        if (x >= 0 && y >= 0) add_bond(b, x, y, KM_BOND_COVALENT, &b->report->bonds_file);
    }
    free(of_raw);
    int32_t *sulfur = KM_NEWN(int32_t, (size_t)s->n_residues + 1), n = 0;
    for (int32_t i = 0; i < s->n_atoms; i++)
        if (strcmp(s->atoms[i].name, "SG") == 0 && b->source[i] >= 0) sulfur[n++] = i;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = i + 1; k < n; k++)
            if (distance(b, sulfur[i], sulfur[k]) < KM_DISULFIDE_MAX)
                add_bond(b, sulfur[i], sulfur[k], KM_BOND_COVALENT, &b->report->bonds_distance);
    free(sulfur);
    qsort(s->bonds, (size_t)s->n_bonds, sizeof *s->bonds, compare_bonds);
}

static km_status build(builder *b, int32_t *raw_of, km_err *err)
{
    KM_TRY(check_selection(b->raw, b->options->chains, err));
    for (int32_t c = 0; c < b->raw->system->n_chains; c++) {
        if (!chain_selected(b->options->chains, b->raw->system->chains[c].name)) continue;
        int32_t before = b->s->n_chains;
        KM_TRY(add_chain(b, c, err));
        if (b->s->n_chains > before) raw_of[before] = c;
    }
    if (b->s->n_chains == 0) return km_fail(err, KM_INPUT, "nothing is left without solvent and ions");
    if (b->report->missing > 0 && b->options->missing == KM_MISSING_REFUSE)
        return km_fail(err, KM_INPUT, "%d heavy atoms are missing (%s): use --missing drop or --missing build",
                       b->report->missing, b->report->missing_list);
    number_entities(b, raw_of);
    add_other_bonds(b);
    return KM_OK;
}

km_status km_chem_tokenize(const km_structure *raw, const km_token_options *options, km_tokenized *ret, km_err *err)
{
    memset(ret, 0, sizeof *ret);
    const km_system *from = raw->system;
    builder b = {
        .raw = raw, .options = options, .s = km_system_new(), .report = &ret->report, .room_atoms = from->n_atoms};
    b.s->atoms = KM_NEWN(km_atom, (size_t)from->n_atoms + 1);
    b.s->residues = KM_NEWN(km_residue, (size_t)from->n_residues + 1);
    b.s->chains = KM_NEWN(km_chain, (size_t)from->n_chains + 1);
    b.s->tokens = KM_NEWN(km_token, (size_t)from->n_residues + 1);
    b.source = KM_NEWN(int32_t, (size_t)from->n_atoms + 1);
    b.s->method = 1;
    free(b.s->name);
    b.s->name = km_strdup(from->name ? from->name : "");
    ret->report.alternates = raw->alt_dropped ? *raw->alt_dropped : 0;
    int32_t *raw_of = KM_NEWN(int32_t, (size_t)from->n_chains + 1);
    km_status status = build(&b, raw_of, err);
    free(raw_of);
    ret->system = b.s;
    ret->source = b.source;
    if (status == KM_OK) status = km_system_check(b.s, err);
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
