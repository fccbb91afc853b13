/* SPDX-License-Identifier: MIT
 * Attention with a bias from pairs on tensor cores. A block has 64 queries of one head in two frames, four warps each,
 * 16 queries a warp; keys come 64 at a time. The bias of 64 queries by 64 keys is read once for both frames, and blocks
 * of the other frames that share it run beside this one. Logits, softmax (online) and sums stay in registers; weights
 * are rounded to bfloat16 for their product with the values, and add up as rounded. */
#ifndef KERNELS_CUDA_PAIR_ATTENTION_MMA_CUH
#define KERNELS_CUDA_PAIR_ATTENTION_MMA_CUH

#include "kernels/cuda/mma.cuh"

enum { TILE_SIDE = 64, TILE_FRAMES = 2, GROUP = 128, PADDING = 8 };

struct pair_tile {
    const bf16 *q, *k, *v, *opt_g, *bias;
    const float *opt_mask; /* [N] */
    bf16 *y;
    km_dim F, Nq, N, H, D;
};

/* rows x columns of a matrix with rows `stride` apart into shared memory, zeros around them up to TILE_SIDE rows of
 * `padded` columns (a multiple of 8), rows `ld` apart there; by `count` threads, this one being number n. Inlined: the
 * case of whole 16 bytes is decided once. */
__device__ static inline void stage(bf16 *to, int ld, int padded, const bf16 *from, km_dim stride, km_dim rows,
                                    km_dim columns, int n, int count)
{
    const bool in_line = stride % 8 == 0 && columns % 8 == 0 && (size_t)from % 16 == 0;
    for (int i = n; i < TILE_SIDE * padded / 8; i += count) {
        int r = i / (padded / 8), c = i % (padded / 8) * 8;
        uint4 eight = {0, 0, 0, 0};
        if (in_line && r < rows && c < columns) eight = *(const uint4 *)(from + r * stride + c);
        *(uint4 *)(to + r * ld + c) = eight;
        for (int e = 0; e < 8 && !in_line && r < rows && c + e < columns; e++)
            to[r * ld + c + e] = from[r * stride + c + e];
    }
}

/* The operand a of 16 queries, from row `first` on. */
template <int DT>
__device__ static inline void load_queries(uint32_t a[DT][4], const pair_tile &z, km_dim f, km_dim h, km_dim first)
{
    const int g = lane_of() / 4, t = lane_of() % 4;
    for (int kk = 0; kk < DT; kk++)
        for (int i = 0; i < 4; i++) {
            km_dim row = first + g + i % 2 * 8, d = kk * 16 + i / 2 * 8 + 2 * t;
            const bf16 *x = z.q + ((f * z.Nq + row) * z.H + h) * z.D + d, none = {0};
            bool in = f < z.F && row < z.Nq;
            a[kk][i] = pair_of(in && d < z.D ? x[0] : none, in && d + 1 < z.D ? x[1] : none);
        }
}

/* Sums of a warp's 16 queries: of rows g and g + 8. */
template <int DT> struct pair_sums {
    float most[2], sum[2], out[2 * DT][4];
};

__device__ static inline float quad_max(float x)
{
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

/* s [8][4]: logits of 64 keys in units of log 2, become weights, as operands a of four products. */
template <int DT>
__device__ static inline void soften(pair_sums<DT> &o, float s[8][4], uint32_t p[4][4])
{
    for (int r = 0; r < 2; r++) {
        float most = o.most[r];
        for (int j = 0; j < 8; j++) most = fmaxf(most, fmaxf(s[j][2 * r], s[j][2 * r + 1]));
        most = quad_max(most);
        float zero = most == -INFINITY ? 0 : most, shrink = exp2f(o.most[r] - zero), sum = 0;
        o.most[r] = most;
        for (int j = 0; j < 8; j++) {
            bf16 low, high;
            put(&low, exp2f(s[j][2 * r] - zero)), put(&high, exp2f(s[j][2 * r + 1] - zero));
            sum += get(low) + get(high);
            p[j / 2][r + j % 2 * 2] = pair_of(low, high);
        }
        o.sum[r] = o.sum[r] * shrink + sum;
        for (int j = 0; j < 2 * DT; j++) o.out[j][2 * r] *= shrink, o.out[j][2 * r + 1] *= shrink;
    }
}

/* One tile of 64 keys. keys, values [64, LD], bias [64, ..] of the warp's first query, drop [64] what masks add. */
template <int DT>
__device__ static inline void attend_tile(pair_sums<DT> &o, const uint32_t a[DT][4], const bf16 *keys,
                                          const bf16 *values, const bf16 *bias, const float *drop, float scale)
{
    enum { LD = DT * 16 + PADDING, LB = TILE_SIDE + PADDING };
    const float log2e = 1.44269504f;
    const int g = lane_of() / 4, t = lane_of() % 4, l = lane_of();
    float s[8][4];
    uint32_t p[4][4], b[4];
    for (int j = 0; j < 8; j++) {
        for (int i = 0; i < 4; i++) s[j][i] = 0;
        for (int kk = 0; kk < DT; kk++) {
            const bf16 *key = keys + (8 * j + g) * LD + 16 * kk + 2 * t;
            mma(s[j], a[kk], pair_at(key), pair_at(key + 8));
        }
        for (int i = 0; i < 4; i++) {
            int column = 8 * j + 2 * t + i % 2;
            s[j][i] = log2e * (scale * s[j][i] + get(bias[(g + i / 2 * 8) * LB + column])) + drop[column];
        }
    }
    soften<DT>(o, s, p);
    for (int kk = 0; kk < 4; kk++)
        for (int j = 0; j < 2 * DT; j += 2) {
            load_turned(b, values + (16 * kk + l % 16) * LD + 8 * (j + l / 16));
            mma(o.out[j], p[kk], b[0], b[1]);
            mma(o.out[j + 1], p[kk], b[2], b[3]);
        }
}

/* y = sums, divided and gated. */
template <int DT>
__device__ static inline void write_queries(const pair_sums<DT> &o, const pair_tile &z, km_dim f, km_dim h,
                                            km_dim first)
{
    const int g = lane_of() / 4, t = lane_of() % 4;
    for (int r = 0; r < 2; r++) {
        float sum = o.sum[r] + __shfl_xor_sync(0xffffffffu, o.sum[r], 1);
        sum += __shfl_xor_sync(0xffffffffu, sum, 2);
        km_dim row = first + g + 8 * r, at = ((f * z.Nq + row) * z.H + h) * z.D;
        if (f >= z.F || row >= z.Nq) continue;
        for (int j = 0; j < 2 * DT; j++)
            for (int i = 0; i < 2; i++) {
                km_dim d = 8 * j + 2 * t + i;
                if (d >= z.D) continue;
                float open = z.opt_g ? sigmoid(get(z.opt_g[at + d])) : 1;
                put(&z.y[at + d], sum > 0 ? o.out[j][2 * r + i] / sum * open : 0);
            }
    }
}

/* Heads of up to 16 DT. Blocks: x two frames, y head and 64 queries. */
template <int DT> __global__ static void __launch_bounds__(TILE_FRAMES *GROUP) pair_mma_kernel(pair_tile z)
{
    enum { LD = DT * 16 + PADDING, LB = TILE_SIDE + PADDING };
    KM_SHARED(bf16, bias);
    bf16 *keys = bias + TILE_SIDE * LB, *values = keys + TILE_FRAMES * TILE_SIDE * LD;
    float *drop = (float *)(values + TILE_FRAMES * TILE_SIDE * LD);
    const int n = (int)threadIdx.x, group = n / GROUP, warp = n % GROUP / KM_WARP;
    const km_dim tiles = (z.Nq + TILE_SIDE - 1) / TILE_SIDE, h = blockIdx.y / tiles;
    const km_dim top = blockIdx.y % tiles * TILE_SIDE, first = top + 16 * warp;
    const km_dim f = blockIdx.x * (km_dim)TILE_FRAMES + group, stride = z.H * z.D;
    const float *mask = any_key(z.opt_mask, z.N) ? z.opt_mask : nullptr, scale = rsqrtf((float)z.D);
    bf16 *mine = keys + group * TILE_SIDE * LD, *my_values = values + group * TILE_SIDE * LD;
    uint32_t a[DT][4];
    pair_sums<DT> o = {{-INFINITY, -INFINITY}, {0, 0}, {{0}}};
    load_queries<DT>(a, z, f, h, first);
    for (km_dim key = 0; key < z.N; key += TILE_SIDE) {
        km_dim at = ((f * z.N + key) * z.H + h) * z.D, rows = f < z.F ? z.N - key : 0;
        __syncthreads();
        stage(bias, LB, TILE_SIDE, z.bias + (h * z.Nq + top) * z.N + key, z.N, z.Nq - top, z.N - key, n,
              TILE_FRAMES * GROUP);
        stage(mine, LD, DT * 16, z.k + at, stride, rows, z.D, n % GROUP, GROUP);
        stage(my_values, LD, DT * 16, z.v + at, stride, rows, z.D, n % GROUP, GROUP);
        if (n < TILE_SIDE) drop[n] = key + n < z.N && !(mask && mask[key + n] == 0) ? 0 : -INFINITY;
        __syncthreads();
        attend_tile<DT>(o, a, mine, my_values, bias + 16 * warp * LB, drop, scale);
    }
    write_queries<DT>(o, z, f, h, first);
}

template <int DT> static void pair_mma(const pair_tile &z)
{
    enum { LD = DT * 16 + PADDING, LB = TILE_SIDE + PADDING };
    size_t shared = (TILE_SIDE * LB + 2 * TILE_FRAMES * TILE_SIDE * LD) * sizeof(bf16) + TILE_SIDE * sizeof(float);
    km_dim tiles = (z.Nq + TILE_SIDE - 1) / TILE_SIDE;
    km_launch(pair_mma_kernel<DT>, dim3((unsigned)((z.F + TILE_FRAMES - 1) / TILE_FRAMES), (unsigned)(z.H * tiles)),
              dim3(TILE_FRAMES * GROUP), shared, z);
}

/* False where heads are too wide, or there is too much for a grid. */
static bool pair_on_tensor_cores(const pair_tile &z)
{
    km_dim tiles = (z.Nq + TILE_SIDE - 1) / TILE_SIDE;
    if (z.D > 64 || z.H * tiles > 65535) return false;
    if (z.F == 0 || z.Nq == 0 || z.N == 0 || z.H == 0) return true;
    if (z.D <= 16) pair_mma<1>(z);
    else if (z.D <= 32) pair_mma<2>(z);
    else if (z.D <= 48) pair_mma<3>(z);
    else pair_mma<4>(z);
    return true;
}

#endif
