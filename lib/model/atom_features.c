/* SPDX-License-Identifier: MIT */
#include "lib/model/atom_features.h"

#include <math.h>
#include <string.h>

#include "lib/nn/rows.h"

enum { POS = 0, CHARGE = 3, MASK = 4, PLAIN_MOST = 5, ELEMENTS = 128, CHARS = 4, CLASSES = 64 };
enum { LOOKUPS = 1 + CHARS }; /* one-hot features of an atom */

void km_atom_encoder_init(km_atom_encoder *e, km_params *p, const char *prefix, const km_config *c, bool structure)
{
    char name[KM_NN_NAME];
    *e = (km_atom_encoder){.Q = c->atoms_per_window_queries,
                           .K = c->atoms_per_window_keys,
                           .structure = structure,
                           .ref_mask = c->family->ref_mask,
                           .first_element = c->family->first_element};
    km_nn_name(name, "%s.embed_atom_features", prefix);
    if (c->family->atom_bias)
        km_nn_linear_init_bias(&e->features, p, name, c->atom_s, c->atom_feature_dim, KM_INIT_DEFAULT, KM_INIT_DEFAULT);
    else km_nn_linear_init(&e->features, p, name, c->atom_s, c->atom_feature_dim, KM_INIT_DEFAULT);
    km_params_products_only(e->features.w, false);
    e->pair_pos =
        KM_PARAM(p, KM_INIT_DEFAULT, km_nn_name(name, "%s.embed_atompair_ref_pos.weight", prefix), c->atom_z, 3);
    e->pair_dist =
        KM_PARAM(p, KM_INIT_DEFAULT, km_nn_name(name, "%s.embed_atompair_ref_dist.weight", prefix), c->atom_z, 1);
    e->pair_mask =
        KM_PARAM(p, KM_INIT_DEFAULT, km_nn_name(name, "%s.embed_atompair_mask.weight", prefix), c->atom_z, 1);
    if (structure) {
        km_nn_norm_linear_init(&e->s_to_c, p, km_nn_name(name, "%s.s_to_c_trans", prefix), c->atom_s, c->token_s,
                               KM_INIT_ZERO);
        km_nn_norm_linear_init(&e->z_to_p, p, km_nn_name(name, "%s.z_to_p_trans", prefix), c->atom_z, c->token_z,
                               KM_INIT_ZERO);
    }
    km_nn_linear_init(&e->c_to_p_k, p, km_nn_name(name, "%s.c_to_p_trans_k.1", prefix), c->atom_z, c->atom_s,
                      KM_INIT_ZERO);
    km_nn_linear_init(&e->c_to_p_q, p, km_nn_name(name, "%s.c_to_p_trans_q.1", prefix), c->atom_z, c->atom_s,
                      KM_INIT_ZERO);
    for (int i = 0; i < 3; i++)
        km_nn_linear_init(&e->mlp[i], p, km_nn_name(name, "%s.p_mlp.%d", prefix, 2 * i + 1), c->atom_z, c->atom_z,
                          i < 2 ? KM_INIT_DEFAULT : KM_INIT_ZERO);
}

static int32_t class_of(int32_t value, int32_t classes) { return value >= 0 && value < classes ? value : -1; }

km_tensor *km_atom_encoder_embed(km_ctx *cx, const km_atom_encoder *e, const km_features *f)
{
    km_dim A = f->A, plains = MASK + e->ref_mask; /* columns that are numbers */
    int32_t *index = km_arena_get(cx->arena, (size_t)(A * LOOKUPS) * sizeof *index);
    float *plain = km_arena_get(cx->arena, (size_t)(A * plains) * sizeof *plain);
    for (km_dim a = 0; a < A; a++) {
        bool real = f->atom_mask[a] != 0;
        for (int i = 0; i < 3; i++) plain[plains * a + POS + i] = real ? f->ref_pos[3 * a + i] : 0;
        plain[plains * a + CHARGE] = real ? f->ref_charge[a] : 0;
        if (e->ref_mask) plain[plains * a + MASK] = real ? f->ref_mask[a] : 0;
        int32_t *at = index + LOOKUPS * a, element = class_of(f->ref_element[a] - e->first_element, ELEMENTS);
        at[0] = real && element >= 0 ? (int32_t)plains + element : -1;
        for (int i = 0; i < CHARS; i++) {
            int32_t c = class_of(f->ref_name[CHARS * a + i], CLASSES);
            at[1 + i] = real && c >= 0 ? (int32_t)plains + ELEMENTS + CLASSES * i + c : -1;
        }
    }
    /* the weight's first columns, which multiply numbers, as a matrix of their own */
    int32_t *first = km_arena_get(cx->arena, PLAIN_MOST * sizeof *first);
    for (int i = 0; i < plains; i++) first[i] = i;
    km_tensor *w = km_heads_first(cx, km_lookup_columns(cx, e->features.w, first, plains, 1));
    km_tensor *q = km_linear(cx, KM_TENSOR_OF(cx, plain, A, plains), w, e->features.b);
    return km_cast(cx, km_add(cx, q, km_lookup_columns(cx, e->features.w, index, A, LOOKUPS)));
}

km_tensor *km_atom_encoder_add_single(km_ctx *cx, const km_atom_encoder *e, const km_features *f, const km_tensor *q,
                                      const km_tensor *s)
{
    km_tensor *t = km_nn_norm_linear_run(cx, &e->s_to_c, s);
    t = km_token_to_atom(cx, KM_RESHAPE(cx, t, 1, km_size(t, 0), km_size(t, 1)), f->atom_token, f->A);
    return km_add(cx, q, KM_RESHAPE(cx, t, f->A, km_size(t, 2)));
}

km_tensor *km_atom_encoder_pairs(km_ctx *cx, const km_atom_encoder *e, const km_features *f, const km_tensor *c,
                                 const km_tensor *opt_z)
{
    km_tensor *r = km_relu(cx, c);
    km_tensor *u = km_nn_linear_run(cx, &e->c_to_p_q, r), *v = km_nn_linear_run(cx, &e->c_to_p_k, r);
    km_tensor *zp = opt_z ? km_nn_norm_linear_run(cx, &e->z_to_p, opt_z) : NULL;
    km_tensor *p = km_atom_pairs(cx, e->pair_pos, e->pair_dist, e->pair_mask, f->ref_pos, f->ref_space_uid,
                                 f->atom_mask, zp, f->atom_token, u, v, e->Q, e->K);
    km_tensor *h = p;
    for (int i = 0; i < 3; i++) h = km_nn_linear_run(cx, &e->mlp[i], km_relu(cx, h));
    return km_add(cx, p, h);
}

static km_tensor *norm_linear(km_ctx *cx, const void *arg, const km_tensor *x, km_dim first, km_tensor *opt_to)
{
    const km_nn_norm_linear *l = arg;
    (void)first;
    return km_nn_linear_to(cx, &l->linear, km_nn_norm_run(cx, &l->norm, x), opt_to);
}

km_tensor *km_pair_bias(km_ctx *cx, const km_nn_norm_linear *l, const km_tensor *pair)
{
    enum { ROWS = 512 }; /* taken at a time */
    km_dim C = km_size(pair, -1), heads = km_size(l->linear.w, 0), shape[KM_MAX_DIMS];
    memcpy(shape, pair->shape, sizeof shape);
    shape[pair->nd - 1] = heads;
    km_mark mark = km_scope_begin(cx);
    km_tensor *rows = KM_RESHAPE(cx, pair, km_numel(pair) / C, C);
    km_tensor *bias = km_nn_map(cx, rows, ROWS, norm_linear, KM_NN_ARG(l), heads);
    return km_scope_end(cx, mark, km_heads_first(cx, km_reshape(cx, bias, pair->nd, shape)));
}

/* -- relative positions: classes of residue offset 66, token offset 66, same entity 1, chain offset 6 */

enum { R_MAX = 32, S_MAX = 2, OFFSETS = 2 * R_MAX + 2, SAME_ENTITY = 2 * OFFSETS, CHAIN = SAME_ENTITY + 1, FACTS = 4 };

static int32_t clipped(int64_t d, int32_t max) { return (int32_t)(d < -max ? 0 : d > max ? 2 * max : d + max); }

/* Halves are rounded to even, which rint does. */
static int64_t around_the_ring(int64_t d, int32_t period)
{
    double p = period > 0 ? period : 10000;
    return (int64_t)((double)d - p * rint((double)d / p));
}

static void pair_columns(const km_config *c, const km_features *f, bool rings, km_dim i, km_dim j, int32_t *col)
{
    bool same_chain = f->asym_id[i] == f->asym_id[j], same_entity = f->entity_id[i] == f->entity_id[j];
    int64_t d = (int64_t)f->residue_index[i] - f->residue_index[j];
    bool same_residue = d == 0;
    if (rings) d = around_the_ring(d, f->cyclic_period[j]);
    col[0] = same_chain ? clipped(d, R_MAX) : 2 * R_MAX + 1;
    int64_t dt = (int64_t)f->token_index[i] - f->token_index[j];
    col[1] = OFFSETS + (same_chain && same_residue ? clipped(dt, R_MAX) : 2 * R_MAX + 1);
    col[2] = same_entity ? SAME_ENTITY : -1;
    bool last = c->fix_sym_check ? !same_entity : same_chain;
    col[3] = CHAIN + (last ? 2 * S_MAX + 1 : clipped((int64_t)f->sym_id[i] - f->sym_id[j], S_MAX));
}

const km_tensor *km_relative_positions_init(km_params *p, const km_config *c, const char *prefix)
{
    char name[KM_NN_NAME];
    return KM_PARAM(p, KM_INIT_DEFAULT, km_nn_name(name, "%srel_pos_encoder.linear_layer.weight", prefix), c->token_z,
                    CHAIN + 2 * S_MAX + 2);
}

km_tensor *km_relative_positions(km_ctx *cx, const km_config *c, const km_tensor *w, const km_features *f)
{
    km_dim N = f->N;
    bool rings = false;
    for (km_dim n = 0; n < N && c->cyclic_pos_enc; n++) rings = rings || f->cyclic_period[n] > 0;
    km_mark mark = km_scope_begin(cx);
    int32_t *index = km_arena_get(cx->arena, (size_t)(N * N * FACTS) * sizeof *index);
    for (km_dim i = 0; i < N; i++)
        for (km_dim j = 0; j < N; j++) pair_columns(c, f, rings, i, j, index + FACTS * (N * i + j));
    km_tensor *y = km_cast(cx, km_lookup_columns(cx, w, index, N * N, FACTS));
    return km_scope_end(cx, mark, KM_RESHAPE(cx, y, N, N, km_size(y, 1)));
}
