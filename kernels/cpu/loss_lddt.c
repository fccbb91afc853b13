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

/* Of atoms: a ligand's count more, and nucleotides look further, where types are asked for. */
typedef struct kinds {
    bool by_frame;         /* every frame's pairs by themselves */
    float *ligand, *reach; /* [n] 1 for a ligand; how near another must be to count */
} kinds;

static inline kinds kinds_of(const points *p, const int32_t *opt_mol_type, float radius)
{
    kinds s = {opt_mol_type != NULL, p->own, p->own + p->n};
    for (km_dim i = 0; i < p->n; i++) {
        int32_t type = opt_mol_type ? opt_mol_type[p->atom[i]] : 0;
        s.ligand[i] = type == 3, s.reach[i] = type == 1 || type == 2 ? 2 * radius : radius;
    }
    return s;
}

/* What atom i and j .. j + m - 1 weigh in the mean over ordered pairs, whose distances in r are given */
static inline void row_weights(float *restrict w, const float *restrict dr, const kinds *s, km_dim i, km_dim j,
                               km_dim m)
{
    const float *restrict ligand = s->ligand + j, *restrict reach = s->reach + j, own = s->reach[i];
    const float with_other = s->ligand[i] != 0 ? 5 : 1, with_ligand = s->ligand[i] != 0 ? 10 : 5;
#pragma omp simd
    for (km_dim k = 0; k < m; k++) {
        float in = (dr[k] < own ? 0.5f : 0.0f) + (dr[k] < reach[k] ? 0.5f : 0.0f);
        w[k] = in * (ligand[k] != 0 ? with_ligand : with_other);
    }
}

/* Adds the pairs' scores, of four thresholds each, and what they weigh. */
static inline void row_score(double *score, double *count, const float *restrict dx, const float *restrict dr,
                             const float *restrict w, km_dim m)
{
    float sum = 0, pairs = 0;
#pragma omp simd reduction(+ : sum, pairs)
    for (km_dim j = 0; j < m; j++) {
        float u = fabsf(dx[j] - dr[j]), e = km_expf(u > 80.0f ? 80.0f : u);
        float s = 1.0f / (1.0f + e * E1) + 1.0f / (1.0f + e * E2) + 1.0f / (1.0f + e * E3) + 1.0f / (1.0f + e * E4);
        sum += w[j] * s;
        pairs += w[j];
    }
    *score += sum, *count += pairs;
}

void KM_CPU(loss_lddt_fwd)(const km_exec *ex, float *y, const float *x, const float *r, const float *target,
                           const float *atom_mask, const int32_t *opt_mol_type, float radius, km_dim F, km_dim A)
{
    points p = points_of(ex, x, r, target, atom_mask, F, A, false);
    const kinds s = kinds_of(&p, opt_mol_type, radius);
    km_dim rows = p.T * p.n;
    double *score = p.sum, *count = p.sum + rows, sum = 0;
    KM_PARALLEL_FOR (ex, rows * p.n * 20, row, rows) {
        km_dim i = row % p.n, plane = row / p.n * 3 * p.n;
        score[row] = count[row] = 0;
        for (km_dim j = i + 1; j < p.n; j += BLOCK) {
            float dx[BLOCK], dr[BLOCK], w[BLOCK];
            km_dim m = p.n - j < BLOCK ? p.n - j : BLOCK;
            distances(dx, p.x + plane, p.n, i, j, m);
            distances(dr, p.r + plane, p.n, i, j, m);
            row_weights(w, dr, &s, i, j, m);
            row_score(&score[row], &count[row], dx, dr, w, m);
        }
    }
    for (km_dim t = 0; t < p.T && s.by_frame; t++)
        sum += (1 - 2 * sum_of(score + t * p.n, p.n) / (4 * (2 * sum_of(count + t * p.n, p.n) + 1e-6))) / (double)F;
    double pairs = sum_of(count, rows);
    y[0] = s.by_frame ? (float)sum : pairs > 0 ? (float)(1 - sum_of(score, rows) / (4 * pairs)) : 0.0f;
}

/* dx becomes the derivative by the distance of minus the pair's score, times its weight and divided by the distance;
 * returns what all weigh. */
static inline float row_slope(float *restrict dx, const float *restrict dr, const float *restrict w, km_dim m)
{
    float pairs = 0;
#pragma omp simd reduction(+ : pairs)
    for (km_dim j = 0; j < m; j++) {
        float diff = dx[j] - dr[j], u = fabsf(diff), e = km_expf(u > 80.0f ? 80.0f : u);
        float a = 1.0f / (1.0f + e * E1), b = 1.0f / (1.0f + e * E2), c = 1.0f / (1.0f + e * E3);
        float d = 1.0f / (1.0f + e * E4), sign = diff > 0 ? 1.0f : diff < 0 ? -1.0f : 0.0f;
        float slope = sign * (a * (1 - a) + b * (1 - b) + c * (1 - c) + d * (1 - d));
        dx[j] = dx[j] > 0 ? w[j] * slope / dx[j] : 0.0f;
        pairs += w[j];
    }
    return pairs;
}

void KM_CPU(loss_lddt_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, const float *r,
                           const float *target, const float *atom_mask, const int32_t *opt_mol_type, float radius,
                           km_dim F, km_dim A)
{
    if (!dx) return;
    points p = points_of(ex, x, r, target, atom_mask, F, A, true);
    const kinds s = kinds_of(&p, opt_mol_type, radius);
    km_dim rows = p.T * p.n;
    double *count = p.sum;
    KM_PARALLEL_FOR (ex, rows * p.n * 40, row, rows) {
        km_dim i = row % p.n, plane = row / p.n * 3 * p.n;
        float zero = 0, own;
        row_weights(&own, &zero, &s, i, i, 1);
        count[row] = -own; /* the atom itself is among its block */
        for (km_dim j = 0; j < p.n; j += BLOCK) {
            float d[BLOCK], dr[BLOCK], w[BLOCK];
            km_dim m = p.n - j < BLOCK ? p.n - j : BLOCK;
            distances(d, p.x + plane, p.n, i, j, m);
            distances(dr, p.r + plane, p.n, i, j, m);
            row_weights(w, dr, &s, i, j, m);
            count[row] += row_slope(d, dr, w, m);
            pull(p.grad + plane, d, p.x + plane, p.n, i, j, m);
        }
    }
    double pairs = sum_of(count, rows);
    /* A pair is counted in both orders, and so is its gradient at this atom. */
    for (km_dim t = 0; t < p.T && pairs > 0; t++) {
        double all = s.by_frame ? (double)F * (sum_of(count + t * p.n, p.n) + 1e-6) : pairs;
        points_add_grad(dx, &p, t, (float)(2 * dy[0] / (4 * all)), A);
    }
}
