/* SPDX-License-Identifier: MIT
 * One query of any attention: n keys and values that lie `stride` apart, and what is added to each logit (-INFINITY:
 * the key takes no part). */
#ifndef KERNELS_REF_ATTENTION_H
#define KERNELS_REF_ATTENTION_H

#include <math.h>
#include <stdlib.h>

#include "kernels/ref/ref.h"

static inline double ref_dot(const double *a, const double *b, km_dim D)
{
    double sum = 0;
    for (km_dim d = 0; d < D; d++) sum += a[d] * b[d];
    return sum;
}

static inline double ref_sigmoid(double x) { return km_ref_stored(1 / (1 + exp(-x))); }

/* p [n] = softmax(q k_j / sqrt D + added_j); all 0 when no key takes part */
static inline void ref_weights(double *p, const double *q, const double *k, km_dim stride, const double *added,
                               km_dim n, km_dim D)
{
    double max = -INFINITY, sum = 0;
    for (km_dim j = 0; j < n; j++) {
        double logit = km_ref_stored(km_ref_stored(ref_dot(q, k + j * stride, D)) / sqrt((double)D));
        p[j] = added[j] == -INFINITY ? -INFINITY : km_ref_stored(logit + km_ref_stored(added[j]));
        max = fmax(max, p[j]);
    }
    for (km_dim j = 0; j < n; j++) {
        p[j] = p[j] == -INFINITY ? 0 : exp(p[j] - max);
        sum += p[j];
    }
    for (km_dim j = 0; j < n && sum > 0; j++) p[j] = km_ref_stored(p[j] / sum);
}

/* y [D] = sg(g) sum_j p_j v_j */
static inline void ref_attend_fwd(double *y, const double *q, const double *k, const double *v, km_dim stride,
                                  const double *opt_g, const double *added, km_dim n, km_dim D)
{
    double *p = calloc((size_t)n, sizeof *p);
    ref_weights(p, q, k, stride, added, n, D);
    for (km_dim d = 0; d < D; d++) {
        y[d] = 0;
        for (km_dim j = 0; j < n; j++)
            if (p[j] != 0) y[d] += p[j] * v[j * stride + d];
        if (opt_g) y[d] = km_ref_stored(y[d]) * ref_sigmoid(opt_g[d]);
    }
    free(p);
}

/* The gradients dq dg [D], dk dv (rows `stride` apart) and dadded [n]; each may be NULL. */
static inline void ref_attend_bwd(double *dq, double *dk, double *dv, double *dg, double *dadded, const double *dy,
                                  const double *q, const double *k, const double *v, km_dim stride, const double *opt_g,
                                  const double *added, km_dim n, km_dim D)
{
    double *p = calloc((size_t)n, sizeof *p), *dp = calloc((size_t)n, sizeof *dp), delta = 0;
    ref_weights(p, q, k, stride, added, n, D);
    for (km_dim d = 0; d < D; d++) {
        double s = opt_g ? ref_sigmoid(opt_g[d]) : 1, opened = km_ref_stored(dy[d] * s), out = 0;
        for (km_dim j = 0; j < n; j++) {
            if (p[j] == 0) continue;
            out += p[j] * v[j * stride + d];
            dp[j] += opened * v[j * stride + d];
            if (dv) dv[j * stride + d] += p[j] * opened;
        }
        if (dg && opt_g) dg[d] += km_ref_stored(dy[d] * km_ref_stored(out)) * s * (1 - s);
    }
    for (km_dim j = 0; j < n; j++) {
        dp[j] = km_ref_stored(dp[j]);
        delta += p[j] * dp[j];
    }
    for (km_dim j = 0; j < n; j++) {
        if (p[j] == 0) continue;
        double ds = km_ref_stored(p[j] * (dp[j] - delta));
        if (dadded) dadded[j] += ds;
        for (km_dim d = 0; d < D; d++) {
            if (dq) dq[d] += ds * k[j * stride + d] / sqrt((double)D);
            if (dk) dk[j * stride + d] += ds * q[d] / sqrt((double)D);
        }
    }
    free(p), free(dp);
}

/* A pointer that may be NULL, moved on by n. */
static inline double *ref_at(double *opt_p, km_dim n) { return opt_p ? opt_p + n : NULL; }
static inline const double *ref_at_const(const double *opt_p, km_dim n) { return opt_p ? opt_p + n : NULL; }

#endif
