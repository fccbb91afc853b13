/* SPDX-License-Identifier: MIT
 * Layers: small sets of parameters with a forward made of operations, named as checkpoints name them.
 *
 * km_nn_<layer>_init asks the store for the layer's parameters below PREFIX; the forward takes and returns tensors of
 * the context. Shapes as in ops.h.
 * Tests: tests/unit/test_model.c, reference cases */
#ifndef LIB_NN_LAYERS_H
#define LIB_NN_LAYERS_H

#include "lib/nn/params.h"
#include "lib/tensor/ops.h"

enum { KM_NN_NAME = 256 };
/* PREFIX.name in a caller's buffer, for parameters and layers below a module. */
const char *km_nn_name(char out[KM_NN_NAME], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The state of a stack of layers: without a tape `next` is copied over `state`, unless it lies there already, and what
 * was made since the mark is given back, so that memory does not grow with depth; with a tape it is `next`. state must
 * have been made with km_nn_state. */
km_tensor *km_nn_carry(km_ctx *cx, km_mark mark, km_tensor *state, km_tensor *next);
/* Where an operation may put what comes after a state: over it, on a device without a tape, else NULL. */
km_tensor *km_nn_place(const km_ctx *cx, km_tensor *state);
/* A state that may be written over: a copy of t without a tape, t itself with one. */
km_tensor *km_nn_state(km_ctx *cx, const km_tensor *t);

/* y [..., O] = x [..., I] w^T (+ b) */
typedef struct km_nn_linear {
    const km_tensor *w, *b; /* [O, I]; [O] or NULL */
} km_nn_linear;
void km_nn_linear_init(km_nn_linear *l, km_params *p, const char *prefix, km_dim out, km_dim in, km_init weight);
void km_nn_linear_init_bias(km_nn_linear *l, km_params *p, const char *prefix, km_dim out, km_dim in, km_init weight,
                            km_init bias);
km_tensor *km_nn_linear_run(km_ctx *cx, const km_nn_linear *l, const km_tensor *x);
km_tensor *km_nn_linear_to(km_ctx *cx, const km_nn_linear *l, const km_tensor *x, km_tensor *opt_to);
km_tensor *km_nn_linear_add(km_ctx *cx, const km_nn_linear *l, const km_tensor *x, const km_tensor *add,
                            km_tensor *opt_to);

/* Layer norm with weight and bias. */
typedef struct km_nn_norm {
    const km_tensor *w, *b; /* [C] */
} km_nn_norm;
void km_nn_norm_init(km_nn_norm *l, km_params *p, const char *prefix, km_dim C);
km_tensor *km_nn_norm_run(km_ctx *cx, const km_nn_norm *l, const km_tensor *x);

/* PREFIX.0 is a norm, PREFIX.1 a linear without bias */
typedef struct km_nn_norm_linear {
    km_nn_norm norm;
    km_nn_linear linear;
} km_nn_norm_linear;
void km_nn_norm_linear_init(km_nn_norm_linear *l, km_params *p, const char *prefix, km_dim out, km_dim in,
                            km_init weight);
km_tensor *km_nn_norm_linear_run(km_ctx *cx, const km_nn_norm_linear *l, const km_tensor *x);

/* l norm(x), for km_gated_linear */
km_normed_linear km_nn_normed(const km_nn_norm *norm, const km_nn_linear *l, const km_tensor *x);

/* x + fc3(silu(fc1 n) fc2 n), n = norm(x) */
typedef struct km_nn_transition {
    km_nn_norm norm;
    km_nn_linear fc1, fc2, fc3;
} km_nn_transition;
void km_nn_transition_init(km_nn_transition *l, km_params *p, const char *prefix, km_dim C, km_dim hidden);
km_tensor *km_nn_transition_add(km_ctx *cx, const km_nn_transition *l, const km_tensor *x, km_tensor *opt_to);

/* Projections of attention with a pair bias: q with a bias, k, v, gate and output without. */
typedef struct km_nn_attention {
    km_nn_linear q, k, v, g, o;
} km_nn_attention;
void km_nn_attention_init(km_nn_attention *l, km_params *p, const char *prefix, km_dim C);
/* x [F, N, C], bias [H, N, N] */
km_tensor *km_nn_attention_run(km_ctx *cx, const km_nn_attention *l, const km_tensor *x, const km_tensor *bias,
                               const float *opt_mask);
/* x [F, A, C], bias [H, W, Q, K] */
km_tensor *km_nn_attention_run_windows(km_ctx *cx, const km_nn_attention *l, const km_tensor *x, const km_tensor *bias,
                                       const float *atom_mask);

#endif
