/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "kernels/ref/ref.h"

void km_ref_add_fwd(const km_exec *ex, double *y, const double *a, const double *b, km_dim n, km_dim nb)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) y[i] = a[i] + b[i % nb];
}

void km_ref_add_bwd(const km_exec *ex, double *da, double *db, const double *dy, km_dim n, km_dim nb)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) {
        if (da) da[i] += dy[i];
        if (db) db[i % nb] += dy[i];
    }
}

void km_ref_scale_fwd(const km_exec *ex, double *y, const double *a, double factor, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) y[i] = a[i] * factor;
}

void km_ref_scale_bwd(const km_exec *ex, double *da, const double *dy, double factor, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; da && i < n; i++) da[i] += dy[i] * factor;
}

void km_ref_relu_fwd(const km_exec *ex, double *y, const double *x, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

void km_ref_relu_bwd(const km_exec *ex, double *dx, const double *dy, const double *x, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; dx && i < n; i++) dx[i] += x[i] > 0 ? dy[i] : 0;
}

void km_ref_sigmoid_fwd(const km_exec *ex, double *y, const double *x, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) y[i] = 1 / (1 + exp(-x[i]));
}

void km_ref_sigmoid_bwd(const km_exec *ex, double *dx, const double *dy, const double *y, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; dx && i < n; i++) {
        double s = km_ref_stored(y[i]);
        dx[i] += dy[i] * s * (1 - s);
    }
}

void km_ref_concat_fwd(const km_exec *ex, double *y, const double *a, const double *b, km_dim M, km_dim Ca, km_dim Cb)
{
    (void)ex;
    for (km_dim m = 0; m < M; m++)
        for (km_dim c = 0; c < Ca + Cb; c++) y[m * (Ca + Cb) + c] = c < Ca ? a[m * Ca + c] : b[m * Cb + c - Ca];
}

void km_ref_concat_bwd(const km_exec *ex, double *da, double *db, const double *dy, km_dim M, km_dim Ca, km_dim Cb)
{
    (void)ex;
    for (km_dim m = 0; m < M; m++) {
        for (km_dim c = 0; da && c < Ca; c++) da[m * Ca + c] += dy[m * (Ca + Cb) + c];
        for (km_dim c = 0; db && c < Cb; c++) db[m * Cb + c] += dy[m * (Ca + Cb) + Ca + c];
    }
}

void km_ref_heads_first_fwd(const km_exec *ex, double *y, const double *x, km_dim M, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; i < M * C; i++) y[i % C * M + i / C] = x[i];
}

void km_ref_heads_first_bwd(const km_exec *ex, double *dx, const double *dy, km_dim M, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; dx && i < M * C; i++) dx[i] += dy[i % C * M + i / C];
}

void km_ref_swap_pairs_fwd(const km_exec *ex, double *y, const double *x, km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; i < N; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = 0; c < C; c++) y[(i * N + j) * C + c] = x[(j * N + i) * C + c];
}

void km_ref_swap_pairs_bwd(const km_exec *ex, double *dx, const double *dy, km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; dx && i < N; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = 0; c < C; c++) dx[(j * N + i) * C + c] += dy[(i * N + j) * C + c];
}

void km_ref_outer_add_fwd(const km_exec *ex, double *y, const double *a, const double *b, km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; i < N; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = 0; c < C; c++) y[(i * N + j) * C + c] = a[i * C + c] + b[j * C + c];
}

void km_ref_outer_add_bwd(const km_exec *ex, double *da, double *db, const double *dy, km_dim N, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; i < N; i++)
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = 0; c < C; c++) {
                if (da) da[i * C + c] += dy[(i * N + j) * C + c];
                if (db) db[j * C + c] += dy[(i * N + j) * C + c];
            }
}

void km_ref_fourier_fwd(const km_exec *ex, double *y, const double *t, const double *w, const double *b, km_dim L,
                        km_dim D)
{
    (void)ex;
    for (km_dim l = 0; l < L; l++)
        for (km_dim d = 0; d < D; d++) y[l * D + d] = cos(2 * M_PI * (t[l] * w[d] + b[d]));
}

void km_ref_frame_axpby_fwd(const km_exec *ex, double *y, const double *x, const double *a, const double *u,
                            const double *b, km_dim F, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < F * n; i++)
        y[i] = u ? km_ref_stored(a[i / n] * x[i]) + km_ref_stored(b[i / n] * u[i]) : a[i / n] * x[i];
}

void km_ref_frame_axpby_bwd(const km_exec *ex, double *dx, double *du, const double *dy, const double *a,
                            const double *b, km_dim F, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < F * n; i++) {
        if (dx) dx[i] += a[i / n] * dy[i];
        if (du) du[i] += b[i / n] * dy[i];
    }
}
