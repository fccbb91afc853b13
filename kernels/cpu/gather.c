/* SPDX-License-Identifier: MIT
 * Lookups, and the two ways between tokens and atoms. Sums into a shared row are made by one thread in the order of the
 * rows that go into it. */
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "lib/base/mem.h"

void KM_CPU(lookup_rows_fwd)(const km_exec *ex, float *y, const float *table, const int32_t *index, km_dim M, km_dim K,
                             km_dim C)
{
    (void)K;
    KM_PARALLEL_FOR (ex, M * C, m, M) memcpy(y + m * C, table + index[m] * C, (size_t)C * sizeof *y);
}

void KM_CPU(lookup_rows_bwd)(const km_exec *ex, float *dtable, const float *dy, const int32_t *index, km_dim M,
                             km_dim K, km_dim C)
{
    (void)ex, (void)K;
    if (!dtable) return;
    for (km_dim m = 0; m < M; m++) {
        float *to = dtable + index[m] * C;
        for (km_dim c = 0; c < C; c++) to[c] += dy[m * C + c];
    }
}

void KM_CPU(lookup_columns_fwd)(const km_exec *ex, float *y, const float *w, const int32_t *index, km_dim M, km_dim K,
                                km_dim C, km_dim P)
{
    /* Transposed once, the columns are rows and the sums run along them. */
    float *wt = km_alloc((size_t)(K * C) * sizeof *wt);
    for (km_dim c = 0; c < C; c++)
        for (km_dim k = 0; k < K; k++) wt[k * C + c] = w[c * K + k];
    KM_PARALLEL_FOR (ex, M * C * P, m, M) {
        float *yr = y + m * C;
        memset(yr, 0, (size_t)C * sizeof *yr);
        for (km_dim p = 0; p < P; p++) {
            if (index[m * P + p] < 0) continue;
            const float *row = wt + index[m * P + p] * C;
            for (km_dim c = 0; c < C; c++) yr[c] += row[c];
        }
    }
    free(wt);
}

void KM_CPU(lookup_columns_bwd)(const km_exec *ex, float *dw, const float *dy, const int32_t *index, km_dim M, km_dim K,
                                km_dim C, km_dim P)
{
    (void)ex;
    if (!dw) return;
    float *dwt = km_calloc((size_t)(K * C), sizeof *dwt);
    for (km_dim m = 0; m < M; m++)
        for (km_dim p = 0; p < P; p++) {
            if (index[m * P + p] < 0) continue;
            float *row = dwt + index[m * P + p] * C;
            for (km_dim c = 0; c < C; c++) row[c] += dy[m * C + c];
        }
    for (km_dim c = 0; c < C; c++)
        for (km_dim k = 0; k < K; k++) dw[c * K + k] += dwt[k * C + c];
    free(dwt);
}

void KM_CPU(token_to_atom_fwd)(const km_exec *ex, float *y, const float *x, const int32_t *atom_token, km_dim F,
                               km_dim N, km_dim A, km_dim C)
{
    KM_PARALLEL_FOR (ex, F * A * C, i, F * A) {
        int32_t n = atom_token[i % A];
        if (n < 0)
            memset(y + i * C, 0, (size_t)C * sizeof *y);
        else
            memcpy(y + i * C, x + (i / A * N + n) * C, (size_t)C * sizeof *y);
    }
}

void KM_CPU(token_to_atom_bwd)(const km_exec *ex, float *dx, const float *dy, const int32_t *atom_token, km_dim F,
                               km_dim N, km_dim A, km_dim C)
{
    if (!dx) return;
    KM_PARALLEL_FOR (ex, F * A * C, f, F)
        for (km_dim a = 0; a < A; a++) {
            if (atom_token[a] < 0) continue;
            const float *from = dy + (f * A + a) * C;
            float *to = dx + (f * N + atom_token[a]) * C;
            for (km_dim c = 0; c < C; c++) to[c] += from[c];
        }
}

/* [N] 1 / (the number of the token's atoms + 1e-6); free() */
static float *shares(const int32_t *atom_token, km_dim N, km_dim A)
{
    float *share = km_calloc((size_t)N, sizeof *share);
    for (km_dim a = 0; a < A; a++)
        if (atom_token[a] >= 0) share[atom_token[a]] += 1.0f;
    for (km_dim n = 0; n < N; n++) share[n] = 1.0f / (share[n] + 1e-6f);
    return share;
}

void KM_CPU(atom_to_token_fwd)(const km_exec *ex, float *y, const float *x, const int32_t *atom_token, km_dim F,
                               km_dim N, km_dim A, km_dim C)
{
    float *share = shares(atom_token, N, A);
    KM_PARALLEL_FOR (ex, F * A * C, f, F) {
        float *yf = y + f * N * C;
        memset(yf, 0, (size_t)(N * C) * sizeof *yf);
        for (km_dim a = 0; a < A; a++) {
            if (atom_token[a] < 0) continue;
            const float *from = x + (f * A + a) * C;
            float *to = yf + atom_token[a] * C;
            for (km_dim c = 0; c < C; c++) to[c] += from[c];
        }
        for (km_dim n = 0; n < N; n++)
            for (km_dim c = 0; c < C; c++) yf[n * C + c] *= share[n];
    }
    free(share);
}

void KM_CPU(atom_to_token_bwd)(const km_exec *ex, float *dx, const float *dy, const int32_t *atom_token, km_dim F,
                               km_dim N, km_dim A, km_dim C)
{
    if (!dx) return;
    float *share = shares(atom_token, N, A);
    KM_PARALLEL_FOR (ex, F * A * C, i, F * A) {
        int32_t n = atom_token[i % A];
        if (n < 0) continue;
        const float *from = dy + (i / A * N + n) * C;
        for (km_dim c = 0; c < C; c++) dx[i * C + c] += from[c] * share[n];
    }
    free(share);
}
