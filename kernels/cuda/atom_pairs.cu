/* SPDX-License-Identifier: MIT
 * Pair features of atom windows. */
#include "kernels/cuda/columns.cuh"
#include "kernels/cuda/cuda.cuh"

struct windows {
    const float *ref_pos, *atom_mask;
    const int32_t *uid, *atom_token;
    km_dim A, N, Q, K;
};

/* What a pair of a window is: its atoms, the row of token pairs (-1: none), s and what s multiplies. */
struct atom_pair {
    km_dim q, k, row;
    float s, r[3], inverse;
};

__device__ static atom_pair pair_of(const windows &w, km_dim number)
{
    atom_pair p;
    p.q = number / w.K, p.k = p.q / w.Q * w.Q + w.Q / 2 - w.K / 2 + number % w.K;
    bool real_q = p.q < w.A, real_k = p.k >= 0 && p.k < w.A, both = real_q && real_k;
    if (!real_q) p.q = -1;
    if (!real_k) p.k = -1;
    p.row = both && w.atom_token[p.q] >= 0 && w.atom_token[p.k] >= 0 ? w.atom_token[p.q] * w.N + w.atom_token[p.k] : -1;
    p.s = both && w.atom_mask[p.q] != 0 && w.atom_mask[p.k] != 0 && w.uid[p.q] == w.uid[p.k];
    for (int d = 0; d < 3; d++) p.r[d] = both ? w.ref_pos[p.k * 3 + d] - w.ref_pos[p.q * 3 + d] : 0;
    p.inverse = 1 / (1 + p.r[0] * p.r[0] + p.r[1] * p.r[1] + p.r[2] * p.r[2]);
    return p;
}

__device__ static km_dim pairs_in(const windows &w) { return (w.A + w.Q - 1) / w.Q * w.Q * w.K; }

__global__ static void atom_pairs_kernel(T *y, const float *w_pos, const float *w_dist, const float *w_mask,
                                         const float *ref_pos, const int32_t *uid, const float *atom_mask,
                                         const T *opt_zp, const int32_t *atom_token, const T *u, const T *v, km_dim A,
                                         km_dim N, km_dim Q, km_dim K, km_dim C)
{
    windows w = {ref_pos, atom_mask, uid, atom_token, A, N, Q, K};
    KM_EACH(i, pairs_in(w) * C)
    {
        atom_pair p = pair_of(w, i / C);
        km_dim c = i % C;
        const float *pos = w_pos + 3 * c;
        float out = 0;
        if (p.s != 0) out = pos[0] * p.r[0] + pos[1] * p.r[1] + pos[2] * p.r[2] + w_dist[c] * p.inverse + w_mask[c];
        if (opt_zp && p.row >= 0) out += get(opt_zp[p.row * C + c]);
        if (p.q >= 0) out += get(u[p.q * C + c]);
        if (p.k >= 0) out += get(v[p.k * C + c]);
        put(&y[i], out);
    }
}

void KM_CUDA(atom_pairs_fwd)(const km_exec *, float *y, const float *w_pos, const float *w_dist, const float *w_mask,
                             const float *ref_pos, const int32_t *uid, const float *atom_mask, const float *opt_zp,
                             const int32_t *atom_token, const float *u, const float *v, km_dim A, km_dim N, km_dim Q,
                             km_dim K, km_dim C)
{
    km_dim n = (A + Q - 1) / Q * Q * K * C;
    KM_EACH_LAUNCH(atom_pairs_kernel, n, act(y), w_pos, w_dist, w_mask, ref_pos, uid, atom_mask, act(opt_zp),
                   atom_token, act(u), act(v), A, N, Q, K, C);
}

__global__ static void atom_pairs_bwd_kernel(float *opt_dzp, float *opt_du, float *opt_dv, const float *dy,
                                             const float *ref_pos, const int32_t *uid, const float *atom_mask,
                                             const int32_t *atom_token, km_dim A, km_dim N, km_dim Q, km_dim K,
                                             km_dim C)
{
    windows w = {ref_pos, atom_mask, uid, atom_token, A, N, Q, K};
    KM_EACH(i, pairs_in(w) * C)
    {
        atom_pair p = pair_of(w, i / C);
        km_dim c = i % C;
        if (opt_dzp && p.row >= 0) atomicAdd(&opt_dzp[p.row * C + c], dy[i]);
        if (opt_du && p.q >= 0) atomicAdd(&opt_du[p.q * C + c], dy[i]);
        if (opt_dv && p.k >= 0) atomicAdd(&opt_dv[p.k * C + c], dy[i]);
    }
}

/* Two of the features that weights multiply: x y, or z and 1 / (1 + r r), or the mask alone. */
struct feature_columns {
    windows w;
    const float *dy;
    km_dim C;
    int which;
    __device__ float2 operator()(km_dim m, km_dim c) const
    {
        atom_pair p = pair_of(w, m);
        float d = dy[m * C + c] * p.s;
        if (which == 0) return float2{d * p.r[0], d * p.r[1]};
        if (which == 1) return float2{d * p.r[2], d * p.inverse};
        return float2{d, 0};
    }
};

__global__ static void atom_pair_weights_kernel(float *opt_a, float *opt_b, const float *dy, const float *ref_pos,
                                                const int32_t *uid, const float *atom_mask, const int32_t *atom_token,
                                                km_dim A, km_dim N, km_dim Q, km_dim K, km_dim C, int which)
{
    feature_columns t = {{ref_pos, atom_mask, uid, atom_token, A, N, Q, K}, dy, C, which};
    add_columns(opt_a, opt_b, t, pairs_in(t.w), C);
}

/* dw_pos [C, 3] += columns [3][C] */
__global__ static void place_kernel(float *dw_pos, const float *columns, km_dim C)
{
    KM_EACH(i, 3 * C) dw_pos[i] += columns[i % 3 * C + i / 3];
}

void KM_CUDA(atom_pairs_bwd)(const km_exec *, float *opt_dw_pos, float *opt_dw_dist, float *opt_dw_mask, float *opt_dzp,
                             float *opt_du, float *opt_dv, const float *dy, const float *ref_pos, const int32_t *uid,
                             const float *atom_mask, const int32_t *atom_token, km_dim A, km_dim N, km_dim Q, km_dim K,
                             km_dim C)
{
    km_dim pairs = (A + Q - 1) / Q * Q * K;
    if (pairs * C == 0) return;
    if (opt_dzp || opt_du || opt_dv)
        KM_EACH_LAUNCH(atom_pairs_bwd_kernel, pairs * C, opt_dzp, opt_du, opt_dv, dy, ref_pos, uid, atom_mask,
                       atom_token, A, N, Q, K, C);
    float *pos = (float *)km_cuda_scratch(0, (size_t)(3 * C) * sizeof(float));
    km_cuda_zero(pos, (size_t)(3 * C) * sizeof(float));
    float *into[3][2] = {{pos, pos + C}, {pos + 2 * C, opt_dw_dist}, {opt_dw_mask, nullptr}};
    for (int which = 0; which < 3; which++)
        KM_COLUMNS_LAUNCH(atom_pair_weights_kernel, pairs, C, into[which][0], into[which][1], dy, ref_pos, uid,
                          atom_mask, atom_token, A, N, Q, K, C, which);
    if (opt_dw_pos) KM_EACH_LAUNCH(place_kernel, 3 * C, opt_dw_pos, pos, C);
}
