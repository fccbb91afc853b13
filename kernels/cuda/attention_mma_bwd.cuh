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
    __device__ float at(km_dim i) const { return opt_g ? dy[i] * sigmoid(get(opt_g[i])) : dy[i]; }
    __device__ uint32_t two(km_dim i) const { return pair_of(at(i), at(i + 1)); }
};

/* What the first kernel leaves the second: of a query, at its first number's place / D, the logarithm of its softmax's
 * sum, to base 2, and the mean of its logits' gradients; and the opened gradient. */
struct left_behind {
    float *whole, *delta;
    bf16 *dout;
};

/* Of a warp's queries: what they leave for the other kernel, and the gradient by the gate. */
template <int DT>
__device__ static inline void leave_rows(const left_behind &to, const attention_bwd &t, const row_sums<DT, 1> &o,
                                         const uint32_t a[DT][4], float whole[2], float delta[2], km_dim from,
                                         km_dim stride, km_dim left, km_dim D)
{
    KM_UNROLL
    for (int r = 0; r < 2; r++) {
        const int row = lane_of() / 4 + 8 * r;
        whole[r] = o.sum[0][2 * r] > 0 ? log2f(o.sum[0][2 * r]) - o.less[0][r] : INFINITY;
        delta[r] = 0;
        KM_UNROLL
        for (int e = 0; e < 4 * DT; e++) {
            const int j = e / 2, half = e % 2, d = 8 * j + lane_of() % 4 * 2 + half;
            const uint32_t two = a[j / 2][r + j % 2 * 2];
            const float out = o.out[0][j][2 * r + half], dout = half ? high_of(two) : low_of(two);
            const km_dim at = from + row * stride + d;
            delta[r] += dout * out;
            if (row >= left || d >= D) continue;
            put(&to.dout[at], dout);
            if (!t.dg) continue;
            const float open = sigmoid(get(t.g[at]));
            t.dg[at] += t.dy[at] * out * open * (1 - open);
        }
        delta[r] = quad_sum(delta[r]);
        if (row >= left || lane_of() % 4) continue;
        to.whole[(from + row * stride) / D] = whole[r], to.delta[(from + row * stride) / D] = delta[r];
    }
}

template <int DT, int ROWS, class Job>
__global__ static void __launch_bounds__(MMA_WARPS *KM_WARP, DT < 3 ? 2 : 1)
    queries_bwd_kernel(attention_bwd t, left_behind to, Job z, unsigned tiles_across)
{
    enum { N = 4 };
    KM_SHARED(bf16, memory);
    const tiles<DT, 1, ROWS, Job> shared = {memory};
    const mma_place w = place_of<1>(ROWS, tiles_across, z.problems);
    const km_dim left = w.there ? z.queries(w.context) - w.first : 0;
    const km_dim from = z.first_query(w.context, w.problem) + w.first * z.query_stride;
    const row_tiles kv = keys_of(z, w, t.k, t.v);
    const float scale = rsqrtf((float)z.D);
    const int row = w.first - w.top, keys = (int)z.keys(w.context);
    auto added = z.added(w.context);
    uint32_t q[1][DT][4], dout[1][DT][4], ds[1][N / 2][4];
    float dq[1][2 * DT][4] = {{{0}}}, whole[2], delta[2];
    load_rows<DT>(q[0], rows_of{t.q}, from, z.query_stride, left, z.D);
    const row_sums<DT, 1> o = attend_rows<DT, 1, ROWS>(z, w, added, shared, q, kv);
    load_rows<DT>(dout[0], opened_rows{t.dy, t.g}, from, z.query_stride, left, z.D);
    leave_rows<DT>(to, t, o, dout[0], whole, delta, from, z.query_stride, left, z.D);
    __syncthreads();
    shared.stage(0, w, added, kv, w.top, 0);
    for (int key = 0, turn = 0; key < keys; key += SIDE, turn ^= 1) {
        copies_arrive();
        __syncthreads();
        if (key + SIDE < keys) shared.stage(turn ^ 1, w, added, kv, w.top, key + SIDE);
        const bf16 *k = shared.rows(turn, w), *v = k + SIDE * MMA_LD(DT);
        const uint64_t part = added.part(shared.added(turn), key);
        for (int c = 0; c < SIDE; c += 8 * N, k += 8 * N * MMA_LD(DT), v += 8 * N * MMA_LD(DT)) {
            float s[1][N][4], dp[1][N][4];
            multiply_rows<DT, 1, N>(s, q, k);
            added.template add<N>(s[0], shared.added(turn), row, c, scale);
            if (~part) drop_keys<N>(s[0], part, c);
            multiply_rows<DT, 1, N>(dp, dout, v);
            KM_UNROLL
            for (int e = 0; e < 4 * N; e++)
                s[0][e / 4][e % 4] =
                    two_to(LOG2E * s[0][e / 4][e % 4] - whole[e % 4 / 2]) * (dp[0][e / 4][e % 4] - delta[e % 4 / 2]);
            if (w.there) added.template take<N>(s[0], shared.added(turn), row, c, w.first, key + c);
            pack_operand<N>(ds[0], s[0]);
            add_product<DT, 1, N>(dq, ds, k);
        }
    }
    added.finish();
    KM_UNROLL
    for (int e = 0; e < 8 * DT; e++) {
        int r = lane_of() / 4 + e % 4 / 2 * 8, d = e / 4 * 8 + lane_of() % 4 * 2 + e % 2;
        if (t.dq && r < left && d < z.D) t.dq[from + r * z.query_stride + d] += scale * dq[0][e / 4][e % 4];
    }
}

/* What was left of 64 queries from one on, numbers of which lie `stride` apart: whole, then delta; of those behind the
 * last of `rows` such that weights are 0. */
__device__ static inline void stage_left(float *to, const mma_place &w, const float *whole, const float *delta,
                                         km_dim stride, int rows, int query)
{
    for (int i = w.n; i < SIDE; i += w.count) {
        const km_dim at = (query + i) * stride;
        if (query + i < rows) copy_4(&to[i], &whole[at], true);
        else to[i] = INFINITY;
        copy_4(&to[SIDE + i], &delta[at], query + i < rows);
    }
}

/* By keys: tiles are of queries and their gradients, and what is left of them lies behind what is added. */
template <int DT, class Job> struct query_tiles {
    enum { PROBLEMS = MMA_PROBLEMS(SIDE, 1) };
    tiles<DT, 1, SIDE, Job> of;
    __device__ float *left(int turn, const mma_place &w) const
    {
        return (float *)of.added(STAGES) + (turn * PROBLEMS + w.group) * 2 * SIDE;
    }
    static size_t bytes() { return tiles<DT, 1, SIDE, Job>::bytes() + STAGES * PROBLEMS * 2 * SIDE * sizeof(float); }
};

template <int DT, class Job>
__global__ static void __launch_bounds__(MMA_WARPS *KM_WARP, DT < 3 ? 2 : 1)
    keys_bwd_kernel(attention_bwd t, left_behind by, Job z, unsigned tiles_across)
{
    enum { N = 4 };
    KM_SHARED(bf16, memory);
    const query_tiles<DT, Job> shared = {{memory}};
    const mma_place w = place_of<1>(SIDE, tiles_across, z.problems);
    const km_dim left = w.there ? z.keys(w.context) - w.first : 0;
    const km_dim from = z.first_key(w.context, w.problem) + w.first * z.key_stride;
    const km_dim query_at = w.there ? z.first_query(w.context, w.problem) : 0;
    const row_tiles rows =
        tiles_of(t.q + query_at, by.dout + query_at, z.query_stride, w.there ? z.queries(w.context) : 0, z.D);
    const km_dim left_at = query_at / z.D, apart = z.query_stride / z.D;
    const float scale = rsqrtf((float)z.D);
    const int row = w.first - w.top, queries = (int)z.queries(w.context);
    auto added = z.added(w.context);
    auto stage_tile = [&](int turn, int query) {
        added.stage(shared.of.added(turn), SIDE, query, w.top);
        rows.stage<DT>(shared.of.rows(turn, w), w, query);
        stage_left(shared.left(turn, w), w, by.whole + left_at, by.delta + left_at, apart, rows.rows, query);
    };
    uint32_t k[1][DT][4], v[1][DT][4], operand[1][N / 2][4];
    float dk[1][2 * DT][4] = {{{0}}}, dv[1][2 * DT][4] = {{{0}}};
    load_rows<DT>(k[0], rows_of{t.k}, from, z.key_stride, left, z.D);
    load_rows<DT>(v[0], rows_of{t.v}, from, z.key_stride, left, z.D);
    stage_tile(0, 0);
    for (int query = 0, turn = 0; query < queries; query += SIDE, turn ^= 1) {
        copies_arrive();
        __syncthreads();
        if (query + SIDE < queries) stage_tile(turn ^ 1, query + SIDE);
        const bf16 *q = shared.of.rows(turn, w), *dout = q + SIDE * MMA_LD(DT);
        const float *whole = shared.left(turn, w) + lane_of() % 4 * 2, *delta = whole + SIDE;
        const uint64_t part = added.part(shared.of.added(turn), w.top) >> (row + lane_of() / 4);
        for (int c = 0; c < SIDE; c += 8 * N, q += 8 * N * MMA_LD(DT), dout += 8 * N * MMA_LD(DT)) {
            float s[1][N][4], dp[1][N][4];
            multiply_rows<DT, 1, N>(s, k, q);
            added.template add_turned<N>(s[0], shared.of.added(turn), row, c, scale);
            multiply_rows<DT, 1, N>(dp, v, dout);
            KM_UNROLL
            for (int e = 0; e < 4 * N; e++) {
                const int j = e / 4, i = e % 4, column = c + 8 * j + i % 2;
                const float weight = part >> i / 2 * 8 & 1 ? two_to(LOG2E * s[0][j][i] - whole[column]) : 0;
                s[0][j][i] = weight, dp[0][j][i] = weight * (dp[0][j][i] - delta[column]);
            }
            pack_operand<N>(operand[0], s[0]);
            add_product<DT, 1, N>(dv, operand, dout);
            pack_operand<N>(operand[0], dp[0]);
            add_product<DT, 1, N>(dk, operand, q);
        }
    }
    KM_UNROLL
    for (int e = 0; e < 8 * DT; e++) {
        int r = lane_of() / 4 + e % 4 / 2 * 8, d = e / 4 * 8 + lane_of() % 4 * 2 + e % 2;
        km_dim at = from + r * z.key_stride + d;
        if (r >= left || d >= z.D) continue;
        if (t.dk) atomicAdd(&t.dk[at], scale * dk[0][e / 4][e % 4]); /* a key may be of several contexts */
        if (t.dv) atomicAdd(&t.dv[at], dv[0][e / 4][e % 4]);
    }
}

/* All gradients, of so many queries. */
template <int ROWS, class Job> static void mma_bwd(const Job &z, const attention_bwd &t, km_dim queries)
{
#define BACKWARD(DT, by)                                                                                               \
    do {                                                                                                               \
        KM_MMA_LAUNCH((queries_bwd_kernel<DT, ROWS, Job>), ROWS, 1, z, z.most_queries(),                               \
                      (tiles<DT, 1, ROWS, Job>::bytes()), t, by);                                                      \
        KM_MMA_LAUNCH((keys_bwd_kernel<DT, Job>), SIDE, 1, z, z.most_keys(), (query_tiles<DT, Job>::bytes()), t, by);  \
    } while (0)
    if (queries == 0 || z.most_keys() == 0) return;
    left_behind by = {(float *)km_cuda_scratch(0, (size_t)queries * sizeof(float)),
                      (float *)km_cuda_scratch(1, (size_t)queries * sizeof(float)),
                      (bf16 *)km_cuda_scratch(2, (size_t)(queries * z.D) * sizeof(bf16))};
    KM_MMA_WIDTH(z.D, BACKWARD, by);
#undef BACKWARD
}

#endif
