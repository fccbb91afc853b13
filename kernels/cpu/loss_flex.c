/* SPDX-License-Identifier: MIT
 * The flexibility loss: fluctuations over the target frames, of atoms (l_abs) and of distances within the whole
 * molecule (l_rel_g) and within residues (l_rel_l). The last two share their pairs: one atom against a block of others,
 * frames inside, each pair with the sum of its two weights. Forward sees a pair once, backward twice, so that every
 * gradient has one owner. */
#include "kernels/cpu/loss.h"

enum { BLOCK = 64, LIGAND = 3 };

typedef struct flex {
    points p;
    float abs, global;        /* the parts' weights over what they are divided by */
    bool type_weights;
    float *local,
        *ligand; /* [n] weight of an ordered pair within the atom's residue, 0 where it is alone; 1 for ligand */
    int32_t *residue;         /* [n] */
} flex;

/* An ordered pair within a residue of m atoms weighs part / (residues m (m - 1)). */
static inline void local_weights(float *local, const int32_t *residue, km_dim n, float part)
{
    double residues = 0;
    for (km_dim i = 0; i < n; i++) {
        km_dim m = 0, before = 0;
        for (km_dim j = 0; j < n; j++) m += residue[j] == residue[i];
        for (km_dim j = 0; j < i; j++) before += residue[j] == residue[i];
        local[i] = m > 1 ? 1.0f / ((float)m * (float)(m - 1)) : 0.0f;
        residues += m > 1 && before == 0;
    }
    for (km_dim i = 0; i < n && residues > 0; i++) local[i] *= part / (float)residues;
}

static inline flex flex_of(points p, const int32_t *residue, const int32_t *mol_type, const float *parts,
                           bool type_weights)
{
    const float n = (float)p.n;
    flex s = {.p = p, .type_weights = type_weights, .local = p.own, .ligand = p.own + p.n};
    s.residue = (int32_t *)(p.own + 2 * p.n);
    for (km_dim i = 0; i < p.n; i++) {
        s.residue[i] = residue[p.atom[i]];
        s.ligand[i] = mol_type[p.atom[i]] == LIGAND ? 1 : 0;
    }
    local_weights(s.local, s.residue, p.n, parts[2]);
    s.abs = p.n > 0 ? parts[0] / n : 0;
    s.global = p.n > 0 ? parts[1] / (n * n) : 0;
    return s;
}

/* The fluctuation of atom i in planes x [T, 3, n], and its mean place. */
static inline double fluctuation(double mean[3], const float *x, km_dim T, km_dim n, km_dim i)
{
    double variance = 0;
    for (km_dim d = 0; d < 3; d++) {
        mean[d] = 0;
        for (km_dim t = 0; t < T; t++) mean[d] += x[(t * 3 + d) * n + i];
        mean[d] /= (double)T;
        for (km_dim t = 0; t < T; t++) {
            double off = x[(t * 3 + d) * n + i] - mean[d];
            variance += off * off;
        }
    }
    return sqrt(variance / (double)T + 1e-8);
}

/* The weighted square of atom i's difference of fluctuations; its gradient is added to grad where there is one. */
static inline double atom_term(const flex *s, km_dim i, double dy)
{
    const points *p = &s->p;
    double mean[3], unused[3], got = fluctuation(mean, p->x, p->T, p->n, i),
                               off = got - fluctuation(unused, p->r, p->T, p->n, i);
    double weight = s->abs * (s->type_weights && s->ligand[i] != 0 ? 10 : 1);
    double slope = 2 * weight * dy * off / (got * (double)p->T);
    for (km_dim t = 0; p->grad && t < p->T; t++)
        for (km_dim d = 0; d < 3; d++) {
            km_dim at = (t * 3 + d) * p->n + i;
            p->grad[at] += (float)(slope * (p->x[at] - mean[d]));
        }
    return weight * off * off;
}

/* Mean and deviation over frames of the distances d [T, BLOCK] from atom i to j .. j + m - 1 */
static inline void moments(float *restrict d, float *restrict mean, float *restrict std, const float *x,
                           const points *p, km_dim i, km_dim j, km_dim m)
{
    const float each = 1.0f / (float)p->T;
    for (km_dim k = 0; k < m; k++) mean[k] = std[k] = 0;
    for (km_dim t = 0; t < p->T; t++) {
        distances(d + t * BLOCK, x + t * 3 * p->n, p->n, i, j, m);
        for (km_dim k = 0; k < m; k++) mean[k] += d[t * BLOCK + k];
    }
    for (km_dim k = 0; k < m; k++) mean[k] *= each;
    for (km_dim t = 0; t < p->T; t++)
        for (km_dim k = 0; k < m; k++) std[k] += (d[t * BLOCK + k] - mean[k]) * (d[t * BLOCK + k] - mean[k]);
    for (km_dim k = 0; k < m; k++) std[k] = sqrtf(std[k] * each + 1e-8f);
}

/* What the ordered pairs of atom i and j .. j + m - 1 weigh, whose mean reference distances are given */
static inline void pair_weights(float *restrict w, const flex *s, const float *restrict mean, km_dim i, km_dim j,
                                km_dim m)
{
    const float with_other = s->type_weights && s->ligand[i] != 0 ? 5 : 1;
    const float with_ligand = !s->type_weights ? 1 : s->ligand[i] != 0 ? 10 : 5;
    const float global = s->global, local = s->local[i], *restrict ligand = s->ligand + j;
    const int32_t own = s->residue[i], *restrict residue = s->residue + j;
    for (km_dim k = 0; k < m; k++) {
        float near = mean[k] <= 5 ? 4.0f : mean[k] <= 10 ? 2.0f : 1.0f;
        float type = ligand[k] != 0 ? with_ligand : with_other;
        w[k] = global * near * type + (residue[k] == own ? local : 0.0f);
    }
}

/* The weighted squares of the differences of deviations of pairs (i, j), j .. j + m - 1, summed. With a gradient array
 * the gradient at atom i of the pairs in both orders is added to it. d [2, T, BLOCK] is working memory. */
static inline float block_term(const flex *s, float *d, float dy, km_dim i, km_dim j, km_dim m)
{
    const points *p = &s->p;
    float mean[BLOCK], std[BLOCK], mean_r[BLOCK], std_r[BLOCK], w[BLOCK], sum = 0;
    moments(d, mean, std, p->x, p, i, j, m);
    moments(d + p->T * BLOCK, mean_r, std_r, p->r, p, i, j, m);
    pair_weights(w, s, mean_r, i, j, m);
#pragma omp simd reduction(+ : sum)
    for (km_dim k = 0; k < m; k++) sum += w[k] * (std[k] - std_r[k]) * (std[k] - std_r[k]);
    if (!p->grad) return sum;
    for (km_dim k = 0; k < m; k++) w[k] *= 4 * dy * (std[k] - std_r[k]) / (std[k] * (float)p->T);
    for (km_dim t = 0; t < p->T; t++) {
        float *restrict dt = d + t * BLOCK;
        for (km_dim k = 0; k < m; k++) dt[k] = dt[k] > 0 ? w[k] * (dt[k] - mean[k]) / dt[k] : 0.0f;
        pull(p->grad + t * 3 * p->n, dt, p->x + t * 3 * p->n, p->n, i, j, m);
    }
    return sum;
}

/* All terms of atom i against the atoms from `first` on. */
static inline double row_term(const flex *s, float dy, km_dim i, km_dim first)
{
    double sum = 0;
    float *d = km_scratch(KM_SCRATCH_OWN, (size_t)(2 * s->p.T * BLOCK));
    for (km_dim j = first; j < s->p.n; j += BLOCK)
        sum += block_term(s, d, dy, i, j, s->p.n - j < BLOCK ? s->p.n - j : BLOCK);
    return sum;
}

void KM_CPU(loss_flex_fwd)(const km_exec *ex, float *y, const float *x, const float *r, const float *target,
                           const float *atom_mask, const int32_t *residue, const int32_t *mol_type, const float *parts,
                           bool type_weights, km_dim F, km_dim A)
{
    points p = points_of(ex, x, r, target, atom_mask, F, A, false);
    y[0] = 0;
    if (p.T < 2) return;
    flex s = flex_of(p, residue, mol_type, parts, type_weights);
    KM_PARALLEL_FOR (ex, p.T * p.n * p.n * 10, i, p.n)
        p.sum[i] = atom_term(&s, i, 0) + 2 * row_term(&s, 0, i, i + 1);
    y[0] = (float)sum_of(p.sum, p.n);
}

void KM_CPU(loss_flex_bwd)(const km_exec *ex, float *dx, const float *dy, const float *x, const float *r,
                           const float *target, const float *atom_mask, const int32_t *residue, const int32_t *mol_type,
                           const float *parts, bool type_weights, km_dim F, km_dim A)
{
    if (!dx) return;
    points p = points_of(ex, x, r, target, atom_mask, F, A, true);
    if (p.T < 2) return;
    flex s = flex_of(p, residue, mol_type, parts, type_weights);
    KM_PARALLEL_FOR (ex, p.T * p.n * p.n * 30, i, p.n) {
        atom_term(&s, i, dy[0]);
        row_term(&s, dy[0], i, 0);
    }
    for (km_dim t = 0; t < p.T; t++) points_add_grad(dx, &p, t, 1, A);
}
