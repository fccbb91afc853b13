/* SPDX-License-Identifier: MIT
 * Attention across frames; the decay with time is computed where it is needed and lies nowhere in memory. */
#include "kernels/cuda/attention.cuh"
#ifdef KM_CUDA_BF16
#include "kernels/cuda/attention_mma_bwd.cuh"
#endif

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

#ifdef KM_CUDA_BF16
/* The decay between the times of queries and keys, `ahead` keys more than queries at the last. */
struct decaying {
    const float *time_q, *time_k; /* of the entry */
    float *opt_dlog;              /* of the head */
    km_dim queries, keys, ahead;
    float lambda, beta, least, gradient;
    int causal;
    /* In shared memory: the times, before them how many keys there are, and how many more a query sees than its number.
     */
    struct tile {
        int keys, seen;
        float time_k[SIDE], time_q[SIDE];
    };
    __device__ void stage(unsigned char *shared, int rows, km_dim query, km_dim key) const
    {
        tile *t = (tile *)shared;
        const int n = (int)threadIdx.x;
        if (n < SIDE) t->time_k[n] = key + n < keys ? time_k[key + n] : 0;
        if (n < rows) t->time_q[n] = query + n < queries ? time_q[query + n] : 0;
        if (n) return;
        t->keys = (int)(keys - key);
        t->seen = causal ? (int)(query + ahead - key) : SIDE;
    }
    __device__ float decay(const tile *t, int r, int c) const
    {
        float dt = fabsf(t->time_q[r] - t->time_k[c]);
        return dt > 0 ? lambda * (beta == 1 ? dt : powf(dt, beta)) : 0;
    }
    __device__ float logit(const unsigned char *shared, int r, int c) const
    {
        const tile *t = (const tile *)shared;
        return c < t->keys && c <= r + t->seen ? -LOG2E * fmaxf(decay(t, r, c), least) : -INFINITY;
    }
    __device__ void take(const unsigned char *shared, int r, int c, km_dim, km_dim, float ds)
    {
        float d = decay((const tile *)shared, r, c);
        if (d > least) gradient -= ds * d;
    }
    __device__ void finish() const
    {
        float sum = warp_sum(gradient);
        if (opt_dlog && lane_of() == 0) atomicAdd(opt_dlog, sum);
    }
};

/* Contexts are heads of an entry, problems tokens. */
struct temporal_job {
    const float *log_lambda, *time_q, *time_k;
    float *opt_dlog;
    km_dim problems, contexts, D, Tq, Tk, H, query_stride, key_stride;
    float beta, least;
    int causal, rest = 0; /* every byte of an argument tells (km_left_out) */
    km_dim most_queries() const { return Tq; }
    km_dim most_keys() const { return Tk; }
    static size_t bytes(int) { return sizeof(decaying::tile); }
    __device__ km_dim queries(km_dim) const { return Tq; }
    __device__ km_dim keys(km_dim) const { return Tk; }
    __device__ km_dim first(km_dim context, km_dim token, km_dim T) const
    {
        return ((context / H * T * problems + token) * H + context % H) * D;
    }
    __device__ km_dim first_query(km_dim context, km_dim token) const { return first(context, token, Tq); }
    __device__ km_dim first_key(km_dim context, km_dim token) const { return first(context, token, Tk); }
    __device__ decaying added(km_dim context) const
    {
        km_dim b = context / H, h = context % H;
        return decaying{time_q + b * Tq,
                        time_k + b * Tk,
                        opt_dlog ? opt_dlog + h : nullptr,
                        Tq,
                        Tk,
                        Tk - Tq,
                        expf(log_lambda[h]),
                        beta,
                        least,
                        0,
                        causal};
    }
};

static temporal_job job_of(const temporal_shape &z, const float *log_lambda, const float *time_q, const float *time_k,
                           float *opt_dlog)
{
    km_dim frame = z.N * z.H * z.D;
    return temporal_job{log_lambda, time_q, time_k, opt_dlog, z.N,    z.B * z.H, z.D,     z.Tq,
                        z.Tk,       z.H,    frame,  frame,    z.beta, z.least,   z.causal};
}

/* Fewer queries would leave most of a tile empty: a warp for each then. */
enum { QUERIES_FOR_MMA = 8 };
static bool suits(const temporal_job &job) { return job.Tq >= QUERIES_FOR_MMA && suits_mma(job); }
#endif

void KM_CUDA(temporal_attention_fwd)(const km_exec *, float *y, const float *q, const float *k, const float *v,
                                     const float *opt_g, const float *log_lambda, const float *time_q,
                                     const float *time_k, float beta, float least, bool causal, km_dim B, km_dim Tq,
                                     km_dim Tk, km_dim N, km_dim H, km_dim D)
{
    temporal_shape z = {B, Tq, Tk, N, H, beta, least, causal, (int)D};
#ifdef KM_CUDA_BF16
    temporal_job job = job_of(z, log_lambda, time_q, time_k, nullptr);
    if (suits(job)) {
        if (Tq > SIDE / 2) mma_fwd<SIDE>(job, act(y), act(q), act(k), act(v), act(opt_g));
        else mma_fwd<SIDE / 2>(job, act(y), act(q), act(k), act(v), act(opt_g));
        return;
    }
#endif
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
#ifdef KM_CUDA_BF16
    temporal_job job = job_of(z, log_lambda, time_q, time_k, opt_dlog_lambda);
    attention_bwd t = {opt_dq, opt_dk, opt_dv, opt_dg, dy, act(q), act(k), act(v), act(opt_g)};
    if (suits(job)) {
        if (Tq > SIDE / 2) mma_bwd<SIDE>(job, t, B * Tq * N * H);
        else mma_bwd<SIDE / 2>(job, t, B * Tq * N * H);
        return;
    }
#endif
    KM_ATTENTION_LAUNCH(temporal_bwd_kernel, B * Tq * N * H, D, opt_dq, opt_dk, opt_dv, opt_dg, opt_dlog_lambda, dy,
                        act(q), act(k), act(v), act(opt_g), log_lambda, time_q, time_k, z);
}
