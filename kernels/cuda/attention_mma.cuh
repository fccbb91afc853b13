/* SPDX-License-Identifier: MIT
 * Any attention on tensor cores. A block of eight warps has ROWS queries of several problems that add the same to their
 * logits (frames that share a bias, tokens that share times), M times 16 queries a warp; keys come 64 at a time, the
 * next on their way while these are multiplied, and are taken 32 at once. What is added is read or made once for all
 * problems of a block. Logits, softmax (online) and sums stay in registers; weights are rounded to bfloat16 for their
 * product with the values, and add up as rounded (a product with ones).
 *
 * An attention is a Job, passed by value:
 *     D, problems, contexts             of a context all problems add the same; its number is the argument below
 *     queries(context), keys(context)   how many; most_queries(), most_keys(): of any context
 *     first_query(context, problem), first_key(..), query_stride, key_stride   where their rows of D numbers lie
 *     bytes(rows)                       of an Added in shared memory, `rows` queries by SIDE keys at a time
 *     added(context)                    an Added:
 *         stage(shared, rows, query, key)   by all threads of the block, from this query and key on; may be late
 *         part(shared, key)             a bit for each of the tile's keys that takes part; by a warp
 *         add<N>(s, shared, row, column, scale)   s [16, 8 N] = scale s + what is added from this row and column on
 *         add_turned<N>(..)             the same where rows of s are keys
 *         take<N>(ds, shared, row, column, query, key), finish()   as in attention.cuh, of a warp's ds [16, 8 N] */
#ifndef KERNELS_CUDA_ATTENTION_MMA_CUH
#define KERNELS_CUDA_ATTENTION_MMA_CUH

#include "kernels/cuda/mma.cuh"

enum { SIDE = 64, MMA_WARPS = 8, WIDEST = 64, STAGES = 2 };
static constexpr float LOG2E = 1.44269504f;

/* Columns of a tile of rows of heads up to 16 DT wide, how many problems of `rows` rows a block has, and the numbers of
 * their keys and values. */
#define MMA_LD(DT) ((DT)*16 + PADDING)
#define MMA_PROBLEMS(rows, M) (MMA_WARPS * 16 * (M) / (rows))
#define MMA_TILE(DT, rows, M) (MMA_PROBLEMS(rows, M) * 2 * SIDE * MMA_LD(DT))

/* Rows of heads in memory. */
struct rows_of {
    const bf16 *x;
    __device__ uint32_t two(km_dim i) const { return pair_at(x + i); }
};

/* The operand a of 16 rows of a warp, `left` of which there are; the first begins at x's number `at`. */
template <int DT, class X>
__device__ static inline void load_rows(uint32_t a[DT][4], const X &x, km_dim at, km_dim stride, km_dim left, km_dim D)
{
    const int g = lane_of() / 4, t = lane_of() % 4;
    KM_UNROLL
    for (int kk = 0; kk < DT; kk++) KM_UNROLL
    for (int i = 0; i < 4; i++) {
        int row = g + i % 2 * 8, d = kk * 16 + i / 2 * 8 + 2 * t;
        a[kk][i] = row < left && d < D ? x.two(at + row * stride + d) : 0;
    }
}

/* s [16 M, 8 N] = rows times the 8 N first rows of a tile [.., LD], turned */
template <int DT, int M, int N>
__device__ static inline void multiply_rows(float s[M][N][4], const uint32_t a[M][DT][4], const bf16 *tile)
{
    const bf16 *row = tile + (lane_of() % 8 + lane_of() / 16 * 8) * MMA_LD(DT) + lane_of() / 8 % 2 * 8;
    uint32_t b[4];
    KM_UNROLL
    for (int j = 0; j < N; j += 2) {
        KM_UNROLL
        for (int m = 0; m < M; m++) KM_UNROLL
        for (int i = 0; i < 4; i++) s[m][j][i] = s[m][j + 1][i] = 0;
        KM_UNROLL
        for (int kk = 0; kk < DT; kk++) {
            load_straight(b, row + 8 * j * MMA_LD(DT) + 16 * kk);
            KM_UNROLL
            for (int m = 0; m < M; m++) mma(s[m][j], a[m][kk], b[0], b[1]), mma(s[m][j + 1], a[m][kk], b[2], b[3]);
        }
    }
}

/* s [16, 8 N] as operands a of N / 2 products. */
template <int N> __device__ static inline void pack_operand(uint32_t p[N / 2][4], const float s[N][4])
{
    KM_UNROLL
    for (int j = 0; j < N; j++) KM_UNROLL
    for (int r = 0; r < 2; r++) p[j / 2][r + j % 2 * 2] = pair_of(s[j][2 * r], s[j][2 * r + 1]);
}

/* out [16 M, 16 DT] += p [16 M, 8 N] times the 8 N first rows of a tile [.., LD] */
template <int DT, int M, int N>
__device__ static inline void add_product(float out[M][2 * DT][4], const uint32_t p[M][N / 2][4], const bf16 *tile)
{
    const bf16 *row = tile + lane_of() % 16 * MMA_LD(DT) + lane_of() / 16 * 8;
    uint32_t b[4];
    KM_UNROLL
    for (int kk = 0; kk < N / 2; kk++) KM_UNROLL
    for (int j = 0; j < 2 * DT; j += 2) {
        load_turned(b, row + 16 * kk * MMA_LD(DT) + 8 * j);
        KM_UNROLL
        for (int m = 0; m < M; m++) mma(out[m][j], p[m][kk], b[0], b[1]), mma(out[m][j + 1], p[m][kk], b[2], b[3]);
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

/* Of M times 16 queries, rows g and g + 8: a weight is 2^(log2(e) logit + less); sums of weights (rows g, g, g + 8,
 * g + 8), and of weights times values. */
template <int DT, int M> struct row_sums {
    float less[M][2], sum[M][4], out[M][2 * DT][4];
};

/* How far beyond the greatest so far logits may grow, in powers of 2, before sums are scaled: few tiles do it then.
 * What `less` is before the first key: any weight would be too great. */
static constexpr float SLACK = 7, NOT_YET = 1e30f;

/* Weights of 16 queries that are bounded for s [16, 8 N] too, by a whole warp. */
template <int DT, int M, int N>
__device__ static inline void bound_weights(row_sums<DT, M> &o, int m, const float s[N][4])
{
    float most[2] = {-INFINITY, -INFINITY};
    KM_UNROLL
    for (int j = 0; j < N; j++) KM_UNROLL
    for (int e = 0; e < 4; e++) most[e / 2] = fmaxf(most[e / 2], s[j][e]);
    const bool beyond = LOG2E * most[0] + o.less[m][0] > SLACK || LOG2E * most[1] + o.less[m][1] > SLACK;
    if (!__ballot_sync(0xffffffffu, beyond)) return;
    KM_UNROLL
    for (int r = 0; r < 2; r++) {
        const float top = LOG2E * quad_max(most[r]);
        const bool grown = top + o.less[m][r] > SLACK;
        const float shrink = grown ? two_to(-top - o.less[m][r]) : 1;
        if (grown) o.less[m][r] = -top;
        KM_UNROLL
        for (int e = 2 * r; e < 2 * r + 2; e++) {
            o.sum[m][e] *= shrink;
            KM_UNROLL
            for (int j = 0; j < 2 * DT; j++) o.out[m][j][e] *= shrink;
        }
    }
}

/* s [16, 8 N]: logits of 16 queries, as weights in operands; and the sums of these. */
template <int DT, int M, int N>
__device__ static inline void soften(row_sums<DT, M> &o, int m, float s[N][4], uint32_t p[N / 2][4])
{
    const uint32_t ones = 0x3f803f80u;
    bound_weights<DT, M, N>(o, m, s);
    KM_UNROLL
    for (int j = 0; j < N; j++) KM_UNROLL
    for (int e = 0; e < 4; e++) s[j][e] = two_to(LOG2E * s[j][e] + o.less[m][e / 2]);
    pack_operand<N>(p, s);
    KM_UNROLL
    for (int kk = 0; kk < N / 2; kk++) mma(o.sum[m], p[kk], ones, ones);
}

/* Which rows of which problem a warp has. */
struct mma_place {
    int context, problem, top, first; /* top: the block's first row; first: the warp's */
    int group, n, count;              /* of the problem in the block; of the thread in it */
    bool there;
};

/* Blocks: contexts in y; in x tiles of `rows` rows, so that a problem's keys are still near for its next tile. */
template <int M> __device__ static inline mma_place place_of(int rows, unsigned tiles, km_dim problems)
{
    const int count = 2 * rows / M, n = (int)threadIdx.x, group = n / count;
    const int problem = (int)(blockIdx.x / tiles) * MMA_PROBLEMS(rows, M) + group;
    const int top = (int)(blockIdx.x % tiles) * rows;
    return mma_place{(int)blockIdx.y, problem,   top,   top + n % count / KM_WARP * 16 * M,
                     group,           n % count, count, problem < problems};
}

/* Tiles of rows of a problem: of its keys and values (or queries and what belongs to them). */
struct row_tiles {
    const bf16 *x[2];
    km_dim stride;
    int rows, D;
    template <int DT> __device__ void stage(bf16 *to, const mma_place &w, int row) const
    {
        KM_UNROLL
        for (int i = 0; i < 2; i++)
            ::stage(to + i * SIDE * MMA_LD(DT), MMA_LD(DT), SIDE, DT * 16, x[i] + row * stride, stride, rows - row, D,
                    w.n, w.count);
    }
};

__device__ static inline row_tiles tiles_of(const bf16 *x, const bf16 *y, km_dim stride, km_dim rows, km_dim D)
{
    return row_tiles{{x, y}, stride, (int)rows, (int)D};
}

template <class Job>
__device__ static inline row_tiles keys_of(const Job &z, const mma_place &w, const bf16 *k, const bf16 *v)
{
    const km_dim at = w.there ? z.first_key(w.context, w.problem) : 0;
    return tiles_of(k + at, v + at, z.key_stride, w.there ? z.keys(w.context) : 0, z.D);
}

/* s of rows by keys `first` and on of a tile: those that take no part. */
template <int N> __device__ static inline void drop_keys(float s[N][4], uint64_t part, int first)
{
    KM_UNROLL
    for (int j = 0; j < N; j++) KM_UNROLL
    for (int e = 0; e < 4; e++)
        if (!(part >> (first + 8 * j + lane_of() % 4 * 2 + e % 2) & 1)) s[j][e] = -INFINITY;
}

/* The block's shared memory: STAGES times the tiles of its problems, then STAGES times what is added. */
template <int DT, int M, int ROWS, class Job> struct tiles {
    bf16 *first;
    __device__ bf16 *rows(int turn, const mma_place &w) const
    {
        return first + turn * MMA_TILE(DT, ROWS, M) + w.group * 2 * SIDE * MMA_LD(DT);
    }
    __device__ unsigned char *added(int turn) const
    {
        return (unsigned char *)(first + STAGES * MMA_TILE(DT, ROWS, M)) + turn * Job::bytes(ROWS);
    }
    template <class Added>
    __device__ void stage(int turn, const mma_place &w, const Added &what, const row_tiles &kv, int query,
                          int key) const
    {
        what.stage(added(turn), ROWS, query, key);
        kv.stage<DT>(rows(turn, w), w, key);
    }
    static size_t bytes() { return STAGES * (MMA_TILE(DT, ROWS, M) * sizeof(bf16) + Job::bytes(ROWS)); }
};

/* The softmax of a warp's queries a over all keys. */
template <int DT, int M, int ROWS, class Job, class Added>
__device__ static inline row_sums<DT, M> attend_rows(const Job &z, const mma_place &w, const Added &added,
                                                     const tiles<DT, M, ROWS, Job> &shared, const uint32_t a[M][DT][4],
                                                     const row_tiles &kv)
{
    enum { N = 4 };
    const int keys = (int)z.keys(w.context), row = w.first - w.top;
    const float scale = rsqrtf((float)z.D);
    row_sums<DT, M> o = {{{0}}, {{0}}, {{{0}}}};
    KM_UNROLL
    for (int m = 0; m < M; m++) o.less[m][0] = o.less[m][1] = NOT_YET;
    shared.stage(0, w, added, kv, w.top, 0);
    for (int key = 0, turn = 0; key < keys; key += SIDE, turn ^= 1) {
        copies_arrive();
        __syncthreads();
        if (key + SIDE < keys) shared.stage(turn ^ 1, w, added, kv, w.top, key + SIDE);
        const bf16 *k = shared.rows(turn, w), *v = k + SIDE * MMA_LD(DT);
        const uint64_t part = added.part(shared.added(turn), key);
        for (int c = 0; c < SIDE; c += 8 * N, k += 8 * N * MMA_LD(DT), v += 8 * N * MMA_LD(DT)) {
            float s[M][N][4];
            uint32_t p[M][N / 2][4];
            multiply_rows<DT, M, N>(s, a, k);
            KM_UNROLL
            for (int m = 0; m < M; m++) {
                added.template add<N>(s[m], shared.added(turn), row + 16 * m, c, scale);
                if (~part) drop_keys<N>(s[m], part, c);
                soften<DT, M, N>(o, m, s[m], p[m]);
            }
            add_product<DT, M, N>(o.out, p, v);
        }
    }
    KM_UNROLL
    for (int m = 0; m < M; m++) KM_UNROLL
    for (int e = 0; e < 8 * DT; e++) o.out[m][e / 4][e % 4] *= o.sum[m][e % 4] > 0 ? 1 / o.sum[m][e % 4] : 0;
    return o;
}

template <int DT, int M, int ROWS, class Job>
__global__ static void __launch_bounds__(MMA_WARPS *KM_WARP, 2)
    mma_kernel(bf16 *y, const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *opt_g, Job z, unsigned tiles_across)
{
    KM_SHARED(bf16, shared);
    const mma_place w = place_of<M>(ROWS, tiles_across, z.problems);
    const km_dim left = w.there ? z.queries(w.context) - w.first : 0;
    const km_dim from = z.first_query(w.context, w.problem) + w.first * z.query_stride;
    uint32_t a[M][DT][4];
    KM_UNROLL
    for (int m = 0; m < M; m++)
        load_rows<DT>(a[m], rows_of{q}, from + 16 * m * z.query_stride, z.query_stride, left - 16 * m, z.D);
    const row_sums<DT, M> o =
        attend_rows<DT, M, ROWS>(z, w, z.added(w.context), tiles<DT, M, ROWS, Job>{shared}, a, keys_of(z, w, k, v));
    KM_UNROLL
    for (int m = 0; m < M; m++) KM_UNROLL
    for (int e = 0; e < 8 * DT; e += 2) {
        const int row = 16 * m + lane_of() / 4 + e % 4 / 2 * 8, d = e / 4 * 8 + lane_of() % 4 * 2;
        const km_dim at = from + row * z.query_stride + d;
        if (row >= left || d >= z.D) continue;
        const uint32_t g = opt_g ? pair_at(opt_g + at) : 0;
        const float low = opt_g ? sigmoid(low_of(g)) : 1, high = opt_g ? sigmoid(high_of(g)) : 1;
        *(uint32_t *)(y + at) = pair_of(o.out[m][e / 4][e % 4] * low, o.out[m][e / 4][e % 4 + 1] * high);
    }
}

/* kernel of these arguments over all problems, and tiles of ROWS rows of the most that a context has */
#define KM_MMA_LAUNCH(kernel, ROWS, M, z, most, shared, ...)                                                           \
    do {                                                                                                               \
        unsigned tiles_ = (unsigned)(((most) + (ROWS)-1) / (ROWS)),                                                    \
                 groups_ = (unsigned)(((z).problems + MMA_PROBLEMS(ROWS, M) - 1) / MMA_PROBLEMS(ROWS, M));             \
        km_launch(kernel, dim3(tiles_ *groups_, (unsigned)(z).contexts), dim3(MMA_WARPS *KM_WARP), shared,             \
                  __VA_ARGS__, z, tiles_);                                                                             \
    } while (0)

/* call<DT> for the smallest DT that holds a head */
#define KM_MMA_WIDTH(D, call, ...)                                                                                     \
    do {                                                                                                               \
        if ((D) <= 32) call(2, __VA_ARGS__);                                                                           \
        else if ((D) <= 48) call(3, __VA_ARGS__);                                                                      \
        else call(4, __VA_ARGS__);                                                                                     \
    } while (0)

/* Are tensor cores for it: rows of heads of whole 16 bytes, no wider than they are made for, and no more contexts than
 * a grid has? */
template <class Job> static bool suits_mma(const Job &z, const float *q, const float *k, const float *v)
{
    return z.D % 8 == 0 && z.D <= WIDEST && z.contexts <= 65535 && lies_in_line(q) && lies_in_line(k) &&
           lies_in_line(v);
}

/* y of all queries; nothing where there are none. M: of heads up to 32 wide, wider ones take the registers of two. */
template <int ROWS, int M, class Job>
static void mma_fwd(const Job &z, bf16 *y, const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *opt_g)
{
#define FORWARD(DT, most)                                                                                              \
    do {                                                                                                               \
        enum { ONES = DT == 2 ? M : 1, HIGH = ROWS / M * ONES };                                                       \
        KM_MMA_LAUNCH((mma_kernel<DT, ONES, HIGH, Job>), HIGH, ONES, z, most, (tiles<DT, ONES, HIGH, Job>::bytes()),   \
                      y, q, k, v, opt_g);                                                                              \
    } while (0)
    if (z.problems > 0 && z.contexts > 0 && z.most_queries() > 0) KM_MMA_WIDTH(z.D, FORWARD, z.most_queries());
#undef FORWARD
}

/* What is added by a bias of queries by keys, in memory with rows `stride` apart, and a mask of the keys. */
struct biased {
    enum { LB = SIDE + PADDING };
    const bf16 *bias;
    float *opt_dbias;
    const float *opt_mask;
    km_dim stride, slope_stride; /* of the bias and of its gradient */
    int queries, keys, columns;  /* columns: of the bias that may be read, no fewer than keys */
    __host__ __device__ static constexpr size_t bytes(int rows)
    {
        return SIDE * sizeof(float) + (size_t)rows * LB * sizeof(bf16);
    }
    /* the mask, and the bias behind it */
    __device__ void stage(unsigned char *shared, int rows, int query, int key) const
    {
        const int n = (int)threadIdx.x;
        float *mask = (float *)shared;
        if (opt_mask && n < SIDE) copy_4(mask + n, opt_mask + key + n, key + n < keys);
        ::stage((bf16 *)(mask + SIDE), LB, rows, SIDE, bias + query * stride + key, stride, queries - query,
                columns - key, n, MMA_WARPS * KM_WARP);
    }
    __device__ uint64_t part(const unsigned char *shared, int key) const
    {
        const float *mask = (const float *)shared;
        if (!opt_mask) return keys - key < SIDE ? ((uint64_t)1 << (keys - key)) - 1 : ~(uint64_t)0;
        const unsigned low = __ballot_sync(0xffffffffu, mask[lane_of()] != 0);
        return low | (uint64_t)__ballot_sync(0xffffffffu, mask[KM_WARP + lane_of()] != 0) << KM_WARP;
    }
    template <int N>
    __device__ void add(float s[N][4], const unsigned char *shared, int row, int column, float scale) const
    {
        const bf16 *at = (const bf16 *)((const float *)shared + SIDE) + (row + lane_of() % 16) * LB + column;
        uint32_t b[4];
        KM_UNROLL
        for (int j = 0; j < N; j += 2) {
            load_straight(b, at + 8 * j + lane_of() / 16 * 8);
            add_pairs(s[j], b[0], b[1], scale), add_pairs(s[j + 1], b[2], b[3], scale);
        }
    }
    template <int N>
    __device__ void add_turned(float s[N][4], const unsigned char *shared, int row, int column, float scale) const
    {
        const int l = lane_of();
        const bf16 *at = (const bf16 *)((const float *)shared + SIDE) + (column + l % 8 + l / 16 * 8) * LB + row;
        uint32_t b[4];
        KM_UNROLL
        for (int j = 0; j < N; j += 2) {
            load_turned(b, at + 8 * j * LB + l / 8 % 2 * 8);
            add_pairs(s[j], b[0], b[1], scale), add_pairs(s[j + 1], b[2], b[3], scale);
        }
    }
    __device__ static void add_pairs(float s[4], uint32_t upper, uint32_t lower, float scale)
    {
        s[0] = scale * s[0] + low_of(upper), s[1] = scale * s[1] + high_of(upper);
        s[2] = scale * s[2] + low_of(lower), s[3] = scale * s[3] + high_of(lower);
    }
    template <int N>
    __device__ void take(const float ds[N][4], const unsigned char *, int, int, int query, int key) const
    {
        KM_UNROLL
        for (int j = 0; j < N && opt_dbias; j++) KM_UNROLL
        for (int e = 0; e < 4; e++) {
            const int at_query = query + lane_of() / 4 + e / 2 * 8;
            const int at_key = key + 8 * j + lane_of() % 4 * 2 + e % 2;
            if (at_query < queries && at_key < keys && ds[j][e] != 0)
                atomicAdd(&opt_dbias[at_query * slope_stride + at_key], ds[j][e]);
        }
    }
    __device__ void finish() const {}
};

#endif
