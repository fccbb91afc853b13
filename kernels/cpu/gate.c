/* SPDX-License-Identifier: MIT
 * Gates and transitions: one pass each, exp by kernels/cpu/vmath.h (about 2 ulp). Loops run over chunks so that the
 * compiler sees a plain inner loop and threads get whole cache lines. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"

enum { CHUNK = 4096 };

#define CHUNKS(n) (((n) + CHUNK - 1) / CHUNK)
#define CHUNK_LENGTH(k, n) ((n) - (k) * CHUNK < CHUNK ? (n) - (k) * CHUNK : CHUNK)

void KM_CPU(gate_add_fwd)(const km_exec *ex, float *y, const float *x, const float *gate, const float *u,
                          const int32_t *level, km_dim F, km_dim L, km_dim N, km_dim C)
{
    (void)L;
    KM_PARALLEL_FOR (ex, F * N * C, i, F * N) {
        const float *g = gate + (level[i / N] * N + i % N) * C, *xr = x + i * C, *ur = u + i * C;
        float *yr = y + i * C;
        for (km_dim c = 0; c < C; c++) yr[c] = xr[c] + g[c] * ur[c];
    }
}

void KM_CPU(gate_add_bwd)(const km_exec *ex, float *dx, float *dgate, float *du, const float *dy, const float *gate,
                          const float *u, const int32_t *level, km_dim F, km_dim L, km_dim N, km_dim C)
{
    (void)L;
    /* A token's sums over frames belong to one thread, so their order is fixed. */
    KM_PARALLEL_FOR (ex, F * N * C * 3, n, N)
        for (km_dim f = 0; f < F; f++) {
            km_dim at = (f * N + n) * C, l = (level[f] * N + n) * C;
            const float *dr = dy + at;
            if (dx)
                for (km_dim c = 0; c < C; c++) dx[at + c] += dr[c];
            if (dgate)
                for (km_dim c = 0; c < C; c++) dgate[l + c] += dr[c] * u[at + c];
            if (du)
                for (km_dim c = 0; c < C; c++) du[at + c] += dr[c] * gate[l + c];
        }
}

static inline void silu_mul_row(float *restrict y, const float *restrict a, const float *restrict b, km_dim n)
{
    for (km_dim i = 0; i < n; i++) y[i] = a[i] * km_sigmoidf(a[i]) * b[i];
}

/* With s the logistic of a: d(silu)/da = s (1 + a (1 - s)). */
static inline float silu_slope(float a, float s) { return s * (1.0f + a * (1.0f - s)); }

void KM_CPU(silu_mul_fwd)(const km_exec *ex, float *y, const float *a, const float *b, km_dim n)
{
    KM_PARALLEL_FOR (ex, n * 8, k, CHUNKS(n))
        silu_mul_row(y + k * CHUNK, a + k * CHUNK, b + k * CHUNK, CHUNK_LENGTH(k, n));
}

void KM_CPU(silu_mul_bwd)(const km_exec *ex, float *da, float *db, const float *dy, const float *a, const float *b,
                          km_dim n)
{
    KM_PARALLEL_FOR (ex, n * 10, k, CHUNKS(n)) {
        km_dim at = k * CHUNK, len = CHUNK_LENGTH(k, n);
        const float *ar = a + at, *br = b + at, *dr = dy + at;
        if (da)
            for (km_dim i = 0; i < len; i++) da[at + i] += dr[i] * br[i] * silu_slope(ar[i], km_sigmoidf(ar[i]));
        if (db)
            for (km_dim i = 0; i < len; i++) db[at + i] += dr[i] * ar[i] * km_sigmoidf(ar[i]);
    }
}

void KM_CPU(swish_gate_fwd)(const km_exec *ex, float *y, const float *h, const float *b, km_dim M, km_dim C)
{
    KM_PARALLEL_FOR (ex, M * C * 8, m, M) {
        const float *value = h + m * 2 * C, *gate = value + C, *br = b + m * C;
        float *yr = y + m * C;
        for (km_dim c = 0; c < C; c++) yr[c] = gate[c] * km_sigmoidf(gate[c]) * value[c] * br[c];
    }
}

static inline void swish_gate_row_bwd(float *restrict dh, float *restrict db, const float *restrict dy,
                                      const float *restrict h, const float *restrict b, km_dim C)
{
    const float *value = h, *gate = h + C;
    if (dh)
        for (km_dim c = 0; c < C; c++) {
            float s = km_sigmoidf(gate[c]);
            dh[c] += dy[c] * gate[c] * s * b[c];
            dh[C + c] += dy[c] * silu_slope(gate[c], s) * value[c] * b[c];
        }
    if (db)
        for (km_dim c = 0; c < C; c++) db[c] += dy[c] * gate[c] * km_sigmoidf(gate[c]) * value[c];
}

void KM_CPU(swish_gate_bwd)(const km_exec *ex, float *dh, float *db, const float *dy, const float *h, const float *b,
                            km_dim M, km_dim C)
{
    KM_PARALLEL_FOR (ex, M * C * 12, m, M)
        swish_gate_row_bwd(dh ? dh + m * 2 * C : NULL, db ? db + m * C : NULL, dy + m * C, h + m * 2 * C, b + m * C, C);
}

void KM_CPU(sigmoid_mul_fwd)(const km_exec *ex, float *y, const float *a, const float *b, km_dim n)
{
    KM_PARALLEL_FOR (ex, n * 8, k, CHUNKS(n)) {
        km_dim at = k * CHUNK, len = CHUNK_LENGTH(k, n);
        const float *ar = a + at, *br = b + at;
        float *yr = y + at;
        for (km_dim i = 0; i < len; i++) yr[i] = km_sigmoidf(ar[i]) * br[i];
    }
}

void KM_CPU(sigmoid_mul_bwd)(const km_exec *ex, float *da, float *db, const float *dy, const float *a, const float *b,
                             km_dim n)
{
    KM_PARALLEL_FOR (ex, n * 10, k, CHUNKS(n)) {
        km_dim at = k * CHUNK, len = CHUNK_LENGTH(k, n);
        const float *ar = a + at, *br = b + at, *dr = dy + at;
        if (da)
            for (km_dim i = 0; i < len; i++) {
                float s = km_sigmoidf(ar[i]);
                da[at + i] += dr[i] * br[i] * s * (1.0f - s);
            }
        if (db)
            for (km_dim i = 0; i < len; i++) db[at + i] += dr[i] * km_sigmoidf(ar[i]);
    }
}
