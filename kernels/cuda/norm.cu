/* SPDX-License-Identifier: MIT
 * Layer norm and adaptive layer norm: a warp for each row. */
#include "kernels/cuda/columns.cuh"
#include "kernels/cuda/norm.cuh"

/* y = norm(x) w + b of a row, by a warp */
template <int W, class V>
__device__ static inline void norm_row(T *y, const T *x, const V *opt_w, const V *opt_b, int C)
{
    const moments s = moments_of<W>(x, C);
    const several<W> none = {{0}};
    KM_EACH_OF_ROW(c, C, W)
    {
        const several<W> some = get_several<W>(x + c), w = opt_w ? get_several<W>(opt_w + c) : none,
                         b = opt_b ? get_several<W>(opt_b + c) : none;
        put_each<W>(y + c, [&](int e) { return (some.v[e] - s.mean) * s.rstd * (opt_w ? w.v[e] : 1) + b.v[e]; });
    }
}

/* kernel<4> or kernel<1> of a warp for each of M rows of C */
#define KM_ROWS_LAUNCH(kernel, fours, M, ...)                                                                          \
    do {                                                                                                               \
        if (fours) KM_WARP_LAUNCH(kernel<4>, M, __VA_ARGS__);                                                          \
        else KM_WARP_LAUNCH(kernel<1>, M, __VA_ARGS__);                                                                \
    } while (0)

template <int W>
__global__ static void layer_norm_kernel(T *y, const T *x, const float *opt_w, const float *opt_b, km_dim M, km_dim C)
{
    KM_EACH_WARP(m, M) norm_row<W>(y + m * C, x + m * C, opt_w, opt_b, (int)C);
}

void KM_CUDA(layer_norm_fwd)(const km_exec *, float *y, const float *x, const float *opt_w, const float *opt_b,
                             km_dim M, km_dim C)
{
    KM_ROWS_LAUNCH(layer_norm_kernel, in_fours(C, x, y, opt_w, opt_b), M, act(y), act(x), opt_w, opt_b, M, C);
}

/* dx += the gradient through norm(x) w by one row, given the gradient dy at it */
template <int W, class V>
__device__ static inline void row_bwd(float *dx, const float *dy, const V *opt_w, const T *x, int C)
{
    const moments s = moments_of<W>(x, C);
    float sum = 0, dot = 0;
    auto slope = [&](int c) {
        several<W> g = get_several<W>(dy + c);
        if (!opt_w) return g;
        const several<W> w = get_several<W>(opt_w + c);
        KM_UNROLL
        for (int e = 0; e < W; e++) g.v[e] *= w.v[e];
        return g;
    };
    KM_EACH_OF_ROW(c, C, W)
    {
        const several<W> g = slope(c), some = get_several<W>(x + c);
        KM_UNROLL
        for (int e = 0; e < W; e++) sum += g.v[e], dot += g.v[e] * (some.v[e] - s.mean) * s.rstd;
    }
    sum = warp_sum(sum) / (float)C, dot = warp_sum(dot) / (float)C;
    KM_EACH_OF_ROW(c, C, W)
    {
        const several<W> g = slope(c), some = get_several<W>(x + c), was = get_several<W>(dx + c);
        put_each<W>(dx + c,
                    [&](int e) { return was.v[e] + s.rstd * (g.v[e] - sum - (some.v[e] - s.mean) * s.rstd * dot); });
    }
}

template <int W>
__global__ static void layer_norm_bwd_kernel(float *dx, const float *dy, const T *x, const float *opt_w, km_dim M,
                                             km_dim C)
{
    KM_EACH_WARP(m, M) row_bwd<W>(dx + m * C, dy + m * C, opt_w, x + m * C, (int)C);
}

template <int W> __global__ static void moments_kernel(moments *s, const T *x, km_dim M, km_dim C)
{
    KM_EACH_WARP(m, M)
    {
        moments row = moments_of<W>(x + m * C, (int)C);
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
    if (opt_dx)
        KM_ROWS_LAUNCH(layer_norm_bwd_kernel, in_fours(C, opt_dx, dy, x, opt_w), M, opt_dx, dy, act(x), opt_w, M, C);
    if ((!opt_dw && !opt_db) || M == 0) return;
    moments *s = (moments *)km_cuda_scratch(0, (size_t)M * sizeof(moments));
    KM_ROWS_LAUNCH(moments_kernel, in_fours(C, x), M, s, act(x), M, C);
    KM_COLUMNS_LAUNCH(norm_columns_kernel, M, C, opt_dw, opt_db, dy, act(x), s, M, C);
}

/* Where the scale and shift of row f N + n lie: levels are of frames. */
__device__ static inline km_dim level_at(const int32_t *level, km_dim row, km_dim N, km_dim C)
{
    return (level[row / N] * N + row % N) * C;
}

template <int W>
__global__ static void adaln_kernel(T *y, const T *x, const T *scale, const T *shift, const int32_t *level, km_dim F,
                                    km_dim N, km_dim C)
{
    KM_EACH_WARP(row, F * N)
    {
        const km_dim l = level_at(level, row, N, C);
        norm_row<W>(y + row * C, x + row * C, scale + l, shift + l, (int)C);
    }
}

void KM_CUDA(adaln_fwd)(const km_exec *, float *y, const float *x, const float *scale, const float *shift,
                        const int32_t *level, km_dim F, km_dim, km_dim N, km_dim C)
{
    KM_ROWS_LAUNCH(adaln_kernel, in_fours(C, x, y, scale, shift), F * N, act(y), act(x), act(scale), act(shift), level,
                   F, N, C);
}

template <int W>
__global__ static void adaln_bwd_kernel(float *dx, const float *dy, const T *x, const T *scale, const int32_t *level,
                                        km_dim F, km_dim N, km_dim C)
{
    KM_EACH_WARP(row, F * N)
    row_bwd<W>(dx + row * C, dy + row * C, scale + level_at(level, row, N, C), x + row * C, (int)C);
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
    if (opt_dx)
        KM_ROWS_LAUNCH(adaln_bwd_kernel, in_fours(C, opt_dx, dy, x, scale), F * N, opt_dx, dy, act(x), act(scale),
                       level, F, N, C);
    if ((!opt_dscale && !opt_dshift) || F * N == 0) return;
    moments *s = (moments *)km_cuda_scratch(0, (size_t)(F * N) * sizeof(moments));
    KM_ROWS_LAUNCH(moments_kernel, in_fours(C, x), F * N, s, act(x), F * N, C);
    KM_EACH_LAUNCH(adaln_levels_kernel, N * C, opt_dscale, opt_dshift, dy, act(x), s, level, F, N, C);
}
