/* SPDX-License-Identifier: MIT
 * Any attention on tensor cores. A block of eight warps has ROWS queries of several problems that add the same to their
 * logits (frames that share a bias, tokens that share times), 16 queries a warp; keys come 64 at a time. What is added
 * is read or made once for all of them. Logits, softmax (online) and sums stay in registers; weights are rounded to
 * bfloat16 for their product with the values, and add up as rounded.
 *
 * An attention is a Job, passed by value:
 *     km_dim D, problems, contexts      of a context all problems add the same; its number is the argument below
 *     queries(context), keys(context)   how many; most_queries(), most_keys(): of any context
 *     first_query(context, problem), first_key(..), query_stride, key_stride   where their rows of D numbers lie
 *     bytes(rows)                       of an Added in shared memory, `rows` queries by SIDE keys at a time
 *     added(context)                    an Added:
 *         stage(shared, rows, query, key)   by all threads of the block, from this query and key on
 *         logit(shared, r, c)           what is added, in units of log 2; -INFINITY: the key takes no part
 *         take(shared, r, c, query, key, ds), finish()   as in attention.cuh */
#ifndef KERNELS_CUDA_ATTENTION_MMA_CUH
#define KERNELS_CUDA_ATTENTION_MMA_CUH

#include "kernels/cuda/mma.cuh"

enum { SIDE = 64, MMA_WARPS = 8, WIDEST = 64 };
static constexpr float LOG2E = 1.44269504f;

/* Columns of a tile of rows of heads up to 16 DT wide, and how many problems of `rows` rows a block has. */
#define MMA_LD(DT) ((DT)*16 + PADDING)
#define MMA_PROBLEMS(rows) (MMA_WARPS * 16 / (rows))

/* Rows of heads in memory. */
struct rows_of {
    const bf16 *x;
    __device__ bf16 at(km_dim i) const { return x[i]; }
};

/* The operand a of a warp's 16 rows, `left` of which there are; the first begins at x.at(at). */
template <int DT, class X>
__device__ static inline void load_rows(uint32_t a[DT][4], const X &x, km_dim at, km_dim stride, km_dim left, km_dim D)
{
    const int g = lane_of() / 4, t = lane_of() % 4;
    const bf16 none = {0};
    for (int kk = 0; kk < DT; kk++)
        for (int i = 0; i < 4; i++) {
            km_dim row = g + i % 2 * 8, d = kk * 16 + i / 2 * 8 + 2 * t, from = at + row * stride + d;
            a[kk][i] =
                pair_of(row < left && d < D ? x.at(from) : none, row < left && d + 1 < D ? x.at(from + 1) : none);
        }
}

/* s [16, 64] = a times the rows of a tile [64, LD], turned */
template <int DT> __device__ static inline void multiply_rows(float s[8][4], const uint32_t a[DT][4], const bf16 *tile)
{
    const int g = lane_of() / 4, t = lane_of() % 4;
    for (int j = 0; j < 8; j++) {
        for (int i = 0; i < 4; i++) s[j][i] = 0;
        for (int kk = 0; kk < DT; kk++) {
            const bf16 *row = tile + (8 * j + g) * MMA_LD(DT) + 16 * kk + 2 * t;
            mma(s[j], a[kk], pair_at(row), pair_at(row + 8));
        }
    }
}

/* s [16, 64] as operands a of four products. */
__device__ static inline void pack_operand(uint32_t p[4][4], const float s[8][4])
{
    for (int j = 0; j < 8; j++)
        for (int r = 0; r < 2; r++) {
            bf16 low, high;
            put(&low, s[j][2 * r]), put(&high, s[j][2 * r + 1]);
            p[j / 2][r + j % 2 * 2] = pair_of(low, high);
        }
}

/* out [16, 16 DT] += p [16, 64] times a tile [64, LD] */
template <int DT>
__device__ static inline void add_product(float out[2 * DT][4], const uint32_t p[4][4], const bf16 *tile)
{
    const int l = lane_of();
    uint32_t b[4];
    for (int kk = 0; kk < 4; kk++)
        for (int j = 0; j < 2 * DT; j += 2) {
            load_turned(b, tile + (16 * kk + l % 16) * MMA_LD(DT) + 8 * (j + l / 16));
            mma(out[j], p[kk], b[0], b[1]);
            mma(out[j + 1], p[kk], b[2], b[3]);
        }
}

__device__ static inline float quad_max(float x)
{
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

__device__ static inline float quad_sum(float x)
{
    x += __shfl_xor_sync(0xffffffffu, x, 1);
    return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

/* Sums of a warp's 16 queries: of rows g and g + 8. */
template <int DT> struct row_sums {
    float most[2], sum[2], out[2 * DT][4];
};

/* s [16, 64]: logits in units of log 2, become weights and operands. */
template <int DT> __device__ static inline void soften(row_sums<DT> &o, float s[8][4], uint32_t p[4][4])
{
    for (int r = 0; r < 2; r++) {
        float most = o.most[r];
        for (int j = 0; j < 8; j++) most = fmaxf(most, fmaxf(s[j][2 * r], s[j][2 * r + 1]));
        most = quad_max(most);
        float zero = most == -INFINITY ? 0 : most, shrink = exp2f(o.most[r] - zero), sum = 0;
        o.most[r] = most;
        for (int j = 0; j < 8; j++)
            for (int e = 2 * r; e < 2 * r + 2; e++) {
                bf16 rounded;
                put(&rounded, exp2f(s[j][e] - zero));
                sum += s[j][e] = get(rounded);
            }
        o.sum[r] = o.sum[r] * shrink + sum;
        for (int j = 0; j < 2 * DT; j++) o.out[j][2 * r] *= shrink, o.out[j][2 * r + 1] *= shrink;
    }
    pack_operand(p, s);
}

/* Which rows of which problem a warp has. */
struct mma_place {
    km_dim context, problem, top, first; /* top: the block's first row; first: the warp's */
    int group, n, count;                 /* of the problem in the block; of the thread in it */
    bool there;
};

/* Blocks: x problems, y contexts and their tiles of `rows` rows. */
__device__ static inline mma_place place_of(int rows, km_dim tiles, km_dim problems)
{
    const int count = 2 * rows, n = (int)threadIdx.x, group = n / count;
    const km_dim problem = blockIdx.x * (km_dim)MMA_PROBLEMS(rows) + group, top = blockIdx.y % tiles * rows;
    return mma_place{blockIdx.y / tiles, problem, top, top + n % count / KM_WARP * 16, group, n % count, count,
                     problem < problems};
}

/* The tile of keys (or values) of a problem from key on. */
template <int DT, class Job>
__device__ static inline void stage_keys(bf16 *to, const Job &z, const mma_place &w, const bf16 *x, km_dim key)
{
    km_dim rows = w.there ? z.keys(w.context) - key : 0;
    stage(to, MMA_LD(DT), SIDE, DT * 16, x + z.first_key(w.context, w.problem) + key * z.key_stride, z.key_stride, rows,
          z.D, w.n, w.count);
}

/* Logits of a warp's queries: products s of theirs with a tile's keys, scaled, and what is added. */
template <class Added>
__device__ static inline void add_logits(float s[8][4], const Added &added, const unsigned char *tile, int row,
                                         float scale)
{
    const int g = lane_of() / 4, t = lane_of() % 4;
    for (int j = 0; j < 8; j++)
        for (int i = 0; i < 4; i++)
            s[j][i] = scale * s[j][i] + added.logit(tile, row + g + i / 2 * 8, 8 * j + 2 * t + i % 2);
}

/* The softmax of a warp's queries a over all keys. The block's shared memory: keys and values of its problems, then
 * what is added. */
template <int DT, int ROWS, class Job, class Added>
__device__ static inline row_sums<DT> attend_rows(const Job &z, const mma_place &w, const Added &added, bf16 *shared,
                                                  const uint32_t a[DT][4], const bf16 *k, const bf16 *v)
{
    bf16 *keys = shared + w.group * 2 * SIDE * MMA_LD(DT), *values = keys + SIDE * MMA_LD(DT);
    unsigned char *tile = (unsigned char *)(shared + MMA_PROBLEMS(ROWS) * 2 * SIDE * MMA_LD(DT));
    row_sums<DT> o = {{-INFINITY, -INFINITY}, {0, 0}, {{0}}};
    float s[8][4];
    uint32_t p[4][4];
    for (km_dim key = 0; key < z.keys(w.context); key += SIDE) {
        __syncthreads();
        added.stage(tile, ROWS, w.top, key);
        stage_keys<DT>(keys, z, w, k, key);
        stage_keys<DT>(values, z, w, v, key);
        __syncthreads();
        multiply_rows<DT>(s, a, keys);
        add_logits(s, added, tile, (int)(w.first - w.top), LOG2E * rsqrtf((float)z.D));
        soften<DT>(o, s, p);
        add_product<DT>(o.out, p, values);
    }
    for (int r = 0; r < 2; r++) {
        o.sum[r] = quad_sum(o.sum[r]);
        for (int j = 0; j < 2 * DT && o.sum[r] > 0; j++) o.out[j][2 * r] /= o.sum[r], o.out[j][2 * r + 1] /= o.sum[r];
    }
    return o;
}

template <int DT, int ROWS, class Job>
__global__ static void __launch_bounds__(MMA_WARPS *KM_WARP)
    mma_kernel(bf16 *y, const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *opt_g, Job z, km_dim tiles)
{
    KM_SHARED(bf16, shared);
    const mma_place w = place_of(ROWS, tiles, z.problems);
    const km_dim left = w.there ? z.queries(w.context) - w.first : 0;
    const km_dim from = z.first_query(w.context, w.problem) + w.first * z.query_stride;
    uint32_t a[DT][4];
    load_rows<DT>(a, rows_of{q}, from, z.query_stride, left, z.D);
    row_sums<DT> o = attend_rows<DT, ROWS>(z, w, z.added(w.context), shared, a, k, v);
    for (int e = 0; e < 8 * DT; e++) {
        int row = lane_of() / 4 + e % 4 / 2 * 8, d = e / 4 * 8 + lane_of() % 4 * 2 + e % 2;
        km_dim at = from + row * z.query_stride + d;
        if (row < left && d < z.D) put(&y[at], o.out[e / 4][e % 4] * (opt_g ? sigmoid(get(opt_g[at])) : 1));
    }
}

/* kernel of these arguments over all problems, and tiles of ROWS rows of the most that a context has */
#define KM_MMA_LAUNCH(kernel, ROWS, z, most, shared, ...)                                                              \
    do {                                                                                                               \
        km_dim tiles_ = ((most) + (ROWS)-1) / (ROWS);                                                                  \
        km_launch(kernel,                                                                                              \
                  dim3((unsigned)(((z).problems + MMA_PROBLEMS(ROWS) - 1) / MMA_PROBLEMS(ROWS)),                       \
                       (unsigned)((z).contexts * tiles_)),                                                             \
                  dim3(MMA_WARPS *KM_WARP), shared, __VA_ARGS__, z, tiles_);                                           \
    } while (0)

template <int DT, class Job> static size_t mma_shared(int rows)
{
    return (size_t)MMA_PROBLEMS(rows) * 2 * SIDE * MMA_LD(DT) * sizeof(bf16) + Job::bytes(rows);
}

/* call<DT> for the smallest DT that holds a head */
#define KM_MMA_WIDTH(D, call, ...)                                                                                     \
    do {                                                                                                               \
        if ((D) <= 16) call(1, __VA_ARGS__);                                                                           \
        else if ((D) <= 32) call(2, __VA_ARGS__);                                                                      \
        else if ((D) <= 48) call(3, __VA_ARGS__);                                                                      \
        else call(4, __VA_ARGS__);                                                                                     \
    } while (0)

/* Are tensor cores for it: heads no wider than they are made for, and no more tiles of 32 rows than a grid has? */
template <class Job> static bool suits_mma(const Job &z)
{
    km_dim most = z.most_queries() > z.most_keys() ? z.most_queries() : z.most_keys();
    return z.D <= WIDEST && z.contexts * ((most + 31) / 32) <= 65535;
}

/* y of all queries; nothing where there are none */
template <int ROWS, class Job>
static void mma_fwd(const Job &z, bf16 *y, const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *opt_g)
{
#define FORWARD(DT, most)                                                                                              \
    KM_MMA_LAUNCH((mma_kernel<DT, ROWS, Job>), ROWS, z, most, (mma_shared<DT, Job>(ROWS)), y, q, k, v, opt_g)
    if (z.problems * z.contexts * z.most_queries() > 0) KM_MMA_WIDTH(z.D, FORWARD, z.most_queries());
#undef FORWARD
}

/* What is added by a bias of queries by keys, in memory with rows `stride` apart, and a mask of the keys. */
struct biased {
    enum { LB = SIDE + PADDING };
    const bf16 *bias;
    float *opt_dbias;
    const float *opt_mask;
    km_dim stride, queries, keys;
    static size_t bytes(int rows) { return SIDE * sizeof(float) + (size_t)rows * LB * sizeof(bf16); }
    /* what masks add, and the bias behind it */
    __device__ void stage(unsigned char *shared, int rows, km_dim query, km_dim key) const
    {
        const int n = (int)threadIdx.x;
        float *drop = (float *)shared;
        if (n < SIDE) drop[n] = key + n < keys && !(opt_mask && opt_mask[key + n] == 0) ? 0 : -INFINITY;
        ::stage((bf16 *)(drop + SIDE), LB, rows, SIDE, bias + query * stride + key, stride, queries - query, keys - key,
                n, MMA_WARPS * KM_WARP);
    }
    __device__ float logit(const unsigned char *shared, int r, int c) const
    {
        const float *drop = (const float *)shared;
        return LOG2E * get(((const bf16 *)(drop + SIDE))[r * LB + c]) + drop[c];
    }
    __device__ void take(const unsigned char *, int, int, km_dim query, km_dim key, float ds) const
    {
        if (opt_dbias && query < queries && key < keys) atomicAdd(&opt_dbias[query * stride + key], ds);
    }
    __device__ void finish() const {}
};

#endif
