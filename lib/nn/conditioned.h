/* SPDX-License-Identifier: MIT
 * The diffusion transformer's layer: adaptive norm, attention with a bias, gate, conditioned transition. What depends
 * on the condition alone (scales, shifts, gates) is computed apart from what depends on the frames, once for each noise
 * level. Source: AlphaFold 3, supplementary algorithms 23-26.
 * Tests: tests/unit/test_model.c, reference cases */
#ifndef LIB_NN_CONDITIONED_H
#define LIB_NN_CONDITIONED_H

#include "lib/nn/layers.h"

/* What a condition does to a branch: the adaptive norm of its input, scale = sg(s_scale(n)) and shift = s_bias(n), n =
 * s_norm(s), a norm with a weight and no bias; and the gate of its output. */
typedef struct km_nn_adaptive {
    const km_tensor *norm; /* [S] */
    km_nn_linear scale, shift, gate;
} km_nn_adaptive;

/* What it comes to: [L, N, C] each, scale and gate past their sigmoids. */
typedef struct km_nn_terms {
    km_tensor *scale, *shift, *gate;
} km_nn_terms;

/* PREFIX.adaln and PREFIX.output_projection_linear; C channels of the stream, S of the condition */
void km_nn_adaptive_init(km_nn_adaptive *l, km_params *p, const char *prefix, km_dim C, km_dim S);
/* s [L, N, S] */
km_nn_terms km_nn_adaptive_condition(km_ctx *cx, const km_nn_adaptive *l, const km_tensor *s);

typedef struct km_nn_dit {
    km_nn_adaptive attending, transiting;
    km_nn_attention attention;
    bool two_factors; /* of the transition: silu(swish_gate) a_to_b; else the swish gate has two itself */
    km_nn_linear swish_gate, a_to_b, b_to_a;
} km_nn_dit;

/* temporal: of a temporal layer beside it that has an adaptive norm (temporal.h); else NULLs */
typedef struct km_nn_dit_terms {
    km_nn_terms attention, transition, temporal;
} km_nn_dit_terms;

/* C channels of the stream, S of the condition. */
void km_nn_dit_init(km_nn_dit *l, km_params *p, const char *prefix, km_dim C, km_dim S, bool two_factors);
/* s [L, N, S] */
km_nn_dit_terms km_nn_dit_condition(km_ctx *cx, const km_nn_dit *l, const km_tensor *s);
/* a + gate attention(adaln(a)), at km_nn_place of a: a [F, N, C], bias [H, N, N] with a token mask, or [H, W, Q, K] of
 * windows with an atom mask; level [F] into the terms' L */
km_tensor *km_nn_dit_attend(km_ctx *cx, const km_nn_dit *l, const km_nn_dit_terms *t, km_tensor *a,
                            const km_tensor *bias, const float *mask, const int32_t *level);
/* a + gate transition(adaln(a)), likewise */
km_tensor *km_nn_dit_transit(km_ctx *cx, const km_nn_dit *l, const km_nn_dit_terms *t, km_tensor *a,
                             const int32_t *level);

#endif
