/* SPDX-License-Identifier: MIT
 * The operations. Each stands here with its shapes and formula, in lib/tensor/op_<family>.c with its tape record, and
 * in kernels/{ref,cpu,cuda}/ under the same name. kernels/README.md says how to add one.
 *
 * Inputs are never changed; results are new tensors in the context's arena. An `opt_` argument may be NULL. Integer
 * arrays (levels, indices) and plain float arrays (times, masks) carry no gradient and must live until backward has
 * run. A wrong shape is a bug, not a failure. sg is the logistic function.
 * Tests: tests/unit/test_op_<family>.c */
#ifndef LIB_TENSOR_OPS_H
#define LIB_TENSOR_OPS_H

#include "lib/tensor/tensor.h"

/* -- op_dense.c */
/* y [..., O] = x [..., I] w [O, I]^T + b [O] */
km_tensor *km_linear(km_ctx *cx, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b);
/* The same into y's memory, where nothing is recorded. */
km_tensor *km_linear_to(km_ctx *cx, km_tensor *y, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b);
/* The same + add, of whose shape y is. opt_to: y's memory, add's own perhaps, where nothing is recorded. */
km_tensor *km_linear_add(km_ctx *cx, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b,
                         const km_tensor *add, km_tensor *opt_to);
/* max(0, the same) */
km_tensor *km_linear_relu(km_ctx *cx, const km_tensor *x, const km_tensor *w, const km_tensor *opt_b);
/* norm(x [M, I]) w [O, I]^T + b [O], norm a layer norm; opt_norm_w NULL: none */
typedef struct km_normed_linear {
    const km_tensor *x, *opt_norm_w, *opt_norm_b, *w, *opt_b;
} km_normed_linear;
/* y = f(gate) value + add, f being sg, or silu; in one pass on a device where nothing is recorded, and there into
 * opt_to, add's or gate->x's own perhaps, which is not taken otherwise */
km_tensor *km_gated_linear(km_ctx *cx, const km_normed_linear *gate, const km_normed_linear *value, bool silu,
                           const km_tensor *opt_add, km_tensor *opt_to);

/* -- op_norm.c */
/* y [..., C] = (x - mean x) / sqrt(var x + 1e-5) * w [C] + b [C] */
km_tensor *km_layer_norm(km_ctx *cx, const km_tensor *x, const km_tensor *opt_w, const km_tensor *opt_b);
/* y [F, N, C] = norm(x [F, N, C]) scale [L, N, C] + shift [L, N, C] at L = level[f]; scale is already past its sigmoid
 */
km_tensor *km_adaln(km_ctx *cx, const km_tensor *x, const km_tensor *scale, const km_tensor *shift,
                    const int32_t *level);

/* -- op_gate.c */
/* y [F, N, C] = x + gate [L, N, C] u [F, N, C] at L = level[f]; gate is already past its sigmoid. opt_to: y's memory,
 * x's own perhaps, where nothing is recorded. */
km_tensor *km_gate_add(km_ctx *cx, const km_tensor *x, const km_tensor *gate, const km_tensor *u, const int32_t *level,
                       km_tensor *opt_to);
/* y = silu(a) b, equal shapes */
km_tensor *km_silu_mul(km_ctx *cx, const km_tensor *a, const km_tensor *b);
/* y [..., C] = silu(h [..., C:2C]) h [..., 0:C] b [..., C] (the conditioned transition's swish gate) */
km_tensor *km_swish_gate(km_ctx *cx, const km_tensor *h, const km_tensor *b);
/* y = sg(a) b, equal shapes */
km_tensor *km_sigmoid_mul(km_ctx *cx, const km_tensor *a, const km_tensor *b);

/* -- op_elementwise.c */
/* y = a + b; b may be shorter: it is repeated over the leading dimensions of a (numel(a) a multiple of numel(b)) */
km_tensor *km_add(km_ctx *cx, const km_tensor *a, const km_tensor *b);
km_tensor *km_scale(km_ctx *cx, const km_tensor *a, float factor);
km_tensor *km_relu(km_ctx *cx, const km_tensor *x);
km_tensor *km_sigmoid(km_ctx *cx, const km_tensor *x);
/* y [..., Ca + Cb] = a [..., Ca] beside b [..., Cb] */
km_tensor *km_concat(km_ctx *cx, const km_tensor *a, const km_tensor *b);
/* y [C, ...] = x [..., C] with the last dimension first */
km_tensor *km_heads_first(km_ctx *cx, const km_tensor *x);
/* y [N, N, C] = a [N, C] at i + b [N, C] at j */
km_tensor *km_outer_add(km_ctx *cx, const km_tensor *a, const km_tensor *b);
/* y [N, N, C] at (i, j) = x [N, N, C] at (j, i) */
km_tensor *km_swap_pairs(km_ctx *cx, const km_tensor *x);
/* y [L, D] = cos(2 pi (t [L] w [D] + b [D])); not differentiated */
km_tensor *km_fourier(km_ctx *cx, const float *t, km_dim L, const km_tensor *w, const km_tensor *b);
/* y [F, ...] = a [F] x [F, ...] + b [F] u [F, ...]; u and b may be NULL together; a and b are plain numbers */
km_tensor *km_frame_axpby(km_ctx *cx, const km_tensor *x, const float *a, const km_tensor *opt_u, const float *opt_b);

/* -- op_gather.c */
/* y [M, C] = table [K, C] at row index[m] */
km_tensor *km_lookup_rows(km_ctx *cx, const km_tensor *table, const int32_t *index, km_dim M);
/* y [M, C] = sum over p < P of w [C, K] at column index[m, p], a negative index adding nothing: the product of w with
 * rows of one-hot classes (relative positions, atom features), without the rows */
km_tensor *km_lookup_columns(km_ctx *cx, const km_tensor *w, const int32_t *index, km_dim M, km_dim P);
/* y [F, A, C] = x [F, N, C] at atom_token[a]; 0 where that is negative (a padded atom) */
km_tensor *km_token_to_atom(km_ctx *cx, const km_tensor *x, const int32_t *atom_token, km_dim A);
/* y [F, N, C] = sum over the token's atoms of x [F, A, C] / (count + 1e-6); atoms with a negative token take no part */
km_tensor *km_atom_to_token(km_ctx *cx, const km_tensor *x, const int32_t *atom_token, km_dim N);

/* -- op_atom_pairs.c */
/* Pair features of atom windows, W = ceil(A / Q); window w has queries Q w + 0..Q-1 and keys Q w + Q/2 - K/2 + 0..K-1;
 * atoms outside 0..A-1 are missing (zero vectors, masked): y [W, Q, K, C] = s (w_pos [C, 3] (r_k - r_q) + w_dist [C, 1]
 * / (1 + |r_k - r_q|^2) + w_mask [C, 1])
 *                  + zp [N, N, C] at (token q, token k) + u [A, C] at q + v [A, C] at k
 * s = 1 where both atoms are unmasked and share a uid. ref_pos [A, 3], uid [A], atom_mask [A] 0/1, atom_token [A]
 * (negative: no token, no zp term). opt_zp NULL leaves the term out */
km_tensor *km_atom_pairs(km_ctx *cx, const km_tensor *w_pos, const km_tensor *w_dist, const km_tensor *w_mask,
                         const float *ref_pos, const int32_t *uid, const float *atom_mask, const km_tensor *opt_zp,
                         const int32_t *atom_token, const km_tensor *u, const km_tensor *v, km_dim Q, km_dim K);

/* -- op_pair_attention.c, op_window_attention.c, op_temporal_attention.c */
/* y [F, Nq, H D] = sg(g) softmax_j(q_i k_j / sqrt D + bias [H, Nq, N] + (1 - mask_j) (-1e6)) v_j; q g [F, Nq, H D] of
 * all tokens or some, k v [F, N, H D], every frame the same bias; opt_mask [N] 0/1. opt_g NULL: no gate. Triangle
 * attention around the starting node is this with the rows of pairs as frames; around the ending node, with the pairs
 * swapped */
km_tensor *km_pair_attention(km_ctx *cx, const km_tensor *q, const km_tensor *k, const km_tensor *v,
                             const km_tensor *opt_g, const km_tensor *bias, const float *opt_mask);
/* The same within atom windows (see km_atom_pairs): q k v g [F, A, H D], bias [H, W, Q, K]; atom_mask [A] masks keys
 * with -1e6, keys outside 0..A-1 take no part. A window without any unmasked key gives 0 */
km_tensor *km_window_attention(km_ctx *cx, const km_tensor *q, const km_tensor *k, const km_tensor *v,
                               const km_tensor *opt_g, const km_tensor *bias, const float *atom_mask, km_dim Q,
                               km_dim K);
/* Across frames, for every token or atom n:
 *   y [B, Tq, N, H D] = sg(g) softmax_j(q_i k_j / sqrt D - max(exp(log_lambda [H]) |t_i - t_j|^beta, least)) v_j
 * q g [B, Tq, N, H D], k v [B, Tk, N, H D], time_q [B, Tq], time_k [B, Tk] in ns. Causal: keys j <= i + Tk - Tq */
km_tensor *km_temporal_attention(km_ctx *cx, const km_tensor *q, const km_tensor *k, const km_tensor *v,
                                 const km_tensor *opt_g, const km_tensor *log_lambda, const float *time_q,
                                 const float *time_k, float beta, float least, bool causal);

/* -- op_triangle.c */
/* a, b the halves of ab [N, N, 2C] mask [N, N]. outgoing: y [N, N, C] at (i, j) = sum_k a(i, k) b(j, k); incoming:
 * sum_k a(k, i) b(k, j) */
km_tensor *km_triangle_multiply(km_ctx *cx, const km_tensor *ab, const float *mask, bool incoming);

/* -- op_outer_products.c, op_pair_average.c, op_template_pairs.c */
/* y [count, N, C D] at (i, j) = scale [N, N](first + i, j) sum_s a [S, N, C](s, first + i) x b [S, N, D](s, j), the
 * outer product with d running fastest; opt_scale NULL: 1 */
km_tensor *km_outer_products(km_ctx *cx, const km_tensor *a, const km_tensor *b, const float *opt_scale, km_dim first,
                             km_dim count);
/* y [S, Nq, H D] at (s, i) = sg(g) sum_j softmax_j(logits [H, Nq, N](i, j) + (1 - mask_j) (-1e6)) v(s, j);
 * g [S, Nq, H D] of all tokens or some, v [S, N, H D], opt_mask [N] 0/1 */
km_tensor *km_pair_average(km_ctx *cx, const km_tensor *v, const km_tensor *g, const km_tensor *logits,
                           const float *opt_mask);
/* A template's facts on N tokens: restype in 0..32, tokens with equal visibility see each other, backbone frames rot
 * [N, 3, 3] (axes in columns) at origin [N, 3], atoms cb ca [N, 3], masks [N]; angstrom. */
typedef struct km_template_facts {
    const int32_t *restype, *visibility;
    const float *rot, *origin, *cb, *ca, *mask_cb, *mask_frame;
} km_template_facts;
/* y [N, N, C] = w [C, 109] x at (i, j), x: where i sees j 38 bins of |cb_i - cb_j| (edges 3.25 to 50.75), mask_cb i j,
 * the signs of rot_j^T (ca_i - origin_j), mask_frame i j; then restype of i and j, 33 classes each. The facts must live
 * until backward has run */
km_tensor *km_template_pairs(km_ctx *cx, const km_tensor *w, const km_template_facts *t, km_dim N);

/* -- op_sampler.c: coordinates [F, A, 3] between evaluations, float32; not differentiated */
/* y = x + scale [F] draws of the stream that keys [F, 4] name (a km_rng's four words) at the atom's number; on a device
 * the draws are the same but for the last bit of log and cos */
km_tensor *km_add_noise(km_ctx *cx, const km_tensor *x, const int32_t *keys, const float *scale);
/* y = u + factor [F] (u - d); x where the factor is 0 */
km_tensor *km_sampler_move(km_ctx *cx, const km_tensor *x, const km_tensor *u, const km_tensor *d, const float *factor);
/* y = x where held [F] is 0; else centres [S, 4], one after another, on the right side of their neighbours' plane
 * (lib/base/hand.h) */
km_tensor *km_hold_hands(km_ctx *cx, const km_tensor *x, const int32_t *centres, km_dim S, const int32_t *held);
/* y = x where held [F] is 0; else rot (x - mean) + shift: motion [F, 12] are a rotation [3, 3] and a shift, the mean is
 * that of all rows */
km_tensor *km_turn_frames(km_ctx *cx, const km_tensor *x, const float *motion, const int32_t *held);
/* y = x where held [F] is 0; else moved as it is onto the frame of `to`, by atoms' weights [A], one of them positive
 * (lib/base/superpose.h) */
km_tensor *km_superpose_frames(km_ctx *cx, const km_tensor *x, const km_tensor *to, const float *weight,
                               const int32_t *held);

/* -- op_loss.c: each a scalar [1]; x [F, A, 3] predicted, r [F, A, 3] reference; a frame counts when target[f] != 0 */
/* sum over f, a of frame_weight[f] atom_weight[a] |x - r|^2 (the caller puts EDM weight, 1 / n_v and 1 / frames into
 * them) */
km_tensor *km_loss_struct(km_ctx *cx, const km_tensor *x, const float *r, const float *frame_weight,
                          const float *atom_weight);
/* sum over frames of frame_weight times the mean over unmasked bonds of (length - reference)^2; bonds [B, 2],
 * opt_lengths [B], or as long as in that frame of r; opt_bond_mask [B] */
km_tensor *km_loss_bond(km_ctx *cx, const km_tensor *x, const float *r, const float *frame_weight,
                        const int32_t *bonds, const float *opt_lengths, const float *opt_bond_mask, km_dim n_bonds);
/* 1 - mean over ordered pairs i != j of valid atoms of all target frames with |r_i - r_j| < radius, of the mean over
 * c = 0.5, 1, 2, 4 of sg(c - | |x_i - x_j| - |r_i - r_j| |); 0 when there is no pair.
 * With mol_type [A], as BioKinema has it: twice the radius where i is of a nucleotide; pairs weigh 10 (ligand-ligand),
 * 5 (ligand-other) or 1; 1 - mean (over what its pairs weigh + 1e-6) is a frame's, and the loss the sum over target
 * frames by the number of all frames. */
km_tensor *km_loss_lddt(km_ctx *cx, const km_tensor *x, const float *r, const float *target, const float *atom_mask,
                        const int32_t *opt_mol_type, float radius);
/* parts[0] l_abs + parts[1] l_rel_g + parts[2] l_rel_l over target frames, 0 with fewer than two (reference notes,
 * `losses`); residue [A], mol_type [A]. type_weights: atoms and pairs weigh 10 (ligand-ligand), 5 (ligand-other) or 1,
 * as the seed has it */
km_tensor *km_loss_flex(km_ctx *cx, const km_tensor *x, const float *r, const float *target, const float *atom_mask,
                        const int32_t *residue, const int32_t *mol_type, const float parts[3], bool type_weights);
/* sum over frames of frame_weight times the squared distance of the centroids of all atoms with mol_type 3 */
km_tensor *km_loss_center(km_ctx *cx, const km_tensor *x, const float *r, const float *frame_weight,
                          const int32_t *mol_type);
/* sum over pairs of weight (S(x) - S(r))^2, S the standard deviation (by F - 1) of a pair's distance over frames; pairs
 * [P, 2], weight [P]; 0 with less than 3 frames */
km_tensor *km_loss_spread(km_ctx *cx, const km_tensor *x, const float *r, const int32_t *pairs, const float *weight,
                          km_dim n_pairs);
/* parts[0] sum over atoms of atom_weight (V(x) - V(r))^2, V an atom's mean of sqrt(|x[f + 1] - x[f]|^2 + 1e-6), plus
 * parts[1] mean over k = 1 .. min(lags, F - 1) of (A(x) - A(r))^2, A the sum over frames and the atoms with chosen != 0
 * of u[f] . u[f + k] over (that of u[f] . u[f] + 1e-6), u being x less its mean over frames, plus parts[2] sum over
 * atoms of atom_weight (W(x) - W(r))^2, W being sqrt(mean |u|^2 + 1e-6). Frames that do not count stand as in r; 0 with
 * less than 3 frames. Frames are equally spaced in time. */
km_tensor *km_loss_motion(km_ctx *cx, const km_tensor *x, const float *r, const float *target,
                          const float *atom_weight, const float *chosen, const float parts[3], int lags);
/* A Markov model of a molecule: P pairs of atoms, whose distances have D slow components, and K states. numbers: mean
 * distances [P], components [P, D], centres [K, D] and logarithms of variances [K, D] of the states, logarithms of the
 * transitions from state (row) to state in one frame [K, K], stationary distribution [K], the components'
 * autocorrelation at one frame [D], one behind the other. */
typedef struct km_markov {
    km_dim P, D, K;
    const int32_t *pairs; /* [P, 2] */
    const float *numbers;
} km_markov;
/* With z = (distances - mean) components and e = log of a state's normal density at z:
 *   parts[0] times -1/F of the log-likelihood of z under the hidden chain, plus
 *   parts[1] sum over states of p ln(p / q), p = population [K], q the frames' mean of softmax(e + ln stationary), plus
 *   parts[2] mean over k = 1 .. min(5, F - 1) and the components whose variance v in the window exceeds 1e-3 of
 *     (mean of u[f] u[f + k] / v - autocorrelation^k)^2, u being z less its mean over frames
 * Frames that do not count stand as in r; 0 with less than 3 frames. m outlives backward. */
km_tensor *km_loss_markov(km_ctx *cx, const km_tensor *x, const float *r, const float *target, const km_markov *m,
                          const float *population, const float parts[3]);

#endif
