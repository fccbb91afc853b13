/* SPDX-License-Identifier: MIT
 * Attention within atom windows, keys read in place: a window's keys are a run of atoms. */
#include "kernels/cuda/attention.cuh"
#ifdef KM_CUDA_BF16
#include "kernels/cuda/attention_mma_bwd.cuh"
#endif

struct window_shape {
    km_dim F, A, H, Q, K;
    int D, rest = 0; /* every byte of an argument tells (km_left_out) */
};

struct window_added {
    const T *bias;          /* of the query's first key */
    float *opt_dbias;       /* likewise */
    const float *atom_mask; /* likewise */
    __device__ float logit(km_dim j) const { return atom_mask[j] == 0 ? -INFINITY : get(bias[j]); /* exp(-1e6) is 0 */ }
    __device__ void take(km_dim j, float ds) const
    {
        if (opt_dbias) atomicAdd(&opt_dbias[j], ds);
    }
    __device__ void finish() const {}
};

/* The first key of atom a's window that there is, and how far it is from the window's first. */
__device__ static km_dim first_key(const window_shape &z, km_dim a, km_dim *skipped)
{
    km_dim first = a / z.Q * z.Q + z.Q / 2 - z.K / 2;
    *skipped = first < 0 ? -first : 0;
    return first + *skipped;
}

/* Query number r in the order of memory, [F, A, H]. */
__device__ static query window_query(const window_shape &z, km_dim r)
{
    km_dim h = r % z.H, a = r / z.H % z.A, f = r / z.H / z.A, skipped, lo = first_key(z, a, &skipped);
    km_dim hi = lo - skipped + z.K < z.A ? lo - skipped + z.K : z.A;
    return query{r * z.D, ((f * z.A + lo) * z.H + h) * z.D, z.H * z.D, hi - lo, z.D};
}

__device__ static window_added window_bias(const window_shape &z, km_dim r, const T *bias, float *opt_dbias,
                                           const float *atom_mask)
{
    km_dim h = r % z.H, a = r / z.H % z.A, W = (z.A + z.Q - 1) / z.Q, skipped, lo = first_key(z, a, &skipped);
    km_dim at = ((h * W + a / z.Q) * z.Q + a % z.Q) * z.K + skipped;
    return window_added{bias + at, opt_dbias ? opt_dbias + at : nullptr, atom_mask + lo};
}

template <int R>
__global__ static void window_kernel(T *y, const T *q, const T *k, const T *v, const T *opt_g, const T *bias,
                                     const float *atom_mask, window_shape z)
{
    KM_EACH_WARP(r, z.F * z.A * z.H)
    {
        query s = window_query(z, r);
        attend_fwd<R>(s, y, q, k, v, opt_g, window_bias(z, r, bias, nullptr, atom_mask));
    }
}

#ifdef KM_CUDA_BF16
/* Contexts are windows of a head, problems frames. */
struct window_job {
    const bf16 *bias;
    float *opt_dbias;
    const float *atom_mask;
    km_dim D, query_stride, key_stride;
    int problems, contexts, windows, A, H, Q, K, rest = 0; /* every byte of an argument tells (km_left_out) */
    int most_queries() const { return Q; }
    int most_keys() const { return K; }
    __host__ __device__ static constexpr size_t bytes(int rows) { return biased::bytes(rows); }
    __device__ int head(int context) const { return context / windows; }
    __device__ int first_atom(int context) const { return context % windows * Q; }
    __device__ int skipped(int context) const
    {
        int first = first_atom(context) + Q / 2 - K / 2;
        return first < 0 ? -first : 0;
    }
    __device__ int lowest(int context) const { return first_atom(context) + Q / 2 - K / 2 + skipped(context); }
    __device__ int queries(int context) const
    {
        int left = A - first_atom(context);
        return left < Q ? left : Q;
    }
    __device__ int keys(int context) const
    {
        int most = K - skipped(context), left = A - lowest(context);
        return left < most ? left : most;
    }
    __device__ km_dim first_query(int context, int f) const
    {
        return (((km_dim)f * A + first_atom(context)) * H + head(context)) * D;
    }
    __device__ km_dim first_key(int context, int f) const
    {
        return (((km_dim)f * A + lowest(context)) * H + head(context)) * D;
    }
    __device__ biased added(int context) const
    {
        const km_dim at = (km_dim)context * Q * K + skipped(context);
        return biased{bias + at,
                      opt_dbias ? opt_dbias + at : nullptr,
                      atom_mask + lowest(context),
                      K,
                      K,
                      queries(context),
                      keys(context),
                      K - skipped(context)};
    }
};

static window_job job_of(const window_shape &z, const float *bias, float *opt_dbias, const float *atom_mask)
{
    const int windows = (int)((z.A + z.Q - 1) / z.Q), H = (int)z.H;
    return window_job{act(bias),   opt_dbias, atom_mask, z.D, z.H * z.D, z.H * z.D, (int)z.F,
                      H * windows, windows,   (int)z.A,  H,   (int)z.Q,  (int)z.K};
}

/* Rows of a bias begin at multiples of 16 bytes too, from a window's first key that there is. */
static bool suits(const window_job &z, const float *q, const float *k, const float *v)
{
    return suits_mma(z, q, k, v) && lies_in_line(z.bias) && z.Q % 8 == 0 && z.K % 8 == 0 && (z.K - z.Q) / 2 % 8 == 0;
}
#endif

void KM_CUDA(window_attention_fwd)(const km_exec *, float *y, const float *q, const float *k, const float *v,
                                   const float *opt_g, const float *bias, const float *atom_mask, km_dim F, km_dim A,
                                   km_dim H, km_dim D, km_dim Q, km_dim K)
{
    window_shape z = {F, A, H, Q, K, (int)D};
#ifdef KM_CUDA_BF16
    window_job job = job_of(z, bias, nullptr, atom_mask);
    if (suits(job, q, k, v)) return mma_fwd<SIDE / 2, 1>(job, act(y), act(q), act(k), act(v), act(opt_g));
#endif
    KM_ATTENTION_LAUNCH(window_kernel, F * A * H, D, act(y), act(q), act(k), act(v), act(opt_g), act(bias), atom_mask,
                        z);
}

template <int R>
__global__ static void window_bwd_kernel(float *opt_dq, float *opt_dk, float *opt_dv, float *opt_dg, float *opt_dbias,
                                         const float *dy, const T *q, const T *k, const T *v, const T *opt_g,
                                         const T *bias, const float *atom_mask, window_shape z)
{
    attention_bwd t = {opt_dq, opt_dk, opt_dv, opt_dg, dy, q, k, v, opt_g};
    KM_EACH_WARP(r, z.F * z.A * z.H)
    {
        query s = window_query(z, r);
        attend_bwd<R>(s, t, window_bias(z, r, bias, opt_dbias, atom_mask));
    }
}

void KM_CUDA(window_attention_bwd)(const km_exec *, float *opt_dq, float *opt_dk, float *opt_dv, float *opt_dg,
                                   float *opt_dbias, const float *dy, const float *q, const float *k, const float *v,
                                   const float *opt_g, const float *bias, const float *atom_mask, km_dim F, km_dim A,
                                   km_dim H, km_dim D, km_dim Q, km_dim K)
{
    window_shape z = {F, A, H, Q, K, (int)D};
#ifdef KM_CUDA_BF16
    window_job job = job_of(z, bias, opt_dbias, atom_mask);
    attention_bwd t = {opt_dq, opt_dk, opt_dv, opt_dg, dy, act(q), act(k), act(v), act(opt_g)};
    if (suits(job, q, k, v)) return mma_bwd<SIDE / 2>(job, t, F * A * H);
#endif
    KM_ATTENTION_LAUNCH(window_bwd_kernel, F * A * H, D, opt_dq, opt_dk, opt_dv, opt_dg, opt_dbias, dy, act(q), act(k),
                        act(v), act(opt_g), act(bias), atom_mask, z);
}
