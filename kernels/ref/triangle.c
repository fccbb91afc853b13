/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "kernels/ref/ref.h"

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* a (half 0) or b (half 1) of the gated product at the pair ij */
static double gated(const double *p, const double *g, const double *mask, km_dim ij, km_dim C, km_dim half, km_dim c)
{
    km_dim at = ij * 2 * C + half * C + c;
    return p[at] * sigmoid(g[at]) * mask[ij];
}

void km_ref_triangle_multiply_fwd(const km_exec *ex, double *y, const double *p, const double *g, const double *mask,
                                  bool incoming, km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; i < N; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = 0; c < C; c++) {
                double sum = 0;
                for (km_dim k = 0; k < N; k++)
                    sum += gated(p, g, mask, incoming ? k * N + i : i * N + k, C, 0, c) *
                           gated(p, g, mask, incoming ? k * N + j : j * N + k, C, 1, c);
                y[(i * N + j) * C + c] = sum;
            }
}

/* Hand d, the gradient at gated(...), to p and g. */
static void gated_bwd(double *dp, double *dg, const double *p, const double *g, const double *mask, km_dim ij, km_dim C,
                      km_dim half, km_dim c, double d)
{
    km_dim at = ij * 2 * C + half * C + c;
    double s = sigmoid(g[at]);
    if (dp) dp[at] += d * s * mask[ij];
    if (dg) dg[at] += d * p[at] * s * (1 - s) * mask[ij];
}

void km_ref_triangle_multiply_bwd(const km_exec *ex, double *dp, double *dg, const double *dy, const double *p,
                                  const double *g, const double *mask, bool incoming, km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; i < N; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim k = 0; k < N; k++)
                for (km_dim c = 0; c < C; c++) {
                    km_dim a = incoming ? k * N + i : i * N + k, b = incoming ? k * N + j : j * N + k;
                    double d = dy[(i * N + j) * C + c];
                    gated_bwd(dp, dg, p, g, mask, a, C, 0, c, d * gated(p, g, mask, b, C, 1, c));
                    gated_bwd(dp, dg, p, g, mask, b, C, 1, c, d * gated(p, g, mask, a, C, 0, c));
                }
}

/* Where the pair (i, j) lies: transposed for the ending node. */
static km_dim at(bool ending, km_dim N, km_dim i, km_dim j) { return ending ? j * N + i : i * N + j; }

/* Softmax over k of the row (i, j) of head h. Where every k is masked, none is. */
static void weights(double *w, const double *q, const double *k, const double *bias, const double *mask, bool ending,
                    km_dim N, km_dim H, km_dim D, km_dim h, km_dim i, km_dim j)
{
    double most = -INFINITY, sum = 0, any = 0;
    for (km_dim m = 0; m < N; m++) any += mask[at(ending, N, i, m)];
    for (km_dim m = 0; m < N; m++) {
        double dot = 0, masked = any > 0 ? (1 - mask[at(ending, N, i, m)]) * -1e9 : 0;
        for (km_dim d = 0; d < D; d++)
            dot += q[(at(ending, N, i, j) * H + h) * D + d] * k[(at(ending, N, i, m) * H + h) * D + d];
        w[m] = dot / sqrt((double)D) + bias[h * N * N + at(ending, N, j, m)] + masked;
        most = fmax(most, w[m]);
    }
    for (km_dim m = 0; m < N; m++) sum += w[m] = exp(w[m] - most);
    for (km_dim m = 0; m < N; m++) w[m] /= sum;
}

void km_ref_triangle_attention_fwd(const km_exec *ex, double *y, const double *q, const double *k, const double *v,
                                   const double *g, const double *bias, const double *mask, bool ending, km_dim N,
                                   km_dim H, km_dim D)
{
    double *w = malloc((size_t)(N + 1) * sizeof *w);
    (void)ex;
    for (km_dim h = 0; h < H; h++)
        for (km_dim i = 0; i < N; i++)
            for (km_dim j = 0; j < N; j++) {
                km_dim row = (at(ending, N, i, j) * H + h) * D;
                weights(w, q, k, bias, mask, ending, N, H, D, h, i, j);
                for (km_dim d = 0; d < D; d++) {
                    double sum = 0;
                    for (km_dim m = 0; m < N; m++) sum += w[m] * v[(at(ending, N, i, m) * H + h) * D + d];
                    y[row + d] = sum * sigmoid(g[row + d]);
                }
            }
    free(w);
}

void km_ref_triangle_attention_bwd(const km_exec *ex, double *dq, double *dk, double *dv, double *dg, double *dbias,
                                   const double *dy, const double *q, const double *k, const double *v, const double *g,
                                   const double *bias, const double *mask, bool ending, km_dim N, km_dim H, km_dim D)
{
    double *w = malloc((size_t)(2 * N + 1) * sizeof *w), *dw = w + N;
    (void)ex;
    for (km_dim h = 0; h < H; h++)
        for (km_dim i = 0; i < N; i++)
            for (km_dim j = 0; j < N; j++) {
                km_dim row = (at(ending, N, i, j) * H + h) * D;
                double mean = 0;
                weights(w, q, k, bias, mask, ending, N, H, D, h, i, j);
                for (km_dim m = 0; m < N; m++) dw[m] = 0;
                for (km_dim d = 0; d < D; d++) {
                    double s = sigmoid(g[row + d]), out = 0;
                    for (km_dim m = 0; m < N; m++) {
                        km_dim from = (at(ending, N, i, m) * H + h) * D + d;
                        out += w[m] * v[from];
                        dw[m] += dy[row + d] * s * v[from];
                        if (dv) dv[from] += dy[row + d] * s * w[m];
                    }
                    if (dg) dg[row + d] += dy[row + d] * out * s * (1 - s);
                }
                for (km_dim m = 0; m < N; m++) mean += w[m] * dw[m];
                for (km_dim m = 0; m < N; m++) {
                    double d = w[m] * (dw[m] - mean);
                    km_dim from = (at(ending, N, i, m) * H + h) * D;
                    if (dbias) dbias[h * N * N + at(ending, N, j, m)] += d;
                    for (km_dim c = 0; c < D; c++) {
                        if (dq) dq[row + c] += d * k[from + c] / sqrt((double)D);
                        if (dk) dk[from + c] += d * q[row + c] / sqrt((double)D);
                    }
                }
            }
    free(w);
}
