/* SPDX-License-Identifier: MIT
 * Layer norm and adaptive layer norm, row by row: two passes for the moments (float32 sums in a fixed order), one to
 * write. */
#include <math.h>
#include <string.h>

#include "kernels/cpu/vec.h"
#include "kernels/scratch.h"

typedef struct moments {
    float mean, rstd;
} moments;

static inline moments moments_of(const float *restrict x, km_dim C)
{
    const km_dim whole = C / VW * VW;
    vec sums = {0}, squares = {0};
    for (km_dim c = 0; c < whole; c += VW) sums += vec_load(x + c);
    float m = vec_sum(sums);
    for (km_dim c = whole; c < C; c++) m += x[c];
    m /= (float)C;
    for (km_dim c = 0; c < whole; c += VW) {
        vec d = vec_load(x + c) - m;
        squares += d * d;
    }
    float v = vec_sum(squares);
    for (km_dim c = whole; c < C; c++) v += (x[c] - m) * (x[c] - m);
    return (moments){m, 1.0f / sqrtf(v / (float)C + 1e-5f)};
}

void KM_CPU(layer_norm_fwd)(const km_exec *ex, float *y, const float *x, const float *w, const float *b, km_dim M,
                            km_dim C)
{
    KM_PARALLEL_FOR (ex, M * C * 4, i, M) {
        const float *xr = x + i * C;
        float *yr = y + i * C;
        moments s = moments_of(xr, C);
        if (w && b)
            for (km_dim c = 0; c < C; c++) yr[c] = (xr[c] - s.mean) * s.rstd * w[c] + b[c];
        else
            for (km_dim c = 0; c < C; c++) yr[c] = (xr[c] - s.mean) * s.rstd * (w ? w[c] : 1.0f) + (b ? b[c] : 0.0f);
    }
}

/* [M], in the caller's scratch */
static moments *rows_moments(const km_exec *ex, const float *x, km_dim M, km_dim C)
{
    moments *rows = (moments *)km_scratch(KM_SCRATCH_SHARED, (size_t)(2 * M));
    KM_PARALLEL_FOR (ex, M * C * 3, i, M) rows[i] = moments_of(x + i * C, C);
    return rows;
}

/* dx += through norm(x) of the gradient dy * w (w NULL: 1) */
static inline void norm_row_bwd(float *restrict dx, const float *restrict dy, const float *restrict w,
                                const float *restrict x, moments s, km_dim C)
{
    const km_dim whole = C / VW * VW;
    vec sums = {0}, dots = {0};
    for (km_dim c = 0; c < whole; c += VW) {
        vec g = w ? vec_load(dy + c) * vec_load(w + c) : vec_load(dy + c);
        sums += g;
        dots += g * ((vec_load(x + c) - s.mean) * s.rstd);
    }
    float sum = vec_sum(sums), dot = vec_sum(dots);
    for (km_dim c = whole; c < C; c++) {
        float g = dy[c] * (w ? w[c] : 1.0f);
        sum += g;
        dot += g * ((x[c] - s.mean) * s.rstd);
    }
    sum /= (float)C, dot /= (float)C;
    for (km_dim c = 0; c < C; c++)
        dx[c] += s.rstd * (dy[c] * (w ? w[c] : 1.0f) - sum - (x[c] - s.mean) * s.rstd * dot);
}

void KM_CPU(layer_norm_bwd)(const km_exec *ex, float *dx, float *dw, float *db, const float *dy, const float *x,
                            const float *w, km_dim M, km_dim C)
{
    moments *rows = rows_moments(ex, x, M, C);
    if (dx)
        KM_PARALLEL_FOR (ex, M * C * 8, i, M) norm_row_bwd(dx + i * C, dy + i * C, w, x + i * C, rows[i], C);
    if (!dw && !db) return;
    for (km_dim m = 0; m < M; m++) {
        const float *xr = x + m * C, *dr = dy + m * C;
        moments s = rows[m];
        if (dw)
            for (km_dim c = 0; c < C; c++) dw[c] += dr[c] * (xr[c] - s.mean) * s.rstd;
        if (db)
            for (km_dim c = 0; c < C; c++) db[c] += dr[c];
    }
}

void KM_CPU(adaln_fwd)(const km_exec *ex, float *y, const float *x, const float *scale, const float *shift,
                       const int32_t *level, km_dim F, km_dim L, km_dim N, km_dim C)
{
    (void)L;
    KM_PARALLEL_FOR (ex, F * N * C * 4, i, F * N) {
        km_dim l = (level[i / N] * N + i % N) * C;
        const float *xr = x + i * C, *sc = scale + l, *sh = shift + l;
        float *yr = y + i * C;
        moments s = moments_of(xr, C);
        for (km_dim c = 0; c < C; c++) yr[c] = (xr[c] - s.mean) * s.rstd * sc[c] + sh[c];
    }
}

void KM_CPU(adaln_bwd)(const km_exec *ex, float *dx, float *dscale, float *dshift, const float *dy, const float *x,
                       const float *scale, const int32_t *level, km_dim F, km_dim L, km_dim N, km_dim C)
{
    (void)L;
    moments *rows = rows_moments(ex, x, F * N, C);
    if (dx)
        KM_PARALLEL_FOR (ex, F * N * C * 8, i, F * N)
            norm_row_bwd(dx + i * C, dy + i * C, scale + (level[i / N] * N + i % N) * C, x + i * C, rows[i], C);
    if (!dscale && !dshift) return;
    /* A token's sums over frames belong to one thread, so their order is fixed. */
    KM_PARALLEL_FOR (ex, F * N * C * 8, n, N)
        for (km_dim f = 0; f < F; f++) {
            const float *xr = x + (f * N + n) * C, *dr = dy + (f * N + n) * C;
            km_dim l = (level[f] * N + n) * C;
            moments s = rows[f * N + n];
            if (dscale)
                for (km_dim c = 0; c < C; c++) dscale[l + c] += dr[c] * (xr[c] - s.mean) * s.rstd;
            if (dshift)
                for (km_dim c = 0; c < C; c++) dshift[l + c] += dr[c];
        }
}
