/* SPDX-License-Identifier: MIT
 * Frames moved as they are: a block a frame, sums and rotations in float64. */
#include "kernels/cuda/cuda.cuh"

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

/* Rows and columns p and q of n so turned that n[p][q] is 0, v with them. */
__device__ static void rotate(double n[4][4], double v[4][4], int p, int q)
{
    if (n[p][q] == 0) return;
    double theta = (n[q][q] - n[p][p]) / (2 * n[p][q]);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < 4; k++) {
        double a = n[k][p], b = n[k][q];
        n[k][p] = c * a - s * b, n[k][q] = s * a + c * b;
    }
    for (int k = 0; k < 4; k++) {
        double a = n[p][k], b = n[q][k];
        n[p][k] = c * a - s * b, n[q][k] = s * a + c * b;
        a = v[k][p], b = v[k][q];
        v[k][p] = c * a - s * b, v[k][q] = s * a + c * b;
    }
}

/* Cyclic Jacobi, as lib/base/superpose.c has it: n becomes diagonal, v its eigenvectors as columns. */
__device__ static void diagonalize(double n[4][4], double v[4][4])
{
    for (int i = 0; i < 16; i++) v[i / 4][i % 4] = i / 4 == i % 4;
    for (int sweep = 0; sweep < 50; sweep++) {
        double off = 0, scale = 0;
        for (int i = 0; i < 16; i++) *(i / 4 == i % 4 ? &scale : &off) += n[i / 4][i % 4] * n[i / 4][i % 4];
        if (off <= 1e-30 * scale || off == 0) return;
        for (int p = 0; p < 3; p++)
            for (int q = p + 1; q < 4; q++) rotate(n, v, p, q);
    }
}

/* The best rotation (Horn 1987), from the sums s of products of coordinates about the centroids. */
__device__ static void rotation_of(const double s[9], double rot[9])
{
    double v[4][4];
    double n[4][4] = {{s[0] + s[4] + s[8], s[5] - s[7], s[6] - s[2], s[1] - s[3]},
                      {s[5] - s[7], s[0] - s[4] - s[8], s[1] + s[3], s[6] + s[2]},
                      {s[6] - s[2], s[1] + s[3], s[4] - s[0] - s[8], s[5] + s[7]},
                      {s[1] - s[3], s[6] + s[2], s[5] + s[7], s[8] - s[0] - s[4]}};
    diagonalize(n, v);
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (n[i][i] > n[best][best]) best = i;
    const double w = v[0][best], x = v[1][best], y = v[2][best], z = v[3][best];
    rot[0] = w * w + x * x - y * y - z * z, rot[1] = 2 * (x * y - w * z), rot[2] = 2 * (x * z + w * y);
    rot[3] = 2 * (x * y + w * z), rot[4] = w * w - x * x + y * y - z * z, rot[5] = 2 * (y * z - w * x);
    rot[6] = 2 * (x * z - w * y), rot[7] = 2 * (y * z + w * x), rot[8] = w * w - x * x - y * y + z * z;
}

enum { ALL = 0, OF_X = 1, OF_TO = 4, PRODUCTS = 7, SUMS = 16 };

/* From the sums of weights, of weighted coordinates and of their products. */
__device__ static void motion_of(double sum[SUMS], motion *m)
{
    const double all = sum[ALL];
    for (int k = 0; k < 3; k++) m->from[k] = sum[OF_X + k] / all, m->to[k] = sum[OF_TO + k] / all;
    for (int k = 0; k < 9; k++) sum[PRODUCTS + k] -= sum[OF_X + k / 3] * m->to[k % 3];
    rotation_of(sum + PRODUCTS, m->rot);
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
