/* SPDX-License-Identifier: MIT
 * Triangle multiplication: the halves of ab as a plane for each channel, one product of planes per channel (a batch of
 * plain products for the library), and the planes of the result back side by side. The incoming direction differs
 * only in which operand of the products is used transposed. */
#include "kernels/cuda/several.cuh"

enum { TILE = 64, TURN_THREADS = 256 };

/* y [columns, rows] = or += x [rows, columns] turned, times masks of x's rows or columns where they are given; a block
 * has a tile, a thread W neighbours at a time. across: tiles of rows, not of columns, lie in blockIdx.x. */
template <int W, bool ADD, class Y, class X>
__global__ static void turn_kernel(Y *y, const X *x, const float *opt_row_mask, const float *opt_column_mask,
                                   km_dim rows, km_dim columns, int across)
{
    __shared__ float tile[TILE][TILE + 1];
    const km_dim top = (across ? blockIdx.x : blockIdx.y) * (km_dim)TILE;
    const km_dim left = (across ? blockIdx.y : blockIdx.x) * (km_dim)TILE;
    const int n = (int)threadIdx.x / (TILE / W), i = (int)threadIdx.x % (TILE / W) * W,
              step = TURN_THREADS / (TILE / W);
    KM_UNROLL
    for (int r = n; r < TILE; r += step) {
        if (top + r >= rows || left + i >= columns) continue;
        const several<W> some = get_several<W>(x + (top + r) * columns + left + i);
        const float share = opt_row_mask ? opt_row_mask[top + r] : 1;
        KM_UNROLL
        for (int e = 0; e < W; e++) tile[r][i + e] = some.v[e] * share;
    }
    __syncthreads();
    KM_UNROLL
    for (int r = n; r < TILE; r += step) {
        if (left + r >= columns || top + i >= rows) continue;
        Y *to = y + (left + r) * rows + top + i;
        const several<W> was = ADD ? get_several<W>(to) : several<W>{{0}};
        const float share = opt_column_mask ? opt_column_mask[left + r] : 1;
        put_each<W>(to, [&](int e) { return was.v[e] + tile[i + e][r] * share; });
    }
}

static unsigned tiles(km_dim n) { return (unsigned)((n + TILE - 1) / TILE); }

/* M is one of the two sizes, and more than a grid has in y. */
template <bool ADD, class Y, class X>
static void turn(Y *y, const X *x, const float *opt_row_mask, const float *opt_column_mask, km_dim rows, km_dim columns,
                 km_dim M)
{
    const int across = rows == M;
    auto kernel =
        in_fours(rows, y, x) && in_fours(columns, y, x) ? turn_kernel<4, ADD, Y, X> : turn_kernel<1, ADD, Y, X>;
    km_launch(kernel, dim3(tiles(across ? rows : columns), tiles(across ? columns : rows)), dim3(TURN_THREADS), 0, y, x,
              opt_row_mask, opt_column_mask, rows, columns, across);
}

/* planes [C2, M] = ab [M, C2] mask [M] */
static T *masked_planes(int slot, const float *ab, const float *mask, km_dim M, km_dim C2)
{
    T *planes = (T *)km_cuda_scratch(slot, (size_t)(M * C2) * sizeof(T));
    turn<false>(planes, act(ab), mask, nullptr, M, C2, M);
    return planes;
}

static km_matrix plane(const void *p, km_dim N, bool transpose)
{
    return km_matrix{(void *)p, N, N * N, sizeof(T) == 2, transpose};
}

void KM_CUDA(triangle_multiply_fwd)(const km_exec *, float *y, const float *ab, const float *mask, bool incoming,
                                    km_dim N, km_dim C)
{
    km_dim M = N * N;
    if (M * C == 0) return;
    const T *a = masked_planes(0, ab, mask, M, 2 * C), *b = a + M * C;
    T *out = (T *)km_cuda_scratch(1, (size_t)(M * C) * sizeof(T));
    km_cuda_gemm(plane(out, N, false), plane(a, N, incoming), plane(b, N, !incoming), N, N, N, C, 0, {});
    turn<false>(act(y), out, nullptr, nullptr, C, M, M);
}

/* outgoing: y = a b^T, so da = dy b and db = dy^T a; incoming: y = a^T b, so da = b dy^T and db = a dy */
void KM_CUDA(triangle_multiply_bwd)(const km_exec *, float *opt_dab, const float *dy, const float *ab,
                                    const float *mask, bool incoming, km_dim N, km_dim C)
{
    km_dim M = N * N;
    if (M * C == 0 || !opt_dab) return;
    const T *a = masked_planes(0, ab, mask, M, 2 * C), *b = a + M * C;
    T *d = (T *)km_cuda_scratch(1, (size_t)(M * C) * sizeof(T));
    float *da = (float *)km_cuda_scratch(2, (size_t)(2 * M * C) * sizeof(float));
    turn<false>(d, dy, nullptr, nullptr, M, C, M);
    km_matrix to_a = {da, N, M, 0, 0}, to_b = {da + M * C, N, M, 0, 0};
    if (incoming) {
        km_cuda_gemm(to_a, plane(b, N, false), plane(d, N, true), N, N, N, C, 0, {});
        km_cuda_gemm(to_b, plane(a, N, false), plane(d, N, false), N, N, N, C, 0, {});
    } else {
        km_cuda_gemm(to_a, plane(d, N, false), plane(b, N, false), N, N, N, C, 0, {});
        km_cuda_gemm(to_b, plane(d, N, true), plane(a, N, false), N, N, N, C, 0, {});
    }
    turn<true>(opt_dab, da, nullptr, mask, 2 * C, M, M);
}
