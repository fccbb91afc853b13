/* SPDX-License-Identifier: MIT */
#include "kernels/ref/attention.h"

/* What is added to the logits of a query of a head, row h Nq + i of the bias. A mask of all keys, which changes no
 * weight, is left out: rounded, it would take the bias with it. */
static double *added_row(const double *bias, const double *opt_mask, km_dim row, km_dim N)
{
    double *added = calloc((size_t)N, sizeof *added), any = 0;
    for (km_dim j = 0; j < N && opt_mask; j++) any += opt_mask[j];
    for (km_dim j = 0; j < N; j++) added[j] = bias[row * N + j] + (any > 0 ? (1 - opt_mask[j]) * -1e6 : 0);
    return added;
}

void km_ref_pair_attention_fwd(const km_exec *ex, double *y, const double *q, const double *k, const double *v,
                               const double *opt_g, const double *bias, const double *opt_mask, km_dim F, km_dim Nq,
                               km_dim N, km_dim H, km_dim D)
{
    (void)ex;
    for (km_dim h = 0; h < H; h++)
        for (km_dim i = 0; i < Nq; i++) {
            double *added = added_row(bias, opt_mask, h * Nq + i, N);
            for (km_dim f = 0; f < F; f++) {
                km_dim keys = f * N * H * D + h * D, at = (f * Nq + i) * H * D + h * D;
                ref_attend_fwd(y + at, q + at, k + keys, v + keys, H * D, ref_at_const(opt_g, at), added, N, D);
            }
            free(added);
        }
}

void km_ref_pair_attention_bwd(const km_exec *ex, double *dq, double *dk, double *dv, double *dg, double *dbias,
                               const double *dy, const double *q, const double *k, const double *v, const double *opt_g,
                               const double *bias, const double *opt_mask, km_dim F, km_dim Nq, km_dim N, km_dim H,
                               km_dim D)
{
    (void)ex;
    for (km_dim h = 0; h < H; h++)
        for (km_dim i = 0; i < Nq; i++) {
            double *added = added_row(bias, opt_mask, h * Nq + i, N);
            for (km_dim f = 0; f < F; f++) {
                km_dim keys = f * N * H * D + h * D, at = (f * Nq + i) * H * D + h * D;
                ref_attend_bwd(ref_at(dq, at), ref_at(dk, keys), ref_at(dv, keys), ref_at(dg, at),
                               ref_at(dbias, (h * Nq + i) * N), dy + at, q + at, k + keys, v + keys, H * D,
                               ref_at_const(opt_g, at), added, N, D);
            }
            free(added);
        }
}
