/* SPDX-License-Identifier: MIT
 * Lookups, and the two ways between tokens and atoms. */
#include "kernels/cuda/cuda.cuh"

__global__ static void lookup_rows_kernel(T *y, const T *table, const int32_t *index, km_dim M, km_dim C)
{
    KM_EACH(i, M * C) y[i] = table[index[i / C] * C + i % C];
}

__global__ static void lookup_rows_bwd_kernel(float *dtable, const float *dy, const int32_t *index, km_dim M, km_dim C)
{
    KM_EACH(i, M * C) atomicAdd(&dtable[index[i / C] * C + i % C], dy[i]);
}

void KM_CUDA(lookup_rows_fwd)(const km_exec *, float *y, const float *table, const int32_t *index, km_dim M, km_dim,
                              km_dim C)
{
    KM_EACH_LAUNCH(lookup_rows_kernel, M * C, act(y), act(table), index, M, C);
}

void KM_CUDA(lookup_rows_bwd)(const km_exec *, float *opt_dtable, const float *dy, const int32_t *index, km_dim M,
                              km_dim, km_dim C)
{
    if (opt_dtable) KM_EACH_LAUNCH(lookup_rows_bwd_kernel, M * C, opt_dtable, dy, index, M, C);
}

/* w is a parameter, float32 */
__global__ static void lookup_columns_kernel(T *y, const float *w, const int32_t *index, km_dim M, km_dim K, km_dim C,
                                             km_dim P)
{
    KM_EACH(i, M * C)
    {
        km_dim m = i / C, c = i % C;
        float sum = 0;
        for (km_dim p = 0; p < P; p++)
            if (index[m * P + p] >= 0) sum += w[c * K + index[m * P + p]];
        put(&y[i], sum);
    }
}

__global__ static void lookup_columns_bwd_kernel(float *dw, const float *dy, const int32_t *index, km_dim M, km_dim K,
                                                 km_dim C, km_dim P)
{
    KM_EACH(i, M * C)
    for (km_dim p = 0; p < P; p++) {
        int32_t k = index[i / C * P + p];
        if (k >= 0) atomicAdd(&dw[i % C * K + k], dy[i]);
    }
}

void KM_CUDA(lookup_columns_fwd)(const km_exec *, float *y, const float *w, const int32_t *index, km_dim M, km_dim K,
                                 km_dim C, km_dim P)
{
    KM_EACH_LAUNCH(lookup_columns_kernel, M * C, act(y), w, index, M, K, C, P);
}

void KM_CUDA(lookup_columns_bwd)(const km_exec *, float *opt_dw, const float *dy, const int32_t *index, km_dim M,
                                 km_dim K, km_dim C, km_dim P)
{
    if (opt_dw) KM_EACH_LAUNCH(lookup_columns_bwd_kernel, M * C, opt_dw, dy, index, M, K, C, P);
}

/* The atoms of a token: all a in [first, last] whose token it is; mostly they lie side by side. */
struct atoms {
    int32_t first, last, count;
};

__global__ static void find_atoms_kernel(atoms *of, const int32_t *atom_token, km_dim N, km_dim A)
{
    KM_EACH_WARP(n, N)
    {
        float first = (float)A, last = -1, count = 0; /* exact below 2^24 */
        for (km_dim a = lane_of(); a < A; a += KM_WARP) {
            if (atom_token[a] != n) continue;
            if (last < 0) first = (float)a;
            last = (float)a, count++;
        }
        first = -warp_max(-first), last = warp_max(last), count = warp_sum(count);
        if (lane_of() == 0) of[n] = atoms{(int32_t)first, (int32_t)last, (int32_t)count};
    }
}

static atoms *find_atoms(const int32_t *atom_token, km_dim N, km_dim A)
{
    atoms *of = (atoms *)km_cuda_scratch(0, (size_t)N * sizeof(atoms));
    KM_WARP_LAUNCH(find_atoms_kernel, N, of, atom_token, N, A);
    return of;
}

__global__ static void token_to_atom_kernel(T *y, const T *x, const int32_t *atom_token, km_dim F, km_dim N, km_dim A,
                                            km_dim C)
{
    KM_EACH(i, F * A * C)
    {
        km_dim f = i / C / A, n = atom_token[i / C % A];
        if (n < 0) put(&y[i], 0);
        else y[i] = x[(f * N + n) * C + i % C];
    }
}

void KM_CUDA(token_to_atom_fwd)(const km_exec *, float *y, const float *x, const int32_t *atom_token, km_dim F,
                                km_dim N, km_dim A, km_dim C)
{
    KM_EACH_LAUNCH(token_to_atom_kernel, F * A * C, act(y), act(x), atom_token, F, N, A, C);
}

__global__ static void token_to_atom_bwd_kernel(float *dx, const float *dy, const int32_t *atom_token, const atoms *of,
                                                km_dim F, km_dim N, km_dim A, km_dim C)
{
    KM_EACH(i, F * N * C)
    {
        km_dim f = i / C / N, n = i / C % N;
        float sum = 0;
        for (km_dim a = of[n].first; a <= of[n].last; a++)
            if (atom_token[a] == n) sum += dy[(f * A + a) * C + i % C];
        dx[i] += sum;
    }
}

void KM_CUDA(token_to_atom_bwd)(const km_exec *, float *opt_dx, const float *dy, const int32_t *atom_token, km_dim F,
                                km_dim N, km_dim A, km_dim C)
{
    if (!opt_dx || N == 0) return;
    KM_EACH_LAUNCH(token_to_atom_bwd_kernel, F * N * C, opt_dx, dy, atom_token, find_atoms(atom_token, N, A), F, N, A,
                   C);
}

__global__ static void atom_to_token_kernel(T *y, const T *x, const int32_t *atom_token, const atoms *of, km_dim F,
                                            km_dim N, km_dim A, km_dim C)
{
    KM_EACH(i, F * N * C)
    {
        km_dim f = i / C / N, n = i / C % N;
        float sum = 0;
        for (km_dim a = of[n].first; a <= of[n].last; a++)
            if (atom_token[a] == n) sum += get(x[(f * A + a) * C + i % C]);
        put(&y[i], sum / ((float)of[n].count + 1e-6f));
    }
}

void KM_CUDA(atom_to_token_fwd)(const km_exec *, float *y, const float *x, const int32_t *atom_token, km_dim F,
                                km_dim N, km_dim A, km_dim C)
{
    if (N == 0) return;
    KM_EACH_LAUNCH(atom_to_token_kernel, F * N * C, act(y), act(x), atom_token, find_atoms(atom_token, N, A), F, N, A,
                   C);
}

__global__ static void atom_to_token_bwd_kernel(float *dx, const float *dy, const int32_t *atom_token, const atoms *of,
                                                km_dim F, km_dim N, km_dim A, km_dim C)
{
    KM_EACH(i, F * A * C)
    {
        km_dim f = i / C / A, n = atom_token[i / C % A];
        if (n >= 0) dx[i] += dy[(f * N + n) * C + i % C] / ((float)of[n].count + 1e-6f);
    }
}

void KM_CUDA(atom_to_token_bwd)(const km_exec *, float *opt_dx, const float *dy, const int32_t *atom_token, km_dim F,
                                km_dim N, km_dim A, km_dim C)
{
    if (!opt_dx || N == 0) return;
    KM_EACH_LAUNCH(atom_to_token_bwd_kernel, F * A * C, opt_dx, dy, atom_token, find_atoms(atom_token, N, A), F, N, A,
                   C);
}
