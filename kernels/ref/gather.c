/* SPDX-License-Identifier: MIT */
#include "kernels/ref/ref.h"

void km_ref_lookup_rows_fwd(const km_exec *ex, double *y, const double *table, const int32_t *index, km_dim M, km_dim K,
                            km_dim C)
{
    (void)ex, (void)K;
    for (km_dim m = 0; m < M; m++)
        for (km_dim c = 0; c < C; c++) y[m * C + c] = table[index[m] * C + c];
}

void km_ref_lookup_rows_bwd(const km_exec *ex, double *dtable, const double *dy, const int32_t *index, km_dim M,
                            km_dim K, km_dim C)
{
    (void)ex, (void)K;
    for (km_dim m = 0; dtable && m < M; m++)
        for (km_dim c = 0; c < C; c++) dtable[index[m] * C + c] += dy[m * C + c];
}

void km_ref_lookup_columns_fwd(const km_exec *ex, double *y, const double *w, const int32_t *index, km_dim M, km_dim K,
                               km_dim C, km_dim P)
{
    (void)ex;
    for (km_dim m = 0; m < M; m++)
        for (km_dim c = 0; c < C; c++) {
            y[m * C + c] = 0;
            for (km_dim p = 0; p < P; p++)
                if (index[m * P + p] >= 0) y[m * C + c] += w[c * K + index[m * P + p]];
        }
}

void km_ref_lookup_columns_bwd(const km_exec *ex, double *dw, const double *dy, const int32_t *index, km_dim M,
                               km_dim K, km_dim C, km_dim P)
{
    (void)ex;
    for (km_dim m = 0; dw && m < M; m++)
        for (km_dim p = 0; p < P; p++)
            for (km_dim c = 0; c < C && index[m * P + p] >= 0; c++) dw[c * K + index[m * P + p]] += dy[m * C + c];
}

void km_ref_token_to_atom_fwd(const km_exec *ex, double *y, const double *x, const int32_t *atom_token, km_dim F,
                              km_dim N, km_dim A, km_dim C)
{
    (void)ex;
    for (km_dim f = 0; f < F; f++)
        for (km_dim a = 0; a < A; a++)
            for (km_dim c = 0; c < C; c++)
                y[(f * A + a) * C + c] = atom_token[a] < 0 ? 0 : x[(f * N + atom_token[a]) * C + c];
}

void km_ref_token_to_atom_bwd(const km_exec *ex, double *dx, const double *dy, const int32_t *atom_token, km_dim F,
                              km_dim N, km_dim A, km_dim C)
{
    (void)ex;
    for (km_dim f = 0; dx && f < F; f++)
        for (km_dim a = 0; a < A; a++)
            for (km_dim c = 0; c < C && atom_token[a] >= 0; c++)
                dx[(f * N + atom_token[a]) * C + c] += dy[(f * A + a) * C + c];
}

/* 1 / (how many atoms the token of atom a has + 1e-6) */
static double share(const int32_t *atom_token, km_dim A, km_dim a)
{
    double count = 0;
    for (km_dim k = 0; k < A; k++) count += atom_token[k] == atom_token[a];
    return 1 / (count + 1e-6);
}

void km_ref_atom_to_token_fwd(const km_exec *ex, double *y, const double *x, const int32_t *atom_token, km_dim F,
                              km_dim N, km_dim A, km_dim C)
{
    (void)ex;
    for (km_dim i = 0; i < F * N * C; i++) y[i] = 0;
    for (km_dim f = 0; f < F; f++)
        for (km_dim a = 0; a < A; a++)
            for (km_dim c = 0; c < C && atom_token[a] >= 0; c++)
                y[(f * N + atom_token[a]) * C + c] += x[(f * A + a) * C + c] * share(atom_token, A, a);
}

void km_ref_atom_to_token_bwd(const km_exec *ex, double *dx, const double *dy, const int32_t *atom_token, km_dim F,
                              km_dim N, km_dim A, km_dim C)
{
    (void)ex;
    for (km_dim f = 0; dx && f < F; f++)
        for (km_dim a = 0; a < A; a++)
            for (km_dim c = 0; c < C && atom_token[a] >= 0; c++)
                dx[(f * A + a) * C + c] += dy[(f * N + atom_token[a]) * C + c] * share(atom_token, A, a);
}
