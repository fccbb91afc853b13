/* SPDX-License-Identifier: MIT */
#include "lib/chem/valence.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/perceive.h"
#include "lib/chem/polymer.h"

/* Does the file say what its atoms are? Names alone take chlorine for carbon. */
static bool has_elements(const km_structure *raw, const km_residue *r)
{
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (!raw->system->atoms[i].element) return false;
    return true;
}

/* Bonds within a residue of the system. */
static int count_bonds(const km_system *s, int32_t residue)
{
    int n = 0;
    for (int32_t i = 0; i < s->n_bonds; i++)
        n += s->atoms[s->bonds[i].a].residue == residue && s->atoms[s->bonds[i].b].residue == residue;
    return n;
}

static bool has_bond(const km_system *s, int32_t a, int32_t b)
{
    for (int32_t i = 0; i < s->n_bonds; i++)
        if ((s->bonds[i].a == a && s->bonds[i].b == b) || (s->bonds[i].a == b && s->bonds[i].b == a)) return true;
    return false;
}

/* of_raw [A_raw]: the system's atom of each raw one. */
static km_status compare(const km_structure *raw, int32_t raw_residue, const km_system *s, const int32_t *of_raw,
                         const km_component *c, km_err *err)
{
    const km_residue *r = &raw->system->residues[raw_residue];
    int32_t *at = KM_NEWN(int32_t, (size_t)r->n_atoms + 1), n = 0, residue = -1;
    km_status status = KM_OK;
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++) {
        if (km_chem_raw_element(raw, i) == 1) continue;
        at[n++] = of_raw[i];
        if (of_raw[i] >= 0) residue = s->atoms[of_raw[i]].residue;
    }
    int within = 0;
    for (int i = 0; i < c->n_bonds && status == KM_OK; i++) {
        const int32_t a = at[c->bonds[i].a], b = at[c->bonds[i].b];
        if (a < 0 || b < 0) continue; /* left out */
        within++;
        if (!has_bond(s, a, b))
            status = km_fail(err, KM_NEGATIVE, "%s and %s are as near as bonded atoms, and are not", s->atoms[a].name,
                             s->atoms[b].name);
    }
    if (status == KM_OK && within != count_bonds(s, residue))
        status = km_fail(err, KM_NEGATIVE, "%d of its bonds are too long", count_bonds(s, residue) - within);
    free(at);
    return status;
}

km_status km_chem_check_valences(const km_structure *raw, const km_tokenized *t, km_err *err)
{
    const km_system *s = t->system;
    int32_t *of_raw = KM_NEWN(int32_t, (size_t)raw->system->n_atoms + 1), done = -1;
    km_status status = KM_OK;
    for (int32_t i = 0; i < raw->system->n_atoms; i++) of_raw[i] = -1;
    for (int32_t i = 0; i < s->n_atoms; i++)
        if (t->source[i] >= 0) of_raw[t->source[i]] = i;
    for (int32_t i = 0; i < raw->system->n_atoms && status == KM_OK; i++) {
        const int32_t residue = raw->system->atoms[i].residue;
        const km_residue *r = &raw->system->residues[residue];
        km_component *c;
        km_err why;
        if (of_raw[i] < 0 || residue == done || s->chains[s->residues[s->atoms[of_raw[i]].residue].chain].mol_type !=
                                                    KM_NONPOLYMER)
            continue;
        done = residue;
        if (r->n_atoms == 1 || !has_elements(raw, r) || !km_chem_raw_has_hydrogens(raw, r)) continue;
        status = km_chem_perceive_raw(raw, residue, &c, &why);
        if (status == KM_OK) {
            status = compare(raw, residue, s, of_raw, c, &why);
            free(c);
        }
        if (status < 0)
            status = km_fail(err, KM_NEGATIVE, "ligand %s %d of chain %s: %.150s", r->name, r->number,
                             raw->system->chains[r->chain].name, why.msg);
    }
    free(of_raw);
    return status;
}
