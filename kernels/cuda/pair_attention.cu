/* SPDX-License-Identifier: MIT
 * Attention among the tokens of a frame, with a bias from their pairs. */
#include "kernels/cuda/attention.cuh"
#ifdef KM_CUDA_BF16
#include "kernels/cuda/attention_mma_bwd.cuh"
#endif

struct pair_shape {
    km_dim F, Nq, N, H;
    int D, rest = 0; /* every byte of an argument tells (km_left_out) */
};

struct pair_added {
    const T *bias;         /* of the query's head and row */
    float *opt_dbias;      /* likewise */
    const float *opt_mask; /* [N]; NULL too when it masks all, which changes no weight */
    __device__ float logit(km_dim j) const
    {
        return opt_mask && opt_mask[j] == 0 ? -INFINITY : get(bias[j]); /* exp(-1e6) is 0 */
    }
    __device__ void take(km_dim j, float ds) const
    {
        if (opt_dbias) atomicAdd(&opt_dbias[j], ds);
    }
    __device__ void finish() const {}
};

/* Query number r in the order of memory, [F, Nq, H]. */
__device__ static query pair_query(const pair_shape &z, km_dim r)
{
    km_dim h = r % z.H, f = r / z.H / z.Nq;
    return query{r * z.D, (f * z.N * z.H + h) * z.D, z.H * z.D, z.N, z.D};
}

__device__ static pair_added pair_bias(const pair_shape &z, km_dim r, const T *bias, float *opt_dbias,
                                       const float *opt_mask)
{
    km_dim at = (r % z.H * z.Nq + r / z.H % z.Nq) * z.N;
    return pair_added{bias + at, opt_dbias ? opt_dbias + at : nullptr, any_key(opt_mask, z.N) ? opt_mask : nullptr};
}

template <int R>
__global__ static void pair_kernel(T *y, const T *q, const T *k, const T *v, const T *opt_g, const T *bias,
                                   const float *opt_mask, pair_shape z)
{
    KM_EACH_WARP(r, z.F * z.Nq * z.H)
    attend_fwd<R>(pair_query(z, r), y, q, k, v, opt_g, pair_bias(z, r, bias, nullptr, opt_mask));
}

#ifdef KM_CUDA_BF16
enum { WIDE = 3 }; /* the scratch of a bias with wider rows */

/* Contexts are heads, problems frames. */
struct pair_job {
    const bf16 *bias;
    float *opt_dbias;
    const float *opt_mask;
    km_dim D, query_stride, key_stride, stride; /* stride: of the bias's rows */
    int problems, contexts, Nq, N;
    int most_queries() const { return Nq; }
    int most_keys() const { return N; }
    __host__ __device__ static constexpr size_t bytes(int rows) { return biased::bytes(rows); }
    __device__ int queries(int) const { return Nq; }
    __device__ int keys(int) const { return N; }
    __device__ km_dim first_query(int h, int f) const { return ((km_dim)f * Nq * contexts + h) * D; }
    __device__ km_dim first_key(int h, int f) const { return ((km_dim)f * N * contexts + h) * D; }
    __device__ biased added(int h) const
    {
        const km_dim rows = (km_dim)h * Nq;
        return biased{bias + rows * stride,
                      opt_dbias ? opt_dbias + rows * N : nullptr,
                      any_key(opt_mask, N) ? opt_mask : nullptr,
                      stride,
                      N,
                      Nq,
                      N,
                      (int)stride};
    }
};

/* to [rows, stride] = from [rows, N], and zeros behind */
__global__ static void widen_kernel(bf16 *to, const bf16 *from, km_dim rows, km_dim N, km_dim stride)
{
    KM_EACH_WARP(r, rows)
    for (km_dim c = lane_of(); c < stride; c += KM_WARP) to[r * stride + c] = c < N ? from[r * N + c] : bf16{0};
}

static pair_job job_of(const pair_shape &z, const float *bias, float *opt_dbias, const float *opt_mask)
{
    const km_dim rows = z.H * z.Nq, stride = (z.N + 7) / 8 * 8;
    const bf16 *at = act(bias);
    if (stride != z.N || !lies_in_line(at)) { /* rows at multiples of 16 bytes */
        bf16 *wide = (bf16 *)km_cuda_scratch(WIDE, (size_t)(rows * stride) * sizeof(bf16));
        KM_WARP_LAUNCH(widen_kernel, rows, wide, at, rows, z.N, stride);
        at = wide;
    }
    return pair_job{at,     opt_dbias, opt_mask, z.D,       z.H * z.D, z.H * z.D,
                    stride, (int)z.F,  (int)z.H, (int)z.Nq, (int)z.N};
}
#endif

void KM_CUDA(pair_attention_fwd)(const km_exec *, float *y, const float *q, const float *k, const float *v,
                                 const float *opt_g, const float *bias, const float *opt_mask, km_dim F, km_dim Nq,
                                 km_dim N, km_dim H, km_dim D)
{
    pair_shape z = {F, Nq, N, H, (int)D};
#ifdef KM_CUDA_BF16
    pair_job job = job_of(z, bias, nullptr, opt_mask);
    if (suits_mma(job, q, k, v)) return mma_fwd<2 * SIDE, 2>(job, act(y), act(q), act(k), act(v), act(opt_g));
#endif
    KM_ATTENTION_LAUNCH(pair_kernel, F * Nq * H, D, act(y), act(q), act(k), act(v), act(opt_g), act(bias), opt_mask, z);
}

template <int R>
__global__ static void pair_bwd_kernel(float *opt_dq, float *opt_dk, float *opt_dv, float *opt_dg, float *opt_dbias,
                                       const float *dy, const T *q, const T *k, const T *v, const T *opt_g,
                                       const T *bias, const float *opt_mask, pair_shape z)
{
    attention_bwd t = {opt_dq, opt_dk, opt_dv, opt_dg, dy, q, k, v, opt_g};
    KM_EACH_WARP(r, z.F * z.Nq * z.H)
    attend_bwd<R>(pair_query(z, r), t, pair_bias(z, r, bias, opt_dbias, opt_mask));
}

void KM_CUDA(pair_attention_bwd)(const km_exec *, float *opt_dq, float *opt_dk, float *opt_dv, float *opt_dg,
                                 float *opt_dbias, const float *dy, const float *q, const float *k, const float *v,
                                 const float *opt_g, const float *bias, const float *opt_mask, km_dim F, km_dim Nq,
                                 km_dim N, km_dim H, km_dim D)
{
    pair_shape z = {F, Nq, N, H, (int)D};
#ifdef KM_CUDA_BF16
    pair_job job = job_of(z, bias, opt_dbias, opt_mask);
    attention_bwd t = {opt_dq, opt_dk, opt_dv, opt_dg, dy, act(q), act(k), act(v), act(opt_g)};
    if (suits_mma(job, q, k, v)) return mma_bwd<SIDE>(job, t, F * Nq * H);
#endif
    KM_ATTENTION_LAUNCH(pair_bwd_kernel, F * Nq * H, D, opt_dq, opt_dk, opt_dv, opt_dg, opt_dbias, dy, act(q), act(k),
                        act(v), act(opt_g), act(bias), opt_mask, z);
}
