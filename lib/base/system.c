/* SPDX-License-Identifier: MIT */
#include "lib/base/system.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { METHODS = 12, RES_TYPES = 33, MAX_ELEMENT = 118 };

km_system *km_system_new(void)
{
    km_system *s = KM_NEW(km_system);
    s->name = km_strdup("");
    s->method = 1;
    return s;
}

static void clear_provenance(km_provenance *p)
{
    free(p->program), free(p->version), free(p->arguments);
    free(p->weights_name), free(p->weights_path), free(p->weights_digest), free(p->trunk_digest);
}

void km_system_free(km_system *s)
{
    if (!s) return;
    for (int i = 0; i < s->n_provenance; i++) clear_provenance(&s->provenance[i]);
    free(s->name), free(s->atoms), free(s->residues), free(s->chains);
    free(s->tokens), free(s->bonds), free(s->contacts), free(s->provenance), free(s->extra);
    free(s);
}

static void *copy(const void *from, size_t count, size_t size)
{
    void *to = km_alloc(count * size);
    if (count) memcpy(to, from, count * size);
    return to;
}

static char *text(const char *s) { return km_strdup(s ? s : ""); }

void km_system_add_provenance(km_system *s, const km_provenance *p)
{
    s->provenance = km_realloc(s->provenance, (size_t)(s->n_provenance + 1) * sizeof *s->provenance);
    s->provenance[s->n_provenance++] =
        (km_provenance){text(p->program), text(p->version), text(p->arguments), p->seed, text(p->weights_name),
                        text(p->weights_path), text(p->weights_digest), text(p->trunk_digest)};
}

km_system *km_system_copy(const km_system *s)
{
    km_system *c = KM_NEW(km_system);
    *c = *s;
    c->name = text(s->name);
    c->atoms = copy(s->atoms, (size_t)s->n_atoms, sizeof *s->atoms);
    c->residues = copy(s->residues, (size_t)s->n_residues, sizeof *s->residues);
    c->chains = copy(s->chains, (size_t)s->n_chains, sizeof *s->chains);
    c->tokens = copy(s->tokens, (size_t)s->n_tokens, sizeof *s->tokens);
    c->bonds = copy(s->bonds, (size_t)s->n_bonds, sizeof *s->bonds);
    c->contacts = copy(s->contacts, (size_t)s->n_contacts, sizeof *s->contacts);
    c->extra = s->extra ? copy(s->extra, s->extra_bytes, 1) : NULL;
    c->provenance = NULL;
    c->n_provenance = 0;
    for (int i = 0; i < s->n_provenance; i++) km_system_add_provenance(c, &s->provenance[i]);
    return c;
}

/* -- the check: each function looks at one kind of record, and assumes of the others only their counts -- */

static bool in(int64_t i, int64_t n) { return i >= 0 && i < n; }

static bool good_name(const char name[8])
{
    size_t n = strnlen(name, sizeof(km_name));
    if (n == sizeof(km_name)) return false;
    for (size_t i = 0; i < n; i++)
        if (name[i] < ' ' || name[i] > '~') return false;
    return true;
}

static km_status check_counts(const km_system *s, km_err *err)
{
    const struct {
        const char *what;
        int32_t n;
        const void *p;
    } parts[] = {{"atoms", s->n_atoms, s->atoms},    {"residues", s->n_residues, s->residues},
                 {"chains", s->n_chains, s->chains}, {"tokens", s->n_tokens, s->tokens},
                 {"bonds", s->n_bonds, s->bonds},    {"contacts", s->n_contacts, s->contacts},
                 {"provenance records", s->n_provenance, s->provenance}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].n < 0 || (parts[i].n > 0 && !parts[i].p))
            return km_fail(err, KM_INPUT, "system: %d %s", parts[i].n, parts[i].what);
    if (s->n_atoms == 0) return km_fail(err, KM_INPUT, "system: no atoms");
    if (!s->name) return km_fail(err, KM_INPUT, "system: no name");
    if (!in(s->method, METHODS))
        return km_fail(err, KM_INPUT, "system: method %d is not one of %d", s->method, METHODS);
    if (s->n_extra < 0 || (s->extra_bytes > 0 && !s->extra)) return km_fail(err, KM_INPUT, "system: bad extra keys");
    return KM_OK;
}

static km_status check_chains(const km_system *s, km_err *err)
{
    int64_t next = 0;
    for (int i = 0; i < s->n_chains; i++) {
        const km_chain *c = &s->chains[i];
        const char *bad = NULL;
        if (!good_name(c->name)) bad = "name";
        if (c->mol_type > KM_NONPOLYMER) bad = "molecule type";
        if (c->asym_id < 0 || c->entity_id < 0 || c->sym_id < 0) bad = "asym, entity or sym number";
        if (c->cyclic_period < 0) bad = "cyclic period";
        if (c->first_residue != next || c->n_residues < 0 || next + c->n_residues > s->n_residues)
            bad = "range of residues";
        if (bad) return km_fail(err, KM_INPUT, "chain %d: bad %s", i, bad);
        next += c->n_residues;
    }
    if (next != s->n_residues)
        return km_fail(err, KM_INPUT, "the chains have %d residues of %d", (int)next, s->n_residues);
    return KM_OK;
}

static km_status check_residues(const km_system *s, km_err *err)
{
    int64_t next = 0;
    for (int i = 0; i < s->n_residues; i++) {
        const km_residue *r = &s->residues[i];
        const char *bad = NULL;
        if (!good_name(r->name)) bad = "name";
        if (r->icode < ' ' || r->icode > '~') bad = "insertion code";
        if (r->index < 0) bad = "index";
        if (r->first_atom != next || r->n_atoms < 0 || next + r->n_atoms > s->n_atoms) bad = "range of atoms";
        const km_chain *c = in(r->chain, s->n_chains) ? &s->chains[r->chain] : NULL;
        if (!c || !in((int64_t)i - c->first_residue, c->n_residues)) bad = "chain";
        if (bad) return km_fail(err, KM_INPUT, "residue %d: bad %s", i, bad);
        next += r->n_atoms;
    }
    if (next != s->n_atoms) return km_fail(err, KM_INPUT, "the residues have %d atoms of %d", (int)next, s->n_atoms);
    return KM_OK;
}

static km_status check_atoms(const km_system *s, km_err *err)
{
    for (int i = 0; i < s->n_atoms; i++) {
        const km_atom *a = &s->atoms[i];
        const char *bad = NULL;
        if (!good_name(a->name)) bad = "name";
        if (a->element > MAX_ELEMENT) bad = "element";
        if (a->present > 1) bad = "mark of presence";
        for (int k = 0; k < 3; k++)
            if (!isfinite(a->ref_pos[k])) bad = "reference position";
        const km_residue *r = in(a->residue, s->n_residues) ? &s->residues[a->residue] : NULL;
        if (!r || !in((int64_t)i - r->first_atom, r->n_atoms)) bad = "residue";
        if (s->n_tokens == 0 && a->token != -1) bad = "token";
        if (s->n_tokens > 0) {
            const km_token *t = in(a->token, s->n_tokens) ? &s->tokens[a->token] : NULL;
            if (!t || !in((int64_t)i - t->first_atom, t->n_atoms)) bad = "token";
        }
        if (bad) return km_fail(err, KM_INPUT, "atom %d: bad %s", i, bad);
    }
    return KM_OK;
}

static km_status check_tokens(const km_system *s, km_err *err)
{
    int64_t next = 0;
    for (int i = 0; i < s->n_tokens; i++) {
        const km_token *t = &s->tokens[i];
        const char *bad = NULL;
        if (!in(t->res_type, RES_TYPES)) bad = "residue type";
        if (t->mol_type > KM_NONPOLYMER) bad = "molecule type";
        if (t->modified > 1) bad = "mark of modification";
        if (t->asym_id < 0 || t->entity_id < 0 || t->sym_id < 0) bad = "asym, entity or sym number";
        if (t->residue_index < 0 || t->token_index < 0 || t->cyclic_period < 0) bad = "index or period";
        if (t->first_atom != next || t->n_atoms < 1 || next + t->n_atoms > s->n_atoms) bad = "range of atoms";
        if (!in((int64_t)t->center_atom - t->first_atom, t->n_atoms)) bad = "centre atom";
        if (!in((int64_t)t->repr_atom - t->first_atom, t->n_atoms)) bad = "representative atom";
        const km_residue *r = in(t->residue, s->n_residues) ? &s->residues[t->residue] : NULL;
        if (!r || t->first_atom < r->first_atom ||
            (int64_t)t->first_atom + t->n_atoms > (int64_t)r->first_atom + r->n_atoms)
            bad = "residue";
        if (bad) return km_fail(err, KM_INPUT, "token %d: bad %s", i, bad);
        next += t->n_atoms;
    }
    if (s->n_tokens > 0 && next != s->n_atoms)
        return km_fail(err, KM_INPUT, "the tokens have %d atoms of %d", (int)next, s->n_atoms);
    return KM_OK;
}

static int compare_bonds(const void *x, const void *y)
{
    const km_bond *p = x, *q = y;
    return p->a != q->a ? (p->a > q->a) - (p->a < q->a) : (p->b > q->b) - (p->b < q->b);
}

static km_status check_bonds(const km_system *s, km_err *err)
{
    for (int i = 0; i < s->n_bonds; i++) {
        const km_bond *b = &s->bonds[i];
        const char *bad = NULL;
        if (b->type > KM_BOND_COVALENT) bad = "type";
        if (!in(b->a, s->n_atoms) || !in(b->b, s->n_atoms) || b->a >= b->b) bad = "pair of atoms";
        if (bad) return km_fail(err, KM_INPUT, "bond %d: bad %s", i, bad);
    }
    km_bond *sorted = copy(s->bonds, (size_t)s->n_bonds, sizeof *sorted);
    int32_t twice = 0;
    qsort(sorted, (size_t)s->n_bonds, sizeof *sorted, compare_bonds);
    for (int i = 1; i < s->n_bonds && !twice; i++)
        if (compare_bonds(&sorted[i - 1], &sorted[i]) == 0) twice = i;
    km_status status = KM_OK;
    if (twice)
        status = km_fail(err, KM_INPUT, "atoms %d and %d are bonded twice", (int)sorted[twice].a, (int)sorted[twice].b);
    free(sorted);
    return status;
}

static km_status check_contacts(const km_system *s, km_err *err)
{
    for (int i = 0; i < s->n_contacts; i++) {
        const km_contact *c = &s->contacts[i];
        const char *bad = NULL;
        if (!in(c->a, s->n_tokens) || !in(c->b, s->n_tokens)) bad = "pair of tokens";
        if (c->type < KM_CONTACT_POCKET || c->type > KM_CONTACT_PAIR) bad = "type";
        if (!(c->threshold > 0 && c->threshold < 1e6f)) bad = "threshold";
        if (bad) return km_fail(err, KM_INPUT, "contact %d: bad %s", i, bad);
    }
    return KM_OK;
}

km_status km_system_check(const km_system *s, km_err *err)
{
    KM_TRY(check_counts(s, err));
    KM_TRY(check_chains(s, err));
    KM_TRY(check_residues(s, err));
    KM_TRY(check_tokens(s, err));
    KM_TRY(check_atoms(s, err));
    KM_TRY(check_bonds(s, err));
    KM_TRY(check_contacts(s, err));
    if (!memchr(s->family, 0, sizeof s->family)) return km_fail(err, KM_INPUT, "the family has no end");
    for (int i = 0; i < s->n_provenance; i++) {
        const km_provenance *p = &s->provenance[i];
        if (!p->program || !p->version || !p->arguments || !p->weights_name || !p->weights_path || !p->weights_digest ||
            !p->trunk_digest)
            return km_fail(err, KM_INPUT, "provenance %d: a string is missing", i);
    }
    return KM_OK;
}

km_trunk_result *km_trunk_result_new(int32_t n_tokens, int32_t inputs_s, int32_t token_s, int32_t token_z)
{
    km_trunk_result *t = KM_NEW(km_trunk_result);
    size_t n = (size_t)n_tokens;
    t->n_tokens = n_tokens, t->inputs_s = inputs_s, t->token_s = token_s, t->token_z = token_z;
    t->s_inputs = KM_NEWN(float, n * (size_t)inputs_s), t->s = KM_NEWN(float, n * (size_t)token_s);
    t->z = KM_NEWN(float, n * n * (size_t)token_z);
    t->weights_name = text(""), t->weights_path = text(""), t->weights_digest = text(""), t->trunk_digest = text("");
    return t;
}

void km_trunk_result_free(km_trunk_result *t)
{
    if (!t) return;
    free(t->s_inputs), free(t->s), free(t->z);
    free(t->weights_name), free(t->weights_path), free(t->weights_digest), free(t->trunk_digest);
    free(t);
}

int64_t km_fs_of_ns(double ns) { return (int64_t)llround(ns * KM_FS_PER_NS); }

double km_ns_of_fs(int64_t fs) { return (double)fs / KM_FS_PER_NS; }
