/* SPDX-License-Identifier: MIT
 * Triangle multiplication: the gated halves are made once into planes [pair, C], then each output pair sums over its
 * third corner with channels in the inner loop. Triangle attention: one row of scores at a time. Memory is two planes,
 * never N^3. Sums that several rows share (bias, keys, values) belong to one thread each, so their order is fixed. */
#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"
#include "kernels/scratch.h"

/* ab [N N, 2C] = p sg(g) mask */
static void gate(const km_exec *ex, float *ab, const float *p, const float *g, const float *mask, km_dim N, km_dim C)
{
    KM_PARALLEL_FOR (ex, N * N * C * 10, ij, N * N)
    for (km_dim c = 0; c < 2 * C; c++)
        ab[ij * 2 * C + c] = p[ij * 2 * C + c] * km_sigmoidf(g[ij * 2 * C + c]) * mask[ij];
}

void KM_CPU(triangle_multiply_fwd)(const km_exec *ex, float *y, const float *p, const float *g, const float *mask,
                                   bool incoming, km_dim N, km_dim C)
{
    float *ab = km_scratch(KM_SCRATCH_SHARED, (size_t)(N * N * 2 * C));
    gate(ex, ab, p, g, mask, N, C);
    KM_PARALLEL_FOR (ex, N * N * N * C / 8, ij, N * N) {
        km_dim i = ij / N, j = ij % N;
        float *out = y + ij * C;
        for (km_dim c = 0; c < C; c++) out[c] = 0;
        for (km_dim k = 0; k < N; k++) {
            const float *a = ab + (incoming ? k * N + i : i * N + k) * 2 * C,
                        *b = ab + (incoming ? k * N + j : j * N + k) * 2 * C + C;
            for (km_dim c = 0; c < C; c++) out[c] += a[c] * b[c];
        }
    }
}

/* dab at the pair (r, s): as an a it met every j, as a b every i */
static void gather_bwd(float *dab, const float *ab, const float *dy, bool incoming, km_dim N, km_dim C, km_dim r,
                       km_dim s)
{
    km_dim own = incoming ? s : r, third = incoming ? r : s; /* the output row it belongs to, and the corner k */
    for (km_dim c = 0; c < 2 * C; c++) dab[c] = 0;
    for (km_dim o = 0; o < N; o++) {
        km_dim other = incoming ? third * N + o : o * N + third;
        const float *a = ab + other * 2 * C, *b = a + C, *da = dy + (own * N + o) * C, *db = dy + (o * N + own) * C;
        for (km_dim c = 0; c < C; c++) dab[c] += da[c] * b[c];
        for (km_dim c = 0; c < C; c++) dab[C + c] += db[c] * a[c];
    }
}

void KM_CPU(triangle_multiply_bwd)(const km_exec *ex, float *dp, float *dg, const float *dy, const float *p,
                                   const float *g, const float *mask, bool incoming, km_dim N, km_dim C)
{
    float *ab = km_scratch(KM_SCRATCH_SHARED, (size_t)(N * N * 2 * C));
    gate(ex, ab, p, g, mask, N, C);
    KM_PARALLEL_FOR (ex, N * N * N * C / 4, ij, N * N) {
        float *d = km_scratch(KM_SCRATCH_OWN, (size_t)(2 * C));
        gather_bwd(d, ab, dy, incoming, N, C, ij / N, ij % N);
        for (km_dim c = 0; c < 2 * C; c++) {
            km_dim at = ij * 2 * C + c;
            float s = km_sigmoidf(g[at]);
            if (dp) dp[at] += d[c] * s * mask[ij];
            if (dg) dg[at] += d[c] * p[at] * s * (1 - s) * mask[ij];
        }
    }
}

typedef struct attention {
    const float *q, *k, *v, *g, *bias;
    float *masked; /* [N, N] what the mask adds to the logits of row i at k: 0 or -1e9 */
    bool ending;
    km_dim N, H, D;
} attention;

/* Where head h of the pair (i, j) lies in q, k, v, g, y; transposed for the ending node. */
static inline km_dim at(const attention *t, km_dim i, km_dim j, km_dim h)
{
    return ((t->ending ? j * t->N + i : i * t->N + j) * t->H + h) * t->D;
}

static inline km_dim pair(const attention *t, km_dim i, km_dim j) { return t->ending ? j * t->N + i : i * t->N + j; }

static inline float dot(const float *restrict a, const float *restrict b, km_dim n)
{
    float s = 0;
#pragma omp simd reduction(+ : s)
    for (km_dim i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

/* A row whose keys are all masked is as if none were: added to all, -1e9 would leave nothing of the logits in float32.
 */
static void mask_rows(attention *t, const float *mask)
{
    t->masked = km_scratch(KM_SCRATCH_SHARED, (size_t)(t->N * t->N));
    for (km_dim i = 0; i < t->N; i++) {
        bool any = false;
        for (km_dim m = 0; m < t->N; m++) any = any || mask[pair(t, i, m)] != 0;
        for (km_dim m = 0; m < t->N; m++) t->masked[i * t->N + m] = any ? (1 - mask[pair(t, i, m)]) * -1e9f : 0;
    }
}

/* w [N] = softmax of the row (i, j) of head h */
static void weights(const attention *t, float *w, km_dim h, km_dim i, km_dim j)
{
    float most = -INFINITY, sum = 0, scale = 1 / sqrtf((float)t->D);
    const float *q = t->q + at(t, i, j, h);
    for (km_dim m = 0; m < t->N; m++) {
        float logit = dot(q, t->k + at(t, i, m, h), t->D) * scale + t->bias[h * t->N * t->N + pair(t, j, m)];
        w[m] = logit + t->masked[i * t->N + m];
        most = w[m] > most ? w[m] : most;
    }
    for (km_dim m = 0; m < t->N; m++) w[m] = km_expf(w[m] - most);
#pragma omp simd reduction(+ : sum)
    for (km_dim m = 0; m < t->N; m++) sum += w[m];
    for (km_dim m = 0; m < t->N; m++) w[m] /= sum;
}

static void attend(const attention *t, float *y, float *w, km_dim h, km_dim i, km_dim j)
{
    float *out = y + at(t, i, j, h);
    const float *g = t->g + at(t, i, j, h);
    weights(t, w, h, i, j);
    for (km_dim d = 0; d < t->D; d++) out[d] = 0;
    for (km_dim m = 0; m < t->N; m++) {
        const float *v = t->v + at(t, i, m, h);
        for (km_dim d = 0; d < t->D; d++) out[d] += w[m] * v[d];
    }
    for (km_dim d = 0; d < t->D; d++) out[d] *= km_sigmoidf(g[d]);
}

void KM_CPU(triangle_attention_fwd)(const km_exec *ex, float *y, const float *q, const float *k, const float *v,
                                    const float *g, const float *bias, const float *mask, bool ending, km_dim N,
                                    km_dim H, km_dim D)
{
    attention t = {q, k, v, g, bias, NULL, ending, N, H, D};
    mask_rows(&t, mask);
    KM_PARALLEL_FOR (ex, N * N * N * H * D / 8, i, N) {
        float *w = km_scratch(KM_SCRATCH_OWN, (size_t)N);
        for (km_dim h = 0; h < H; h++)
            for (km_dim j = 0; j < N; j++) attend(&t, y, w, h, i, j);
    }
}

typedef struct attention_grads {
    float *dq, *dk, *dv, *dg, *dbias;
    const float *dy;
} attention_grads;

/* Backward of one row: everything but the bias when with_bias is false, only the bias when it is true. */
static void row_bwd(const attention *t, const attention_grads *r, float *w, km_dim h, km_dim i, km_dim j,
                    bool with_bias)
{
    km_dim row = at(t, i, j, h), N = t->N, D = t->D;
    float *dw = w + N, *s_dy = dw + N, *out = s_dy + D, mean = 0, scale = 1 / sqrtf((float)D);
    const float *dy = r->dy + row, *g = t->g + row;
    weights(t, w, h, i, j);
    for (km_dim d = 0; d < D; d++) s_dy[d] = dy[d] * km_sigmoidf(g[d]), out[d] = 0;
    for (km_dim m = 0; m < N; m++) dw[m] = dot(s_dy, t->v + at(t, i, m, h), D);
    for (km_dim m = 0; m < N; m++) mean += w[m] * dw[m];
    for (km_dim m = 0; m < N; m++) dw[m] = w[m] * (dw[m] - mean);
    if (with_bias) {
        for (km_dim m = 0; m < N; m++) r->dbias[h * N * N + pair(t, j, m)] += dw[m];
        return;
    }
    for (km_dim m = 0; m < N; m++) {
        km_dim from = at(t, i, m, h);
        for (km_dim d = 0; d < D; d++) {
            out[d] += w[m] * t->v[from + d];
            if (r->dv) r->dv[from + d] += s_dy[d] * w[m];
            if (r->dq) r->dq[row + d] += dw[m] * scale * t->k[from + d];
            if (r->dk) r->dk[from + d] += dw[m] * scale * t->q[row + d];
        }
    }
    for (km_dim d = 0; r->dg && d < D; d++) r->dg[row + d] += s_dy[d] * out[d] * (1 - km_sigmoidf(g[d]));
}

void KM_CPU(triangle_attention_bwd)(const km_exec *ex, float *dq, float *dk, float *dv, float *dg, float *dbias,
                                    const float *dy, const float *q, const float *k, const float *v, const float *g,
                                    const float *bias, const float *mask, bool ending, km_dim N, km_dim H, km_dim D)
{
    attention t = {q, k, v, g, bias, NULL, ending, N, H, D};
    attention_grads r = {dq, dk, dv, dg, dbias, dy};
    size_t room = (size_t)(2 * N + 2 * D);
    mask_rows(&t, mask);
    KM_PARALLEL_FOR (ex, N * N * N * H * D / 2, i, N) { /* keys and values of row i are its own */
        float *w = km_scratch(KM_SCRATCH_OWN, room);
        for (km_dim h = 0; h < H; h++)
            for (km_dim j = 0; j < N; j++) row_bwd(&t, &r, w, h, i, j, false);
    }
    if (!dbias) return;
    KM_PARALLEL_FOR (ex, N * N * N * H * D / 2, h, H) { /* the bias is shared by all rows: one head, one thread */
        float *w = km_scratch(KM_SCRATCH_OWN, room);
        for (km_dim i = 0; i < N; i++)
            for (km_dim j = 0; j < N; j++) row_bwd(&t, &r, w, h, i, j, true);
    }
}
