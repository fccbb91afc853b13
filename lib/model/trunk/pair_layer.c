/* SPDX-License-Identifier: MIT
 * The pair representation's own layer: triangle multiplications and attentions, then a transition. The dropout of
 * training is left out: the trunk is trained only in small models from scratch. */
#include "lib/model/trunk/trunk_parts.h"
#include "lib/nn/rows.h"

enum { PAIRS = 256 }; /* taken at a time: what a transition makes of them fits into a cache of 1 MB */

/* With a bias where the family has them; that of a gate starts it open. */
static void linear_init(km_nn_linear *l, km_params *p, const char *prefix, km_dim out, km_dim in, km_init weight,
                        bool biases, km_init bias)
{
    if (biases) km_nn_linear_init_bias(l, p, prefix, out, in, weight, bias);
    else km_nn_linear_init(l, p, prefix, out, in, weight);
}

static void multiplication_init(km_triangle_multiplication *l, km_params *p, const char *prefix, km_dim C, bool biases)
{
    char name[KM_NN_NAME];
    km_nn_norm_init(&l->norm_in, p, km_nn_name(name, "%s.norm_in", prefix), C);
    linear_init(&l->p_in, p, km_nn_name(name, "%s.p_in", prefix), 2 * C, C, KM_INIT_LECUN, biases, KM_INIT_ZERO);
    linear_init(&l->g_in, p, km_nn_name(name, "%s.g_in", prefix), 2 * C, C, KM_INIT_ZERO, biases, KM_INIT_ONE);
    km_nn_norm_init(&l->norm_out, p, km_nn_name(name, "%s.norm_out", prefix), C);
    linear_init(&l->p_out, p, km_nn_name(name, "%s.p_out", prefix), C, C, KM_INIT_ZERO, biases, KM_INIT_ZERO);
    linear_init(&l->g_out, p, km_nn_name(name, "%s.g_out", prefix), C, C, KM_INIT_ZERO, biases, KM_INIT_ONE);
}

static void node_init(km_triangle_node *l, km_params *p, const char *prefix, km_dim C, km_dim heads, km_dim width,
                      bool biases)
{
    char name[KM_NN_NAME];
    km_nn_norm_init(&l->norm, p, km_nn_name(name, "%s.layer_norm", prefix), C);
    km_nn_linear_init(&l->bias, p, km_nn_name(name, "%s.linear", prefix), heads, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->q, p, km_nn_name(name, "%s.mha.linear_q", prefix), heads * width, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->k, p, km_nn_name(name, "%s.mha.linear_k", prefix), heads * width, C, KM_INIT_LECUN);
    km_nn_linear_init(&l->v, p, km_nn_name(name, "%s.mha.linear_v", prefix), heads * width, C, KM_INIT_LECUN);
    linear_init(&l->g, p, km_nn_name(name, "%s.mha.linear_g", prefix), heads * width, C, KM_INIT_ZERO, biases,
                KM_INIT_ONE);
    linear_init(&l->o, p, km_nn_name(name, "%s.mha.linear_o", prefix), C, heads * width, KM_INIT_ZERO, biases,
                KM_INIT_ZERO);
}

void km_pair_layer_init(km_pair_layer *l, km_params *p, const char *prefix, km_dim C, km_dim heads, km_dim width,
                        bool biases)
{
    char name[KM_NN_NAME];
    multiplication_init(&l->mul_out, p, km_nn_name(name, "%s.tri_mul_out", prefix), C, biases);
    multiplication_init(&l->mul_in, p, km_nn_name(name, "%s.tri_mul_in", prefix), C, biases);
    node_init(&l->start, p, km_nn_name(name, "%s.tri_att_start", prefix), C, heads, width, biases);
    node_init(&l->end, p, km_nn_name(name, "%s.tri_att_end", prefix), C, heads, width, biases);
    km_nn_transition_init(&l->transition, p, km_nn_name(name, "%s.transition_z", prefix), C, 4 * C);
}

/* -- z + sg(g_out x) p_out norm(product), x = norm(z); the product of the halves of sg(g_in x) p_in x */

static km_tensor *gated_halves(km_ctx *cx, const void *arg, const km_tensor *z, km_dim first, km_tensor *opt_to)
{
    const km_triangle_multiplication *l = arg;
    (void)first;
    const km_normed_linear gate = km_nn_normed(&l->norm_in, &l->g_in, z);
    const km_normed_linear value = km_nn_normed(&l->norm_in, &l->p_in, z);
    return km_gated_linear(cx, &gate, &value, false, NULL, opt_to);
}

typedef struct multiplied {
    const km_triangle_multiplication *l;
    const km_tensor *product; /* [N N, C] */
} multiplied;

static km_tensor *add_product(km_ctx *cx, const void *arg, const km_tensor *z, km_dim first, km_tensor *opt_to)
{
    const multiplied *m = arg;
    const km_triangle_multiplication *l = m->l;
    const km_tensor *product = km_slice(cx, m->product, first, km_size(z, 0));
    const km_normed_linear gate = km_nn_normed(&l->norm_in, &l->g_out, z);
    const km_normed_linear value = km_nn_normed(&l->norm_out, &l->p_out, product);
    return km_gated_linear(cx, &gate, &value, false, z, opt_to);
}

static km_tensor *multiply(km_ctx *cx, const km_triangle_multiplication *l, km_tensor *z, const float *mask,
                           bool incoming)
{
    km_dim N = km_size(z, 0), C = km_size(z, 2);
    km_tensor *rows = KM_RESHAPE(cx, z, N * N, C);
    km_tensor *ab = km_nn_map(cx, rows, PAIRS, gated_halves, KM_NN_ARG(l), 2 * C);
    km_tensor *y = km_triangle_multiply(cx, KM_RESHAPE(cx, ab, N, N, 2 * C), mask, incoming);
    multiplied m = {l, KM_RESHAPE(cx, y, N * N, C)};
    rows = km_nn_update(cx, rows, PAIRS, add_product, KM_NN_ARG(&m));
    return KM_RESHAPE(cx, rows, N, N, C);
}

/* -- z + o attention(x), x = norm(z), within each row of pairs, with one bias for all of them */

static km_tensor *bias_of(km_ctx *cx, const void *arg, const km_tensor *z, km_dim first, km_tensor *opt_to)
{
    const km_triangle_node *l = arg;
    (void)first;
    return km_nn_linear_to(cx, &l->bias, km_nn_norm_run(cx, &l->norm, z), opt_to);
}

/* Tq of the N pairs of each row as queries. */
typedef struct node {
    const km_triangle_node *l;
    const km_tensor *rows; /* [Tq, N, C]: of z, those that give the queries' bias */
    const float *mask;     /* [N] */
    km_dim first, Tq;
    const km_tensor *bias; /* [heads, Tq, N] */
} node;

static void share_bias(km_ctx *cx, void *arg)
{
    node *n = arg;
    km_dim N = km_size(n->rows, 1), C = km_size(n->rows, 2), heads = km_size(n->l->bias.w, 0);
    km_tensor *rows = KM_RESHAPE(cx, n->rows, n->Tq * N, C);
    km_tensor *bias = km_nn_map(cx, rows, PAIRS, bias_of, KM_NN_ARG(n->l), heads);
    n->bias = km_heads_first(cx, KM_RESHAPE(cx, bias, n->Tq, N, heads));
}

/* x [rows, N, C] at the queries: all, or those of a single row. */
static const km_tensor *queries(km_ctx *cx, const node *n, const km_tensor *x)
{
    km_dim N = km_size(x, 1), C = km_size(x, 2);
    if (n->Tq == N) return x;
    KM_ASSERT(km_size(x, 0) == 1);
    return KM_RESHAPE(cx, km_slice(cx, KM_RESHAPE(cx, x, N, C), n->first, n->Tq), 1, n->Tq, C);
}

static km_tensor *add_attention(km_ctx *cx, const void *arg, const km_tensor *z, km_dim first, km_tensor *opt_to)
{
    const node *n = arg;
    (void)first;
    const km_tensor *x = km_nn_norm_run(cx, &n->l->norm, z), *at = queries(cx, n, x);
    km_tensor *q = km_nn_linear_run(cx, &n->l->q, at), *k = km_nn_linear_run(cx, &n->l->k, x);
    km_tensor *v = km_nn_linear_run(cx, &n->l->v, x), *g = km_nn_linear_run(cx, &n->l->g, at);
    km_tensor *y = km_pair_attention(cx, q, k, v, g, n->bias, n->mask);
    return km_nn_linear_add(cx, &n->l->o, y, queries(cx, n, z), opt_to);
}

/* The result has its pairs swapped, and lies in `to` without a tape. Where the bias of all pairs is more than a tile,
 * queries come a tile at a time, each with keys and values made anew. */
static km_tensor *attend(km_ctx *cx, const km_triangle_node *l, const km_tensor *z, km_tensor *to, const float *mask)
{
    km_dim N = km_size(z, 0), each = km_tile_rows(cx, N, km_size(l->bias.w, 0) * N);
    if (cx->tape) to = each < N ? km_tensor_like(cx, z) : NULL;
    if (each == N) {
        node n = {l, z, mask, 0, N, NULL};
        return km_nn_map_swapped(cx, z, to, (2 * PAIRS + N - 1) / N, add_attention, share_bias, KM_NN_ARG(&n));
    }
    for (km_dim first = 0; first < N; first += each) {
        km_dim Tq = N - first < each ? N - first : each;
        node n = {l, km_slice(cx, z, first, Tq), mask, first, Tq, NULL};
        km_nn_map_swapped(cx, z, km_slice(cx, to, first, Tq), 1, add_attention, share_bias, KM_NN_ARG(&n));
    }
    return to;
}

/* -- and the whole */

static km_tensor *add_transition(km_ctx *cx, const void *arg, const km_tensor *x, km_dim first, km_tensor *opt_to)
{
    (void)first;
    return km_nn_transition_add(cx, arg, x, opt_to);
}

km_tensor *km_add_transition(km_ctx *cx, const km_nn_transition *l, km_tensor *state)
{
    km_dim C = km_size(state, -1);
    km_tensor *y = km_nn_update(cx, KM_RESHAPE(cx, state, km_numel(state) / C, C), PAIRS, add_transition, KM_NN_ARG(l));
    return km_reshape(cx, y, state->nd, state->shape);
}

/* Views of the state are made after the mark, so the state itself is what is handed on. */
km_tensor *km_carried(km_ctx *cx, km_mark mark, km_tensor *state, km_tensor *next)
{
    if (cx->tape) return next;
    KM_ASSERT(next->data == state->data);
    km_arena_rewind(cx->arena, mark);
    return state;
}

km_tensor *km_pair_layer_run(km_ctx *cx, const km_pair_layer *l, km_tensor *z, const float *token_mask,
                             const float *pair_mask)
{
    km_mark mark = km_scope_begin(cx);
    z = km_carried(cx, mark, z, multiply(cx, &l->mul_out, z, pair_mask, false));
    z = km_carried(cx, mark, z, multiply(cx, &l->mul_in, z, pair_mask, true));
    km_tensor *swapped = attend(cx, &l->start, z, cx->tape ? NULL : km_tensor_like(cx, z), token_mask);
    z = km_carried(cx, mark, z, attend(cx, &l->end, swapped, z, token_mask));
    return km_carried(cx, mark, z, km_add_transition(cx, &l->transition, z));
}

float *km_pair_mask(km_ctx *cx, const float *token_mask, km_dim N)
{
    float *mask = km_arena_get(cx->arena, (size_t)(N * N) * sizeof *mask);
    for (km_dim i = 0; i < N; i++)
        for (km_dim j = 0; j < N; j++) mask[N * i + j] = token_mask[i] * token_mask[j];
    return mask;
}
