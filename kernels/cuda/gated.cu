/* SPDX-License-Identifier: MIT
 * Gated products with the layer norms before and the sum after them in one pass, on tensor cores: y = f(norm(x) w^T +
 * b) (norm(x') w'^T + b') + add. A block has 128 rows, 16 a warp, normed once and kept in shared memory; of the weights
 * 64 outputs by 64 inputs of both products come at a time. Nothing of the width of the two products is written. */
#ifdef KM_CUDA_BF16
#include "kernels/backend.h"
#include "kernels/cuda/mma.cuh"
#include "kernels/cuda/norm.cuh"
#include "kernels/cuda/pack.h"

enum { ROWS = 128, STEP = 64, TILE_LD = STEP + PADDING, GATE = 0, VALUE = 1 };

struct gated {
    const bf16 *x[2], *w[2], *opt_add;
    const float *opt_norm_w[2], *opt_norm_b[2], *opt_b[2];
    bf16 *y;
    km_dim M, I, O;
    int silu, same; /* same: both products have the rows of the gate */
};

/* A warp's 16 rows of x, normed. */
__device__ static void norm_rows(bf16 *to, const bf16 *x, const float *opt_w, const float *opt_b, km_dim left, km_dim I)
{
    for (int r = 0; r < 16; r++) {
        moments s = {0, 1};
        if (opt_w && r < left) s = moments_of(x + r * I, I);
        for (km_dim c = lane_of(); c < I; c += KM_WARP) {
            float n = r < left ? (get(x[r * I + c]) - s.mean) * s.rstd : 0;
            put(&to[r * (I + PADDING) + c], n * (opt_w ? opt_w[c] : 1) + (opt_b ? opt_b[c] : 0));
        }
    }
    __syncwarp();
}

/* c [16, 64] += rows [16, ..] from input k on times 64 outputs' weights [64, TILE_LD] */
__device__ static void add_step(float c[8][4], const bf16 *rows, const bf16 *weights, km_dim k, km_dim I)
{
    const int g = lane_of() / 4, t = lane_of() % 4;
    for (int kk = 0; kk < STEP && k + kk < I; kk += 16) {
        const bf16 *at = rows + g * (I + PADDING) + k + kk + 2 * t, *below = at + 8 * (I + PADDING);
        const uint32_t a[4] = {pair_at(at), pair_at(below), pair_at(at + 8), pair_at(below + 8)};
        for (int j = 0; j < 8; j++) {
            const bf16 *w = weights + (8 * j + g) * TILE_LD + kk + 2 * t;
            mma(c[j], a, pair_at(w), pair_at(w + 8));
        }
    }
}

__device__ static float opened(const gated &z, float gate, float value)
{
    return (z.silu ? gate : 1) * sigmoid(gate) * value;
}

/* The 64 outputs from o on of a warp's 16 rows from m on. */
__device__ static void write_outputs(const gated &z, const float c[2][8][4], km_dim m, km_dim o)
{
    for (int e = 0; e < 32; e++) {
        km_dim row = m + lane_of() / 4 + e % 4 / 2 * 8, column = o + e / 4 * 8 + lane_of() % 4 * 2 + e % 2;
        if (row >= z.M || column >= z.O) continue;
        float gate = c[GATE][e / 4][e % 4] + (z.opt_b[GATE] ? z.opt_b[GATE][column] : 0);
        float value = c[VALUE][e / 4][e % 4] + (z.opt_b[VALUE] ? z.opt_b[VALUE][column] : 0);
        float add = z.opt_add ? get(z.opt_add[row * z.O + column]) : 0;
        put(&z.y[row * z.O + column], opened(z, gate, value) + add);
    }
}

__global__ static void __launch_bounds__(ROWS / 16 * KM_WARP) gated_kernel(gated z)
{
    KM_SHARED(bf16, weights);
    bf16 *rows = weights + 2 * STEP * TILE_LD;
    const int n = (int)threadIdx.x, count = (int)blockDim.x, first = n / KM_WARP * 16;
    const km_dim m = blockIdx.x * (km_dim)ROWS + first, ld = z.I + PADDING;
    const bf16 *mine[2] = {rows + first * ld, rows + ((z.same ? 0 : ROWS) + first) * ld};
    for (int s = 0; s < 2 - z.same; s++)
        norm_rows((bf16 *)mine[s], z.x[s] + m * z.I, z.opt_norm_w[s], z.opt_norm_b[s], z.M - m, z.I);
    for (km_dim o = 0; o < z.O; o += STEP) {
        float c[2][8][4] = {{{0}}};
        for (km_dim k = 0; k < z.I; k += STEP) {
            __syncthreads();
            for (int s = 0; s < 2; s++)
                stage(weights + s * STEP * TILE_LD, TILE_LD, STEP, STEP, z.w[s] + o * z.I + k, z.I, (int)(z.O - o),
                      (int)(z.I - k), n, count);
            copies_arrive();
            __syncthreads();
            for (int s = 0; s < 2; s++) add_step(c[s], mine[s], weights + s * STEP * TILE_LD, k, z.I);
        }
        write_outputs(z, c, m, o);
    }
}

void KM_CUDA(gated_linear)(const km_exec *, float *y, const km_side *gate, const km_side *value, bool silu,
                           const float *opt_add, km_dim M, km_dim I, km_dim O)
{
    int same = gate->x == value->x && gate->opt_norm_w == value->opt_norm_w;
    gated z = {{act(gate->x), act(value->x)},
               {(const bf16 *)gate->w->w, (const bf16 *)value->w->w},
               act(opt_add),
               {gate->opt_norm_w, value->opt_norm_w},
               {gate->opt_norm_b, value->opt_norm_b},
               {gate->opt_b, value->opt_b},
               act(y),
               M,
               I,
               O,
               silu,
               same};
    size_t shared = (size_t)(2 * STEP * TILE_LD + (same ? 1 : 2) * ROWS * (I + PADDING)) * sizeof(bf16);
    if (M > 0) km_launch(gated_kernel, dim3((unsigned)((M + ROWS - 1) / ROWS)), dim3(ROWS / 16 * KM_WARP), shared, z);
}
#endif
