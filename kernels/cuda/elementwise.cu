/* SPDX-License-Identifier: MIT
 * Sums, scalings and reshapings: a thread for each element, or for four. */
#include "kernels/cuda/several.cuh"

/* b [nb] is added to each run of nb */
template <int W> __global__ static void add_kernel(T *y, const T *a, const T *b, km_dim n, km_dim nb)
{
    KM_EACH(k, n / W)
    {
        const km_dim i = k * W;
        const several<W> p = get_several<W>(a + i), q = get_several<W>(b + (nb == n ? i : i % nb));
        put_each<W>(y + i, [&](int e) { return p.v[e] + q.v[e]; });
    }
}

void KM_CUDA(add_fwd)(const km_exec *, float *y, const float *a, const float *b, km_dim n, km_dim nb)
{
    KM_SEVERAL_LAUNCH(add_kernel, n % 4 == 0 && in_fours(nb, y, a, b), n, act(y), act(a), act(b), n, nb);
}

template <int W> __global__ static void axpy_kernel(float *dx, const float *dy, float factor, km_dim n)
{
    KM_EACH(k, n / W)
    {
        const several<W> p = get_several<W>(dx + k * W), q = get_several<W>(dy + k * W);
        put_each<W>(dx + k * W, [&](int e) { return p.v[e] + factor * q.v[e]; });
    }
}

/* dx [n] += factor dy */
static void axpy(float *dx, const float *dy, float factor, km_dim n)
{
    KM_SEVERAL_LAUNCH(axpy_kernel, in_fours(n, dx, dy), n, dx, dy, factor, n);
}

/* db [nb] += the sum of dy [n / nb, nb] over its rows */
__global__ static void add_repeated_kernel(float *db, const float *dy, km_dim n, km_dim nb)
{
    KM_EACH(i, nb)
    {
        float sum = 0;
        for (km_dim k = i; k < n; k += nb) sum += dy[k];
        db[i] += sum;
    }
}

void KM_CUDA(add_bwd)(const km_exec *, float *opt_da, float *opt_db, const float *dy, km_dim n, km_dim nb)
{
    if (opt_da) axpy(opt_da, dy, 1, n);
    if (opt_db) KM_EACH_LAUNCH(add_repeated_kernel, nb, opt_db, dy, n, nb);
}

__global__ static void scale_kernel(T *y, const T *a, float factor, km_dim n)
{
    KM_EACH(i, n) put(&y[i], factor * get(a[i]));
}

void KM_CUDA(scale_fwd)(const km_exec *, float *y, const float *a, float factor, km_dim n)
{
    KM_EACH_LAUNCH(scale_kernel, n, act(y), act(a), factor, n);
}

void KM_CUDA(scale_bwd)(const km_exec *, float *opt_da, const float *dy, float factor, km_dim n)
{
    if (opt_da) axpy(opt_da, dy, factor, n);
}

__global__ static void relu_kernel(T *y, const T *x, km_dim n) { KM_EACH(i, n) put(&y[i], fmaxf(get(x[i]), 0)); }

__global__ static void relu_bwd_kernel(float *dx, const float *dy, const T *x, km_dim n)
{
    KM_EACH(i, n) if (get(x[i]) > 0) dx[i] += dy[i];
}

void KM_CUDA(relu_fwd)(const km_exec *, float *y, const float *x, km_dim n)
{
    KM_EACH_LAUNCH(relu_kernel, n, act(y), act(x), n);
}

void KM_CUDA(relu_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, km_dim n)
{
    if (opt_dx) KM_EACH_LAUNCH(relu_bwd_kernel, n, opt_dx, dy, act(x), n);
}

__global__ static void sigmoid_kernel(T *y, const T *x, km_dim n) { KM_EACH(i, n) put(&y[i], sigmoid(get(x[i]))); }

__global__ static void sigmoid_bwd_kernel(float *dx, const float *dy, const T *y, km_dim n)
{
    KM_EACH(i, n)
    {
        float s = get(y[i]);
        dx[i] += dy[i] * s * (1 - s);
    }
}

void KM_CUDA(sigmoid_fwd)(const km_exec *, float *y, const float *x, km_dim n)
{
    KM_EACH_LAUNCH(sigmoid_kernel, n, act(y), act(x), n);
}

void KM_CUDA(sigmoid_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *y, km_dim n)
{
    if (opt_dx) KM_EACH_LAUNCH(sigmoid_bwd_kernel, n, opt_dx, dy, act(y), n);
}

__global__ static void concat_kernel(T *y, const T *a, const T *b, km_dim M, km_dim Ca, km_dim Cb)
{
    KM_EACH(i, M * (Ca + Cb))
    {
        km_dim m = i / (Ca + Cb), c = i % (Ca + Cb);
        y[i] = c < Ca ? a[m * Ca + c] : b[m * Cb + c - Ca];
    }
}

void KM_CUDA(concat_fwd)(const km_exec *, float *y, const float *a, const float *b, km_dim M, km_dim Ca, km_dim Cb)
{
    KM_EACH_LAUNCH(concat_kernel, M * (Ca + Cb), act(y), act(a), act(b), M, Ca, Cb);
}

__global__ static void concat_bwd_kernel(float *opt_da, float *opt_db, const float *dy, km_dim M, km_dim Ca, km_dim Cb)
{
    KM_EACH(i, M * (Ca + Cb))
    {
        km_dim m = i / (Ca + Cb), c = i % (Ca + Cb);
        if (c < Ca && opt_da) opt_da[m * Ca + c] += dy[i];
        if (c >= Ca && opt_db) opt_db[m * Cb + c - Ca] += dy[i];
    }
}

void KM_CUDA(concat_bwd)(const km_exec *, float *opt_da, float *opt_db, const float *dy, km_dim M, km_dim Ca, km_dim Cb)
{
    KM_EACH_LAUNCH(concat_bwd_kernel, M * (Ca + Cb), opt_da, opt_db, dy, M, Ca, Cb);
}

/* y [C, M] = x [M, C] turned: a thread has up to HEADS columns of a row, and what a warp reads of its rows again is in
 * its cache. */
enum { HEADS = 16 };
#define KM_EACH_HEAD(c, C)                                                                                             \
    for (km_dim c = blockIdx.y * (km_dim)HEADS; c < (C) && c < (blockIdx.y + 1) * (km_dim)HEADS; c++)

__global__ static void heads_first_kernel(T *y, const T *x, km_dim M, km_dim C)
{
    KM_EACH(m, M)
    KM_EACH_HEAD(c, C) y[c * M + m] = x[m * C + c];
}

/* dx [M, C] += dy [C, M] turned */
__global__ static void heads_first_bwd_kernel(float *dx, const float *dy, km_dim M, km_dim C)
{
    KM_EACH(m, M)
    KM_EACH_HEAD(c, C) dx[m * C + c] += dy[c * M + m];
}

static dim3 heads_grid(km_dim M, km_dim C) { return dim3(km_blocks(M, KM_BLOCK), (unsigned)((C + HEADS - 1) / HEADS)); }

void KM_CUDA(heads_first_fwd)(const km_exec *, float *y, const float *x, km_dim M, km_dim C)
{
    if (M * C > 0) km_launch(heads_first_kernel, heads_grid(M, C), dim3(KM_BLOCK), 0, act(y), act(x), M, C);
}

void KM_CUDA(heads_first_bwd)(const km_exec *, float *opt_dx, const float *dy, km_dim M, km_dim C)
{
    if (M * C > 0 && opt_dx) km_launch(heads_first_bwd_kernel, heads_grid(M, C), dim3(KM_BLOCK), 0, opt_dx, dy, M, C);
}

__global__ static void swap_pairs_kernel(T *y, const T *x, km_dim N, km_dim C)
{
    KM_EACH(i, N * N * C) y[i] = x[(i / C % N * N + i / C / N) * C + i % C];
}

__global__ static void swap_pairs_bwd_kernel(float *dx, const float *dy, km_dim N, km_dim C)
{
    KM_EACH(i, N * N * C) dx[i] += dy[(i / C % N * N + i / C / N) * C + i % C];
}

void KM_CUDA(swap_pairs_fwd)(const km_exec *, float *y, const float *x, km_dim N, km_dim C)
{
    KM_EACH_LAUNCH(swap_pairs_kernel, N * N * C, act(y), act(x), N, C);
}

void KM_CUDA(swap_pairs_bwd)(const km_exec *, float *opt_dx, const float *dy, km_dim N, km_dim C)
{
    if (opt_dx) KM_EACH_LAUNCH(swap_pairs_bwd_kernel, N * N * C, opt_dx, dy, N, C);
}

__global__ static void outer_add_kernel(T *y, const T *a, const T *b, km_dim N, km_dim C)
{
    KM_EACH(i, N * N * C) put(&y[i], get(a[i / C / N * C + i % C]) + get(b[i / C % N * C + i % C]));
}

/* d [N, C] += the sum of dy [N, N, C] over j (of a) or over i (of b) */
__global__ static void outer_add_bwd_kernel(float *d, const float *dy, km_dim N, km_dim C, km_dim at, km_dim step)
{
    KM_EACH(i, N * C)
    {
        const float *from = dy + i / C * at * C + i % C;
        float sum = 0;
        for (km_dim k = 0; k < N; k++) sum += from[k * step * C];
        d[i] += sum;
    }
}

void KM_CUDA(outer_add_fwd)(const km_exec *, float *y, const float *a, const float *b, km_dim N, km_dim C)
{
    KM_EACH_LAUNCH(outer_add_kernel, N * N * C, act(y), act(a), act(b), N, C);
}

void KM_CUDA(outer_add_bwd)(const km_exec *, float *opt_da, float *opt_db, const float *dy, km_dim N, km_dim C)
{
    if (opt_da) KM_EACH_LAUNCH(outer_add_bwd_kernel, N * C, opt_da, dy, N, C, N, (km_dim)1);
    if (opt_db) KM_EACH_LAUNCH(outer_add_bwd_kernel, N * C, opt_db, dy, N, C, (km_dim)1, N);
}

__global__ static void fourier_kernel(T *y, const float *t, const float *w, const float *b, km_dim L, km_dim D)
{
    KM_EACH(i, L * D) put(&y[i], cospif(2 * (t[i / D] * w[i % D] + b[i % D])));
}

void KM_CUDA(fourier_fwd)(const km_exec *, float *y, const float *t, const float *w, const float *b, km_dim L, km_dim D)
{
    KM_EACH_LAUNCH(fourier_kernel, L * D, act(y), t, w, b, L, D);
}

template <int W>
__global__ static void frame_axpby_kernel(T *y, const T *x, const float *a, const T *opt_u, const float *opt_b,
                                          km_dim F, km_dim n)
{
    KM_EACH(k, F * n / W)
    {
        const km_dim i = k * W, f = i / n;
        const several<W> p = get_several<W>(x + i), q = opt_u ? get_several<W>(opt_u + i) : several<W>{{0}};
        const float p_share = a[f], q_share = opt_u ? opt_b[f] : 0;
        put_each<W>(y + i, [&](int e) { return p_share * p.v[e] + q_share * q.v[e]; });
    }
}

void KM_CUDA(frame_axpby_fwd)(const km_exec *, float *y, const float *x, const float *a, const float *opt_u,
                              const float *opt_b, km_dim F, km_dim n)
{
    KM_SEVERAL_LAUNCH(frame_axpby_kernel, in_fours(n, y, x, opt_u), F * n, act(y), act(x), a, act(opt_u), opt_b, F, n);
}

__global__ static void frame_axpby_bwd_kernel(float *opt_dx, float *opt_du, const float *dy, const float *a,
                                              const float *opt_b, km_dim F, km_dim n)
{
    KM_EACH(i, F * n)
    {
        if (opt_dx) opt_dx[i] += a[i / n] * dy[i];
        if (opt_du) opt_du[i] += opt_b[i / n] * dy[i];
    }
}

void KM_CUDA(frame_axpby_bwd)(const km_exec *, float *opt_dx, float *opt_du, const float *dy, const float *a,
                              const float *opt_b, km_dim F, km_dim n)
{
    KM_EACH_LAUNCH(frame_axpby_bwd_kernel, F * n, opt_dx, opt_du, dy, a, opt_b, F, n);
}
