/* SPDX-License-Identifier: MIT
 * The alignment's module: rows of the alignment learn from pairs by averaging over tokens, pairs from rows by outer
 * products. All rows that the features have take part, in their order. The dropout of training is left out. */
#include <stdlib.h>

#include "lib/model/trunk/trunk_parts.h"
#include "lib/nn/rows.h"

#define ROW_EPS 1e-3f /* rows are counted with it in a family that divides by them bias and all */
enum { LINES = 8, ROWS = 16, ENTRIES = 512 }; /* tokens, alignment rows and entries taken at a time */

/* What changes the rows: averaging over tokens, and a transition. */
static void rows_init(km_msa_layer *l, km_params *p, const char *prefix, const km_config *c)
{
    char name[KM_NN_NAME];
    km_dim M = c->msa_s, Z = c->token_z, H = c->msa_average_heads, W = H * c->msa_average_width;
    km_nn_norm_init(&l->norm_m, p, km_nn_name(name, "%s.pair_weighted_averaging.norm_m", prefix), M);
    km_nn_norm_init(&l->weights.norm, p, km_nn_name(name, "%s.pair_weighted_averaging.norm_z", prefix), Z);
    km_nn_linear_init(&l->weights.linear, p, km_nn_name(name, "%s.pair_weighted_averaging.proj_z", prefix), H, Z,
                      KM_INIT_DEFAULT);
    km_nn_linear_init(&l->proj_m, p, km_nn_name(name, "%s.pair_weighted_averaging.proj_m", prefix), W, M,
                      KM_INIT_DEFAULT);
    km_nn_linear_init(&l->proj_g, p, km_nn_name(name, "%s.pair_weighted_averaging.proj_g", prefix), W, M,
                      KM_INIT_DEFAULT);
    km_nn_linear_init(&l->proj_o, p, km_nn_name(name, "%s.pair_weighted_averaging.proj_o", prefix), M, W, KM_INIT_ZERO);
    km_nn_transition_init(&l->transition, p, km_nn_name(name, "%s.msa_transition", prefix), M, 4 * M);
}

static void outer_init(km_nn_linear *l, km_params *p, const char *prefix, const km_config *c)
{
    if (c->family->outer_first)
        km_nn_linear_init_bias(l, p, prefix, c->msa_outer, c->msa_s, KM_INIT_DEFAULT, KM_INIT_ZERO);
    else km_nn_linear_init(l, p, prefix, c->msa_outer, c->msa_s, KM_INIT_DEFAULT);
}

static void layer_init(km_msa_layer *l, km_params *p, const char *prefix, const km_config *c, bool rows)
{
    char name[KM_NN_NAME];
    const km_dim M = c->msa_s, Z = c->token_z, O = c->msa_outer;
    if (rows) rows_init(l, p, prefix, c);
    km_nn_norm_init(&l->norm, p, km_nn_name(name, "%s.outer_product_mean.norm", prefix), M);
    outer_init(&l->a, p, km_nn_name(name, "%s.outer_product_mean.proj_a", prefix), c);
    outer_init(&l->b, p, km_nn_name(name, "%s.outer_product_mean.proj_b", prefix), c);
    km_nn_linear_init_bias(&l->o, p, km_nn_name(name, "%s.outer_product_mean.proj_o", prefix), Z, O * O, KM_INIT_ZERO,
                           KM_INIT_ZERO);
    km_pair_layer_init(&l->pair, p, km_nn_name(name, "%s.pairformer_layer", prefix), Z, c->msa_heads, c->msa_head_width,
                       c->family->triangle_bias);
}

void km_msa_module_init(km_msa_module *m, km_params *p, const km_config *c)
{
    char name[KM_NN_NAME];
    *m = (km_msa_module){.depth = c->msa_blocks,
                         .paired = c->msa_paired,
                         .classes = c->family->classes,
                         .outer_first = c->family->outer_first};
    if (!m->depth) return;
    m->layers = KM_NEWN(km_msa_layer, (size_t)m->depth);
    km_nn_linear_init(&m->s_inputs, p, "msa_module.s_proj", c->msa_s, c->inputs_s, KM_INIT_DEFAULT);
    km_nn_linear_init(&m->msa, p, "msa_module.msa_proj", c->msa_s, m->classes + 2 + m->paired, KM_INIT_DEFAULT);
    km_params_products_only(m->msa.w, false);
    for (int i = 0; i < m->depth; i++)
        layer_init(&m->layers[i], p, km_nn_name(name, "msa_module.layers.%d", i), c,
                   !m->outer_first || i < m->depth - 1);
}

void km_msa_module_clear(km_msa_module *m) { free(m->layers); }

/* -- rows of the alignment from their residues and deletions, and from the tokens */

typedef struct entries {
    const km_tensor *msa, *numbers, *tokens; /* [C, classes + ...]; its columns for numbers; [N, C] */
    const int32_t *residues;                 /* [S, N] */
} entries;

static km_tensor *embed_rows(km_ctx *cx, const void *arg, const km_tensor *numbers, km_dim first, km_tensor *opt_to)
{
    const entries *e = arg;
    (void)opt_to;
    km_dim S = km_size(numbers, 0), N = km_size(numbers, 1);
    km_tensor *classes = km_lookup_columns(cx, e->msa, e->residues + first * N, S * N, 1);
    return km_add(cx, km_cast(cx, km_add(cx, km_linear(cx, numbers, e->numbers, NULL), classes)), e->tokens);
}

/* m [S, N, C]; the weight's columns for numbers are a matrix of their own, those for residue classes are looked up */
static km_tensor *embed(km_ctx *cx, const km_msa_module *m, const km_tensor *s_inputs, const km_features *f)
{
    km_dim columns = 2 + m->paired;
    int32_t *last = km_arena_get(cx->arena, (size_t)columns * sizeof *last);
    float *numbers = km_arena_get(cx->arena, (size_t)(f->S * f->N * columns) * sizeof *numbers);
    for (km_dim i = 0; i < columns; i++) last[i] = (int32_t)(m->classes + i);
    for (km_dim i = 0; i < f->S * f->N; i++) {
        float *to = numbers + i * columns;
        to[0] = f->has_deletion[i], to[1] = f->deletion_value[i];
        if (m->paired) to[2] = f->msa_paired[i];
    }
    entries e = {m->msa.w, km_heads_first(cx, km_lookup_columns(cx, m->msa.w, last, columns, 1)),
                 km_nn_linear_run(cx, &m->s_inputs, s_inputs), f->msa};
    km_tensor *x = KM_TENSOR_OF(cx, numbers, f->S, f->N, columns);
    return km_nn_map(cx, x, ROWS, embed_rows, KM_NN_ARG(&e), km_size(m->msa.w, 0));
}

/* -- m + proj_o of the average over tokens, weighted as pairs say */

/* Of Tq of the N tokens. */
typedef struct averaging {
    const km_msa_layer *l;
    const km_tensor *z;      /* [Tq, N, token_z]: their rows of pairs */
    const float *mask;       /* [N] */
    km_dim first;
    const km_tensor *logits; /* [heads, Tq, N] */
} averaging;

static void share_logits(km_ctx *cx, void *arg)
{
    averaging *t = arg;
    t->logits = km_pair_bias(cx, &t->l->weights, t->z);
}

/* x [R, N, C] at the Tq tokens */
static const km_tensor *chosen(km_ctx *cx, const averaging *t, const km_tensor *x)
{
    km_dim R = km_size(x, 0), N = km_size(x, 1), C = km_size(x, 2), Tq = km_size(t->z, 0);
    if (Tq == N) return x;
    int32_t *index = km_arena_get(cx->arena, (size_t)(R * Tq) * sizeof *index);
    for (km_dim i = 0; i < R * Tq; i++) index[i] = (int32_t)(i / Tq * N + t->first + i % Tq);
    return KM_RESHAPE(cx, km_lookup_rows(cx, KM_RESHAPE(cx, x, R * N, C), index, R * Tq), R, Tq, C);
}

static km_tensor *add_average(km_ctx *cx, const void *arg, const km_tensor *m, km_dim first, km_tensor *opt_to)
{
    const averaging *t = arg;
    (void)first;
    km_tensor *x = km_nn_norm_run(cx, &t->l->norm_m, m), *v = km_nn_linear_run(cx, &t->l->proj_m, x);
    km_tensor *g = km_nn_linear_run(cx, &t->l->proj_g, chosen(cx, t, x));
    km_tensor *y = km_pair_average(cx, v, g, t->logits, t->mask);
    return km_nn_linear_add(cx, &t->l->proj_o, y, chosen(cx, t, m), opt_to);
}

static km_tensor *with_transition(km_ctx *cx, const void *arg, const km_tensor *m, km_dim first, km_tensor *opt_to)
{
    (void)first, (void)opt_to;
    return km_add_transition(cx, arg, km_nn_state(cx, m));
}

/* The average for `each` tokens at a time, with values made anew, and the transition. Every token reads all others as
 * they were, so the averages go beside m, tokens first, and the transition brings them back. */
static km_tensor *learn_by_tiles(km_ctx *cx, const km_msa_layer *l, km_tensor *m, const km_tensor *z, const float *mask,
                                 km_dim each)
{
    km_dim N = km_size(m, 1);
    km_tensor *averaged = KM_TENSOR_AS(cx, m, N, km_size(m, 0), km_size(m, 2));
    for (km_dim first = 0; first < N; first += each) {
        km_dim Tq = N - first < each ? N - first : each;
        averaging t = {l, km_slice(cx, z, first, Tq), mask, first, NULL};
        km_nn_map_swapped(cx, m, km_slice(cx, averaged, first, Tq), ROWS, add_average, share_logits, KM_NN_ARG(&t));
    }
    km_nn_transition transition = l->transition;
    km_tensor *to = cx->tape ? km_tensor_like(cx, m) : m;
    return km_nn_map_swapped(cx, averaged, to, 1, with_transition, NULL, KM_NN_ARG(&transition));
}

/* -- z + o of the mean over rows of outer products of a and b */

typedef struct factor {
    const km_nn_norm *norm;
    const km_nn_linear *linear;
    const float *mask; /* [S N] */
} factor;

static km_tensor *factor_of(km_ctx *cx, const void *arg, const km_tensor *m, km_dim first, km_tensor *opt_to)
{
    const factor *t = arg;
    (void)opt_to;
    km_tensor *x = km_nn_linear_run(cx, t->linear, km_nn_norm_run(cx, t->norm, m));
    return km_frame_axpby(cx, x, t->mask + first, NULL, NULL);
}

typedef struct outer {
    const km_tensor *o, *bias; /* [Z, O O], [Z] */
    const km_tensor *a, *b;    /* [S, N, O] */
    const float *scale;     /* [N, N] */
} outer;

static km_tensor *add_outer(km_ctx *cx, const void *arg, const km_tensor *z, km_dim first, km_tensor *opt_to)
{
    const outer *t = arg;
    km_tensor *products = km_outer_products(cx, t->a, t->b, t->scale, first, km_size(z, 0));
    return km_linear_add(cx, products, t->o, t->bias, z, opt_to);
}

/* What all layers share. */
typedef struct shared {
    const km_features *f;
    const float *pair_mask, *scale; /* [N, N] */
    bool outer_first;
} shared;

/* Bias and all divided by the rows, where the family has it so. */
static const km_tensor *outer_bias(km_ctx *cx, const km_msa_layer *l, km_dim S, const shared *s)
{
    return s->outer_first ? km_scale(cx, l->o.b, 1 / ((float)S + ROW_EPS)) : l->o.b;
}

static km_tensor *learn_from_rows(km_ctx *cx, const km_msa_layer *l, km_tensor *z, const km_tensor *m, const shared *s)
{
    km_dim S = km_size(m, 0), N = km_size(m, 1), O = km_size(l->a.w, 0);
    km_tensor *rows = KM_RESHAPE(cx, m, S * N, km_size(m, 2));
    const factor of_a = {&l->norm, &l->a, s->f->msa_mask}, of_b = {&l->norm, &l->b, s->f->msa_mask};
    km_tensor *a = km_nn_map(cx, rows, ENTRIES, factor_of, KM_NN_ARG(&of_a), O);
    km_tensor *b = km_nn_map(cx, rows, ENTRIES, factor_of, KM_NN_ARG(&of_b), O);
    a = KM_RESHAPE(cx, a, S, N, O), b = KM_RESHAPE(cx, b, S, N, O);
    const outer t = {l->o.w, outer_bias(cx, l, S, s), a, b, s->scale};
    return km_nn_update(cx, z, LINES, add_outer, KM_NN_ARG(&t));
}

static km_tensor *learn_from_pairs(km_ctx *cx, const km_msa_layer *l, km_tensor *m, const km_tensor *z, const shared *s)
{
    km_mark mark = km_scope_begin(cx);
    km_dim N = km_size(z, 0), each = km_tile_rows(cx, N, km_size(l->weights.linear.w, 0) * N);
    if (each < N) return km_carried(cx, mark, m, learn_by_tiles(cx, l, m, z, s->f->token_mask, each));
    averaging t = {l, z, s->f->token_mask, 0, NULL};
    share_logits(cx, &t);
    m = km_carried(cx, mark, m, km_nn_update(cx, m, ROWS, add_average, KM_NN_ARG(&t)));
    return km_carried(cx, mark, m, km_add_transition(cx, &l->transition, m));
}

static void layer_run(km_ctx *cx, const km_msa_layer *l, km_tensor **m, km_tensor **z, const shared *s)
{
    km_mark mark = km_scope_begin(cx);
    if (!s->outer_first) *m = learn_from_pairs(cx, l, *m, *z, s);
    *z = km_carried(cx, mark, *z, learn_from_rows(cx, l, *z, *m, s));
    if (s->outer_first && l->norm_m.w) *m = learn_from_pairs(cx, l, *m, *z, s);
    *z = km_pair_layer_run(cx, &l->pair, *z, s->f->token_mask, s->pair_mask);
}

/* [N, N]: 1 / the number of rows with both tokens, or 1 where there is none */
static const float *row_shares(km_ctx *cx, const km_features *f, bool outer_first)
{
    km_tensor *mask = KM_TENSOR_OF(cx, (float *)f->msa_mask, f->S, f->N, 1); /* only read */
    km_tensor *count = km_outer_products(cx, mask, mask, NULL, 0, f->N);
    float *share = km_read(cx, count);
    for (km_dim i = 0; i < f->N * f->N && !cx->dry; i++)
        share[i] = outer_first ? 1 / (share[i] + ROW_EPS) : share[i] > 1 ? 1 / share[i] : 1;
    return share;
}

km_tensor *km_msa_module_run(km_ctx *cx, const km_msa_module *m, km_tensor *z, const km_tensor *s_inputs,
                             const km_features *f)
{
    km_mark mark = km_scope_begin(cx);
    shared s = {f, km_pair_mask(cx, f->token_mask, f->N), row_shares(cx, f, m->outer_first), m->outer_first};
    km_tensor *x = embed(cx, m, s_inputs, f), *out = z;
    for (int i = 0; i < m->depth; i++) layer_run(cx, &m->layers[i], &x, &out, &s);
    return km_carried(cx, mark, z, out);
}
