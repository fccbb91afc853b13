/* SPDX-License-Identifier: MIT
 * The diffusion transformer's layer: adaptive norm, attention with a bias, gate, conditioned transition. What depends
 * on the condition alone (scales, shifts, gates) is computed apart from what depends on the frames, once for each noise
 * level. Source: AlphaFold 3, supplementary algorithms 23-26.
 * Tests: tests/unit/test_model.c, reference cases */
#ifndef LIB_NN_CONDITIONED_H
#define LIB_NN_CONDITIONED_H

#include "lib/nn/layers.h"

/* scale = sg(s_scale(n)), shift = s_bias(n), n = s_norm(s), a norm with a weight and no bias */
typedef struct km_nn_adaln {
    const km_tensor *norm; /* [S] */
    km_nn_linear scale, shift;
} km_nn_adaln;

typedef struct km_nn_dit {
    km_nn_adaln adaln, transition_adaln;
    km_nn_linear out, transition_out;     /* gates */
    km_nn_attention attention;
    km_nn_linear swish_gate, a_to_b, b_to_a;
} km_nn_dit;

/* What a layer needs of the condition: [L, N, C] each, past their sigmoids. */
typedef struct km_nn_dit_terms {
    km_tensor *scale, *shift, *gate;
    km_tensor *transition_scale, *transition_shift, *transition_gate;
} km_nn_dit_terms;

/* C channels of the stream, S of the condition. */
void km_nn_dit_init(km_nn_dit *l, km_params *p, const char *prefix, km_dim C, km_dim S);
/* s [L, N, S] */
km_nn_dit_terms km_nn_dit_condition(km_ctx *cx, const km_nn_dit *l, const km_tensor *s);
/* a + gate attention(adaln(a)): a [F, N, C], bias [H, N, N] with a token mask, or [H, W, Q, K] of windows with an atom
 * mask; level [F] into the terms' L */
km_tensor *km_nn_dit_attend(km_ctx *cx, const km_nn_dit *l, const km_nn_dit_terms *t, const km_tensor *a,
                            const km_tensor *bias, const float *mask, const int32_t *level);
/* a + gate transition(adaln(a)) */
km_tensor *km_nn_dit_transit(km_ctx *cx, const km_nn_dit *l, const km_nn_dit_terms *t, const km_tensor *a,
                             const int32_t *level);

#endif
