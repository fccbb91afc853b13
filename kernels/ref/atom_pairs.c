/* SPDX-License-Identifier: MIT */
#include "kernels/ref/ref.h"

/* s of the pair, and its difference of positions; atoms outside 0..A-1 are missing */
static double features(double r[3], const double *ref_pos, const int32_t *uid, const double *atom_mask, km_dim A,
                       km_dim q, km_dim k)
{
    bool both = q < A && k >= 0 && k < A;
    for (int d = 0; d < 3; d++) r[d] = both ? ref_pos[k * 3 + d] - ref_pos[q * 3 + d] : 0;
    return both && atom_mask[q] != 0 && atom_mask[k] != 0 && uid[q] == uid[k] ? 1 : 0;
}

static km_dim pair_row(const int32_t *atom_token, km_dim A, km_dim N, km_dim q, km_dim k)
{
    if (q >= A || k < 0 || k >= A || atom_token[q] < 0 || atom_token[k] < 0) return -1;
    return atom_token[q] * N + atom_token[k];
}

void km_ref_atom_pairs_fwd(const km_exec *ex, double *y, const double *w_pos, const double *w_dist,
                           const double *w_mask, const double *ref_pos, const int32_t *uid, const double *atom_mask,
                           const double *zp, const int32_t *atom_token, const double *u, const double *v, km_dim A,
                           km_dim N, km_dim Q, km_dim K, km_dim C)
{
    (void)ex;
    for (km_dim q = 0; q < (A + Q - 1) / Q * Q; q++)
        for (km_dim i = 0; i < K; i++) {
            km_dim k = q / Q * Q + Q / 2 - K / 2 + i, row = pair_row(atom_token, A, N, q, k);
            double r[3], s = features(r, ref_pos, uid, atom_mask, A, q, k);
            double inverse = 1 / (1 + r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
            for (km_dim c = 0; c < C; c++) {
                const double *w = w_pos + c * 3;
                double out = s * (w[0] * r[0] + w[1] * r[1] + w[2] * r[2] + w_dist[c] * inverse + w_mask[c]);
                if (zp && row >= 0) out = km_ref_stored(out) + zp[row * C + c];
                if (q < A) out = km_ref_stored(out) + u[q * C + c];
                if (k >= 0 && k < A) out = km_ref_stored(out) + v[k * C + c];
                y[(q * K + i) * C + c] = out;
            }
        }
}

void km_ref_atom_pairs_bwd(const km_exec *ex, double *dw_pos, double *dw_dist, double *dw_mask, double *dzp, double *du,
                           double *dv, const double *dy, const double *ref_pos, const int32_t *uid,
                           const double *atom_mask, const int32_t *atom_token, km_dim A, km_dim N, km_dim Q, km_dim K,
                           km_dim C)
{
    (void)ex;
    for (km_dim q = 0; q < (A + Q - 1) / Q * Q; q++)
        for (km_dim i = 0; i < K; i++) {
            km_dim k = q / Q * Q + Q / 2 - K / 2 + i, row = pair_row(atom_token, A, N, q, k);
            double r[3], s = features(r, ref_pos, uid, atom_mask, A, q, k);
            double inverse = 1 / (1 + r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
            for (km_dim c = 0; c < C; c++) {
                double d = dy[(q * K + i) * C + c];
                for (int j = 0; j < 3 && dw_pos; j++) dw_pos[c * 3 + j] += d * s * r[j];
                if (dw_dist) dw_dist[c] += d * s * inverse;
                if (dw_mask) dw_mask[c] += d * s;
                if (dzp && row >= 0) dzp[row * C + c] += d;
                if (du && q < A) du[q * C + c] += d;
                if (dv && k >= 0 && k < A) dv[k * C + c] += d;
            }
        }
}
