/* SPDX-License-Identifier: MIT
 * Layer norm and adaptive layer norm: a warp for each row. */
#include "kernels/cuda/columns.cuh"
#include "kernels/cuda/norm.cuh"

__global__ static void layer_norm_kernel(T *y, const T *x, const float *opt_w, const float *opt_b, km_dim M, km_dim C)
{
    KM_EACH_WARP(m, M)
    {
        moments s = moments_of(x + m * C, C);
        for (km_dim c = lane_of(); c < C; c += KM_WARP) {
            float n = (get(x[m * C + c]) - s.mean) * s.rstd;
            put(&y[m * C + c], n * (opt_w ? opt_w[c] : 1) + (opt_b ? opt_b[c] : 0));
        }
    }
}

void KM_CUDA(layer_norm_fwd)(const km_exec *, float *y, const float *x, const float *opt_w, const float *opt_b,
                             km_dim M, km_dim C)
{
    KM_WARP_LAUNCH(layer_norm_kernel, M, act(y), act(x), opt_w, opt_b, M, C);
}

/* dx += the gradient through norm(x) w by one row, given the gradient dy at it */
template <class W> __device__ static void row_bwd(float *dx, const float *dy, const W *opt_w, const T *x, km_dim C)
{
    moments s = moments_of(x, C);
    float sum = 0, dot = 0;
    for (km_dim c = lane_of(); c < C; c += KM_WARP) {
        float g = dy[c] * (opt_w ? get(opt_w[c]) : 1) / (float)C;
        sum += g, dot += g * (get(x[c]) - s.mean) * s.rstd;
    }
    sum = warp_sum(sum), dot = warp_sum(dot);
    for (km_dim c = lane_of(); c < C; c += KM_WARP) {
        float g = dy[c] * (opt_w ? get(opt_w[c]) : 1);
        dx[c] += s.rstd * (g - sum - (get(x[c]) - s.mean) * s.rstd * dot);
    }
}

__global__ static void layer_norm_bwd_kernel(float *dx, const float *dy, const T *x, const float *opt_w, km_dim M,
                                             km_dim C)
{
    KM_EACH_WARP(m, M) row_bwd(dx + m * C, dy + m * C, opt_w, x + m * C, C);
}

__global__ static void moments_kernel(moments *s, const T *x, km_dim M, km_dim C)
{
    KM_EACH_WARP(m, M)
    {
        moments row = moments_of(x + m * C, C);
        if (lane_of() == 0) s[m] = row;
    }
}

/* What goes into dw and db from element c of row m. */
struct norm_columns {
    const float *dy;
    const T *x;
    const moments *s;
    km_dim C;
    __device__ float2 operator()(km_dim m, km_dim c) const
    {
        float d = dy[m * C + c];
        return float2{d * (get(x[m * C + c]) - s[m].mean) * s[m].rstd, d};
    }
};

__global__ static void norm_columns_kernel(float *opt_dw, float *opt_db, const float *dy, const T *x, const moments *s,
                                           km_dim M, km_dim C)
{
    add_columns(opt_dw, opt_db, norm_columns{dy, x, s, C}, M, C);
}

void KM_CUDA(layer_norm_bwd)(const km_exec *, float *opt_dx, float *opt_dw, float *opt_db, const float *dy,
                             const float *x, const float *opt_w, km_dim M, km_dim C)
{
    if (opt_dx) KM_WARP_LAUNCH(layer_norm_bwd_kernel, M, opt_dx, dy, act(x), opt_w, M, C);
    if ((!opt_dw && !opt_db) || M == 0) return;
    moments *s = (moments *)km_cuda_scratch(0, (size_t)M * sizeof(moments));
    KM_WARP_LAUNCH(moments_kernel, M, s, act(x), M, C);
    KM_COLUMNS_LAUNCH(norm_columns_kernel, M, C, opt_dw, opt_db, dy, act(x), s, M, C);
}

__global__ static void adaln_kernel(T *y, const T *x, const T *scale, const T *shift, const int32_t *level, km_dim F,
                                    km_dim N, km_dim C)
{
    KM_EACH_WARP(row, F * N)
    {
        km_dim at = row * C, l = (level[row / N] * N + row % N) * C;
        moments s = moments_of(x + at, C);
        for (km_dim c = lane_of(); c < C; c += KM_WARP)
            put(&y[at + c], (get(x[at + c]) - s.mean) * s.rstd * get(scale[l + c]) + get(shift[l + c]));
    }
}

void KM_CUDA(adaln_fwd)(const km_exec *, float *y, const float *x, const float *scale, const float *shift,
                        const int32_t *level, km_dim F, km_dim, km_dim N, km_dim C)
{
    KM_WARP_LAUNCH(adaln_kernel, F * N, act(y), act(x), act(scale), act(shift), level, F, N, C);
}

__global__ static void adaln_bwd_kernel(float *dx, const float *dy, const T *x, const T *scale, const int32_t *level,
                                        km_dim F, km_dim N, km_dim C)
{
    KM_EACH_WARP(row, F * N)
    row_bwd(dx + row * C, dy + row * C, scale + (level[row / N] * N + row % N) * C, x + row * C, C);
}

/* The gradients of scale and shift: a thread has one element of one token and goes over the frames. */
__global__ static void adaln_levels_kernel(float *opt_dscale, float *opt_dshift, const float *dy, const T *x,
                                           const moments *s, const int32_t *level, km_dim F, km_dim N, km_dim C)
{
    KM_EACH(i, N * C)
    for (km_dim f = 0; f < F; f++) {
        km_dim at = f * N * C + i, to = level[f] * N * C + i;
        moments row = s[f * N + i / C];
        if (opt_dscale) opt_dscale[to] += dy[at] * (get(x[at]) - row.mean) * row.rstd;
        if (opt_dshift) opt_dshift[to] += dy[at];
    }
}

void KM_CUDA(adaln_bwd)(const km_exec *, float *opt_dx, float *opt_dscale, float *opt_dshift, const float *dy,
                        const float *x, const float *scale, const int32_t *level, km_dim F, km_dim, km_dim N, km_dim C)
{
    if (opt_dx) KM_WARP_LAUNCH(adaln_bwd_kernel, F * N, opt_dx, dy, act(x), act(scale), level, F, N, C);
    if ((!opt_dscale && !opt_dshift) || F * N == 0) return;
    moments *s = (moments *)km_cuda_scratch(0, (size_t)(F * N) * sizeof(moments));
    KM_WARP_LAUNCH(moments_kernel, F * N, s, act(x), F * N, C);
    KM_EACH_LAUNCH(adaln_levels_kernel, N * C, opt_dscale, opt_dshift, dy, act(x), s, level, F, N, C);
}
