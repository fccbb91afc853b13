/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "kernels/ref/ref.h"
#include "lib/base/mem.h"

static double sigmoid(double x) { return km_ref_stored(1 / (1 + exp(-x))); }

/* w [Nq, N] = softmax over j of logits + (1 - mask_j) (-1e6) */
static void weights(double *w, const double *logits, const double *mask, km_dim Nq, km_dim N)
{
    for (km_dim i = 0; i < Nq; i++) {
        double most = -INFINITY, sum = 0;
        for (km_dim j = 0; j < N; j++) {
            w[i * N + j] = logits[i * N + j] + (mask ? (1 - mask[j]) * -1e6 : 0);
            most = fmax(most, w[i * N + j]);
        }
        for (km_dim j = 0; j < N; j++) sum += w[i * N + j] = exp(w[i * N + j] - most);
        for (km_dim j = 0; j < N; j++) w[i * N + j] = km_ref_stored(w[i * N + j] / sum);
    }
}

void km_ref_pair_average_fwd(const km_exec *ex, double *y, const double *v, const double *g, const double *logits,
                             const double *mask, km_dim S, km_dim Nq, km_dim N, km_dim H, km_dim D)
{
    (void)ex;
    double *w = km_alloc((size_t)(Nq * N) * sizeof *w);
    for (km_dim h = 0; h < H; h++) {
        weights(w, logits + h * Nq * N, mask, Nq, N);
        for (km_dim s = 0; s < S; s++)
            for (km_dim i = 0; i < Nq; i++)
                for (km_dim d = 0; d < D; d++) {
                    km_dim at = ((s * Nq + i) * H + h) * D + d;
                    y[at] = 0;
                    for (km_dim j = 0; j < N; j++) y[at] += w[i * N + j] * v[((s * N + j) * H + h) * D + d];
                    y[at] = km_ref_stored(y[at]) * sigmoid(g[at]);
                }
    }
    free(w);
}

void km_ref_pair_average_bwd(const km_exec *ex, double *dv, double *dg, double *dlogits, const double *dy,
                             const double *v, const double *g, const double *logits, const double *mask, km_dim S,
                             km_dim Nq, km_dim N, km_dim H, km_dim D)
{
    (void)ex;
    double *w = km_alloc((size_t)(Nq * N) * sizeof *w), *dw = km_alloc((size_t)(Nq * N) * sizeof *dw);
    for (km_dim h = 0; h < H; h++) {
        weights(w, logits + h * Nq * N, mask, Nq, N);
        for (km_dim ij = 0; ij < Nq * N; ij++) dw[ij] = 0;
        for (km_dim s = 0; s < S; s++)
            for (km_dim i = 0; i < Nq; i++)
                for (km_dim d = 0; d < D; d++) {
                    km_dim at = ((s * Nq + i) * H + h) * D + d;
                    double open = sigmoid(g[at]), opened = km_ref_stored(dy[at] * open), out = 0;
                    for (km_dim j = 0; j < N; j++) {
                        km_dim from = ((s * N + j) * H + h) * D + d;
                        out += w[i * N + j] * v[from];
                        dw[i * N + j] += opened * v[from];
                        if (dv) dv[from] += opened * w[i * N + j];
                    }
                    if (dg) dg[at] += km_ref_stored(dy[at] * km_ref_stored(out)) * open * (1 - open);
                }
        for (km_dim i = 0; dlogits && i < Nq; i++) {
            double mean = 0;
            for (km_dim j = 0; j < N; j++) mean += w[i * N + j] * (dw[i * N + j] = km_ref_stored(dw[i * N + j]));
            for (km_dim j = 0; j < N; j++) dlogits[(h * Nq + i) * N + j] += w[i * N + j] * (dw[i * N + j] - mean);
        }
    }
    free(w), free(dw);
}
