/* SPDX-License-Identifier: MIT */
#include "kernels/ref/attention.h"

/* What is added to the logits of query i of entry b. */
static double *added_row(double log_lambda, const double *time_q, const double *time_k, double beta, double least,
                         bool causal, km_dim i, km_dim Tq, km_dim Tk)
{
    double *row = calloc((size_t)Tk, sizeof *row);
    for (km_dim j = 0; j < Tk; j++) {
        double dt = fabs(time_q[i] - time_k[j]);
        double decay = dt > 0 ? exp(log_lambda) * pow(dt, beta) : 0;
        row[j] = causal && j > i + Tk - Tq ? -INFINITY : -fmax(decay, least);
    }
    return row;
}

void km_ref_temporal_attention_fwd(const km_exec *ex, double *y, const double *q, const double *k, const double *v,
                                   const double *opt_g, const double *log_lambda, const double *time_q,
                                   const double *time_k, double beta, double least, bool causal, km_dim B, km_dim Tq,
                                   km_dim Tk, km_dim N, km_dim H, km_dim D)
{
    (void)ex;
    for (km_dim r = 0; r < B * Tq * H; r++) {
        km_dim h = r % H, i = r / H % Tq, b = r / H / Tq;
        double *added = added_row(log_lambda[h], time_q + b * Tq, time_k + b * Tk, beta, least, causal, i,
                                  Tq, Tk);
        for (km_dim n = 0; n < N; n++) {
            km_dim at = (((b * Tq + i) * N + n) * H + h) * D, keys = ((b * Tk * N + n) * H + h) * D;
            ref_attend_fwd(y + at, q + at, k + keys, v + keys, N * H * D, ref_at_const(opt_g, at), added, Tk, D);
        }
        free(added);
    }
}

void km_ref_temporal_attention_bwd(const km_exec *ex, double *dq, double *dk, double *dv, double *dg,
                                   double *dlog_lambda, const double *dy, const double *q, const double *k,
                                   const double *v, const double *opt_g, const double *log_lambda, const double *time_q,
                                   const double *time_k, double beta, double least, bool causal, km_dim B, km_dim Tq,
                                   km_dim Tk, km_dim N, km_dim H, km_dim D)
{
    (void)ex;
    for (km_dim r = 0; r < B * Tq * H; r++) {
        km_dim h = r % H, i = r / H % Tq, b = r / H / Tq;
        double *added = added_row(log_lambda[h], time_q + b * Tq, time_k + b * Tk, beta, least, causal, i,
                                  Tq, Tk);
        double *dadded = calloc((size_t)Tk, sizeof *dadded);
        for (km_dim n = 0; n < N; n++) {
            km_dim at = (((b * Tq + i) * N + n) * H + h) * D, keys = ((b * Tk * N + n) * H + h) * D;
            ref_attend_bwd(ref_at(dq, at), ref_at(dk, keys), ref_at(dv, keys), ref_at(dg, at), dadded, dy + at, q + at,
                           k + keys, v + keys, N * H * D, ref_at_const(opt_g, at), added, Tk, D);
        }
        for (km_dim j = 0; j < Tk && dlog_lambda; j++)
            if (added[j] != -INFINITY && added[j] < -least) dlog_lambda[h] += dadded[j] * added[j];
        free(added), free(dadded);
    }
}
