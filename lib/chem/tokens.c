/* SPDX-License-Identifier: MIT */
#include "lib/chem/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/polymer.h"
#include "lib/chem/residues.h"
#include "lib/chem/tokens_impl.h"

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

const char *km_tokens_chain_label(const km_chain *c) { return c->name[0] ? c->name : "(blank)"; }

static bool is_membrane(const km_system *raw)
{
    enum { FEWEST = 10 }; /* lipids */
    int lipids = 0;
    for (int32_t i = 0; i < raw->n_residues; i++) lipids += km_chem_is_lipid(raw->residues[i].name);
    return lipids >= FEWEST;
}

/* Does this residue leave? Counts it. */
static bool leaves(km_tokens_builder *b, int32_t residue)
{
    const km_residue *r = &b->raw->system->residues[residue];
    if (b->options->keep) return false;
    if (km_chem_is_water(r->name)) return b->report->waters++, true;
    if (km_chem_is_additive(r->name)) return b->report->additives++, true;
    if (b->membrane && km_chem_is_lipid(r->name)) return b->report->lipids++, true;
    if (r->n_atoms != 1 || !km_chem_is_ion(r->name)) return false;
    if (b->held[residue]) return b->report->held++, false;
    return b->report->ions++, true;
}

/* The raw chains first ... last - 1 are one of the system's. */
static km_status add_chain(km_tokens_builder *b, int32_t first, int32_t last, km_err *err)
{
    const km_system *raw = b->raw->system;
    int32_t of = first, begun = b->to.s->n_chains;
    int mol_type = km_chem_raw_mol_type(b->raw, b->stays, first, last, &of);
    b->before = -1, b->label = 0;
    for (int32_t c = first; c < last; c++) {
        const km_chain *from = &raw->chains[c];
        bool sequence = false;
        for (int32_t i = from->first_residue; i < from->first_residue + from->n_residues; i++) {
            if (!b->stays[i]) continue;
            if (b->to.s->n_chains == begun) {
                b->raw_of[begun] = of;
                km_build_chain(&b->to, from->name, mol_type);
            }
            sequence = b->raw->sequence[c] && b->raw->label_seq[i] > 0;
            if (sequence) KM_TRY(km_tokens_add_unresolved(b, c, b->raw->label_seq[i], err));
            KM_TRY(km_tokens_add_residue(b, i, err));
        }
        if (sequence) KM_TRY(km_tokens_add_unresolved(b, c, 0, err));
    }
    return KM_OK;
}

/* Equal kind and sequence. The file's whole sequence counts where both chains have one: gaps do not make another
 * entity. */
static bool same_entity(const km_tokens_builder *b, int32_t x, int32_t y)
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

static void finish(km_tokens_builder *b)
{
    km_system *s = b->to.s;
    int32_t *entity = KM_NEWN(int32_t, (size_t)s->n_chains + 1);
    for (int32_t c = 0; c < s->n_chains; c++)
        while (entity[c] < c && !same_entity(b, entity[c], c)) entity[c]++;
    km_build_finish(&b->to, entity);
    free(entity);
}

static km_status build(km_tokens_builder *b, km_err *err)
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
    KM_TRY(km_library_check_used(b->library, NULL, err));
    if (b->report->missing > 0 && b->options->missing == KM_MISSING_REFUSE)
        return km_fail(err, KM_INPUT, "%d heavy atoms are missing (%s): use --missing drop or --missing build",
                       b->report->missing, b->report->missing_list);
    km_tokens_close_rings(b);
    km_tokens_add_bonds(b);
    finish(b);
    b->report->bonds_dictionary = b->to.n_dictionary;
    return KM_OK;
}

km_status km_chem_tokenize(const km_structure *raw, const km_token_options *options, km_tokenized *ret, km_err *err)
{
    memset(ret, 0, sizeof *ret);
    km_tokens_builder b = {.raw = raw,
                           .options = options,
                           .to = km_build_start(raw->system->name),
                           .report = &ret->report,
                           .membrane = is_membrane(raw->system),
                           .library = options->library ? options->library : km_library_new(NULL),
                           .stays = KM_NEWN(bool, (size_t)raw->system->n_residues + 1),
                           .held = KM_NEWN(int32_t, (size_t)raw->system->n_residues + 1),
                           .raw_of = KM_NEWN(int32_t, (size_t)raw->system->n_chains + 1)};
    if (options->opt_held) memcpy(b.held, options->opt_held, (size_t)raw->system->n_residues * sizeof *b.held);
    else km_chem_count_held(raw, raw->coords, NULL, b.held);
    ret->report.alternates = raw->alt_dropped ? *raw->alt_dropped : 0;
    km_status status = build(&b, err);
    if (!options->library) km_library_free(b.library);
    free(b.stays), free(b.held), free(b.raw_of);
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
