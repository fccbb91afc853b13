/* SPDX-License-Identifier: MIT
 * Frames moved as they are: a block a frame, sums and rotations in float64. */
#include "kernels/cuda/cuda.cuh"
#include "lib/base/horn.h"

enum { WARPS = KM_BLOCK / KM_WARP };

struct motion {
    double rot[9], from[3], to[3];
};

/* part[N] becomes its sum over the block's threads, in thread 0 alone. */
template <int N> __device__ static void add_up(double part[N])
{
    __shared__ double warps[WARPS][N];
    for (int i = 0; i < N; i++) {
        part[i] = warp_sum(part[i]);
        if (lane_of() == 0) warps[threadIdx.x / KM_WARP][i] = part[i];
    }
    __syncthreads();
    if (threadIdx.x) return;
    for (int i = 0; i < N; i++) part[i] = 0;
    for (int w = 0; w < WARPS; w++)
        for (int i = 0; i < N; i++) part[i] += warps[w][i];
}

/* y = rot (x - from) + to; the block has met since thread 0 wrote m. */
__device__ static void move(float *y, const float *x, const motion *m, km_dim A)
{
    for (km_dim a = threadIdx.x; a < A; a += KM_BLOCK) {
        double d[3];
        for (int k = 0; k < 3; k++) d[k] = x[3 * a + k] - m->from[k];
        for (int k = 0; k < 3; k++) {
            const double *row = m->rot + 3 * k;
            y[3 * a + k] = (float)(row[0] * d[0] + row[1] * d[1] + row[2] * d[2] + m->to[k]);
        }
    }
}

__device__ static void keep(float *y, const float *x, km_dim A)
{
    for (km_dim i = threadIdx.x; i < 3 * A; i += KM_BLOCK) y[i] = x[i];
}

__global__ static void turn_kernel(float *y, const float *x, const float *motions, const int32_t *held, km_dim A)
{
    __shared__ motion m;
    const km_dim f = blockIdx.x, at = f * A * 3;
    if (!held[f]) {
        keep(y + at, x + at, A);
        return;
    }
    double sum[3] = {0, 0, 0};
    for (km_dim a = threadIdx.x; a < A; a += KM_BLOCK)
        for (int k = 0; k < 3; k++) sum[k] += x[at + 3 * a + k];
    add_up<3>(sum);
    if (threadIdx.x == 0) {
        for (int k = 0; k < 9; k++) m.rot[k] = motions[12 * f + k];
        for (int k = 0; k < 3; k++) m.from[k] = sum[k] / (double)A, m.to[k] = motions[12 * f + 9 + k];
    }
    __syncthreads();
    move(y + at, x + at, &m, A);
}

void KM_CUDA(turn_fwd)(const km_exec *, float *y, const float *x, const float *motion, const int32_t *held, km_dim F,
                       km_dim A)
{
    if (F > 0) km_launch(turn_kernel, dim3((unsigned)F), dim3(KM_BLOCK), 0, y, x, motion, held, A);
}

enum { ALL = 0, OF_X = 1, OF_TO = 4, PRODUCTS = 7, SUMS = 16 };

/* From the sums of weights, of weighted coordinates and of their products. */
__device__ static void motion_of(double sum[SUMS], motion *m)
{
    const double all = sum[ALL];
    for (int k = 0; k < 3; k++) m->from[k] = sum[OF_X + k] / all, m->to[k] = sum[OF_TO + k] / all;
    for (int k = 0; k < 9; k++) sum[PRODUCTS + k] -= sum[OF_X + k / 3] * m->to[k % 3];
    km_horn_best(sum + PRODUCTS, m->rot);
}

__global__ static void superpose_kernel(float *y, const float *x, const float *to, const float *weight,
                                        const int32_t *held, km_dim A)
{
    __shared__ motion m;
    const km_dim f = blockIdx.x, at = f * A * 3;
    if (!held[f]) {
        keep(y + at, x + at, A);
        return;
    }
    double sum[SUMS] = {0};
    for (km_dim a = threadIdx.x; a < A; a += KM_BLOCK) {
        const float *p = x + at + 3 * a, *q = to + at + 3 * a;
        const double w = weight[a];
        sum[ALL] += w;
        for (int k = 0; k < 3; k++) sum[OF_X + k] += w * p[k], sum[OF_TO + k] += w * q[k];
        for (int k = 0; k < 9; k++) sum[PRODUCTS + k] += w * p[k / 3] * q[k % 3];
    }
    add_up<SUMS>(sum);
    if (threadIdx.x == 0) motion_of(sum, &m);
    __syncthreads();
    move(y + at, x + at, &m, A);
}

void KM_CUDA(superpose_fwd)(const km_exec *, float *y, const float *x, const float *to, const float *weight,
                            const int32_t *held, km_dim F, km_dim A)
{
    if (F > 0) km_launch(superpose_kernel, dim3((unsigned)F), dim3(KM_BLOCK), 0, y, x, to, weight, held, A);
}
