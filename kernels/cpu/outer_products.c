/* SPDX-License-Identifier: MIT
 * Outer products of alignment columns, summed over rows: a tile of I x J pairs is one product [I C, S] x [S, J D],
 * whose blocks are then laid pair by pair. Tiles depend on the shape alone and each belongs to one thread; in backward
 * a thread has all tiles of its tokens, in their order. */
#include "kernels/cpu/cpu.h"
#include "kernels/scratch.h"

enum { TILE = 8 };

typedef struct outer {
    const float *a, *b, *opt_scale;
    km_dim first, count, S, N, C, D;
} outer;

static inline km_dim least(km_dim a, km_dim b) { return a < b ? a : b; }

static inline float scale_of(const outer *o, km_dim i, km_dim j)
{
    return o->opt_scale ? o->opt_scale[(o->first + i) * o->N + j] : 1;
}

/* y at I x J pairs from (i, j) on */
static void tile_fwd(const outer *o, float *y, km_dim i, km_dim j)
{
    km_dim C = o->C, D = o->D, N = o->N, I = least(TILE, o->count - i), J = least(TILE, N - j);
    float *t = km_scratch(KM_SCRATCH_OWN, (size_t)(I * C * J * D));
    KM_CPU(multiply)(&(km_matrices){true, false, false, I * C, J * D, o->S, o->a + (o->first + i) * C, o->b + j * D, t,
                                    N * C, N * D, J * D});
    for (km_dim p = 0; p < I; p++)
        for (km_dim q = 0; q < J; q++) {
            float scale = scale_of(o, i + p, j + q), *out = y + ((i + p) * N + j + q) * C * D;
            for (km_dim c = 0; c < C; c++)
                for (km_dim d = 0; d < D; d++) out[c * D + d] = t[(p * C + c) * J * D + q * D + d] * scale;
        }
}

void KM_CPU(outer_products_fwd)(const km_exec *ex, float *y, const float *a, const float *b, const float *opt_scale,
                                km_dim first, km_dim count, km_dim S, km_dim N, km_dim C, km_dim D)
{
    outer o = {a, b, opt_scale, first, count, S, N, C, D};
    km_dim rows = (count + TILE - 1) / TILE, columns = (N + TILE - 1) / TILE;
    KM_PARALLEL_FOR (ex, count * N * C * D * (S / 100 + 2), t, rows * columns)
        tile_fwd(&o, y, t / columns * TILE, t % columns * TILE);
}

/* t [I C, J D] = dy scale at I x J pairs from (i, j) on */
static float *tile_bwd(const outer *o, const float *dy, km_dim i, km_dim j, km_dim I, km_dim J)
{
    km_dim C = o->C, D = o->D;
    float *t = km_scratch(KM_SCRATCH_OWN, (size_t)(I * C * J * D));
    for (km_dim p = 0; p < I; p++)
        for (km_dim q = 0; q < J; q++) {
            float scale = scale_of(o, i + p, j + q);
            const float *from = dy + ((i + p) * o->N + j + q) * C * D;
            for (km_dim c = 0; c < C; c++)
                for (km_dim d = 0; d < D; d++) t[(p * C + c) * J * D + q * D + d] = from[c * D + d] * scale;
        }
    return t;
}

void KM_CPU(outer_products_bwd)(const km_exec *ex, float *da, float *db, const float *dy, const float *a,
                                const float *b, const float *opt_scale, km_dim first, km_dim count, km_dim S, km_dim N,
                                km_dim C, km_dim D)
{
    outer o = {a, b, opt_scale, first, count, S, N, C, D};
    km_dim rows = (count + TILE - 1) / TILE, columns = (N + TILE - 1) / TILE, work = count * N * C * D * (S / 100 + 2);
    KM_PARALLEL_FOR (ex, work, r, da ? rows : 0)
        for (km_dim j = 0, i = r * TILE; j < N; j += TILE) {
            km_dim I = least(TILE, count - i), J = least(TILE, N - j);
            const float *t = tile_bwd(&o, dy, i, j, I, J);
            KM_CPU(multiply)(&(km_matrices){false, true, true, S, I * C, J * D, b + j * D, t, da + (first + i) * C,
                                            N * D, J * D, N * C});
        }
    KM_PARALLEL_FOR (ex, work, c, db ? columns : 0)
        for (km_dim i = 0, j = c * TILE; i < count; i += TILE) {
            km_dim I = least(TILE, count - i), J = least(TILE, N - j);
            const float *t = tile_bwd(&o, dy, i, j, I, J);
            KM_CPU(multiply)(&(km_matrices){false, false, true, S, J * D, I * C, a + (first + i) * C, t, db + j * D,
                                            N * C, J * D, N * D});
        }
}
