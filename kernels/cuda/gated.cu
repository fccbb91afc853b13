/* SPDX-License-Identifier: MIT
 * Gated products with the layer norms before and the sum after them in one pass, on tensor cores: y = f(norm(x) w^T +
 * b) (norm(x') w'^T + b') + add. A block has 128 rows, normed once and kept in shared memory; of the weights 64 outputs
 * by 64 inputs of both products come at a time (by 32 where each product has rows of its own, so that all of it fits
 * into the 99 KB of the smaller cards), the next on their way while these are multiplied. A warp has 32 rows and 32 of
 * the outputs. Nothing of the width of the two products is written. */
#ifdef KM_CUDA_BF16
#include "kernels/backend.h"
#include "kernels/cuda/mma.cuh"
#include "kernels/cuda/pack.h"

enum { ROWS = 128, WARPS = 8, HIGH = 32, OUTPUTS = 64, GATE = 0, VALUE = 1 };
/* Inputs of a tile of both weights, its rows' distance and its numbers. */
#define STEP(SAME) ((SAME) ? 64 : 32)
#define TILE_LD(SAME) (STEP(SAME) + PADDING)
#define TILE(SAME) (2 * OUTPUTS * TILE_LD(SAME))

struct gated {
    const bf16 *x[2], *w[2], *opt_add;
    const float *opt_norm_w[2], *opt_norm_b[2], *opt_b[2];
    bf16 *y;
    km_dim M;
    int I, O, silu, rest = 0; /* every byte of an argument tells (km_left_out) */
};

/* How rows are normed; without weights they are taken as they are. A lane has two neighbours of every 64 numbers. */
template <int WORDS> struct row_norm {
    float w[WORDS][2], b[WORDS][2];
    bool plain;
    __device__ row_norm(const float *opt_w, const float *opt_b, int I) : plain(!opt_w)
    {
        KM_UNROLL
        for (int e = 0; e < 2 * WORDS; e++) {
            const int c = 2 * (lane_of() + KM_WARP * (e / 2)) + e % 2;
            w[e / 2][e % 2] = opt_w && c < I ? opt_w[c] : 1, b[e / 2][e % 2] = opt_b && c < I ? opt_b[c] : 0;
        }
    }
    /* word: a lane's numbers of a row, 0 behind its end */
    __device__ void put_row(bf16 *to, const uint32_t word[WORDS], int I) const
    {
        float sum = 0, square = 0;
        KM_UNROLL
        for (int i = 0; i < WORDS; i++) sum += low_of(word[i]) + high_of(word[i]);
        const float mean = plain ? 0 : warp_sum(sum) / (float)I;
        KM_UNROLL
        for (int i = 0; i < WORDS; i++) {
            const float low = low_of(word[i]) - mean, high = high_of(word[i]) - mean;
            if (2 * (lane_of() + KM_WARP * i) < I) square += low * low + high * high;
        }
        const float rstd = plain ? 1 : rsqrtf(warp_sum(square) / (float)I + 1e-5f);
        KM_UNROLL
        for (int i = 0; i < WORDS; i++) {
            const int c = 2 * (lane_of() + KM_WARP * i);
            const float low = (low_of(word[i]) - mean) * rstd, high = (high_of(word[i]) - mean) * rstd;
            if (c < I) *(uint32_t *)(to + c) = pair_of(low * w[i][0] + b[i][0], high * w[i][1] + b[i][1]);
        }
    }
};

/* A warp's 16 rows of x, four at a time, into shared memory; `left` of them are there. */
template <int WORDS>
__device__ static inline void norm_rows(bf16 *to, const bf16 *x, const row_norm<WORDS> &norm, int left, int I)
{
    enum { AT_ONCE = 4 };
    for (int first = 0; first < ROWS / WARPS; first += AT_ONCE) {
        uint32_t word[AT_ONCE][WORDS];
        KM_UNROLL
        for (int e = 0; e < AT_ONCE * WORDS; e++) {
            const int row = first + e / WORDS, c = 2 * (lane_of() + KM_WARP * (e % WORDS));
            word[e / WORDS][e % WORDS] = row < left && c < I ? pair_at(x + row * I + c) : 0;
        }
        KM_UNROLL
        for (int r = 0; r < AT_ONCE; r++) norm.put_row(to + (first + r) * (I + PADDING), word[r], I);
    }
}

/* Where of 32 outputs one lies in a tile, so that a lane's of all four products are neighbours in y. */
__device__ static inline int place_of(int output) { return output % 8 / 2 * 8 + output / 8 * 2 + output % 2; }

/* The outputs from o on by inputs from k on of both weights; late. */
template <int SAME> __device__ static inline void stage_weights(bf16 *to, const gated &z, int o, int k)
{
    enum { ACROSS = STEP(SAME) / 8, AT_ONCE = WARPS * KM_WARP / ACROSS };
    const int c = (int)threadIdx.x % ACROSS * 8;
    KM_UNROLL
    for (int i = 0; i < 2 * OUTPUTS; i += AT_ONCE) {
        const int row = i + (int)threadIdx.x / ACROSS, at = o + row % OUTPUTS;
        copy_16(to + (row / HIGH * HIGH + place_of(row % HIGH)) * TILE_LD(SAME) + c,
                z.w[i / OUTPUTS] + (km_dim)at * z.I + k + c, at < z.O && k + c < z.I);
    }
}

/* c [32, 32] of both products += a warp's rows from an input on times its outputs' weights for a tile's inputs */
template <int SAME>
__device__ static inline void add_step(float c[2][2][4][4], const bf16 *rows, int value_rows, const bf16 *weights,
                                       int inputs, int ld)
{
    const int l = lane_of();
    const bf16 *row = rows + l % 16 * ld + l / 16 * 8;
    const bf16 *w = weights + (l % 8 + l / 16 * 8) * TILE_LD(SAME) + l / 8 % 2 * 8;
    for (int kk = 0; kk < STEP(SAME) && kk < inputs; kk += 16) {
        uint32_t a[2][4], b[4];
        KM_UNROLL
        for (int s = 0; s < 2; s++) {
            KM_UNROLL
            for (int m = 0; m < 2 && !(SAME && s); m++) load_straight(a[m], row + s * value_rows + 16 * m * ld + kk);
            KM_UNROLL
            for (int j = 0; j < 4; j += 2) {
                load_straight(b, w + (s * OUTPUTS + 8 * j) * TILE_LD(SAME) + kk);
                KM_UNROLL
                for (int m = 0; m < 2; m++) mma(c[s][m][j], a[m], b[0], b[1]), mma(c[s][m][j + 1], a[m], b[2], b[3]);
            }
        }
    }
}

__device__ static inline float opened(const gated &z, float gate, float value)
{
    return (z.silu ? gate : 1) * sigmoid(gate) * value;
}

/* Eight neighbours of y from their products; as many as are there. */
__device__ static inline void write_eight(const gated &z, const float gate[8], const float value[8], km_dim row, int o)
{
    float y[8];
    const km_dim at = row * z.O + o;
    const bool whole = z.O % 8 == 0;
    uint4 add = {0, 0, 0, 0};
    if (z.opt_add && whole) add = *(const uint4 *)(z.opt_add + at);
    const uint32_t pairs[4] = {add.x, add.y, add.z, add.w};
    KM_UNROLL
    for (int e = 0; e < 8; e++) {
        const bool there = whole || o + e < z.O;
        const float g = gate[e] + (z.opt_b[GATE] && there ? z.opt_b[GATE][o + e] : 0);
        const float v = value[e] + (z.opt_b[VALUE] && there ? z.opt_b[VALUE][o + e] : 0);
        y[e] = opened(z, g, v) + (e % 2 ? high_of(pairs[e / 2]) : low_of(pairs[e / 2]));
        if (there && !whole) put(&z.y[at + e], y[e] + (z.opt_add ? get(z.opt_add[at + e]) : 0));
    }
    if (whole)
        *(uint4 *)(z.y + at) =
            uint4{pair_of(y[0], y[1]), pair_of(y[2], y[3]), pair_of(y[4], y[5]), pair_of(y[6], y[7])};
}

/* The outputs of a warp's 32 rows from m on, 32 from o on: eight a lane. */
__device__ static inline void write_outputs(const gated &z, const float c[2][2][4][4], km_dim first, int o)
{
    const int column = o + lane_of() % 4 * 8;
    KM_UNROLL
    for (int r = 0; r < 4; r++) {
        const km_dim row = first + r * 8 + lane_of() / 4;
        float gate[8], value[8];
        KM_UNROLL
        for (int e = 0; e < 8; e++) {
            gate[e] = c[GATE][r / 2][e / 2][r % 2 * 2 + e % 2];
            value[e] = c[VALUE][r / 2][e / 2][r % 2 * 2 + e % 2];
        }
        if (row < z.M && column < z.O) write_eight(z, gate, value, row, column);
    }
}

/* SAME: both products have the rows of the gate, of up to 64 WORDS numbers. */
template <int SAME, int WORDS> __global__ static void __launch_bounds__(WARPS *KM_WARP, 2) gated_kernel(gated z)
{
    KM_SHARED(bf16, weights);
    bf16 *rows = weights + 2 * TILE(SAME);
    const int warp = (int)threadIdx.x / KM_WARP, ld = z.I + PADDING, normed = warp * (ROWS / WARPS);
    const int first = warp / 2 * HIGH, side = warp % 2 * HIGH;
    const km_dim m = blockIdx.x * (km_dim)ROWS;
    const int left = z.M - m < ROWS ? (int)(z.M - m) - normed : ROWS;
    stage_weights<SAME>(weights, z, 0, 0);
    KM_UNROLL
    for (int s = 0; s < 2 - SAME; s++)
        norm_rows(rows + (s * ROWS + normed) * ld, z.x[s] + (m + normed) * z.I,
                  row_norm<WORDS>(z.opt_norm_w[s], z.opt_norm_b[s], z.I), left, z.I);
    float c[2][2][4][4] = {{{{0}}}};
    for (int o = 0, k = 0, turn = 0; o < z.O; turn ^= 1) {
        const int next_k = k + STEP(SAME) < z.I ? k + STEP(SAME) : 0, next_o = next_k ? o : o + OUTPUTS;
        copies_arrive();
        __syncthreads();
        if (next_o < z.O) stage_weights<SAME>(weights + (turn ^ 1) * TILE(SAME), z, next_o, next_k);
        add_step<SAME>(c, rows + first * ld + k, ROWS * ld, weights + turn * TILE(SAME) + side * TILE_LD(SAME), z.I - k,
                       ld);
        if (!next_k) {
            write_outputs(z, c, m + first, o + side);
            KM_UNROLL
            for (int e = 0; e < 64; e++) c[e / 32][e / 16 % 2][e / 4 % 4][e % 4] = 0;
        }
        o = next_o, k = next_k;
    }
}

void KM_CUDA(gated_linear)(const km_exec *, float *y, const km_side *gate, const km_side *value, bool silu,
                           const float *opt_add, km_dim M, km_dim I, km_dim O)
{
    const bool same = gate->x == value->x && gate->opt_norm_w == value->opt_norm_w;
    gated z = {{act(gate->x), act(value->x)},
               {(const bf16 *)gate->w->w, (const bf16 *)value->w->w},
               act(opt_add),
               {gate->opt_norm_w, value->opt_norm_w},
               {gate->opt_norm_b, value->opt_norm_b},
               {gate->opt_b, value->opt_b},
               act(y),
               M,
               (int)I,
               (int)O,
               silu};
    size_t shared = (size_t)(2 * TILE(same) + (same ? 1 : 2) * ROWS * (I + PADDING)) * sizeof(bf16);
    auto kernel = !same ? gated_kernel<0, 2> : I <= 128 ? gated_kernel<1, 2> : gated_kernel<1, 4>;
    static_assert(KM_GATED_MOST == 256, "words of a lane");
    if (M > 0) km_launch(kernel, dim3((unsigned)((M + ROWS - 1) / ROWS)), dim3(WARPS * KM_WARP), shared, z);
}
#endif
