/* SPDX-License-Identifier: MIT */
#include "lib/base/system.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

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
    free(s->name), free(s->atoms), free(s->residues), free(s->chains), free(s->tokens), free(s->bonds), free(s->provenance), free(s->extra);
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
    c->extra = s->extra ? copy(s->extra, s->extra_bytes, 1) : NULL;
    c->provenance = NULL;
    c->n_provenance = 0;
    for (int i = 0; i < s->n_provenance; i++) km_system_add_provenance(c, &s->provenance[i]);
    return c;
}

static bool in(int32_t i, int32_t n) { return i >= 0 && i < n; }

static bool spans(int32_t first, int32_t count, int32_t n) { return first >= 0 && count >= 0 && first <= n - count; }

static bool is_name(const char *name) { return memchr(name, 0, sizeof(km_name)) != NULL; }

static km_status check_atoms(const km_system *s, km_err *err)
{
    for (int32_t a = 0; a < s->n_atoms; a++) {
        const km_atom *t = &s->atoms[a];
        if (!is_name(t->name)) return km_fail(err, KM_INPUT, "atom %d: its name is too long", a);
        if (!in(t->residue, s->n_residues)) return km_fail(err, KM_INPUT, "atom %d: residue %d is not there", a, t->residue);
        if (s->n_tokens && !in(t->token, s->n_tokens)) return km_fail(err, KM_INPUT, "atom %d: token %d is not there", a, t->token);
        if (t->element == 0 || t->element > 127) return km_fail(err, KM_INPUT, "atom %d: element %d is not known", a, t->element);
        for (int k = 0; k < 3; k++)
            if (!isfinite(t->ref_pos[k])) return km_fail(err, KM_INPUT, "atom %d: its reference position is not finite", a);
    }
    return KM_OK;
}

static km_status check_residues(const km_system *s, km_err *err)
{
    for (int32_t r = 0; r < s->n_residues; r++) {
        const km_residue *t = &s->residues[r];
        if (!is_name(t->name)) return km_fail(err, KM_INPUT, "residue %d: its name is too long", r);
        if (!in(t->chain, s->n_chains)) return km_fail(err, KM_INPUT, "residue %d: chain %d is not there", r, t->chain);
        if (!spans(t->first_atom, t->n_atoms, s->n_atoms)) return km_fail(err, KM_INPUT, "residue %d: its atoms are not there", r);
    }
    for (int32_t c = 0; c < s->n_chains; c++) {
        const km_chain *t = &s->chains[c];
        if (!is_name(t->name)) return km_fail(err, KM_INPUT, "chain %d: its name is too long", c);
        if (t->mol_type > KM_NONPOLYMER) return km_fail(err, KM_INPUT, "chain %d: molecule type %d is not known", c, t->mol_type);
        if (!spans(t->first_residue, t->n_residues, s->n_residues))
            return km_fail(err, KM_INPUT, "chain %d: its residues are not there", c);
    }
    return KM_OK;
}

static km_status check_tokens(const km_system *s, km_err *err)
{
    for (int32_t n = 0; n < s->n_tokens; n++) {
        const km_token *t = &s->tokens[n];
        bool good = in(t->residue, s->n_residues) && in(t->res_type, 33) && spans(t->first_atom, t->n_atoms, s->n_atoms) &&
                    in(t->center_atom, s->n_atoms) && in(t->repr_atom, s->n_atoms) && t->mol_type <= KM_NONPOLYMER &&
                    t->cyclic_period >= 0;
        if (!good) return km_fail(err, KM_INPUT, "token %d: a number is out of range", n);
    }
    for (int32_t b = 0; b < s->n_bonds; b++) {
        const km_bond *t = &s->bonds[b];
        if (!in(t->a, s->n_atoms) || !in(t->b, s->n_atoms) || t->a >= t->b || t->type > KM_BOND_COVALENT)
            return km_fail(err, KM_INPUT, "bond %d: a number is out of range", b);
    }
    return KM_OK;
}

km_status km_system_check(const km_system *s, km_err *err)
{
    KM_TRY(check_atoms(s, err));
    KM_TRY(check_residues(s, err));
    return check_tokens(s, err);
}

km_trunk_result *km_trunk_result_new(int32_t n_tokens, int32_t token_s, int32_t token_z)
{
    km_trunk_result *t = KM_NEW(km_trunk_result);
    size_t n = (size_t)n_tokens;
    t->n_tokens = n_tokens, t->token_s = token_s, t->token_z = token_z;
    t->s_inputs = KM_NEWN(float, n * (size_t)token_s), t->s = KM_NEWN(float, n * (size_t)token_s);
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
