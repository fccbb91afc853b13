/* SPDX-License-Identifier: MIT
 * Averages over tokens with weights that pairs give: for a head and a block of alignment rows, output [Nq, rows D] =
 * weights [Nq, N] x values [N, rows D], the block packed so that one product does it. A thread takes whole heads, so
 * that the gradient of the weights is summed in the order of the rows. */
#include "kernels/cpu/attention.h"

enum { ROWS = 16 };

typedef struct average {
    const float *v, *g, *logits, *opt_masked;
    km_dim S, Nq, N, H, D;
} average;

/* In an array of so many tokens a row, Nq or N. */
static inline km_dim at(const average *t, km_dim tokens, km_dim s, km_dim n, km_dim h)
{
    return ((s * tokens + n) * t->H + h) * t->D;
}

static inline km_dim block_rows(const average *t, km_dim s) { return t->S - s < ROWS ? t->S - s : ROWS; }

/* [N] to add to the logits, or NULL: with every token masked the shift is the same for all and falls out. */
static const float *masked_logits(const float *opt_mask, km_dim N)
{
    if (!opt_mask) return NULL;
    float *added = km_scratch(KM_SCRATCH_SHARED, (size_t)N);
    bool some = false, all = true;
    for (km_dim j = 0; j < N; j++) {
        added[j] = (1 - opt_mask[j]) * -1e6f;
        some = some || added[j] != 0;
        all = all && added[j] != 0;
    }
    return some && !all ? added : NULL;
}

/* w [Nq, padded N] = softmax of head h */
static void weights(float *w, const average *t, km_dim h)
{
    km_dim N = t->N, ld = padded(N);
    for (km_dim i = 0; i < t->Nq; i++) {
        float *row = w + i * ld;
        memset(row, 0, (size_t)ld * sizeof *row);
        float r = 1 / exp_row(row, t->logits + (h * t->Nq + i) * N, t->opt_masked, 1, N);
        for (km_dim j = 0; j < N; j++) row[j] *= r;
    }
}

/* out [tokens, rows D] = x of head h in rows s ..., times sg(opt_g) */
static void pack(float *restrict out, const average *t, km_dim tokens, const float *x, const float *opt_g,
                 km_dim s, km_dim h)
{
    km_dim rows = block_rows(t, s), D = t->D;
    for (km_dim r = 0; r < rows; r++)
        for (km_dim n = 0; n < tokens; n++) {
            km_dim place = at(t, tokens, s + r, n, h);
            const float *from = x + place, *gate = moved_const(opt_g, place);
            float *to = out + (n * rows + r) * D;
            if (gate)
                for (km_dim d = 0; d < D; d++) to[d] = from[d] * km_sigmoidf(gate[d]);
            else
                for (km_dim d = 0; d < D; d++) to[d] = from[d];
        }
}

/* c [Nq, rows D] = w x, or [N, rows D] w^T x */
static void apply(float *c, const average *t, const float *w, bool transposed, const float *x, km_dim rows)
{
    KM_CPU(multiply)(&(km_matrices){transposed, false, false, transposed ? t->N : t->Nq, rows * t->D,
                                    transposed ? t->Nq : t->N, w, x, c, padded(t->N), rows * t->D, rows * t->D});
}

void KM_CPU(pair_average_fwd)(const km_exec *ex, float *y, const float *v, const float *g, const float *logits,
                              const float *opt_mask, km_dim S, km_dim Nq, km_dim N, km_dim H, km_dim D)
{
    average t = {v, g, logits, masked_logits(opt_mask, N), S, Nq, N, H, D};
    KM_PARALLEL_FOR (ex, S * Nq * N * H * D / 50, h, H) {
        float *w = km_scratch(KM_SCRATCH_OWN, km_scratch_average((size_t)Nq, (size_t)N, (size_t)D));
        float *values = w + Nq * padded(N), *out = values + N * ROWS * D;
        weights(w, &t, h);
        for (km_dim s = 0; s < S; s += ROWS) {
            km_dim rows = block_rows(&t, s);
            pack(values, &t, N, v, NULL, s, h);
            apply(out, &t, w, false, values, rows);
            for (km_dim r = 0; r < rows; r++)
                for (km_dim n = 0; n < Nq; n++) {
                    km_dim place = at(&t, Nq, s + r, n, h);
                    const float *from = out + (n * rows + r) * D, *gate = g + place;
                    float *to = y + place;
                    for (km_dim d = 0; d < D; d++) to[d] = from[d] * km_sigmoidf(gate[d]);
                }
        }
    }
}

/* dg += dy o sg(g) (1 - sg(g)); dv += dvalues, both of head h in rows s ... */
static void unpack_bwd(const average *t, float *dv, float *dg, const float *dvalues, const float *out,
                       const float *dy, km_dim s, km_dim h)
{
    km_dim rows = block_rows(t, s), D = t->D;
    for (km_dim r = 0; dv && r < rows; r++)
        for (km_dim n = 0; n < t->N; n++)
            for (km_dim d = 0; d < D; d++) dv[at(t, t->N, s + r, n, h) + d] += dvalues[(n * rows + r) * D + d];
    for (km_dim r = 0; dg && r < rows; r++)
        for (km_dim n = 0; n < t->Nq; n++) {
            km_dim to = at(t, t->Nq, s + r, n, h), from = (n * rows + r) * D;
            for (km_dim d = 0; d < D; d++) {
                float open = km_sigmoidf(t->g[to + d]);
                dg[to + d] += dy[to + d] * out[from + d] * open * (1 - open);
            }
        }
}

void KM_CPU(pair_average_bwd)(const km_exec *ex, float *dv, float *dg, float *dlogits, const float *dy, const float *v,
                              const float *g, const float *logits, const float *opt_mask, km_dim S, km_dim Nq, km_dim N,
                              km_dim H, km_dim D)
{
    average t = {v, g, logits, masked_logits(opt_mask, N), S, Nq, N, H, D};
    km_dim ld = padded(N), plane = Nq * ld, block = N * ROWS * D, out_block = Nq * ROWS * D;
    KM_PARALLEL_FOR (ex, S * Nq * N * H * D / 15, h, H) {
        float *w = km_scratch(KM_SCRATCH_OWN, (size_t)(2 * (plane + block + out_block))), *dw = w + plane;
        float *values = dw + plane, *dvalues = values + block, *douts = dvalues + block, *out = douts + out_block;
        weights(w, &t, h);
        memset(dw, 0, (size_t)plane * sizeof *dw);
        for (km_dim s = 0; s < S; s += ROWS) {
            km_dim rows = block_rows(&t, s), columns = rows * D;
            pack(values, &t, N, v, NULL, s, h);
            pack(douts, &t, Nq, dy, g, s, h);
            apply(out, &t, w, false, values, rows);
            apply(dvalues, &t, w, true, douts, rows);
            KM_CPU(multiply)(&(km_matrices){false, true, true, Nq, N, columns, douts, values, dw, columns, columns,
                                            ld});
            unpack_bwd(&t, dv, dg, dvalues, out, dy, s, h);
        }
        for (km_dim i = 0; dlogits && i < Nq; i++) {
            float mean = 0, *to = dlogits + (h * Nq + i) * N;
            for (km_dim j = 0; j < N; j++) mean += w[i * ld + j] * dw[i * ld + j];
            for (km_dim j = 0; j < N; j++) to[j] += w[i * ld + j] * (dw[i * ld + j] - mean);
        }
    }
}
