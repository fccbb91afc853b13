/* SPDX-License-Identifier: MIT
 * A tokenised system as Protenix 0.2 and its descendants have it.
 * Sources: Protenix 0.2 (data/parser.py, data/featurizer.py). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/chem/polymer.h"
#include "lib/chem/residues.h"
#include "lib/chem/tokens.h"

enum { UNK = 22 };

typedef struct remake {
    const km_structure *raw;
    km_library *library;
    const km_system *from;
    const int32_t *source; /* of from's atoms */
    int32_t *atom_of;      /* [A raw] from's atom, -1 for none */
    int32_t *to_of;        /* [A of from] the atom that it becomes, -1 for none */
    km_system *to;
    int32_t *to_source;
    uint64_t seed;
    bool labels; /* the file has label_seq_id */
} remake;

/* -- atoms */

static int32_t named(const remake *m, const km_residue *r, const char *name)
{
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (strcmp(m->to->atoms[i].name, name) == 0) return i;
    return -1;
}

/* NH1 is the one nearer to CD: else the two change places, but not their order. */
static void order_arginine(const remake *m, const km_residue *r)
{
    int32_t d = named(m, r, "CD"), one = named(m, r, "NH1"), two = named(m, r, "NH2"), *source = m->to_source;
    if (strcmp(r->name, "ARG") != 0 || d < 0 || one < 0 || two < 0) return;
    if (km_chem_raw_distance(m->raw, source[d], source[one]) <= km_chem_raw_distance(m->raw, source[d], source[two]))
        return;
    int32_t other = source[one];
    source[one] = source[two], source[two] = other;
}

/* The nearest of from's atoms of a residue to a raw atom. */
static int32_t nearest(const remake *m, const km_residue *r, int32_t raw_atom)
{
    int32_t best = -1;
    float least = INFINITY;
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++) {
        float d = m->source[i] < 0 ? INFINITY : km_chem_raw_distance(m->raw, m->source[i], raw_atom);
        if (d < least) least = d, best = i;
    }
    return best;
}

/* Where the conformer has an atom that leaves in a polymer: opposite to what else its neighbour is bonded to. */
static void place_leaving(const remake *m, int32_t at, float out[3])
{
    const km_atom *a = &m->from->atoms[at];
    double away[3] = {0}, length = a->element == 15 ? KM_PHOSPHATE_BOND : 1.34, norm = 0;
    for (int32_t i = 0; i < m->from->n_bonds; i++) {
        const km_bond *b = &m->from->bonds[i];
        if (b->a != at && b->b != at) continue;
        const km_atom *other = &m->from->atoms[b->a == at ? b->b : b->a];
        double d[3], square = 1e-12;
        if (other->residue != a->residue) continue;
        for (int k = 0; k < 3; k++) d[k] = (double)a->ref_pos[k] - other->ref_pos[k], square += d[k] * d[k];
        for (int k = 0; k < 3; k++) away[k] += d[k] / sqrt(square);
    }
    for (int k = 0; k < 3; k++) norm += away[k] * away[k];
    for (int k = 0; k < 3; k++) out[k] = (float)(a->ref_pos[k] + length * away[k] / sqrt(norm + 1e-12));
}

static void put_bond(km_system *s, int32_t x, int32_t y, int type)
{
    s->bonds[s->n_bonds++] = (km_bond){x < y ? x : y, x < y ? y : x, (uint8_t)type};
}

/* A heavy atom that the tokeniser left out */
static void add_leaving(remake *m, const km_residue *r, int32_t raw_atom)
{
    const km_atom *a = &m->raw->system->atoms[raw_atom];
    int32_t by = nearest(m, r, raw_atom);
    km_atom *to = &m->to->atoms[m->to->n_atoms];
    const char *name = km_chem_atom_name(r->name, a->name);
    *to = (km_atom){.present = 1, .element = a->element};
    if (!to->element) to->element = (uint8_t)km_chem_guess_element(r->name, name);
    memcpy(to->name, name, strlen(name));
    place_leaving(m, by, to->ref_pos);
}

/* The residue's atoms in the order of the file */
static km_status add_atoms(remake *m, int32_t residue, km_err *err)
{
    const km_residue *r = &m->from->residues[residue];
    km_residue *to = &m->to->residues[residue];
    int32_t any = r->first_atom;
    while (any < r->first_atom + r->n_atoms && m->source[any] < 0) any++;
    if (any == r->first_atom + r->n_atoms)
        return km_fail(err, KM_INPUT, "residue %s %d: none of its heavy atoms is there", r->name, r->number);
    const km_residue *raw = &m->raw->system->residues[m->raw->system->atoms[m->source[any]].residue];
    to->first_atom = m->to->n_atoms;
    for (int32_t i = raw->first_atom; i < raw->first_atom + raw->n_atoms; i++) {
        const km_atom *a = &m->raw->system->atoms[i];
        int32_t old = m->atom_of[i];
        if (old < 0 && (a->element == 1 || km_chem_guess_element(r->name, a->name) == 1)) continue;
        if (old >= 0) m->to->atoms[m->to->n_atoms] = m->from->atoms[old], m->to_of[old] = m->to->n_atoms;
        else add_leaving(m, r, i);
        m->to->atoms[m->to->n_atoms].present = !m->raw->opt_occupied || m->raw->opt_occupied[i];
        m->to->atoms[m->to->n_atoms].residue = m->to->atoms[m->to->n_atoms].ref_space_uid = residue;
        m->to_source[m->to->n_atoms++] = i;
    }
    to->n_atoms = m->to->n_atoms - to->first_atom;
    for (int32_t i = to->first_atom; i < m->to->n_atoms; i++)
        if (m->atom_of[m->to_source[i]] < 0)
            put_bond(m->to, m->to_of[nearest(m, r, m->to_source[i])], i, KM_BOND_SINGLE);
    return KM_OK;
}

/* Any rotation alike: rows are an orthonormal frame about two normal vectors. */
static void draw_rotation(const km_rng *g, double rot[3][3])
{
    float u[3], v[3];
    km_rng_normal3(g, 1, u), km_rng_normal3(g, 2, v);
    double uu = 0, uv = 0, ww = 0;
    for (int k = 0; k < 3; k++) uu += (double)u[k] * u[k], uv += (double)u[k] * v[k];
    for (int k = 0; k < 3; k++) rot[0][k] = u[k] / sqrt(uu), rot[1][k] = v[k] - uv / uu * u[k];
    for (int k = 0; k < 3; k++) ww += rot[1][k] * rot[1][k];
    for (int k = 0; k < 3; k++) rot[1][k] /= sqrt(ww);
    for (int k = 0; k < 3; k++)
        rot[2][k] = rot[0][(k + 1) % 3] * rot[1][(k + 2) % 3] - rot[0][(k + 2) % 3] * rot[1][(k + 1) % 3];
}

/* Every residue's conformer about the origin, shifted and turned at random; of what is no polymer it is a point. */
static void move_conformer(const remake *m, int32_t residue)
{
    const km_residue *r = &m->to->residues[residue];
    const km_rng g = km_rng_of(m->seed, KM_RNG_ROTATION, (uint32_t)residue, INT64_MAX, 0);
    km_atom *atoms = m->to->atoms + r->first_atom;
    double shift[4], rot[3][3], mean[3] = {0};
    bool point = m->to->chains[r->chain].mol_type == KM_NONPOLYMER;
    km_rng_uniform4(&g, 0, shift);
    draw_rotation(&g, rot);
    for (int32_t i = 0; i < r->n_atoms; i++)
        for (int k = 0; k < 3; k++) mean[k] += atoms[i].ref_pos[k] / (double)r->n_atoms;
    for (int32_t i = 0; i < r->n_atoms; i++) {
        double x[3];
        for (int k = 0; k < 3; k++) x[k] = (point ? 0 : atoms[i].ref_pos[k] - mean[k]) + 2 * shift[k] - 1;
        for (int k = 0; k < 3; k++)
            atoms[i].ref_pos[k] = (float)(rot[k][0] * x[0] + rot[k][1] * x[1] + rot[k][2] * x[2]);
    }
}

/* -- tokens */

/* The class of what a modified residue is made from. */
static km_status parent_class(const remake *m, const km_residue *r, int mol_type, int32_t *ret, km_err *err)
{
    const km_component *c, *parent;
    KM_TRY(km_library_residue(m->library, r->name, &c, err));
    parent = c->parent ? km_chem_component_of_letter(c->parent, mol_type) : NULL;
    *ret = parent ? parent->res_type : UNK;
    return KM_OK;
}

/* By the file's label_seq_id, a PDB file's own number, or the place in the chain. Only differences count: a chain is
 * moved up where its first would be negative. */
static int32_t number_of(const remake *m, const km_residue *r, int32_t residue)
{
    const km_chain *c = &m->to->chains[r->chain];
    int32_t raw = m->raw->system->atoms[m->to_source[r->first_atom]].residue;
    if (m->labels) return m->raw->label_seq[raw] > 0 ? m->raw->label_seq[raw] : residue - c->first_residue + 1;
    int32_t least = 0;
    for (int32_t i = c->first_residue; i < c->first_residue + c->n_residues; i++)
        if (m->to->residues[i].number < least) least = m->to->residues[i].number;
    return r->number - least;
}

/* Standard residues are one token, all else one for each atom. */
static km_status add_tokens(remake *m, int32_t residue, km_err *err)
{
    const km_residue *r = &m->to->residues[residue], *old = &m->from->residues[residue];
    const km_token *like = &m->from->tokens[m->from->atoms[old->first_atom].token];
    bool whole = like->mol_type != KM_NONPOLYMER && !like->modified;
    int32_t res_type = like->res_type, number = number_of(m, r, residue);
    if (like->modified) KM_TRY(parent_class(m, r, like->mol_type, &res_type, err));
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i += whole ? r->n_atoms : 1) {
        km_token *t = &m->to->tokens[m->to->n_tokens];
        *t = *like;
        t->first_atom = t->center_atom = t->repr_atom = i, t->n_atoms = whole ? r->n_atoms : 1;
        t->res_type = res_type, t->residue_index = number, t->token_index = m->to->n_tokens;
        t->cyclic_period = 0;
        if (whole && m->to_of[like->center_atom] >= 0) t->center_atom = m->to_of[like->center_atom];
        if (whole && m->to_of[like->repr_atom] >= 0) t->repr_atom = m->to_of[like->repr_atom];
        for (int32_t a = i; a < i + t->n_atoms; a++) m->to->atoms[a].token = m->to->n_tokens;
        m->to->n_tokens++;
    }
    return KM_OK;
}

static km_status build(remake *m, km_err *err)
{
    for (int32_t r = 0; r < m->from->n_residues; r++) {
        KM_TRY(add_atoms(m, r, err));
        KM_TRY(add_tokens(m, r, err));
        order_arginine(m, &m->to->residues[r]);
        move_conformer(m, r);
    }
    for (int32_t i = 0; i < m->from->n_bonds; i++) {
        int32_t x = m->to_of[m->from->bonds[i].a], y = m->to_of[m->from->bonds[i].b];
        if (x >= 0 && y >= 0) put_bond(m->to, x, y, m->from->bonds[i].type);
    }
    return km_system_check(m->to, err);
}

km_status km_chem_tokenize_protenix(const km_structure *raw, const km_token_options *options, uint64_t seed,
                                    km_tokenized *ret, km_err *err)
{
    km_token_options own = *options;
    own.missing = KM_MISSING_DROP, own.unresolved = false;
    KM_TRY(km_chem_tokenize(raw, &own, ret, err));
    size_t A = (size_t)raw->system->n_atoms, old = (size_t)ret->system->n_atoms;
    remake m = {.raw = raw, .from = ret->system, .source = ret->source, .seed = seed};
    m.to = km_system_copy(ret->system);
    m.library = options->library ? options->library : km_library_new(NULL);
    m.atom_of = KM_NEWN(int32_t, A + 1), m.to_of = KM_NEWN(int32_t, old + 1), m.to_source = KM_NEWN(int32_t, A + 1);
    m.to->atoms = km_realloc(m.to->atoms, (A + 1) * sizeof *m.to->atoms);
    m.to->tokens = km_realloc(m.to->tokens, (A + 1) * sizeof *m.to->tokens);
    m.to->bonds = km_realloc(m.to->bonds, (A + (size_t)m.from->n_bonds + 1) * sizeof *m.to->bonds);
    m.to->n_atoms = m.to->n_tokens = m.to->n_bonds = 0;
    for (size_t i = 0; i < A; i++) m.atom_of[i] = -1;
    for (size_t i = 0; i < old; i++) {
        m.to_of[i] = -1;
        if (ret->source[i] >= 0) m.atom_of[ret->source[i]] = (int32_t)i;
    }
    for (int32_t r = 0; r < raw->system->n_residues; r++) m.labels = m.labels || raw->label_seq[r] > 0;
    km_status status = build(&m, err);
    free(m.atom_of), free(m.to_of), free(ret->source);
    if (!options->library) km_library_free(m.library);
    km_system_free(ret->system);
    ret->system = m.to, ret->source = m.to_source;
    ret->report.leaving = ret->report.missing = 0;
    if (status < 0) km_tokenized_clear(ret);
    return status;
}
