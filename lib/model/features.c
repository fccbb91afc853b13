/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "lib/model/model.h"

enum { RES_TYPES = 33, NAME_CHARS = 4, NAME_CLASSES = 64 };

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
    float *token_mask, *atom_mask, *ref_pos, *ref_charge, *profile, *deletion_mean;
    int32_t *atom_token, *ref_element, *ref_name, *ref_space_uid;
    int32_t *asym_id, *entity_id, *sym_id, *residue_index, *token_index, *cyclic_period;
    int32_t *res_type, *mol_type, *modified, *method;
} arrays;

static arrays cut(block *b, km_dim N, km_dim A)
{
    return (arrays){
        .token_mask = piece(b, N), .atom_mask = piece(b, A), .ref_pos = piece(b, 3 * A), .ref_charge = piece(b, A),
        .profile = piece(b, RES_TYPES * N), .deletion_mean = piece(b, N), .atom_token = piece(b, A),
        .ref_element = piece(b, A), .ref_name = piece(b, NAME_CHARS * A), .ref_space_uid = piece(b, A),
        .asym_id = piece(b, N), .entity_id = piece(b, N), .sym_id = piece(b, N), .residue_index = piece(b, N),
        .token_index = piece(b, N), .cyclic_period = piece(b, N), .res_type = piece(b, N), .mol_type = piece(b, N),
        .modified = piece(b, N), .method = piece(b, N),
    };
}

static void fill_atom(const arrays *to, const km_atom *from, km_dim a)
{
    to->atom_mask[a] = 1;
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

static void fill_token(const arrays *to, const km_token *from, km_dim n, int32_t method)
{
    to->token_mask[n] = 1;
    to->asym_id[n] = from->asym_id;
    to->entity_id[n] = from->entity_id;
    to->sym_id[n] = from->sym_id;
    to->residue_index[n] = from->residue_index;
    to->token_index[n] = from->token_index;
    to->cyclic_period[n] = from->cyclic_period;
    to->res_type[n] = from->res_type;
    to->mol_type[n] = from->mol_type;
    to->modified[n] = from->modified;
    to->method[n] = method;
    if (from->res_type >= 0 && from->res_type < RES_TYPES) to->profile[RES_TYPES * n + from->res_type] = 1;
}

km_features *km_features_of(const km_system *s)
{
    km_dim N = s->n_tokens, A = s->n_atoms;
    block b = {NULL, 0};
    cut(&b, N, A);
    km_features *f = km_calloc(1, sizeof *f + 64 + b.used);
    b = (block){(char *)f + (sizeof *f + 63) / 64 * 64, 0};
    arrays to = cut(&b, N, A);
    for (km_dim a = 0; a < A; a++) fill_atom(&to, &s->atoms[a], a);
    for (km_dim n = 0; n < N; n++) fill_token(&to, &s->tokens[n], n, s->method);
    *f = (km_features){
        .N = N, .A = A, .token_mask = to.token_mask, .atom_mask = to.atom_mask, .atom_token = to.atom_token,
        .ref_pos = to.ref_pos, .ref_charge = to.ref_charge, .ref_element = to.ref_element, .ref_name = to.ref_name,
        .ref_space_uid = to.ref_space_uid, .asym_id = to.asym_id, .entity_id = to.entity_id, .sym_id = to.sym_id,
        .residue_index = to.residue_index, .token_index = to.token_index, .cyclic_period = to.cyclic_period,
        .res_type = to.res_type, .mol_type = to.mol_type, .modified = to.modified, .method = to.method,
        .profile = to.profile, .deletion_mean = to.deletion_mean,
    };
    return f;
}

void km_features_free(km_features *f) { free(f); }
