/* SPDX-License-Identifier: MIT
 * Pair features of atom windows. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct atom_pairs_state {
    const km_tensor *w_pos, *w_dist, *w_mask, *zp, *u, *v;
    const float *ref_pos, *atom_mask;
    const int32_t *uid, *atom_token;
    km_dim N, Q, K;
    km_tensor *y;
} atom_pairs_state;

static void atom_pairs_backward(km_ctx *cx, void *state)
{
    atom_pairs_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_dim A = km_size(s->u, 0);
    km_be(cx, s->u)->atom_pairs_bwd(&cx->ex, km_grad(cx, s->w_pos), km_grad(cx, s->w_dist), km_grad(cx, s->w_mask),
                                    km_grad(cx, s->zp), km_grad(cx, s->u), km_grad(cx, s->v), km_grad(cx, s->y),
                                    km_floats(cx, s->ref_pos, 3 * A), km_ints(cx, s->uid, A),
                                    km_floats(cx, s->atom_mask, A), km_ints(cx, s->atom_token, A), A, s->N, s->Q, s->K,
                                    km_size(s->u, 1));
}

km_tensor *km_atom_pairs(km_ctx *cx, const km_tensor *w_pos, const km_tensor *w_dist, const km_tensor *w_mask,
                         const float *ref_pos, const int32_t *uid, const float *atom_mask, const km_tensor *opt_zp,
                         const int32_t *atom_token, const km_tensor *u, const km_tensor *v, km_dim Q, km_dim K)
{
    km_dim A = km_size(u, 0), C = km_size(u, 1), N = opt_zp ? km_size(opt_zp, 0) : 0;
    KM_ASSERT(km_numel(w_pos) == C * 3 && km_numel(w_dist) == C && km_numel(w_mask) == C && km_numel(v) == A * C);
    KM_ASSERT((!opt_zp || km_numel(opt_zp) == N * N * C) && km_alike(u, v) && km_alike(u, opt_zp));
    km_tensor *y = KM_TENSOR_AS(cx, u, (A + Q - 1) / Q, Q, K, C);
    km_be(cx, u)->atom_pairs_fwd(&cx->ex, y->data, w_pos->data, w_dist->data, w_mask->data,
                                 km_floats(cx, ref_pos, 3 * A), km_ints(cx, uid, A), km_floats(cx, atom_mask, A),
                                 opt_zp ? opt_zp->data : NULL, km_ints(cx, atom_token, A), u->data, v->data, A, N, Q, K,
                                 C);
    if (KM_RECORDING(cx, w_pos, w_dist, w_mask, opt_zp, u, v)) {
        atom_pairs_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (atom_pairs_state){w_pos, w_dist, w_mask, opt_zp, u, v, ref_pos, atom_mask, uid, atom_token, N, Q, K, y};
        km_record(cx, y, atom_pairs_backward, s);
    }
    return y;
}
