/* SPDX-License-Identifier: MIT
 * The tokeniser's residues: which component each is, and which of its atoms are there. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/graph.h"
#include "lib/chem/polymer.h"
#include "lib/chem/residues.h"
#include "lib/chem/tokens_impl.h"

static km_status residue_fail(const km_tokens_builder *b, const km_residue *r, km_err *err, const char *what)
{
    char icode[2] = {r->icode == ' ' ? '\0' : r->icode, '\0'};
    return km_fail(err, KM_INPUT, "residue %s %d%s of chain %s: %s", r->name, r->number, icode,
                   km_tokens_chain_label(&b->raw->system->chains[r->chain]), what);
}

/* Find each atom of component c among the residue's raw atoms: found [c->n_atoms], -1 where there is none. whole: c
 * with its leaving atoms, or NULL. */
static km_status match_atoms(km_tokens_builder *b, const km_residue *r, const km_component *c,
                             const km_component *whole, int32_t *found, km_err *err)
{
    char what[96];
    for (int i = 0; i < c->n_atoms; i++) found[i] = -1;
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++) {
        const km_atom *a = &b->raw->system->atoms[i];
        if (km_chem_raw_element(b->raw, i) == 1) {
            b->report->hydrogens++;
            continue;
        }
        const char *name = c->n_atoms == 1 && r->n_atoms == 1 ? c->atoms[0].name : km_chem_atom_name(c->name, a->name);
        int k = km_chem_component_atom(c, name);
        if (k < 0 && c->standard && km_chem_guess_element(c->name, a->name) == 1) {
            b->report->hydrogens++; /* HG11 without an element column is not mercury */
            continue;
        }
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
static km_status check_anchors(km_tokens_builder *b, const km_residue *r, const km_component *c, const int32_t *found,
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

static km_status note_missing(km_tokens_builder *b, const km_residue *r, const km_component *c, const int32_t *found,
                              km_err *err)
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
    snprintf(list, sizeof list, "%s %d %s: %s", r->name, r->number,
             km_tokens_chain_label(&b->raw->system->chains[r->chain]), names);
    if (b->report->missing == 0) memcpy(b->report->missing_list, list, sizeof list);
    else if (strlen(b->report->missing_list) + strlen(list) + 3 < sizeof b->report->missing_list)
        strcat(strcat(b->report->missing_list, "; "), list);
    b->report->missing += n;
    return b->options->missing == KM_MISSING_BUILD ? check_anchors(b, r, c, found, err) : KM_OK;
}

/* What a residue of this chain is made of, and the same with its leaving atoms where it has any. */
static km_status find_component(km_tokens_builder *b, const km_residue *raw, const km_component **c,
                                const km_component **whole, km_err *err)
{
    const km_system *s = b->to.s;
    const km_chain *chain = &s->chains[s->n_chains - 1];
    bool polymer = chain->mol_type != KM_NONPOLYMER;
    const char *name = polymer             ? km_chem_raw_residue_name(b->raw, (int32_t)(raw - b->raw->system->residues))
                       : raw->n_atoms == 1 ? km_chem_ion_name(raw->name)
                                           : raw->name;
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
static const km_component *without_left(km_tokens_builder *b, const km_component *c, int32_t *found)
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

/* Is there enough of a ligand to tell its bonds by? */
static bool may_perceive(const km_tokens_builder *b, const km_residue *r)
{
    return b->to.s->chains[b->to.s->n_chains - 1].mol_type == KM_NONPOLYMER && km_chem_raw_has_hydrogens(b->raw, r);
}

static km_status add_known(km_tokens_builder *b, int32_t raw_residue, km_err *err)
{
    const km_residue *raw = &b->raw->system->residues[raw_residue];
    const km_component *c, *whole;
    KM_TRY(find_component(b, raw, &c, &whole, err));
    int32_t *found = KM_NEWN(int32_t, (size_t)c->n_atoms);
    km_status status = match_atoms(b, raw, c, whole, found, err);
    if (status == KM_OK && !c->standard) c = without_left(b, c, found);
    if (status == KM_OK && may_perceive(b, raw))
        for (int i = 0; i < c->n_atoms && status == KM_OK; i++)
            if (found[i] < 0) status = residue_fail(b, raw, err, "it is not the component of that name");
    if (status == KM_OK) status = note_missing(b, raw, c, found, err);
    if (status == KM_OK) {
        const km_residue like = {.number = raw->number, .icode = raw->icode};
        km_build_residue(&b->to, c, &like, found, b->options->missing == KM_MISSING_BUILD);
        km_tokens_link(b, raw_residue);
    }
    free(found);
    return status;
}

/* A ligand that the user has drawn: its atoms are found by elements and bonds, and have the file's names. False where
 * the residue is another molecule. */
static bool add_drawn(km_tokens_builder *b, int32_t raw_residue)
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
        const int element = km_chem_raw_element(b->raw, i);
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
        km_build_residue(&b->to, km_library_named(b->library, c, names, x), &like, found, false);
        km_tokens_link(b, raw_residue);
    }
    free(heavy), free(found), free(elements), free(place), free(x), free(names);
    return same;
}

/* A ligand that no dictionary has, by the places of its atoms and hydrogens. */
static km_status add_perceived(km_tokens_builder *b, int32_t raw_residue, km_err *err)
{
    const km_residue *r = &b->raw->system->residues[raw_residue];
    const km_component *c;
    KM_TRY(km_library_perceive(b->library, b->raw, raw_residue, &c, err));
    km_residue like = {.number = r->number, .icode = r->icode};
    memcpy(like.name, r->name, sizeof like.name);
    int32_t *found = KM_NEWN(int32_t, (size_t)c->n_atoms), n = 0;
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (km_chem_raw_element(b->raw, i) != 1) found[n++] = i;
    b->report->hydrogens += r->n_atoms - n;
    b->report->perceived++;
    km_build_residue(&b->to, c, &like, found, false);
    km_tokens_link(b, raw_residue);
    free(found);
    return KM_OK;
}

km_status km_tokens_add_residue(km_tokens_builder *b, int32_t raw_residue, km_err *err)
{
    if (add_drawn(b, raw_residue)) return KM_OK;
    const km_token_report before = *b->report;
    km_err why, also;
    const km_status status = add_known(b, raw_residue, &why);
    if (status == KM_OK) return KM_OK;
    if (status == KM_INPUT && b->to.s->chains[b->to.s->n_chains - 1].mol_type == KM_NONPOLYMER) {
        /* Where a drawing was meant for it, that it does not fit is what is wrong. */
        KM_TRY(km_library_check_used(b->library, b->to.s->chains[b->to.s->n_chains - 1].name, err));
        if (may_perceive(b, &b->raw->system->residues[raw_residue])) {
            *b->report = before;
            if (add_perceived(b, raw_residue, &also) == KM_OK) return KM_OK;
            return km_fail(err, KM_INPUT, "%.140s; nor do its coordinates tell it: %.80s", why.msg, also.msg);
        }
    }
    return km_fail(err, status, "%s", why.msg);
}

/* The name at a place from 1 of a sequence; false where that is beyond its end. */
static bool name_at(const char *sequence, int32_t place, km_name ret)
{
    for (; place > 1 && sequence; place--) sequence = strchr(sequence, ' ') ? strchr(sequence, ' ') + 1 : NULL;
    if (!sequence) return false;
    memset(ret, 0, sizeof(km_name));
    memcpy(ret, sequence, strcspn(sequence, " ") < sizeof(km_name) ? strcspn(sequence, " ") : sizeof(km_name) - 1);
    return true;
}

static km_status add_unresolved(km_tokens_builder *b, int32_t chain, const char *name, km_err *err)
{
    const km_system *raw = b->raw->system;
    const km_chain *c = &raw->chains[chain];
    const km_component *k;
    km_err why;
    km_status status = km_library_residue(b->library, km_chem_residue_name(name), &k, &why);
    if (status < 0)
        return km_fail(err, why.code, "residue %d of the sequence of chain %s: %.180s", b->label + 1,
                       km_tokens_chain_label(c), why.msg);
    const km_residue *near = &raw->residues[b->before >= 0 ? b->before : c->first_residue];
    km_build_residue(&b->to, k,
                     &(km_residue){.number = near->number + b->label + 1 - b->raw->label_seq[near - raw->residues]},
                     NULL, false);
    km_tokens_link_unresolved(b);
    return KM_OK;
}

km_status km_tokens_add_unresolved(km_tokens_builder *b, int32_t chain, int32_t end, km_err *err)
{
    km_name name;
    if (b->to.s->chains[b->to.s->n_chains - 1].mol_type == KM_NONPOLYMER) return KM_OK;
    for (int32_t place = b->label + 1; !end || place < end; place++) {
        if (!name_at(b->raw->sequence[chain], place, name)) break;
        b->report->unresolved++;
        if (b->options->unresolved) KM_TRY(add_unresolved(b, chain, name, err));
    }
    return KM_OK;
}
