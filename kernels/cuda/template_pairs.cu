/* SPDX-License-Identifier: MIT
 * Templates' facts of pairs times a matrix: of the 109 features of a pair at most eight are not zero, so that the
 * product is a sum of eight columns. */
#include "kernels/cuda/cuda.cuh"

enum { BINS = 38, MASK_CB = BINS, VECTOR = 39, MASK_FRAME = 42, FEATURES = 109, TYPE_I = 43, TYPE_J = 76, TERMS = 8 };

struct facts {
    const int32_t *restype, *visibility;
    const float *rot, *origin, *cb, *ca, *mask_cb, *mask_frame;
};

/* The columns that pair (i, j) takes, and by how much. */
__device__ static void terms_of(int column[TERMS], float value[TERMS], const facts &t, km_dim i, km_dim j)
{
    float square = 0, visible = t.visibility[i] == t.visibility[j];
    int bin = 0;
    for (int k = 0; k < 3; k++) square += (t.cb[3 * i + k] - t.cb[3 * j + k]) * (t.cb[3 * i + k] - t.cb[3 * j + k]);
    for (int edge = 0; edge < BINS - 1; edge++)
        bin += sqrtf(square) > (float)(3.25 + edge * (50.75 - 3.25) / (BINS - 2));
    column[0] = bin, value[0] = visible;
    column[1] = MASK_CB, value[1] = visible * t.mask_cb[i] * t.mask_cb[j];
    for (int r = 0; r < 3; r++) {
        float c = 0;
        for (int k = 0; k < 3; k++) c += t.rot[9 * j + 3 * k + r] * (t.ca[3 * i + k] - t.origin[3 * j + k]);
        column[2 + r] = VECTOR + r, value[2 + r] = c > 0 ? visible : c < 0 ? -visible : 0;
    }
    column[5] = MASK_FRAME, value[5] = visible * t.mask_frame[i] * t.mask_frame[j];
    column[6] = TYPE_I + t.restype[i], value[6] = 1;
    column[7] = TYPE_J + t.restype[j], value[7] = 1;
}

/* A warp for each pair; w is a parameter, float32. */
__global__ static void template_pairs_kernel(T *y, const float *w, const int32_t *restype, const int32_t *visibility,
                                             const float *rot, const float *origin, const float *cb, const float *ca,
                                             const float *mask_cb, const float *mask_frame, km_dim N, km_dim C)
{
    facts t = {restype, visibility, rot, origin, cb, ca, mask_cb, mask_frame};
    KM_EACH_WARP(ij, N * N)
    {
        int column[TERMS];
        float value[TERMS];
        terms_of(column, value, t, ij / N, ij % N);
        for (km_dim c = lane_of(); c < C; c += KM_WARP) {
            float sum = 0;
            for (int k = 0; k < TERMS; k++) sum += value[k] * w[c * FEATURES + column[k]];
            put(&y[ij * C + c], sum);
        }
    }
}

void KM_CUDA(template_pairs_fwd)(const km_exec *, float *y, const float *w, const int32_t *restype,
                                 const int32_t *visibility, const float *rot, const float *origin, const float *cb,
                                 const float *ca, const float *mask_cb, const float *mask_frame, km_dim N, km_dim C)
{
    KM_WARP_LAUNCH(template_pairs_kernel, N * N, act(y), w, restype, visibility, rot, origin, cb, ca, mask_cb,
                   mask_frame, N, C);
}

/* A block has channel blockIdx.x and a part of the pairs. */
__global__ static void template_pairs_bwd_kernel(float *dw, const float *dy, const int32_t *restype,
                                                 const int32_t *visibility, const float *rot, const float *origin,
                                                 const float *cb, const float *ca, const float *mask_cb,
                                                 const float *mask_frame, km_dim N, km_dim C)
{
    __shared__ float sums[FEATURES];
    facts t = {restype, visibility, rot, origin, cb, ca, mask_cb, mask_frame};
    for (unsigned f = threadIdx.x; f < FEATURES; f += blockDim.x) sums[f] = 0;
    __syncthreads();
    for (km_dim ij = blockIdx.y * (km_dim)blockDim.x + threadIdx.x; ij < N * N; ij += (km_dim)gridDim.y * blockDim.x) {
        int column[TERMS];
        float value[TERMS];
        terms_of(column, value, t, ij / N, ij % N);
        for (int k = 0; k < TERMS; k++)
            if (value[k] != 0) atomicAdd(&sums[column[k]], value[k] * dy[ij * C + blockIdx.x]);
    }
    __syncthreads();
    for (unsigned f = threadIdx.x; f < FEATURES; f += blockDim.x)
        if (sums[f] != 0) atomicAdd(&dw[blockIdx.x * FEATURES + f], sums[f]);
}

void KM_CUDA(template_pairs_bwd)(const km_exec *, float *opt_dw, const float *dy, const int32_t *restype,
                                 const int32_t *visibility, const float *rot, const float *origin, const float *cb,
                                 const float *ca, const float *mask_cb, const float *mask_frame, km_dim N, km_dim C)
{
    if (!opt_dw || N * C == 0) return;
    unsigned parts = (unsigned)((N * N + 16 * KM_BLOCK - 1) / (16 * KM_BLOCK));
    km_launch(template_pairs_bwd_kernel, dim3((unsigned)C, parts < 256 ? parts : 256), dim3(KM_BLOCK), 0, opt_dw, dy,
              restype, visibility, rot, origin, cb, ca, mask_cb, mask_frame, N, C);
}
