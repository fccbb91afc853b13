/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/model.h"

enum { NAME_CHARS = 4, NAME_CLASSES = 64 };

/* Hands out pieces of one block; a first pass with no block adds up the size. */
typedef struct block {
    char *data;
    size_t used;
} block;

static void *piece(block *b, km_dim count)
{
    void *at = b->data ? b->data + b->used : NULL;
    b->used += ((size_t)count * 4 + 63) / 64 * 64;
    return at;
}

/* Everything writable here; km_features shows it as constant. */
typedef struct arrays {
    float *token_mask, *atom_mask, *there, *ref_pos, *ref_charge, *profile, *deletion_mean;
    int32_t *atom_token, *ref_element, *ref_name, *ref_space_uid;
    int32_t *asym_id, *entity_id, *sym_id, *residue_index, *token_index, *cyclic_period;
    int32_t *res_type, *mol_type, *modified, *method;
    float *ref_mask, *token_bonds, *has_deletion, *deletion_value, *msa_paired, *msa_mask;
    int32_t *type_bonds, *msa, *contact_conditioning;
    float *contact_threshold;
} arrays;

/* bonds, contacts: how many pairs of tokens have room for them; rows: of the alignment. */
static arrays cut(block *b, km_dim N, km_dim A, km_dim classes, km_dim bonds, km_dim contacts, km_dim rows)
{
    return (arrays){
        .token_mask = piece(b, N),
        .atom_mask = piece(b, A),
        .there = piece(b, A),
        .ref_pos = piece(b, 3 * A),
        .ref_charge = piece(b, A),
        .profile = piece(b, classes * N),
        .deletion_mean = piece(b, N),
        .atom_token = piece(b, A),
        .ref_element = piece(b, A),
        .ref_name = piece(b, NAME_CHARS * A),
        .ref_space_uid = piece(b, A),
        .asym_id = piece(b, N),
        .entity_id = piece(b, N),
        .sym_id = piece(b, N),
        .residue_index = piece(b, N),
        .token_index = piece(b, N),
        .cyclic_period = piece(b, N),
        .res_type = piece(b, N),
        .mol_type = piece(b, N),
        .modified = piece(b, N),
        .method = piece(b, N),
        .token_bonds = piece(b, bonds),
        .type_bonds = piece(b, bonds),
        .contact_conditioning = piece(b, contacts),
        .contact_threshold = piece(b, contacts),
        .msa = piece(b, rows * N),
        .has_deletion = piece(b, rows * N),
        .deletion_value = piece(b, rows * N),
        .ref_mask = piece(b, A),
        .msa_paired = piece(b, rows * N),
        .msa_mask = piece(b, rows * N),
    };
}

static void fill_atom(const arrays *to, const km_atom *from, km_dim a)
{
    to->atom_mask[a] = 1;
    to->there[a] = from->present;
    to->atom_token[a] = from->token;
    to->ref_charge[a] = from->charge;
    to->ref_element[a] = from->element;
    to->ref_space_uid[a] = from->ref_space_uid;
    memcpy(to->ref_pos + 3 * a, from->ref_pos, 3 * sizeof(float));
    for (int i = 0; i < NAME_CHARS && from->name[i]; i++) {
        int c = from->name[i] - 32; /* lower case and beyond has no class of its own: the nearest upper one */
        to->ref_name[NAME_CHARS * a + i] = c < 0 ? 0 : c < NAME_CLASSES ? c : c - 32 < NAME_CLASSES ? c - 32 : 0;
    }
}

/* Of a system that came without coordinates none is there, and all are alike. */
static void take_all_if_none(float *there, km_dim A)
{
    bool any = false;
    for (km_dim a = 0; a < A; a++) any = any || there[a] != 0;
    for (km_dim a = 0; a < A && !any; a++) there[a] = 1;
}

/* A conformer that is one point knows none of its atoms; a molecule that is no polymer has no other in families that
 * ask. */
static void fill_ref_mask(const arrays *to, const km_system *s, const km_residue *r)
{
    bool point = r->n_atoms > 1;
    const km_atom *first = &s->atoms[r->first_atom];
    for (int32_t i = 1; i < r->n_atoms; i++)
        point = point && !memcmp(first[i].ref_pos, first->ref_pos, sizeof first->ref_pos);
    point = point || s->chains[r->chain].mol_type == KM_NONPOLYMER;
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++) {
        to->ref_mask[i] = !point;
        if (point) to->ref_charge[i] = 0;
    }
}

static int32_t mapped(const int8_t *opt_map, int32_t class)
{
    return opt_map && class >= 0 && class < KM_MSA_CLASSES ? opt_map[class] : class;
}

static void fill_token(const arrays *to, const km_family *family, const km_token *from, km_dim n, int32_t method)
{
    to->token_mask[n] = 1;
    to->asym_id[n] = from->asym_id;
    to->entity_id[n] = from->entity_id;
    to->sym_id[n] = from->sym_id;
    to->residue_index[n] = from->residue_index;
    to->token_index[n] = from->token_index;
    to->cyclic_period[n] = from->cyclic_period;
    to->res_type[n] = mapped(family->opt_class, from->res_type);
    to->mol_type[n] = from->mol_type;
    to->modified[n] = from->modified;
    to->method[n] = method;
}

/* Do these atoms' tokens count as bonded? Links of a polymer and disulfides do not; of the bonds within a token, which
 * count where it is a modified residue, the last remains. In a family of bonds alone no polymer's residue is bonded to
 * another's. */
static bool bonds_tokens(const km_family *family, const km_system *s, const km_bond *b)
{
    int32_t i = s->atoms[b->a].token, j = s->atoms[b->b].token;
    if (i < 0 || j < 0) return false;
    const km_token *p = &s->tokens[i], *q = &s->tokens[j];
    bool polymers = p->mol_type != KM_NONPOLYMER && q->mol_type != KM_NONPOLYMER;
    if (family->bonds_alone) return i != j && (p->residue == q->residue || !polymers);
    if (i == j) return p->modified;
    return p->residue == q->residue || b->type == KM_BOND_COVALENT;
}

static bool any_token_bond(const km_family *family, const km_system *s)
{
    for (int32_t i = 0; i < s->n_bonds; i++)
        if (bonds_tokens(family, s, &s->bonds[i])) return true;
    return false;
}

static void fill_bonds(const arrays *to, const km_family *family, const km_system *s)
{
    km_dim N = s->n_tokens;
    for (int32_t i = 0; i < s->n_bonds; i++) {
        const km_bond *b = &s->bonds[i];
        if (!bonds_tokens(family, s, b)) continue;
        km_dim p = s->atoms[b->a].token, q = s->atoms[b->b].token;
        to->token_bonds[p * N + q] = to->token_bonds[q * N + p] = 1;
        to->type_bonds[p * N + q] = to->type_bonds[q * N + p] = b->type;
    }
}

/* Where one pair is asked for, all others are marked as not. */
static void fill_contacts(const arrays *to, const km_system *s)
{
    km_dim N = s->n_tokens;
    for (km_dim i = 0; i < N * N; i++) to->contact_conditioning[i] = KM_CONTACT_UNSELECTED;
    for (int32_t i = 0; i < s->n_contacts; i++) {
        const km_contact *c = &s->contacts[i];
        int back = c->type == KM_CONTACT_PAIR ? KM_CONTACT_PAIR : KM_CONTACT_POCKET + KM_CONTACT_BINDER - c->type;
        to->contact_conditioning[c->a * N + c->b] = c->type;
        to->contact_conditioning[c->b * N + c->a] = back;
        to->contact_threshold[c->a * N + c->b] = to->contact_threshold[c->b * N + c->a] = c->threshold;
    }
}

/* Without an alignment it is the sequence alone, a row that every chain shares. */
static void fill_sequence(const arrays *to, const km_family *family, km_dim N)
{
    for (km_dim n = 0; n < N; n++) {
        int32_t type = to->res_type[n];
        to->msa[n] = type;
        to->msa_paired[n] = to->msa_mask[n] = 1;
        if (type >= 0 && type < family->classes) to->profile[family->classes * n + type] = 1;
    }
}

static void fill_alignment(const arrays *to, const km_family *family, const km_msa *m)
{
    const double scale = family->plain_deletions ? M_2_PI : M_PI_2;
    km_dim N = m->n_tokens, n = m->n_rows * N;
    for (km_dim i = 0; i < n; i++) {
        to->msa[i] = mapped(family->opt_column, m->residues[i]);
        to->has_deletion[i] = m->deletions[i] > 0;
        to->deletion_value[i] = (float)(scale * atan(m->deletions[i] / 3.0));
        to->msa_paired[i] = m->paired[i];
        to->msa_mask[i] = 1;
    }
    for (km_dim i = 0; i < N * KM_MSA_CLASSES; i++)
        to->profile[i / KM_MSA_CLASSES * family->classes + mapped(family->opt_column, (int32_t)(i % KM_MSA_CLASSES))] +=
            m->profile[i];
    memcpy(to->deletion_mean, m->deletion_mean, (size_t)N * sizeof(float));
}

/* Everything but the templates, which are not copied. */
static km_features shown(const arrays *a, const km_family *family, km_dim N, km_dim A, km_dim bonds, km_dim contacts,
                         km_dim rows)
{
    return (km_features){
        .N = N,
        .A = A,
        .token_mask = a->token_mask,
        .atom_mask = a->atom_mask,
        .there = a->there,
        .atom_token = a->atom_token,
        .ref_pos = a->ref_pos,
        .ref_charge = a->ref_charge,
        .ref_mask = family->ref_mask ? a->ref_mask : NULL,
        .ref_element = a->ref_element,
        .ref_name = a->ref_name,
        .ref_space_uid = a->ref_space_uid,
        .asym_id = a->asym_id,
        .entity_id = a->entity_id,
        .sym_id = a->sym_id,
        .residue_index = a->residue_index,
        .token_index = a->token_index,
        .cyclic_period = a->cyclic_period,
        .res_type = a->res_type,
        .mol_type = a->mol_type,
        .modified = a->modified,
        .method = a->method,
        .profile = a->profile,
        .deletion_mean = a->deletion_mean,
        .token_bonds = bonds ? a->token_bonds : NULL,
        .type_bonds = bonds ? a->type_bonds : NULL,
        .contact_conditioning = contacts ? a->contact_conditioning : NULL,
        .contact_threshold = contacts ? a->contact_threshold : NULL,
        .S = rows,
        .msa = a->msa,
        .has_deletion = a->has_deletion,
        .deletion_value = a->deletion_value,
        .msa_paired = a->msa_paired,
        .msa_mask = a->msa_mask,
    };
}

static void show_templates(km_features *f, const km_templates *t)
{
    f->n_templates = t->n_templates;
    f->template_restype = t->restype, f->visibility_ids = t->visibility_ids;
    f->template_frame_rot = t->frame_rot, f->template_frame_t = t->frame_t;
    f->template_cb = t->cb, f->template_ca = t->ca;
    f->template_mask_cb = t->mask_cb, f->template_mask_frame = t->mask_frame, f->template_mask = t->mask;
}

km_features *km_features_of(const km_family *family, const km_system *s, const km_msa *opt_msa,
                            const km_templates *opt_templates)
{
    km_dim N = s->n_tokens, A = s->n_atoms, rows = opt_msa ? opt_msa->n_rows : 1;
    km_dim bonds = any_token_bond(family, s) ? N * N : 0, contacts = s->n_contacts > 0 ? N * N : 0;
    KM_ASSERT(!opt_msa || opt_msa->n_tokens == s->n_tokens);
    KM_ASSERT(!opt_templates || opt_templates->n_tokens == s->n_tokens);
    block b = {NULL, 0};
    cut(&b, N, A, family->classes, bonds, contacts, rows);
    km_features *f = km_calloc(1, sizeof *f + 64 + b.used);
    b = (block){(char *)f + (sizeof *f + 63) / 64 * 64, 0};
    arrays to = cut(&b, N, A, family->classes, bonds, contacts, rows);
    for (km_dim a = 0; a < A; a++) fill_atom(&to, &s->atoms[a], a);
    take_all_if_none(to.there, A);
    for (km_dim n = 0; n < N; n++) fill_token(&to, family, &s->tokens[n], n, s->method);
    for (int32_t r = 0; r < s->n_residues && family->ref_mask; r++) fill_ref_mask(&to, s, &s->residues[r]);
    if (bonds) fill_bonds(&to, family, s);
    if (contacts) fill_contacts(&to, s);
    if (opt_msa) fill_alignment(&to, family, opt_msa);
    else fill_sequence(&to, family, N);
    *f = shown(&to, family, N, A, bonds, contacts, rows);
    if (opt_templates) show_templates(f, opt_templates);
    return f;
}

void km_features_set_draws(km_features *f, km_dim draws)
{
    KM_ASSERT(draws > 0 && f->S % draws == 0);
    f->S /= draws, f->draws = draws;
}

void km_features_free(km_features *f) { free(f); }
