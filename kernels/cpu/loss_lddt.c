/* SPDX-License-Identifier: MIT
 * The smooth local distance difference test. A row of pairs (one atom against others of its frame, in blocks) is made
 * at a time; forward sees each pair once, backward twice, so that every atom's gradient has one owner.
 *
 * One exponential serves the four thresholds: sg(c - u) = 1 / (1 + e^u e^-c). */
#include "kernels/cpu/loss.h"
#include "kernels/cpu/vmath.h"

enum { BLOCK = 256 };

/* e^-c for c = 0.5, 1, 2, 4 */
static const float E1 = 0.60653066f, E2 = 0.36787944f, E3 = 0.13533528f, E4 = 0.018315639f;

/* Adds the pairs' scores, of four thresholds each, and their number. */
static inline void row_score(double *score, double *count, const float *restrict dx, const float *restrict dr,
                             float radius, km_dim m)
{
    float sum = 0, pairs = 0;
#pragma omp simd reduction(+ : sum, pairs)
    for (km_dim j = 0; j < m; j++) {
        float u = fabsf(dx[j] - dr[j]), e = km_expf(u > 80.0f ? 80.0f : u), in = dr[j] < radius ? 1.0f : 0.0f;
        float s = 1.0f / (1.0f + e * E1) + 1.0f / (1.0f + e * E2) + 1.0f / (1.0f + e * E3) + 1.0f / (1.0f + e * E4);
        sum += in * s;
        pairs += in;
    }
    *score += sum, *count += pairs;
}

void KM_CPU(loss_lddt_fwd)(const km_exec *ex, float *y, const float *x, const float *r, const float *target,
                           const float *atom_mask, float radius, km_dim F, km_dim A)
{
    points p = points_of(ex, x, r, target, atom_mask, F, A, false);
    km_dim rows = p.T * p.n;
    double *score = p.sum, *count = p.sum + rows;
    KM_PARALLEL_FOR (ex, rows * p.n * 20, row, rows) {
        km_dim i = row % p.n, plane = row / p.n * 3 * p.n;
        score[row] = count[row] = 0;
        for (km_dim j = i + 1; j < p.n; j += BLOCK) {
            float dx[BLOCK], dr[BLOCK];
            km_dim m = p.n - j < BLOCK ? p.n - j : BLOCK;
            distances(dx, p.x + plane, p.n, i, j, m);
            distances(dr, p.r + plane, p.n, i, j, m);
            row_score(&score[row], &count[row], dx, dr, radius, m);
        }
    }
    double pairs = sum_of(count, rows);
    y[0] = pairs > 0 ? (float)(1 - sum_of(score, rows) / (4 * pairs)) : 0.0f;
}

/* dx becomes the derivative by the distance of minus the pair's score, divided by the distance; returns the number of
 * pairs. */
static inline float row_slope(float *restrict dx, const float *restrict dr, float radius, km_dim m)
{
    float pairs = 0;
#pragma omp simd reduction(+ : pairs)
    for (km_dim j = 0; j < m; j++) {
        float diff = dx[j] - dr[j], u = fabsf(diff), e = km_expf(u > 80.0f ? 80.0f : u);
        float a = 1.0f / (1.0f + e * E1), b = 1.0f / (1.0f + e * E2), c = 1.0f / (1.0f + e * E3);
        float d = 1.0f / (1.0f + e * E4), sign = diff > 0 ? 1.0f : diff < 0 ? -1.0f : 0.0f;
        float slope = sign * (a * (1 - a) + b * (1 - b) + c * (1 - c) + d * (1 - d));
        float in = dr[j] < radius ? 1.0f : 0.0f;
        dx[j] = dx[j] > 0 ? in * slope / dx[j] : 0.0f;
        pairs += in;
    }
    return pairs;
}

void KM_CPU(loss_lddt_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, const float *r,
                           const float *target, const float *atom_mask, float radius, km_dim F, km_dim A)
{
    if (!dx) return;
    points p = points_of(ex, x, r, target, atom_mask, F, A, true);
    km_dim rows = p.T * p.n;
    double *count = p.sum;
    KM_PARALLEL_FOR (ex, rows * p.n * 40, row, rows) {
        km_dim i = row % p.n, plane = row / p.n * 3 * p.n;
        count[row] = -(radius > 0); /* the atom itself is among its block */
        for (km_dim j = 0; j < p.n; j += BLOCK) {
            float w[BLOCK], dr[BLOCK];
            km_dim m = p.n - j < BLOCK ? p.n - j : BLOCK;
            distances(w, p.x + plane, p.n, i, j, m);
            distances(dr, p.r + plane, p.n, i, j, m);
            count[row] += row_slope(w, dr, radius, m);
            pull(p.grad + plane, w, p.x + plane, p.n, i, j, m);
        }
    }
    double pairs = sum_of(count, rows);
    /* A pair is counted in both orders, and so is its gradient at this atom. */
    if (pairs > 0) points_add_grad(dx, &p, (float)(2 * dy[0] / (4 * pairs)), A);
}
