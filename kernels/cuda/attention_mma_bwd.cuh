/* SPDX-License-Identifier: MIT
 * Backward of any attention on tensor cores, in two kernels without what lies between them being as large as queries by
 * keys: by queries (the softmax once more, then the gradients by queries, gates and what is added) and by keys, for
 * which tiles are turned: rows are keys, columns queries. Gradients that come in and those at the logits are rounded to
 * bfloat16 for their products. */
#ifndef KERNELS_CUDA_ATTENTION_MMA_BWD_CUH
#define KERNELS_CUDA_ATTENTION_MMA_BWD_CUH

#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/attention_mma.cuh"

/* The gradient at what the gate lets through, rounded. */
struct opened_rows {
    const float *dy;
    const bf16 *opt_g;
    __device__ bf16 at(km_dim i) const
    {
        bf16 d;
        put(&d, opt_g ? dy[i] * sigmoid(get(opt_g[i])) : dy[i]);
        return d;
    }
};

/* What the first kernel leaves the second of a query, at its first number's place / D: the logarithm of its softmax's
 * sum, to base 2, and the mean of its logits' gradients. */
struct left_behind {
    float *whole, *delta;
};

/* Of a warp's queries: what they leave for the other kernel, and the gradient by the gate. */
template <int DT>
__device__ static inline void leave_rows(const left_behind &to, const attention_bwd &t, const row_sums<DT> &o,
                                         const uint32_t a[DT][4], float whole[2], float delta[2], km_dim from,
                                         km_dim stride, km_dim left, km_dim D)
{
    for (int r = 0; r < 2; r++) {
        int row = lane_of() / 4 + 8 * r;
        whole[r] = o.sum[r] > 0 ? o.most[r] + log2f(o.sum[r]) : INFINITY;
        delta[r] = 0;
        for (int e = 0; e < 4 * DT; e++) {
            int j = e / 2, half = e % 2, d = 8 * j + lane_of() % 4 * 2 + half;
            float out = o.out[j][2 * r + half], dout = get(bf16{(uint16_t)(a[j / 2][r + j % 2 * 2] >> 16 * half)});
            km_dim at = from + row * stride + d;
            delta[r] += dout * out;
            if (!t.dg || row >= left || d >= D) continue;
            float open = sigmoid(get(t.g[at]));
            t.dg[at] += t.dy[at] * out * open * (1 - open);
        }
        delta[r] = quad_sum(delta[r]);
        if (row >= left || lane_of() % 4) continue;
        to.whole[(from + row * stride) / D] = whole[r], to.delta[(from + row * stride) / D] = delta[r];
    }
}

/* s, logits of a warp's queries, become the gradients at them. */
template <class Added>
__device__ static inline void logits_bwd(float s[8][4], const float dp[8][4], Added &added, const unsigned char *tile,
                                         const mma_place &w, km_dim key, const float whole[2], const float delta[2])
{
    const int g = lane_of() / 4, t = lane_of() % 4, top = (int)(w.first - w.top);
    for (int j = 0; j < 8; j++)
        for (int i = 0; i < 4; i++) {
            int row = g + i / 2 * 8, column = 8 * j + 2 * t + i % 2;
            s[j][i] = exp2f(s[j][i] - whole[i / 2]) * (dp[j][i] - delta[i / 2]);
            if (w.there && s[j][i] != 0) added.take(tile, top + row, column, w.first + row, key + column, s[j][i]);
        }
}

template <int DT, int ROWS, class Job>
__global__ static void __launch_bounds__(MMA_WARPS *KM_WARP)
    queries_bwd_kernel(attention_bwd t, left_behind to, Job z, km_dim tiles)
{
    KM_SHARED(bf16, shared);
    const mma_place w = place_of(ROWS, tiles, z.problems);
    const km_dim left = w.there ? z.queries(w.context) - w.first : 0;
    const km_dim from = z.first_query(w.context, w.problem) + w.first * z.query_stride;
    const float scale = rsqrtf((float)z.D);
    bf16 *keys = shared + w.group * 2 * SIDE * MMA_LD(DT), *values = keys + SIDE * MMA_LD(DT);
    unsigned char *tile = (unsigned char *)(shared + MMA_PROBLEMS(ROWS) * 2 * SIDE * MMA_LD(DT));
    auto added = z.added(w.context);
    uint32_t q[DT][4], dout[DT][4], ds[4][4];
    float s[8][4], dp[8][4], dq[2 * DT][4] = {{0}}, whole[2], delta[2];
    load_rows<DT>(q, rows_of{t.q}, from, z.query_stride, left, z.D);
    load_rows<DT>(dout, opened_rows{t.dy, t.g}, from, z.query_stride, left, z.D);
    leave_rows<DT>(to, t, attend_rows<DT, ROWS>(z, w, added, shared, q, t.k, t.v), dout, whole, delta, from,
                   z.query_stride, left, z.D);
    for (km_dim key = 0; key < z.keys(w.context); key += SIDE) {
        __syncthreads();
        added.stage(tile, ROWS, w.top, key);
        stage_keys<DT>(keys, z, w, t.k, key);
        stage_keys<DT>(values, z, w, t.v, key);
        __syncthreads();
        multiply_rows<DT>(s, q, keys);
        add_logits(s, added, tile, (int)(w.first - w.top), LOG2E * scale);
        multiply_rows<DT>(dp, dout, values);
        logits_bwd(s, dp, added, tile, w, key, whole, delta);
        pack_operand(ds, s);
        add_product<DT>(dq, ds, keys);
    }
    added.finish();
    for (int e = 0; e < 8 * DT && t.dq; e++) {
        int row = lane_of() / 4 + e % 4 / 2 * 8, d = e / 4 * 8 + lane_of() % 4 * 2 + e % 2;
        if (row < left && d < z.D) t.dq[from + row * z.query_stride + d] += scale * dq[e / 4][e % 4];
    }
}

/* 64 queries of a problem with their gradients, from one on, and behind both what the first kernel left of them. */
template <int DT, class Job>
__device__ static inline void stage_queries(bf16 *queries, float *left_of, const Job &z, const mma_place &w,
                                            const attention_bwd &t, const left_behind &by, km_dim query)
{
    enum { LD = MMA_LD(DT) };
    const km_dim rows = w.there ? z.queries(w.context) - query : 0;
    const km_dim from = z.first_query(w.context, w.problem) + query * z.query_stride;
    const opened_rows dout = {t.dy, t.g};
    stage(queries, LD, SIDE, DT * 16, t.q + from, z.query_stride, rows, z.D, w.n, w.count);
    for (int i = w.n; i < SIDE * DT * 16; i += w.count) {
        int r = i / (DT * 16), d = i % (DT * 16);
        queries[(SIDE + r) * LD + d] = r < rows && d < z.D ? dout.at(from + r * z.query_stride + d) : bf16{0};
    }
    for (int i = w.n; i < SIDE; i += w.count) {
        km_dim at = (from + i * z.query_stride) / z.D;
        left_of[i] = i < rows ? by.whole[at] : INFINITY, left_of[SIDE + i] = i < rows ? by.delta[at] : 0;
    }
}

template <int DT, class Job>
__global__ static void __launch_bounds__(MMA_WARPS *KM_WARP)
    keys_bwd_kernel(attention_bwd t, left_behind by, Job z, km_dim tiles)
{
    enum { LD = MMA_LD(DT), PROBLEMS = MMA_PROBLEMS(SIDE) };
    KM_SHARED(bf16, shared);
    const mma_place w = place_of(SIDE, tiles, z.problems);
    const km_dim left = w.there ? z.keys(w.context) - w.first : 0;
    const km_dim from = z.first_key(w.context, w.problem) + w.first * z.key_stride;
    const float scale = rsqrtf((float)z.D);
    bf16 *queries = shared + w.group * 2 * SIDE * LD, *gradients = queries + SIDE * LD;
    float *left_of = (float *)(shared + PROBLEMS * 2 * SIDE * LD) + w.group * 2 * SIDE;
    unsigned char *tile = (unsigned char *)((float *)(shared + PROBLEMS * 2 * SIDE * LD) + PROBLEMS * 2 * SIDE);
    const int row = (int)(w.first - w.top) + lane_of() / 4;
    auto added = z.added(w.context);
    uint32_t k[DT][4], v[DT][4], operand[4][4];
    float s[8][4], dp[8][4], dk[2 * DT][4] = {{0}}, dv[2 * DT][4] = {{0}};
    load_rows<DT>(k, rows_of{t.k}, from, z.key_stride, left, z.D);
    load_rows<DT>(v, rows_of{t.v}, from, z.key_stride, left, z.D);
    for (km_dim query = 0; query < z.queries(w.context); query += SIDE) {
        __syncthreads();
        added.stage(tile, SIDE, query, w.top);
        stage_queries<DT>(queries, left_of, z, w, t, by, query);
        __syncthreads();
        multiply_rows<DT>(s, k, queries);
        multiply_rows<DT>(dp, v, gradients);
        for (int j = 0; j < 8; j++)
            for (int i = 0; i < 4; i++) {
                int column = 8 * j + lane_of() % 4 * 2 + i % 2;
                float logit = LOG2E * scale * s[j][i] + added.logit(tile, column, row + i / 2 * 8);
                s[j][i] = exp2f(logit - left_of[column]);
                dp[j][i] = s[j][i] * (dp[j][i] - left_of[SIDE + column]);
            }
        pack_operand(operand, s);
        add_product<DT>(dv, operand, gradients);
        pack_operand(operand, dp);
        add_product<DT>(dk, operand, queries);
    }
    for (int e = 0; e < 8 * DT; e++) {
        int r = lane_of() / 4 + e % 4 / 2 * 8, d = e / 4 * 8 + lane_of() % 4 * 2 + e % 2;
        km_dim at = from + r * z.key_stride + d;
        if (r >= left || d >= z.D) continue;
        if (t.dk) atomicAdd(&t.dk[at], scale * dk[e / 4][e % 4]); /* a key may be of several contexts */
        if (t.dv) atomicAdd(&t.dv[at], dv[e / 4][e % 4]);
    }
}

/* All gradients, of so many queries. */
template <int ROWS, class Job> static void mma_bwd(const Job &z, const attention_bwd &t, km_dim queries)
{
    enum { LEFT = MMA_PROBLEMS(SIDE) * 2 * SIDE * sizeof(float) };
#define BACKWARD(DT, by)                                                                                               \
    do {                                                                                                               \
        KM_MMA_LAUNCH((queries_bwd_kernel<DT, ROWS, Job>), ROWS, z, z.most_queries(), (mma_shared<DT, Job>(ROWS)), t,  \
                      by);                                                                                             \
        KM_MMA_LAUNCH((keys_bwd_kernel<DT, Job>), SIDE, z, z.most_keys(), (mma_shared<DT, Job>(SIDE) + LEFT), t, by);  \
    } while (0)
    if (queries == 0 || z.most_keys() == 0) return;
    left_behind by = {(float *)km_cuda_scratch(0, (size_t)queries * sizeof(float)),
                      (float *)km_cuda_scratch(1, (size_t)queries * sizeof(float))};
    KM_MMA_WIDTH(z.D, BACKWARD, by);
#undef BACKWARD
}

#endif
