/* SPDX-License-Identifier: MIT
 * One query of any attention on one warp: n keys and values `stride` elements apart, in steps of 32 keys, a key to each
 * lane for the logits and a column of the head to each lane for the sums. Softmax is online: the sums so far are scaled
 * when the maximum grows. What is added to the logits comes from `Added`:
 *     float logit(km_dim j)            what is added for key j; -INFINITY: the key takes no part
 *     void take(km_dim j, float ds)    the gradient at the logit of key j
 *     void finish()                    after the last key, by the whole warp */
#ifndef KERNELS_CUDA_ATTENTION_CUH
#define KERNELS_CUDA_ATTENTION_CUH

#include "kernels/cuda/cuda.cuh"

enum { HEAD_MOST = 256, QUERIES = KM_BLOCK / KM_WARP };

/* Where a query's rows lie. */
struct query {
    km_dim at, keys, stride, n; /* of q g y; of the first key; between keys; how many */
    int D;
};

/* Is any of n keys unmasked? The whole warp asks. */
__device__ static inline bool any_key(const float *opt_mask, km_dim n)
{
    for (km_dim first = 0; first < n && opt_mask; first += KM_WARP) {
        const km_dim j = first + lane_of();
        if (__ballot_sync(0xffffffffu, j < n && opt_mask[j] != 0)) return true;
    }
    return false;
}

template <class V> __device__ static inline float dot(const V *a, const T *b, int D)
{
    float sum = 0;
    for (int d = 0; d < D; d++) sum += get(a[d]) * get(b[d]);
    return sum;
}

/* A query's running softmax: out[r] is column lane + 32 r of sum_j p_j v_j. */
template <int R> struct softmax {
    float most, sum, out[R];
};

template <int R, class Added>
__device__ static softmax<R> attend(const query &s, const T *q, const T *k, const T *v, Added &added, float *p)
{
    softmax<R> a = {-INFINITY, 0, {0}};
    const float scale = rsqrtf((float)s.D);
    for (km_dim first = 0; first < s.n; first += KM_WARP) {
        km_dim j = first + lane_of();
        int keys = s.n - first < KM_WARP ? (int)(s.n - first) : (int)KM_WARP;
        float logit = j < s.n ? added.logit(j) : -INFINITY;
        if (logit != -INFINITY) logit += scale * dot(q + s.at, k + s.keys + j * s.stride, s.D);
        float most = fmaxf(a.most, warp_max(logit));
        if (most == -INFINITY) continue;
        float shrink = a.most == -INFINITY ? 0 : expf(a.most - most);
        p[lane_of()] = logit == -INFINITY ? 0 : expf(logit - most);
        a.sum = a.sum * shrink + warp_sum(p[lane_of()]);
        a.most = most;
        __syncwarp();
        for (int r = 0; r < R; r++) {
            int d = lane_of() + KM_WARP * r;
            a.out[r] *= shrink;
            for (int i = 0; i < keys && d < s.D; i++) a.out[r] += p[i] * get(v[s.keys + (first + i) * s.stride + d]);
        }
        __syncwarp();
    }
    for (int r = 0; r < R && a.sum > 0; r++) a.out[r] /= a.sum;
    return a;
}

template <int R, class Added>
__device__ static void attend_fwd(const query &s, T *y, const T *q, const T *k, const T *v, const T *opt_g, Added added)
{
    __shared__ float p[QUERIES][KM_WARP];
    softmax<R> a = attend<R>(s, q, k, v, added, p[threadIdx.x / KM_WARP]);
    for (int r = 0; r < R; r++) {
        int d = lane_of() + KM_WARP * r;
        if (d < s.D) put(&y[s.at + d], a.out[r] * (opt_g ? sigmoid(get(opt_g[s.at + d])) : 1));
    }
}

/* The arrays of a backward; gradients may be NULL. */
struct attention_bwd {
    float *dq, *dk, *dv, *dg;
    const float *dy;
    const T *q, *k, *v, *g;
};

/* One step of 32 keys: gradients by those keys and values, and their share of dq. */
template <int R>
__device__ static void keys_bwd(const query &s, const attention_bwd &t, km_dim first, int keys, const float *p,
                                const float *ds, const float *open_dy, float *dq)
{
    const float scale = rsqrtf((float)s.D);
    for (int r = 0; r < R; r++) {
        int d = lane_of() + KM_WARP * r;
        for (int i = 0; i < keys && d < s.D; i++) {
            km_dim at = s.keys + (first + i) * s.stride + d;
            dq[r] += scale * ds[i] * get(t.k[at]);
            if (t.dk) atomicAdd(&t.dk[at], scale * ds[i] * get(t.q[s.at + d]));
            if (t.dv) atomicAdd(&t.dv[at], p[i] * open_dy[d]);
        }
    }
}

template <int R, class Added> __device__ static void attend_bwd(const query &s, const attention_bwd &t, Added added)
{
    __shared__ float weights[QUERIES][KM_WARP], slopes[QUERIES][KM_WARP], opened[QUERIES][KM_WARP * R];
    const int w = (int)threadIdx.x / KM_WARP;
    float *p = weights[w], *ds = slopes[w], *open_dy = opened[w], delta = 0, dq[R] = {0};
    const float scale = rsqrtf((float)s.D);
    softmax<R> a = attend<R>(s, t.q, t.k, t.v, added, p);
    for (int r = 0; r < R; r++) {
        int d = lane_of() + KM_WARP * r;
        if (d >= s.D) continue;
        float open = t.g ? sigmoid(get(t.g[s.at + d])) : 1, dy = t.dy[s.at + d];
        open_dy[d] = open * dy;
        delta += open * dy * a.out[r];
        if (t.dg) t.dg[s.at + d] += dy * a.out[r] * open * (1 - open);
    }
    delta = warp_sum(delta);
    __syncwarp(); /* every lane reads open_dy, and a shuffle orders no memory */
    for (km_dim first = 0; first < s.n && a.sum > 0; first += KM_WARP) {
        km_dim j = first + lane_of(), key = s.keys + j * s.stride;
        int keys = s.n - first < KM_WARP ? (int)(s.n - first) : (int)KM_WARP;
        float logit = j < s.n ? added.logit(j) : -INFINITY;
        p[lane_of()] = ds[lane_of()] = 0;
        if (logit != -INFINITY) {
            p[lane_of()] = expf(logit + scale * dot(t.q + s.at, t.k + key, s.D) - a.most) / a.sum;
            ds[lane_of()] = p[lane_of()] * (dot(open_dy, t.v + key, s.D) - delta);
            added.take(j, ds[lane_of()]);
        }
        __syncwarp();
        keys_bwd<R>(s, t, first, keys, p, ds, open_dy, dq);
        __syncwarp();
    }
    added.finish();
    for (int r = 0; r < R; r++) {
        int d = lane_of() + KM_WARP * r;
        if (t.dq && d < s.D) t.dq[s.at + d] += dq[r];
    }
}

/* kernel<R> for the smallest R that holds a head, a warp for each of n queries */
#define KM_ATTENTION_LAUNCH(kernel, n, D, ...)                                                                         \
    do {                                                                                                               \
        if ((D) <= 32) KM_WARP_LAUNCH(kernel<1>, n, __VA_ARGS__);                                                      \
        else if ((D) <= 64) KM_WARP_LAUNCH(kernel<2>, n, __VA_ARGS__);                                                 \
        else if ((D) <= HEAD_MOST) KM_WARP_LAUNCH(kernel<8>, n, __VA_ARGS__);                                          \
        else km_cuda_check(-1, "a head wider than 256");                                                               \
    } while (0)

#endif
