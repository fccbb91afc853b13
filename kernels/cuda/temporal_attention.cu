/* SPDX-License-Identifier: MIT
 * Attention across frames; the decay with time is computed where it is needed and lies nowhere in memory. */
#include "kernels/cuda/attention.cuh"

struct temporal_shape {
    km_dim B, Tq, Tk, N, H;
    float beta, least;
    int causal; /* no bool: every byte of an argument tells (km_left_out) */
    int D;
};

struct temporal_added {
    float lambda, time, beta, least;
    const float *times; /* of the keys */
    km_dim last;        /* key that takes part */
    float *opt_dlog;    /* of the head */
    float gradient;
    __device__ float decay(km_dim j) const
    {
        float dt = fabsf(time - times[j]);
        return dt > 0 ? lambda * (beta == 1 ? dt : powf(dt, beta)) : 0;
    }
    __device__ float logit(km_dim j) const { return j > last ? -INFINITY : -fmaxf(decay(j), least); }
    __device__ void take(km_dim j, float ds)
    {
        float d = decay(j);
        if (d > least) gradient -= ds * d;
    }
    __device__ void finish()
    {
        float sum = warp_sum(gradient);
        if (opt_dlog && lane_of() == 0) atomicAdd(opt_dlog, sum);
    }
};

/* Query number r in the order of memory, [B, Tq, N, H]. */
__device__ static query temporal_query(const temporal_shape &z, km_dim r)
{
    km_dim nh = r % (z.N * z.H), b = r / (z.N * z.H) / z.Tq;
    return query{r * z.D, (b * z.Tk * z.N * z.H + nh) * z.D, z.N * z.H * z.D, z.Tk, z.D};
}

__device__ static temporal_added temporal_decay(const temporal_shape &z, km_dim r, const float *log_lambda,
                                                const float *time_q, const float *time_k, float *opt_dlog)
{
    km_dim h = r % z.H, bi = r / (z.N * z.H), i = bi % z.Tq, b = bi / z.Tq;
    km_dim last = z.causal ? i + z.Tk - z.Tq : z.Tk;
    return temporal_added{expf(log_lambda[h]),
                          time_q[bi],
                          z.beta,
                          z.least,
                          time_k + b * z.Tk,
                          last,
                          opt_dlog ? opt_dlog + h : nullptr,
                          0};
}

template <int R>
__global__ static void temporal_kernel(T *y, const T *q, const T *k, const T *v, const T *opt_g,
                                       const float *log_lambda, const float *time_q, const float *time_k,
                                       temporal_shape z)
{
    KM_EACH_WARP(r, z.B * z.Tq * z.N * z.H)
    attend_fwd<R>(temporal_query(z, r), y, q, k, v, opt_g, temporal_decay(z, r, log_lambda, time_q, time_k, nullptr));
}

void KM_CUDA(temporal_attention_fwd)(const km_exec *, float *y, const float *q, const float *k, const float *v,
                                     const float *opt_g, const float *log_lambda, const float *time_q,
                                     const float *time_k, float beta, float least, bool causal, km_dim B, km_dim Tq,
                                     km_dim Tk, km_dim N, km_dim H, km_dim D)
{
    temporal_shape z = {B, Tq, Tk, N, H, beta, least, causal, (int)D};
    KM_ATTENTION_LAUNCH(temporal_kernel, B * Tq * N * H, D, act(y), act(q), act(k), act(v), act(opt_g), log_lambda,
                        time_q, time_k, z);
}

template <int R>
__global__ static void temporal_bwd_kernel(float *opt_dq, float *opt_dk, float *opt_dv, float *opt_dg, float *opt_dlog,
                                           const float *dy, const T *q, const T *k, const T *v, const T *opt_g,
                                           const float *log_lambda, const float *time_q, const float *time_k,
                                           temporal_shape z)
{
    attention_bwd t = {opt_dq, opt_dk, opt_dv, opt_dg, dy, q, k, v, opt_g};
    KM_EACH_WARP(r, z.B * z.Tq * z.N * z.H)
    attend_bwd<R>(temporal_query(z, r), t, temporal_decay(z, r, log_lambda, time_q, time_k, opt_dlog));
}

void KM_CUDA(temporal_attention_bwd)(const km_exec *, float *opt_dq, float *opt_dk, float *opt_dv, float *opt_dg,
                                     float *opt_dlog_lambda, const float *dy, const float *q, const float *k,
                                     const float *v, const float *opt_g, const float *log_lambda, const float *time_q,
                                     const float *time_k, float beta, float least, bool causal, km_dim B, km_dim Tq,
                                     km_dim Tk, km_dim N, km_dim H, km_dim D)
{
    temporal_shape z = {B, Tq, Tk, N, H, beta, least, causal, (int)D};
    KM_ATTENTION_LAUNCH(temporal_bwd_kernel, B * Tq * N * H, D, opt_dq, opt_dk, opt_dv, opt_dg, opt_dlog_lambda, dy,
                        act(q), act(k), act(v), act(opt_g), log_lambda, time_q, time_k, z);
}
