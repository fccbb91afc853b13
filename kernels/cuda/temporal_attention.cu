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
    int queries, keys, ahead;
    float lambda, beta, least, gradient;
    int causal;
    /* In shared memory: the times, before them how many keys more than its number in the tile a query sees. */
    struct tile {
        int seen;
        float time_k[SIDE], time_q[SIDE];
    };
    /* No more than there are rows: two blocks fit so where heads are 48 wide. */
    __host__ __device__ static constexpr size_t bytes(int rows)
    {
        return sizeof(tile) - (size_t)(SIDE - rows) * sizeof(float);
    }
    __device__ void stage(unsigned char *shared, int rows, int query, int key) const
    {
        tile *t = (tile *)shared;
        const int n = (int)threadIdx.x;
        if (n < SIDE) copy_4(&t->time_k[n], &time_k[key + n], key + n < keys);
        if (n < rows) copy_4(&t->time_q[n], &time_q[query + n], query + n < queries);
        if (n == 0) t->seen = causal ? query + ahead - key : SIDE;
    }
    __device__ uint64_t part(const unsigned char *, int key) const
    {
        return keys - key < SIDE ? ((uint64_t)1 << (keys - key)) - 1 : ~(uint64_t)0;
    }
    __device__ float decay(const tile *t, int r, int c) const
    {
        const float dt = fabsf(t->time_q[r] - t->time_k[c]);
        return dt > 0 ? lambda * two_to(beta * power_of_two(dt)) : 0;
    }
    __device__ float logit(const tile *t, int r, int c) const
    {
        return c <= r + t->seen ? -fmaxf(decay(t, r, c), least) : -INFINITY;
    }
    template <int N>
    __device__ void add(float s[N][4], const unsigned char *shared, int row, int column, float scale) const
    {
        const int r = row + lane_of() / 4, c = column + lane_of() % 4 * 2;
        KM_UNROLL
        for (int j = 0; j < N; j++) KM_UNROLL
        for (int e = 0; e < 4; e++)
            s[j][e] = scale * s[j][e] + logit((const tile *)shared, r + e / 2 * 8, c + 8 * j + e % 2);
    }
    template <int N>
    __device__ void add_turned(float s[N][4], const unsigned char *shared, int row, int column, float scale) const
    {
        const int r = row + lane_of() / 4, c = column + lane_of() % 4 * 2;
        KM_UNROLL
        for (int j = 0; j < N; j++) KM_UNROLL
        for (int e = 0; e < 4; e++)
            s[j][e] = scale * s[j][e] + logit((const tile *)shared, c + 8 * j + e % 2, r + e / 2 * 8);
    }
    template <int N>
    __device__ void take(const float ds[N][4], const unsigned char *shared, int row, int column, int, int)
    {
        const int r = row + lane_of() / 4, c = column + lane_of() % 4 * 2;
        KM_UNROLL
        for (int j = 0; j < N; j++) KM_UNROLL
        for (int e = 0; e < 4; e++) {
            const float d = decay((const tile *)shared, r + e / 2 * 8, c + 8 * j + e % 2);
            if (d > least) gradient -= ds[j][e] * d;
        }
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
    __host__ __device__ static constexpr size_t bytes(int rows) { return decaying::bytes(rows); }
    __device__ int queries(int) const { return (int)Tq; }
    __device__ int keys(int) const { return (int)Tk; }
    __device__ km_dim first(int context, int token, km_dim T) const
    {
        return ((context / H * T * problems + token) * H + context % H) * D;
    }
    __device__ km_dim first_query(int context, int token) const { return first(context, token, Tq); }
    __device__ km_dim first_key(int context, int token) const { return first(context, token, Tk); }
    __device__ decaying added(int context) const
    {
        km_dim b = context / H, h = context % H;
        return decaying{time_q + b * Tq,
                        time_k + b * Tk,
                        opt_dlog ? opt_dlog + h : nullptr,
                        (int)Tq,
                        (int)Tk,
                        (int)(Tk - Tq),
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
static bool suits(const temporal_job &job, const float *q, const float *k, const float *v)
{
    return job.Tq >= QUERIES_FOR_MMA && suits_mma(job, q, k, v);
}
#endif

void KM_CUDA(temporal_attention_fwd)(const km_exec *, float *y, const float *q, const float *k, const float *v,
                                     const float *opt_g, const float *log_lambda, const float *time_q,
                                     const float *time_k, float beta, float least, bool causal, km_dim B, km_dim Tq,
                                     km_dim Tk, km_dim N, km_dim H, km_dim D)
{
    temporal_shape z = {B, Tq, Tk, N, H, beta, least, causal, (int)D};
#ifdef KM_CUDA_BF16
    temporal_job job = job_of(z, log_lambda, time_q, time_k, nullptr);
    if (suits(job, q, k, v)) {
        if (Tq > SIDE / 2) mma_fwd<SIDE, 1>(job, act(y), act(q), act(k), act(v), act(opt_g));
        else mma_fwd<SIDE / 2, 1>(job, act(y), act(q), act(k), act(v), act(opt_g));
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
    if (suits(job, q, k, v)) {
        if (Tq > SIDE / 2) mma_bwd<SIDE>(job, t, B * Tq * N * H);
        else mma_bwd<SIDE / 2>(job, t, B * Tq * N * H);
        return;
    }
#endif
    KM_ATTENTION_LAUNCH(temporal_bwd_kernel, B * Tq * N * H, D, opt_dq, opt_dk, opt_dv, opt_dg, opt_dlog_lambda, dy,
                        act(q), act(k), act(v), act(opt_g), log_lambda, time_q, time_k, z);
}
