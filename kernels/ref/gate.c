/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "kernels/ref/ref.h"

static double logistic(double x) { return 1 / (1 + exp(-x)); }
static double sigmoid(double x) { return km_ref_stored(logistic(x)); }
static double silu(double x) { return km_ref_stored(x * logistic(x)); }
static double silu_slope(double x) { return logistic(x) * (1 + x * (1 - logistic(x))); }

void km_ref_gate_add_fwd(const km_exec *ex, double *y, const double *x, const double *gate, const double *u,
                         const int32_t *level, km_dim F, km_dim L, km_dim N, km_dim C)
{
    (void)ex, (void)L;
    for (km_dim f = 0; f < F; f++)
        for (km_dim i = 0; i < N * C; i++)
            y[f * N * C + i] = x[f * N * C + i] + km_ref_stored(gate[level[f] * N * C + i] * u[f * N * C + i]);
}

void km_ref_gate_add_bwd(const km_exec *ex, double *dx, double *dgate, double *du, const double *dy, const double *gate,
                         const double *u, const int32_t *level, km_dim F, km_dim L, km_dim N, km_dim C)
{
    (void)ex, (void)L;
    for (km_dim f = 0; f < F; f++)
        for (km_dim i = 0; i < N * C; i++) {
            km_dim at = f * N * C + i, l = level[f] * N * C + i;
            if (dx) dx[at] += dy[at];
            if (dgate) dgate[l] += km_ref_stored(dy[at] * u[at]);
            if (du) du[at] += dy[at] * gate[l];
        }
}

void km_ref_silu_mul_fwd(const km_exec *ex, double *y, const double *a, const double *b, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) y[i] = silu(a[i]) * b[i];
}

void km_ref_silu_mul_bwd(const km_exec *ex, double *da, double *db, const double *dy, const double *a, const double *b,
                         km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) {
        if (da) da[i] += km_ref_stored(dy[i] * b[i]) * silu_slope(a[i]);
        if (db) db[i] += dy[i] * silu(a[i]);
    }
}

void km_ref_swish_gate_fwd(const km_exec *ex, double *y, const double *h, const double *b, km_dim M, km_dim C)
{
    (void)ex;
    for (km_dim m = 0; m < M; m++)
        for (km_dim c = 0; c < C; c++)
            y[m * C + c] = km_ref_stored(silu(h[m * 2 * C + C + c]) * h[m * 2 * C + c]) * b[m * C + c];
}

void km_ref_swish_gate_bwd(const km_exec *ex, double *dh, double *db, const double *dy, const double *h,
                           const double *b, km_dim M, km_dim C)
{
    (void)ex;
    for (km_dim m = 0; m < M; m++)
        for (km_dim c = 0; c < C; c++) {
            km_dim at = m * C + c, value = m * 2 * C + c, gate = value + C;
            double d = km_ref_stored(dy[at] * b[at]);
            if (dh) dh[value] += d * silu(h[gate]);
            if (dh) dh[gate] += km_ref_stored(d * h[value]) * silu_slope(h[gate]);
            if (db) db[at] += dy[at] * km_ref_stored(silu(h[gate]) * h[value]);
        }
}

void km_ref_sigmoid_mul_fwd(const km_exec *ex, double *y, const double *a, const double *b, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) y[i] = sigmoid(a[i]) * b[i];
}

void km_ref_sigmoid_mul_bwd(const km_exec *ex, double *da, double *db, const double *dy, const double *a,
                            const double *b, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) {
        double s = sigmoid(a[i]);
        if (da) da[i] += km_ref_stored(dy[i] * b[i]) * s * (1 - s);
        if (db) db[i] += dy[i] * s;
    }
}
