/* SPDX-License-Identifier: MIT
 * Triangle multiplication, channel by channel: a block of channels is gathered into planes [N, N], each channel is one
 * matrix product, and the planes are written back. A thread takes whole blocks; a block is what one cache line of a
 * pair holds. Memory is the planes of a block, never N^3.
 *   outgoing: y = a b^T, da = dy b, db = dy^T a;  incoming: y = a^T b, da = b dy^T, db = a dy. */
#include "kernels/cpu/attention.h"

enum { BLOCK = 16 };

/* From one plane to the next: a cache line more than its size, so that equal places do not share a set of the cache. */
static inline km_dim plane_of(km_dim N) { return N * N + BLOCK; }

/* Channels first .. first + count - 1 of x [N, N, stride]. */
typedef struct channels {
    km_dim N, stride, first, count;
} channels;

/* out [count, plane] = x mask */
static void gather(float *restrict out, const channels *s, const float *restrict x, const float *opt_mask)
{
    const km_dim N = s->N, plane = plane_of(N), n4 = N / 4 * 4, c4 = s->count / 4 * 4;
    for (km_dim i = 0; i < N; i++) {
        const float *from = x + i * N * s->stride + s->first, *mask = moved_const(opt_mask, i * N);
        float *to = out + i * N;
        for (km_dim j = 0; j < n4; j += 4)
            for (km_dim c = 0; c < c4; c += 4)
                transpose4(to + c * plane + j, plane, from + j * s->stride + c, s->stride);
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = j < n4 ? c4 : 0; c < s->count; c++) to[c * plane + j] = from[j * s->stride + c];
        for (km_dim c = 0; mask && c < s->count; c++)
            for (km_dim j = 0; j < N; j++) to[c * plane + j] *= mask[j];
    }
}

/* x = planes [count, plane] */
static void scatter(float *restrict x, const channels *s, const float *restrict planes)
{
    const km_dim N = s->N, plane = plane_of(N), n4 = N / 4 * 4, c4 = s->count / 4 * 4;
    for (km_dim i = 0; i < N; i++) {
        float *to = x + i * N * s->stride + s->first;
        const float *from = planes + i * N;
        for (km_dim j = 0; j < n4; j += 4)
            for (km_dim c = 0; c < c4; c += 4)
                transpose4(to + j * s->stride + c, s->stride, from + c * plane + j, plane);
        for (km_dim j = 0; j < N; j++)
            for (km_dim c = j < n4 ? c4 : 0; c < s->count; c++) to[j * s->stride + c] = from[c * plane + j];
    }
}

/* x += planes [count, plane] mask */
static void scatter_add(float *restrict x, const channels *s, const float *restrict planes, const float *mask)
{
    for (km_dim ij = 0; ij < s->N * s->N; ij++)
        for (km_dim c = 0; c < s->count; c++)
            x[ij * s->stride + s->first + c] += planes[c * plane_of(s->N) + ij] * mask[ij];
}

/* c = a b, or with one of them transposed; planes [N, N] */
static void product(float *c, const float *a, bool a_transposed, const float *b, bool b_transposed, km_dim N)
{
    KM_CPU(multiply)(&(km_matrices){a_transposed, b_transposed, false, N, N, N, a, b, c, N, N, N});
}

static inline km_dim work(km_dim N, km_dim C) { return N * N * C * (N / 100 + 4); }

void KM_CPU(triangle_multiply_fwd)(const km_exec *ex, float *y, const float *ab, const float *mask, bool incoming,
                                   km_dim N, km_dim C)
{
    const km_dim plane = plane_of(N);
    KM_PARALLEL_FOR (ex, work(N, C), block, (C + BLOCK - 1) / BLOCK) {
        km_dim first = block * BLOCK, count = C - first < BLOCK ? C - first : BLOCK;
        /* Channel c's result takes the place of a's channel c - 1, which is no longer needed. */
        float *out = km_scratch(KM_SCRATCH_OWN, km_scratch_triangle((size_t)N)), *a = out + plane;
        float *b = a + BLOCK * plane;
        gather(a, &(channels){N, 2 * C, first, count}, ab, mask);
        gather(b, &(channels){N, 2 * C, C + first, count}, ab, mask);
        for (km_dim at = 0; at < count * plane; at += plane) product(out + at, a + at, incoming, b + at, !incoming, N);
        scatter(y, &(channels){N, C, first, count}, out);
    }
}

void KM_CPU(triangle_multiply_bwd)(const km_exec *ex, float *dab, const float *dy, const float *ab, const float *mask,
                                   bool incoming, km_dim N, km_dim C)
{
    const km_dim plane = plane_of(N);
    if (!dab) return;
    KM_PARALLEL_FOR (ex, 2 * work(N, C), block, (C + BLOCK - 1) / BLOCK) {
        km_dim first = block * BLOCK, count = C - first < BLOCK ? C - first : BLOCK, size = BLOCK * plane;
        channels in_a = {N, 2 * C, first, count}, in_b = {N, 2 * C, C + first, count};
        float *a = km_scratch(KM_SCRATCH_OWN, (size_t)(5 * size)), *b = a + size, *d = b + size;
        float *da = d + size, *db = da + size;
        gather(a, &in_a, ab, mask);
        gather(b, &in_b, ab, mask);
        gather(d, &(channels){N, C, first, count}, dy, NULL);
        for (km_dim at = 0; at < count * plane; at += plane) {
            if (incoming) product(da + at, b + at, false, d + at, true, N);
            else product(da + at, d + at, false, b + at, false, N);
            if (incoming) product(db + at, a + at, false, d + at, false, N);
            else product(db + at, d + at, true, a + at, false, N);
        }
        scatter_add(dab, &in_a, da, mask);
        scatter_add(dab, &in_b, db, mask);
    }
}
