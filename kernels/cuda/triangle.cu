/* SPDX-License-Identifier: MIT
 * Triangle multiplication: the halves of ab as a plane for each channel, one product of planes per channel (a batch of
 * plain products for the library), and the planes of the result back side by side. The incoming direction differs
 * only in which operand of the products is used transposed. */
#include "kernels/cuda/cuda.cuh"

enum { TILE = 32, TILE_ROWS = 8 };

/* planes [C2, M] = x [M, C2] mask [M], M = N N rows; tiles of rows lie in x */
__global__ static void planes_kernel(T *planes, const T *x, const float *mask, km_dim M, km_dim C2)
{
    __shared__ float tile[TILE][TILE + 1];
    km_dim c = blockIdx.y * (km_dim)TILE + threadIdx.x, first = blockIdx.x * (km_dim)TILE;
    for (unsigned r = threadIdx.y; r < TILE; r += TILE_ROWS)
        if (c < C2 && first + r < M) tile[r][threadIdx.x] = get(x[(first + r) * C2 + c]) * mask[first + r];
    __syncthreads();
    km_dim m = first + threadIdx.x;
    for (unsigned r = threadIdx.y; r < TILE; r += TILE_ROWS) {
        km_dim to = blockIdx.y * (km_dim)TILE + r;
        if (to < C2 && m < M) put(&planes[to * M + m], tile[threadIdx.x][r]);
    }
}

/* y [M, C] = or += planes [C, M] turned, times mask [M] where it is given */
template <bool ADD, class Y, class P>
__global__ static void rows_kernel(Y *y, const P *planes, const float *opt_mask, km_dim M, km_dim C)
{
    __shared__ float tile[TILE][TILE + 1];
    km_dim first = blockIdx.x * (km_dim)TILE, m = first + threadIdx.x;
    for (unsigned r = threadIdx.y; r < TILE; r += TILE_ROWS) {
        km_dim c = blockIdx.y * (km_dim)TILE + r;
        if (c < C && m < M) tile[r][threadIdx.x] = get(planes[c * M + m]);
    }
    __syncthreads();
    km_dim c = blockIdx.y * (km_dim)TILE + threadIdx.x;
    for (unsigned r = threadIdx.y; r < TILE; r += TILE_ROWS) {
        if (c >= C || first + r >= M) continue;
        Y *to = &y[(first + r) * C + c];
        float value = tile[threadIdx.x][r] * (opt_mask ? opt_mask[first + r] : 1);
        put(to, ADD ? get(*to) + value : value);
    }
}

static dim3 tiles(km_dim M, km_dim C)
{
    return dim3((unsigned)((M + TILE - 1) / TILE), (unsigned)((C + TILE - 1) / TILE));
}

static T *masked_planes(int slot, const float *ab, const float *mask, km_dim M, km_dim C2)
{
    T *planes = (T *)km_cuda_scratch(slot, (size_t)(M * C2) * sizeof(T));
    km_launch(planes_kernel, tiles(M, C2), dim3(TILE, TILE_ROWS), 0, planes, act(ab), mask, M, C2);
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
    km_launch(rows_kernel<false, T, T>, tiles(M, C), dim3(TILE, TILE_ROWS), 0, act(y), out, nullptr, M, C);
}

/* dy turned into planes of the stored type, as the other operands are */
__global__ static void gradient_planes_kernel(T *planes, const float *dy, km_dim M, km_dim C)
{
    KM_EACH(i, M * C) put(&planes[i % C * M + i / C], dy[i]);
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
    KM_EACH_LAUNCH(gradient_planes_kernel, M * C, d, dy, M, C);
    km_matrix to_a = {da, N, M, 0, 0}, to_b = {da + M * C, N, M, 0, 0};
    if (incoming) {
        km_cuda_gemm(to_a, plane(b, N, false), plane(d, N, true), N, N, N, C, 0, {});
        km_cuda_gemm(to_b, plane(a, N, false), plane(d, N, false), N, N, N, C, 0, {});
    } else {
        km_cuda_gemm(to_a, plane(d, N, false), plane(b, N, false), N, N, N, C, 0, {});
        km_cuda_gemm(to_b, plane(d, N, true), plane(a, N, false), N, N, N, C, 0, {});
    }
    km_launch(rows_kernel<true, float, float>, tiles(M, 2 * C), dim3(TILE, TILE_ROWS), 0, opt_dab, da, mask, M, 2 * C);
}
