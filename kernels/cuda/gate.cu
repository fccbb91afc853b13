/* SPDX-License-Identifier: MIT
 * Gates and transitions: a thread for each element, or for four. */
#include "kernels/cuda/several.cuh"

__device__ static inline float silu(float x) { return x * sigmoid(x); }
__device__ static inline float silu_slope(float x)
{
    float s = sigmoid(x);
    return s * (1 + x * (1 - s));
}

/* n = N C elements of a frame */
template <int W>
__global__ static void gate_add_kernel(T *y, const T *x, const T *gate, const T *u, const int32_t *level, km_dim F,
                                       km_dim n)
{
    KM_EACH(k, F * n / W)
    {
        const km_dim i = k * W, f = i / n;
        const several<W> a = get_several<W>(x + i), g = get_several<W>(gate + level[f] * n + i - f * n),
                         b = get_several<W>(u + i);
        put_each<W>(y + i, [&](int e) { return a.v[e] + g.v[e] * b.v[e]; });
    }
}

void KM_CUDA(gate_add_fwd)(const km_exec *, float *y, const float *x, const float *gate, const float *u,
                           const int32_t *level, km_dim F, km_dim, km_dim N, km_dim C)
{
    KM_SEVERAL_LAUNCH(gate_add_kernel, in_fours(N * C, y, x, gate, u), F * N * C, act(y), act(x), act(gate), act(u),
                      level, F, N * C);
}

/* A thread has one element of a frame and goes over the frames, so that a level's gate is added to in order. */
__global__ static void gate_add_bwd_kernel(float *opt_dx, float *opt_dgate, float *opt_du, const float *dy,
                                           const T *gate, const T *u, const int32_t *level, km_dim F, km_dim n)
{
    KM_EACH(i, n)
    for (km_dim f = 0; f < F; f++) {
        km_dim at = f * n + i, l = level[f] * n + i;
        if (opt_dx) opt_dx[at] += dy[at];
        if (opt_dgate) opt_dgate[l] += dy[at] * get(u[at]);
        if (opt_du) opt_du[at] += dy[at] * get(gate[l]);
    }
}

void KM_CUDA(gate_add_bwd)(const km_exec *, float *opt_dx, float *opt_dgate, float *opt_du, const float *dy,
                           const float *gate, const float *u, const int32_t *level, km_dim F, km_dim, km_dim N,
                           km_dim C)
{
    KM_EACH_LAUNCH(gate_add_bwd_kernel, N * C, opt_dx, opt_dgate, opt_du, dy, act(gate), act(u), level, F, N * C);
}

template <int W> __global__ static void silu_mul_kernel(T *y, const T *a, const T *b, km_dim n)
{
    KM_EACH(k, n / W)
    {
        const several<W> p = get_several<W>(a + k * W), q = get_several<W>(b + k * W);
        put_each<W>(y + k * W, [&](int e) { return silu(p.v[e]) * q.v[e]; });
    }
}

__global__ static void silu_mul_bwd_kernel(float *opt_da, float *opt_db, const float *dy, const T *a, const T *b,
                                           km_dim n)
{
    KM_EACH(i, n)
    {
        if (opt_da) opt_da[i] += dy[i] * get(b[i]) * silu_slope(get(a[i]));
        if (opt_db) opt_db[i] += dy[i] * silu(get(a[i]));
    }
}

void KM_CUDA(silu_mul_fwd)(const km_exec *, float *y, const float *a, const float *b, km_dim n)
{
    KM_SEVERAL_LAUNCH(silu_mul_kernel, in_fours(n, y, a, b), n, act(y), act(a), act(b), n);
}

void KM_CUDA(silu_mul_bwd)(const km_exec *, float *opt_da, float *opt_db, const float *dy, const float *a,
                           const float *b, km_dim n)
{
    KM_EACH_LAUNCH(silu_mul_bwd_kernel, n, opt_da, opt_db, dy, act(a), act(b), n);
}

template <int W> __global__ static void swish_gate_kernel(T *y, const T *h, const T *b, km_dim M, km_dim C)
{
    KM_EACH(k, M * C / W)
    {
        const km_dim i = k * W, m = i / C, value = i + m * C;
        const several<W> x = get_several<W>(h + value), gate = get_several<W>(h + value + C), p = get_several<W>(b + i);
        put_each<W>(y + i, [&](int e) { return silu(gate.v[e]) * x.v[e] * p.v[e]; });
    }
}

__global__ static void swish_gate_bwd_kernel(float *opt_dh, float *opt_db, const float *dy, const T *h, const T *b,
                                             km_dim M, km_dim C)
{
    KM_EACH(i, M * C)
    {
        km_dim value = i / C * 2 * C + i % C;
        float x = get(h[value]), gate = get(h[value + C]);
        if (opt_dh) {
            opt_dh[value] += dy[i] * silu(gate) * get(b[i]);
            opt_dh[value + C] += dy[i] * silu_slope(gate) * x * get(b[i]);
        }
        if (opt_db) opt_db[i] += dy[i] * silu(gate) * x;
    }
}

void KM_CUDA(swish_gate_fwd)(const km_exec *, float *y, const float *h, const float *b, km_dim M, km_dim C)
{
    KM_SEVERAL_LAUNCH(swish_gate_kernel, in_fours(C, y, h, b), M * C, act(y), act(h), act(b), M, C);
}

void KM_CUDA(swish_gate_bwd)(const km_exec *, float *opt_dh, float *opt_db, const float *dy, const float *h,
                             const float *b, km_dim M, km_dim C)
{
    KM_EACH_LAUNCH(swish_gate_bwd_kernel, M * C, opt_dh, opt_db, dy, act(h), act(b), M, C);
}

template <int W> __global__ static void sigmoid_mul_kernel(T *y, const T *a, const T *b, km_dim n)
{
    KM_EACH(k, n / W)
    {
        const several<W> p = get_several<W>(a + k * W), q = get_several<W>(b + k * W);
        put_each<W>(y + k * W, [&](int e) { return sigmoid(p.v[e]) * q.v[e]; });
    }
}

__global__ static void sigmoid_mul_bwd_kernel(float *opt_da, float *opt_db, const float *dy, const T *a, const T *b,
                                              km_dim n)
{
    KM_EACH(i, n)
    {
        float s = sigmoid(get(a[i]));
        if (opt_da) opt_da[i] += dy[i] * get(b[i]) * s * (1 - s);
        if (opt_db) opt_db[i] += dy[i] * s;
    }
}

void KM_CUDA(sigmoid_mul_fwd)(const km_exec *, float *y, const float *a, const float *b, km_dim n)
{
    KM_SEVERAL_LAUNCH(sigmoid_mul_kernel, in_fours(n, y, a, b), n, act(y), act(a), act(b), n);
}

void KM_CUDA(sigmoid_mul_bwd)(const km_exec *, float *opt_da, float *opt_db, const float *dy, const float *a,
                              const float *b, km_dim n)
{
    KM_EACH_LAUNCH(sigmoid_mul_bwd_kernel, n, opt_da, opt_db, dy, act(a), act(b), n);
}
