/* SPDX-License-Identifier: MIT */
#include "kernels/ref/attention.h"

/* The query of slot i of window w: its keys are lo .. lo + n - 1, their biases start at `bias`. */
typedef struct slot {
    km_dim atom, lo, n, bias;
} slot;

static slot slot_of(km_dim h, km_dim a, km_dim A, km_dim Q, km_dim K)
{
    km_dim w = a / Q, W = (A + Q - 1) / Q, first = Q * w + Q / 2 - K / 2;
    km_dim lo = first < 0 ? 0 : first, hi = first + K > A ? A : first + K;
    return (slot){a, lo, hi - lo, ((h * W + w) * Q + a % Q) * K + lo - first};
}

/* What is added to the logits; without an unmasked key none takes part. */
static double *added_row(const double *bias, const double *atom_mask, slot s)
{
    double *row = calloc((size_t)s.n, sizeof *row);
    bool any = false;
    for (km_dim j = 0; j < s.n; j++) any = any || atom_mask[s.lo + j] != 0;
    for (km_dim j = 0; j < s.n; j++)
        row[j] = any ? bias[s.bias + j] + (1 - atom_mask[s.lo + j]) * -1e6 : -INFINITY;
    return row;
}

void km_ref_window_attention_fwd(const km_exec *ex, double *y, const double *q, const double *k, const double *v,
                                 const double *opt_g, const double *bias, const double *atom_mask, km_dim F, km_dim A,
                                 km_dim H, km_dim D, km_dim Q, km_dim K)
{
    (void)ex;
    for (km_dim h = 0; h < H; h++)
        for (km_dim a = 0; a < A; a++) {
            slot s = slot_of(h, a, A, Q, K);
            double *added = added_row(bias, atom_mask, s);
            for (km_dim f = 0; f < F; f++) {
                km_dim at = (f * A + a) * H * D + h * D, keys = (f * A + s.lo) * H * D + h * D;
                ref_attend_fwd(y + at, q + at, k + keys, v + keys, H * D, ref_at_const(opt_g, at), added, s.n, D);
            }
            free(added);
        }
}

void km_ref_window_attention_bwd(const km_exec *ex, double *dq, double *dk, double *dv, double *dg, double *dbias,
                                 const double *dy, const double *q, const double *k, const double *v,
                                 const double *opt_g, const double *bias, const double *atom_mask, km_dim F, km_dim A,
                                 km_dim H, km_dim D, km_dim Q, km_dim K)
{
    (void)ex;
    for (km_dim h = 0; h < H; h++)
        for (km_dim a = 0; a < A; a++) {
            slot s = slot_of(h, a, A, Q, K);
            double *added = added_row(bias, atom_mask, s);
            for (km_dim f = 0; f < F; f++) {
                km_dim at = (f * A + a) * H * D + h * D, keys = (f * A + s.lo) * H * D + h * D;
                ref_attend_bwd(ref_at(dq, at), ref_at(dk, keys), ref_at(dv, keys), ref_at(dg, at),
                               ref_at(dbias, s.bias), dy + at, q + at, k + keys, v + keys, H * D,
                               ref_at_const(opt_g, at), added, s.n, D);
            }
            free(added);
        }
}
