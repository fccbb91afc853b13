/* SPDX-License-Identifier: MIT
 * Bonds, pockets and contacts of Boltz-2's input. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/schema_impl.h"

#define DISTANCE 6.0 /* where none is given */

typedef struct constraint {
    km_build *b;
    bool *forced; /* set where one asks for it */
    const json_t *body;
    size_t place; /* in the list, from 1 */
    km_err *err;
} constraint;

static km_status bad(const constraint *c, const char *what)
{
    return km_fail(c->err, KM_INPUT, "constraint %zu: %s", c->place, what);
}

static const char *item(const json_t *list, size_t i) { return json_string_value(json_array_get(list, i)); }

/* [CHAIN, RESIDUE, ATOM] */
static km_status find_atom(const constraint *c, const char *key, int32_t *ret)
{
    const json_t *spec = json_object_get(c->body, key);
    const km_chain *h = json_array_size(spec) == 3 ? km_schema_chain(c->b, item(spec, 0)) : NULL;
    long number;
    if (!h) return bad(c, "an atom is [CHAIN, RESIDUE, ATOM] of a chain that there is");
    if (!km_schema_int(json_array_get(spec, 1), 1, h->n_residues, &number))
        return bad(c, "a residue that its chain does not have");
    *ret = item(spec, 2) ? km_build_atom(c->b, h->first_residue + (int32_t)number - 1, item(spec, 2)) : -1;
    return *ret >= 0 ? KM_OK : bad(c, "an atom that its residue does not have");
}

/* A bond between the ends of a chain makes a ring of it, as Boltz-2 counts them. */
static void close_ring(km_system *s, int32_t a, int32_t b)
{
    int32_t p = s->atoms[a].residue, q = s->atoms[b].residue;
    km_chain *h = &s->chains[s->residues[p].chain];
    if (s->residues[q].chain != s->residues[p].chain || h->n_residues <= 2) return;
    if (abs(p - q) == h->n_residues - 1) h->cyclic_period = h->n_residues;
}

static km_status add_bond(const constraint *c)
{
    int32_t a, b;
    KM_TRY(find_atom(c, "atom1", &a));
    KM_TRY(find_atom(c, "atom2", &b));
    if (a == b) return bad(c, "a bond of an atom with itself");
    if (!km_build_bond(c->b, a, b, KM_BOND_COVALENT)) return bad(c, "a bond that there is already");
    close_ring(c->b->s, a, b);
    return KM_OK;
}

/* [CHAIN, RESIDUE] of a polymer, [CHAIN, ATOM] of the first residue of anything else */
static km_status find_token(const constraint *c, const json_t *spec, int32_t *ret)
{
    const km_system *s = c->b->s;
    const km_chain *h = json_array_size(spec) == 2 ? km_schema_chain(c->b, item(spec, 0)) : NULL;
    long number;
    if (!h) return bad(c, "a token is [CHAIN, RESIDUE or ATOM] of a chain that there is");
    int32_t atom = -1;
    if (h->mol_type == KM_NONPOLYMER) {
        if (item(spec, 1)) atom = km_build_atom(c->b, h->first_residue, item(spec, 1));
        if (atom < 0) return bad(c, "an atom that the ligand does not have");
    } else if (km_schema_int(json_array_get(spec, 1), 1, h->n_residues, &number)) {
        atom = s->residues[h->first_residue + number - 1].first_atom;
    } else {
        return bad(c, "a residue that its chain does not have");
    }
    *ret = s->atoms[atom].token;
    return KM_OK;
}

static km_status read_distance(const constraint *c, float *ret)
{
    const char *text = json_string_value(json_object_get(c->body, "max_distance"));
    bool force;
    char *end;
    double v = text ? strtod(text, &end) : DISTANCE;
    if (text && (end == text || *end || !(v > 0 && v < 1e6))) return bad(c, "max_distance is no length");
    *ret = (float)v;
    if (!km_schema_bool(json_object_get(c->body, "force"), &force)) return bad(c, "force is true or false");
    *c->forced = *c->forced || force;
    return KM_OK;
}

static void add_contact(km_system *s, int32_t a, int32_t b, uint8_t type, float threshold)
{
    if ((s->n_contacts & (s->n_contacts - 1)) == 0) /* room for a power of two */
        s->contacts = km_realloc(s->contacts, (size_t)(2 * s->n_contacts + 1) * sizeof *s->contacts);
    s->contacts[s->n_contacts++] = (km_contact){a, b, type, threshold};
}

static km_status add_pocket(const constraint *c)
{
    km_system *s = c->b->s;
    const json_t *contacts = json_object_get(c->body, "contacts"), *spec;
    const km_chain *binder = km_schema_chain(c->b, json_string_value(json_object_get(c->body, "binder")));
    float threshold;
    size_t i;
    if (!binder || json_array_size(contacts) == 0)
        return bad(c, "a pocket has a binder, which is a chain, and contacts");
    KM_TRY(read_distance(c, &threshold));
    bool *pocket = KM_NEWN(bool, (size_t)s->n_tokens);
    km_status status = KM_OK;
    json_array_foreach((json_t *)contacts, i, spec)
    {
        int32_t token;
        status = find_token(c, spec, &token);
        if (status < 0) break;
        pocket[token] = true;
    }
    for (int32_t t = 0; t < s->n_tokens && status == KM_OK; t++)
        for (int32_t k = 0; pocket[t] && k < s->n_tokens; k++)
            if (s->tokens[k].asym_id == binder->asym_id) add_contact(s, k, t, KM_CONTACT_BINDER, threshold);
    free(pocket);
    return status;
}

static km_status add_pair(const constraint *c)
{
    int32_t a, b;
    float threshold;
    KM_TRY(find_token(c, json_object_get(c->body, "token1"), &a));
    KM_TRY(find_token(c, json_object_get(c->body, "token2"), &b));
    KM_TRY(read_distance(c, &threshold));
    add_contact(c->b->s, a, b, KM_CONTACT_PAIR, threshold);
    return KM_OK;
}

/* Boltz-2 takes pockets before contacts. */
km_status km_schema_constrain(km_build *b, const json_t *constraints, bool *forced, km_err *err)
{
    static const char *const kinds[] = {"bond", "pocket", "contact"};
    static km_status (*const add[])(const constraint *) = {add_bond, add_pocket, add_pair};
    const json_t *one;
    size_t i;
    if (constraints && !json_is_array(constraints)) return km_fail(err, KM_INPUT, "constraints are a list");
    json_array_foreach((json_t *)constraints, i, one)
        if (json_object_size(one) != 1 || (!json_object_get(one, "bond") && !json_object_get(one, "pocket") &&
                                           !json_object_get(one, "contact")))
            return km_fail(err, KM_INPUT, "constraint %zu: not one of bond, pocket and contact", i + 1);
    for (int k = 0; k < 3; k++)
        json_array_foreach((json_t *)constraints, i, one)
        {
            const json_t *body = json_object_get(one, kinds[k]);
            if (body) KM_TRY(add[k](&(constraint){b, forced, body, i + 1, err}));
        }
    return KM_OK;
}
