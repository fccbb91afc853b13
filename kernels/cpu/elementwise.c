/* SPDX-License-Identifier: MIT
 * Sums, scalings, and the reshapings that move numbers without changing them. */
#include <math.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"

void KM_CPU(add_fwd)(const km_exec *ex, float *y, const float *a, const float *b, km_dim n, km_dim nb)
{
    /* b of a few numbers: rows of that length; b as long as a: rows of a cache page, so that there is something to
     * share out */
    km_dim row = nb == n ? 1024 : nb, rows = (n + row - 1) / row;
    KM_PARALLEL_FOR (ex, n, r, rows) {
        km_dim at = r * row, len = n - at < row ? n - at : row;
        const float *ar = a + at, *br = nb == n ? b + at : b;
        float *yr = y + at;
        for (km_dim i = 0; i < len; i++) yr[i] = ar[i] + br[i];
    }
}

void KM_CPU(add_bwd)(const km_exec *ex, float *da, float *db, const float *dy, km_dim n, km_dim nb)
{
    if (da)
        KM_PARALLEL_FOR (ex, n, i, n) da[i] += dy[i];
    if (db)
        for (km_dim at = 0; at < n; at += nb)
            KM_PARALLEL_FOR (ex, nb, i, nb) db[i] += dy[at + i];
}

void KM_CPU(scale_fwd)(const km_exec *ex, float *y, const float *a, float factor, km_dim n)
{
    KM_PARALLEL_FOR (ex, n, i, n) y[i] = a[i] * factor;
}

void KM_CPU(scale_bwd)(const km_exec *ex, float *da, const float *dy, float factor, km_dim n)
{
    if (da)
        KM_PARALLEL_FOR (ex, n, i, n) da[i] += dy[i] * factor;
}

void KM_CPU(relu_fwd)(const km_exec *ex, float *y, const float *x, km_dim n)
{
    KM_PARALLEL_FOR (ex, n, i, n) y[i] = x[i] > 0 ? x[i] : 0;
}

void KM_CPU(relu_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, km_dim n)
{
    if (dx)
        KM_PARALLEL_FOR (ex, n, i, n) dx[i] += x[i] > 0 ? dy[i] : 0;
}

void KM_CPU(sigmoid_fwd)(const km_exec *ex, float *y, const float *x, km_dim n)
{
    KM_PARALLEL_FOR (ex, n * 8, i, n) y[i] = km_sigmoidf(x[i]);
}

void KM_CPU(sigmoid_bwd)(const km_exec *ex, float *dx, const float *dy, const float *y, km_dim n)
{
    if (dx)
        KM_PARALLEL_FOR (ex, n * 2, i, n) dx[i] += dy[i] * y[i] * (1.0f - y[i]);
}

void KM_CPU(concat_fwd)(const km_exec *ex, float *y, const float *a, const float *b, km_dim M, km_dim Ca, km_dim Cb)
{
    KM_PARALLEL_FOR (ex, M * (Ca + Cb), m, M) {
        memcpy(y + m * (Ca + Cb), a + m * Ca, (size_t)Ca * sizeof *y);
        memcpy(y + m * (Ca + Cb) + Ca, b + m * Cb, (size_t)Cb * sizeof *y);
    }
}

void KM_CPU(concat_bwd)(const km_exec *ex, float *da, float *db, const float *dy, km_dim M, km_dim Ca, km_dim Cb)
{
    KM_PARALLEL_FOR (ex, M * (Ca + Cb), m, M) {
        const float *dr = dy + m * (Ca + Cb);
        if (da)
            for (km_dim c = 0; c < Ca; c++) da[m * Ca + c] += dr[c];
        if (db)
            for (km_dim c = 0; c < Cb; c++) db[m * Cb + c] += dr[Ca + c];
    }
}

/* Blocks of 16 rows: the 16 results of a channel fill a cache line. */
enum { BLOCK = 16 };

void KM_CPU(heads_first_fwd)(const km_exec *ex, float *y, const float *x, km_dim M, km_dim C)
{
    KM_PARALLEL_FOR (ex, M * C * 2, block, (M + BLOCK - 1) / BLOCK) {
        km_dim first = block * BLOCK, last = first + BLOCK < M ? first + BLOCK : M;
        for (km_dim c = 0; c < C; c++)
            for (km_dim m = first; m < last; m++) y[c * M + m] = x[m * C + c];
    }
}

void KM_CPU(heads_first_bwd)(const km_exec *ex, float *dx, const float *dy, km_dim M, km_dim C)
{
    if (!dx) return;
    KM_PARALLEL_FOR (ex, M * C * 2, block, (M + BLOCK - 1) / BLOCK) {
        km_dim first = block * BLOCK, last = first + BLOCK < M ? first + BLOCK : M;
        for (km_dim m = first; m < last; m++)
            for (km_dim c = 0; c < C; c++) dx[m * C + c] += dy[c * M + m];
    }
}

void KM_CPU(swap_pairs_fwd)(const km_exec *ex, float *y, const float *x, km_dim N, km_dim C)
{
    KM_PARALLEL_FOR (ex, N * N * C, ij, N * N)
        memcpy(y + ij * C, x + (ij % N * N + ij / N) * C, (size_t)C * sizeof *y);
}

void KM_CPU(swap_pairs_bwd)(const km_exec *ex, float *dx, const float *dy, km_dim N, km_dim C)
{
    if (!dx) return;
    KM_PARALLEL_FOR (ex, N * N * C, ij, N * N)
        for (km_dim c = 0; c < C; c++) dx[ij * C + c] += dy[(ij % N * N + ij / N) * C + c];
}

void KM_CPU(outer_add_fwd)(const km_exec *ex, float *y, const float *a, const float *b, km_dim N, km_dim C)
{
    KM_PARALLEL_FOR (ex, N * N * C, i, N)
        for (km_dim j = 0; j < N; j++) {
            const float *ar = a + i * C, *br = b + j * C;
            float *yr = y + (i * N + j) * C;
            for (km_dim c = 0; c < C; c++) yr[c] = ar[c] + br[c];
        }
}

void KM_CPU(outer_add_bwd)(const km_exec *ex, float *da, float *db, const float *dy, km_dim N, km_dim C)
{
    /* Each thread owns whole rows of da, then of db, and walks the other index in order. */
    KM_PARALLEL_FOR (ex, N * N * C, i, N)
        for (km_dim j = 0; da && j < N; j++) {
            const float *dr = dy + (i * N + j) * C;
            for (km_dim c = 0; c < C; c++) da[i * C + c] += dr[c];
        }
    KM_PARALLEL_FOR (ex, N * N * C, j, N)
        for (km_dim i = 0; db && i < N; i++) {
            const float *dr = dy + (i * N + j) * C;
            for (km_dim c = 0; c < C; c++) db[j * C + c] += dr[c];
        }
}

void KM_CPU(fourier_fwd)(const km_exec *ex, float *y, const float *t, const float *w, const float *b, km_dim L,
                         km_dim D)
{
    (void)ex;
    for (km_dim l = 0; l < L; l++)
        for (km_dim d = 0; d < D; d++) y[l * D + d] = cosf(6.28318531f * (t[l] * w[d] + b[d]));
}

void KM_CPU(frame_axpby_fwd)(const km_exec *ex, float *y, const float *x, const float *a, const float *u,
                             const float *b, km_dim F, km_dim n)
{
    KM_PARALLEL_FOR (ex, F * n, f, F) {
        const float *xr = x + f * n, *ur = u ? u + f * n : NULL;
        float *yr = y + f * n;
        if (ur)
            for (km_dim i = 0; i < n; i++) yr[i] = a[f] * xr[i] + b[f] * ur[i];
        else
            for (km_dim i = 0; i < n; i++) yr[i] = a[f] * xr[i];
    }
}

void KM_CPU(frame_axpby_bwd)(const km_exec *ex, float *dx, float *du, const float *dy, const float *a, const float *b,
                             km_dim F, km_dim n)
{
    KM_PARALLEL_FOR (ex, F * n, f, F) {
        const float *dr = dy + f * n;
        if (dx)
            for (km_dim i = 0; i < n; i++) dx[f * n + i] += a[f] * dr[i];
        if (du)
            for (km_dim i = 0; i < n; i++) du[f * n + i] += b[f] * dr[i];
    }
}
