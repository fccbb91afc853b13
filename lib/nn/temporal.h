/* SPDX-License-Identifier: MIT
 * Attention across frames, with a decay in time, for every token or atom by itself; the residual is included.
 * Tests: tests/unit/test_model.c, tests/unit/test_causal.c, reference cases */
#ifndef LIB_NN_TEMPORAL_H
#define LIB_NN_TEMPORAL_H

#include "lib/nn/conditioned.h"
#include "lib/nn/past.h"

/* The frames that temporal layers are run on. */
typedef struct km_nn_frames {
    km_dim B, T;
    const float *times;           /* [B, T] ns */
    km_nn_past *const *opt_pasts; /* [B], T 1: the frames before; NULL: all there are, are here */
} km_nn_frames;

/* lambda |t_i - t_j|^beta. by_interval, of frames D ns apart, all of them in every window: max(D (lambda |i - j|)^beta,
 * D 1e-6^beta), not causal. */
typedef struct km_nn_decay {
    double beta;
    bool causal, by_interval;
} km_nn_decay;

typedef struct km_nn_temporal {
    km_nn_norm norm;         /* of a plain layer */
    bool adapted;            /* by a condition, */
    km_nn_adaptive adaptive; /* which norms and gates it */
    km_nn_linear q, k, v, g, o;
    const km_tensor *log_lambda; /* [H] */
    km_nn_decay decay;
    int number; /* among the layers of a past */
} km_nn_temporal;

/* C channels; S of the condition that adapts the layer, 0: none does */
void km_nn_temporal_init(km_nn_temporal *l, km_params *p, const char *prefix, km_dim C, km_dim S, km_dim heads,
                         km_nn_decay decay);
/* s [L, N, S]; NULLs for a layer that is not adapted */
km_nn_terms km_nn_temporal_condition(km_ctx *cx, const km_nn_temporal *l, const km_tensor *s);
/* x [F, N, C] with F = B T; the result lies at km_nn_place of x; level [F] into the terms' L. With pasts the layer must
 * be causal and no tape on: each frame sees those of its past and itself, and leaves its key and value behind them, at
 * T, where they become a part of it when T is raised. */
km_tensor *km_nn_temporal_run(km_ctx *cx, const km_nn_temporal *l, const km_nn_terms *terms, km_tensor *x,
                              const km_nn_frames *f, const int32_t *level);

#endif
