/* SPDX-License-Identifier: MIT
 * What links between tokens add to the initial pair representation: bonds, their types, and contacts asked for. */
#include "lib/model/trunk/trunk_parts.h"

enum { BOND_TYPES = 7, CONTACTS = 3, FIRST_CONTACT = 2 }; /* classes below the first contact have an encoding each */

#define CONTACT "contact_conditioning"

void km_token_links_init(km_token_links *l, km_params *p, const km_config *c)
{
    km_dim C = c->token_z;
    *l = (km_token_links){.contacts = c->contact_max > 0, .min = c->contact_min, .max = c->contact_max};
    l->bonds = l->contacts || c->family->bonds_alone;
    if (!l->bonds) return;
    l->bond = KM_PARAM(p, KM_INIT_DEFAULT, "token_bonds.weight", C, 1);
    if (!l->contacts) return;
    if (c->bond_types) l->opt_bond_types = KM_PARAM(p, KM_INIT_NORMAL, "token_bonds_type.weight", BOND_TYPES, C);
    l->fourier_w = KM_PARAM(p, KM_INIT_NORMAL, CONTACT ".fourier_embedding.proj.weight", C, 1);
    l->fourier_b = KM_PARAM(p, KM_INIT_NORMAL, CONTACT ".fourier_embedding.proj.bias", C);
    km_params_freeze(p, CONTACT ".fourier_embedding.proj.");
    km_nn_linear_init_bias(&l->contact, p, CONTACT ".encoder", C, CONTACTS + 1 + C, KM_INIT_DEFAULT, KM_INIT_DEFAULT);
    l->unspecified = KM_PARAM(p, KM_INIT_ZERO, CONTACT ".encoding_unspecified", C);
    l->unselected = KM_PARAM(p, KM_INIT_ZERO, CONTACT ".encoding_unselected", C);
}

/* [N N] of zeros where an array is absent */
static const int32_t *or_zeros(km_ctx *cx, const int32_t *opt_x, km_dim n)
{
    return opt_x ? opt_x : km_arena_zero(cx->arena, (size_t)n * sizeof *opt_x);
}

static km_tensor *bonds(km_ctx *cx, const km_token_links *l, const km_tensor *z, const km_features *f)
{
    km_dim n = f->N * f->N;
    km_tensor *y = (km_tensor *)z; /* not written to */
    if (f->token_bonds) {
        int32_t *index = km_arena_get(cx->arena, (size_t)n * sizeof *index);
        for (km_dim i = 0; i < n; i++) index[i] = f->token_bonds[i] != 0 ? 0 : -1;
        y = km_add(cx, y, km_cast(cx, km_lookup_columns(cx, l->bond, index, n, 1)));
    }
    if (l->opt_bond_types)
        y = km_add(cx, y, km_cast(cx, km_lookup_rows(cx, l->opt_bond_types, or_zeros(cx, f->type_bonds, n), n)));
    return y;
}

/* a [n, C] above b [m, C] */
static km_tensor *stack(km_ctx *cx, const km_tensor *a, const km_tensor *b, km_dim C)
{
    km_tensor *y = km_concat(cx, KM_RESHAPE(cx, a, 1, km_numel(a)), KM_RESHAPE(cx, b, 1, km_numel(b)));
    return KM_RESHAPE(cx, y, km_numel(y) / C, C);
}

/* The encodings of all contacts asked for, in the order of their pairs: class, threshold, its Fourier embedding. */
static km_tensor *encode(km_ctx *cx, const km_token_links *l, const km_features *f, km_dim count)
{
    float *t = km_arena_get(cx->arena, (size_t)count * sizeof *t);
    float *x = km_arena_get(cx->arena, (size_t)(count * (CONTACTS + 1)) * sizeof *x);
    for (km_dim i = 0, at = 0; i < f->N * f->N; i++) {
        if (f->contact_conditioning[i] < FIRST_CONTACT) continue;
        double threshold = f->contact_threshold ? f->contact_threshold[i] : 0;
        t[at] = (float)((threshold - l->min) / (l->max - l->min));
        for (int k = 0; k < CONTACTS; k++) x[at * (CONTACTS + 1) + k] = f->contact_conditioning[i] == FIRST_CONTACT + k;
        x[at * (CONTACTS + 1) + CONTACTS] = t[at];
        at++;
    }
    return km_nn_linear_run(
        cx, &l->contact,
        km_concat(cx, KM_TENSOR_OF(cx, x, count, CONTACTS + 1), km_fourier(cx, t, count, l->fourier_w, l->fourier_b)));
}

/* [N N, C]: a row of a table for each pair, of which the first two are the encodings of no contact */
static km_tensor *contacts(km_ctx *cx, const km_token_links *l, const km_features *f)
{
    km_dim n = f->N * f->N, C = km_numel(l->unspecified), count = 0;
    int32_t *index = km_arena_zero(cx->arena, (size_t)n * sizeof *index);
    for (km_dim i = 0; i < n && f->contact_conditioning; i++) {
        int32_t class = f->contact_conditioning[i];
        index[i] = class < FIRST_CONTACT ? class : (int32_t)(FIRST_CONTACT + count++);
    }
    km_tensor *table = stack(cx, l->unspecified, l->unselected, C);
    if (count) table = stack(cx, table, encode(cx, l, f, count), C);
    return km_cast(cx, km_lookup_rows(cx, table, index, n));
}

km_tensor *km_token_links_add(km_ctx *cx, const km_token_links *l, const km_tensor *z, const km_features *f)
{
    if (!l->bonds) return (km_tensor *)z; /* not written to */
    km_mark mark = km_scope_begin(cx);
    km_tensor *y = bonds(cx, l, z, f);
    if (l->contacts) y = km_add(cx, y, contacts(cx, l, f));
    return y == z ? y : km_scope_end(cx, mark, y);
}
