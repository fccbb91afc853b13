/* SPDX-License-Identifier: MIT
 * Averages over tokens weighted by pairs: a softmax for each row of pairs, then a product for each head, the
 * alignment's rows as its batch. */
#include "kernels/cuda/attention.cuh"

/* w [H Nq, N] = softmax of each row of logits + mask */
__global__ static void weights_kernel(T *w, const T *logits, const float *opt_mask, km_dim rows, km_dim N)
{
    KM_EACH_WARP(r, rows)
    {
        const T *row = logits + r * N;
        const float *mask = any_key(opt_mask, N) ? opt_mask : nullptr; /* masking all changes no weight */
        float most = -INFINITY, sum = 0;
        for (km_dim j = lane_of(); j < N; j += KM_WARP)
            if (!mask || mask[j] != 0) most = fmaxf(most, get(row[j]));
        most = warp_max(most);
        for (km_dim j = lane_of(); j < N; j += KM_WARP)
            if (!mask || mask[j] != 0) sum += expf(get(row[j]) - most);
        sum = warp_sum(sum);
        for (km_dim j = lane_of(); j < N; j += KM_WARP)
            put(&w[r * N + j], !mask || mask[j] != 0 ? expf(get(row[j]) - most) / sum : 0);
    }
}

__global__ static void open_kernel(T *y, const float *sums, const T *g, km_dim n)
{
    KM_EACH(i, n) put(&y[i], sigmoid(get(g[i])) * sums[i]);
}

static T *weights_of(const float *logits, const float *opt_mask, km_dim Nq, km_dim N, km_dim H)
{
    T *w = (T *)km_cuda_scratch(0, (size_t)(H * Nq * N) * sizeof(T));
    KM_WARP_LAUNCH(weights_kernel, H * Nq, w, act(logits), opt_mask, H * Nq, N);
    return w;
}

enum { HALF = sizeof(T) == 2 };

/* Columns h D .. of an array [S, N, H D], a matrix [N, D] for each s. */
static km_matrix head(const void *p, int half, km_dim h, km_dim N, km_dim H, km_dim D, bool transpose)
{
    return km_matrix{(char *)p + h * D * (half ? 2 : 4), H * D, N * H * D, half, transpose};
}

/* sums [S, Nq, H D] = the weighted averages */
static float *averages(const T *w, const float *v, km_dim S, km_dim Nq, km_dim N, km_dim H, km_dim D)
{
    float *sums = (float *)km_cuda_scratch(1, (size_t)(S * Nq * H * D) * sizeof(float));
    for (km_dim h = 0; h < H; h++)
        km_cuda_gemm(head(sums, 0, h, Nq, H, D, false), km_matrix{(void *)(w + h * Nq * N), N, 0, HALF, 0},
                     head(v, HALF, h, N, H, D, false), Nq, D, N, S, 0, {});
    return sums;
}

void KM_CUDA(pair_average_fwd)(const km_exec *, float *y, const float *v, const float *g, const float *logits,
                               const float *opt_mask, km_dim S, km_dim Nq, km_dim N, km_dim H, km_dim D)
{
    km_dim n = S * Nq * H * D;
    if (n == 0) return;
    const float *sums = averages(weights_of(logits, opt_mask, Nq, N, H), v, S, Nq, N, H, D);
    KM_EACH_LAUNCH(open_kernel, n, act(y), sums, act(g), n);
}

/* dg from the sums, and the gradient at the sums in the stored type */
__global__ static void open_bwd_kernel(T *dsums, float *opt_dg, const float *dy, const float *sums, const T *g,
                                       km_dim n)
{
    KM_EACH(i, n)
    {
        float s = sigmoid(get(g[i]));
        put(&dsums[i], dy[i] * s);
        if (opt_dg) opt_dg[i] += dy[i] * sums[i] * s * (1 - s);
    }
}

__global__ static void weights_bwd_kernel(float *dlogits, const T *w, const float *dw, km_dim rows, km_dim N)
{
    KM_EACH_WARP(r, rows)
    {
        float mean = 0;
        for (km_dim j = lane_of(); j < N; j += KM_WARP) mean += get(w[r * N + j]) * dw[r * N + j];
        mean = warp_sum(mean);
        for (km_dim j = lane_of(); j < N; j += KM_WARP)
            dlogits[r * N + j] += get(w[r * N + j]) * (dw[r * N + j] - mean);
    }
}

void KM_CUDA(pair_average_bwd)(const km_exec *, float *opt_dv, float *opt_dg, float *opt_dlogits, const float *dy,
                               const float *v, const float *g, const float *logits, const float *opt_mask, km_dim S,
                               km_dim Nq, km_dim N, km_dim H, km_dim D)
{
    km_dim n = S * Nq * H * D;
    if (n == 0) return;
    const T *w = weights_of(logits, opt_mask, Nq, N, H);
    const float *sums = averages(w, v, S, Nq, N, H, D);
    T *d = (T *)km_cuda_scratch(2, (size_t)n * sizeof(T));
    float *dw = (float *)km_cuda_scratch(3, (size_t)(H * Nq * N) * sizeof(float));
    KM_EACH_LAUNCH(open_bwd_kernel, n, d, opt_dg, dy, sums, act(g), n);
    for (km_dim h = 0; h < H && opt_dv; h++)
        km_cuda_gemm(head(opt_dv, 0, h, N, H, D, false), km_matrix{(void *)(w + h * Nq * N), N, 0, HALF, 1},
                     head(d, HALF, h, Nq, H, D, false), N, D, Nq, S, 1, {});
    if (!opt_dlogits) return;
    for (km_dim h = 0; h < H; h++)
        for (km_dim s = 0; s < S; s++)
            km_cuda_gemm(km_matrix{dw + h * Nq * N, N, 0, 0, 0}, head(d + s * Nq * H * D, HALF, h, Nq, H, D, false),
                         head(act(v) + s * N * H * D, HALF, h, N, H, D, true), Nq, N, D, 1, s > 0, {});
    KM_WARP_LAUNCH(weights_bwd_kernel, H * Nq, opt_dlogits, w, dw, H * Nq, N);
}
