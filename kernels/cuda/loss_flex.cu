/* SPDX-License-Identifier: MIT
 * The loss of flexibility: how far atoms and distances of pairs fluctuate over the target frames. A pair's terms are
 * computed once by one thread; for the gradient it leaves the mean distance and a coefficient, and a warp for each atom
 * of each frame goes over its partners. Pairs (a, b) and (b, a) weigh alike. */
#include "kernels/cuda/sums.cuh"

enum { LIGAND = 3 };

struct flex {
    const float *x, *r, *target, *atom_mask, *parts;
    const int32_t *residue, *mol_type;
    bool type_weights;
    km_dim F, A;
    const float *size;   // [A] unmasked atoms of the atom's residue
    const float *counts; // target frames, unmasked atoms, residues of two atoms or more
};

/* size [A]; a warp an atom */
__global__ static void size_kernel(float *size, const float *atom_mask, const int32_t *residue, km_dim A)
{
    KM_EACH_WARP(a, A)
    {
        float m = 0;
        for (km_dim b = lane_of(); b < A; b += KM_WARP) m += atom_mask[b] != 0 && residue[b] == residue[a];
        m = warp_sum(m);
        if (lane_of() == 0) size[a] = m;
    }
}

/* One warp. */
__global__ static void counts_kernel(float *counts, const float *target, const float *atom_mask, const float *size,
                                     km_dim F, km_dim A)
{
    double frames = 0, atoms = 0, residues = 0;
    for (km_dim f = lane_of(); f < F; f += KM_WARP) frames += target[f] != 0;
    for (km_dim a = lane_of(); a < A; a += KM_WARP) {
        if (atom_mask[a] == 0) continue;
        atoms++;
        if (size[a] > 1) residues += 1.0 / size[a]; /* a residue of k atoms is met k times */
    }
    frames = warp_sum(frames), atoms = warp_sum(atoms), residues = warp_sum(residues);
    if (lane_of() == 0) counts[0] = (float)frames, counts[1] = (float)atoms, counts[2] = (float)residues;
}

__device__ static float rmsf(float mean[3], const flex &s, const float *x, km_dim a)
{
    float variance = 0, frames = s.counts[0];
    for (int k = 0; k < 3; k++) {
        mean[k] = 0;
        for (km_dim f = 0; f < s.F; f++)
            if (s.target[f] != 0) mean[k] += x[(f * s.A + a) * 3 + k] / frames;
        for (km_dim f = 0; f < s.F; f++) {
            float d = x[(f * s.A + a) * 3 + k] - mean[k];
            if (s.target[f] != 0) variance += d * d / frames;
        }
    }
    return sqrtf(variance + 1e-8f);
}

__device__ static float deviation(float *mean, const flex &s, const float *x, km_dim a, km_dim b)
{
    float variance = 0, sum = 0, frames = s.counts[0], d[3];
    for (km_dim f = 0; f < s.F; f++)
        if (s.target[f] != 0) sum += distance(d, x + (f * s.A + a) * 3, x + (f * s.A + b) * 3);
    *mean = sum / frames;
    for (km_dim f = 0; f < s.F; f++) {
        if (s.target[f] == 0) continue;
        float off = distance(d, x + (f * s.A + a) * 3, x + (f * s.A + b) * 3) - *mean;
        variance += off * off / frames;
    }
    return sqrtf(variance + 1e-8f);
}

__device__ static float atom_weight(const flex &s, km_dim a)
{
    return s.parts[0] / s.counts[1] * (s.type_weights && s.mol_type[a] == LIGAND ? 10 : 1);
}

/* of the ordered pair: the global part's and the local part's */
__device__ static float pair_weight(const flex &s, float mean_reference, km_dim a, km_dim b)
{
    int ligands = (s.mol_type[a] == LIGAND) + (s.mol_type[b] == LIGAND);
    float type = !s.type_weights || ligands == 0 ? 1 : ligands == 1 ? 5 : 10;
    float near = mean_reference <= 5 ? 4 : mean_reference <= 10 ? 2 : 1, m = s.size[a];
    float w = s.parts[1] / (s.counts[1] * s.counts[1]) * type * near;
    return s.residue[a] == s.residue[b] ? w + s.parts[2] / s.counts[2] / (m * (m - 1)) : w;
}

#define FLEX_PARAMS                                                                                                    \
    const float *x, const float *r, const float *target, const float *atom_mask, const int32_t *residue,               \
        const int32_t *mol_type, const float *parts, const float *size, const float *counts, bool type_weights,        \
        km_dim F, km_dim A
#define FLEX_ARGS x, r, target, atom_mask, residue, mol_type, parts, size, counts, type_weights, F, A
#define FLEX_OF                                                                                                        \
    {                                                                                                                  \
        x, r, target, atom_mask, parts, residue, mol_type, type_weights, F, A, size, counts                            \
    }

__global__ static void flex_kernel(sums *to, FLEX_PARAMS)
{
    flex s = FLEX_OF;
    double sum = 0;
    KM_EACH(i, A * A)
    {
        km_dim a = i / A, b = i % A;
        float unused[3], mean, mean_r, off;
        if (s.counts[0] < 2 || atom_mask[a] == 0 || atom_mask[b] == 0) continue;
        if (a == b) {
            off = rmsf(unused, s, x, a) - rmsf(unused, s, r, a);
            sum += (double)atom_weight(s, a) * off * off;
        } else {
            off = deviation(&mean, s, x, a, b) - deviation(&mean_r, s, r, a, b);
            sum += (double)pair_weight(s, mean_r, a, b) * off * off;
        }
    }
    leave_part(to, sum, 0);
}

__global__ static void flex_end_kernel(float *y, const sums *parts) { y[0] = (float)total(parts).a; }

/* size [A] and counts [3] behind it */
static float *facts_of(const float *target, const float *atom_mask, const int32_t *residue, km_dim F, km_dim A)
{
    float *size = (float *)km_cuda_scratch(1, (size_t)(A + 3) * sizeof *size);
    KM_WARP_LAUNCH(size_kernel, A, size, atom_mask, residue, A);
    km_launch(counts_kernel, dim3(1), dim3(KM_WARP), 0, size + A, target, atom_mask, size, F, A);
    return size;
}

void KM_CUDA(loss_flex_fwd)(const km_exec *, float *y, const float *x, const float *r, const float *target,
                            const float *atom_mask, const int32_t *residue, const int32_t *mol_type, const float *parts,
                            bool type_weights, km_dim F, km_dim A)
{
    const float *size = facts_of(target, atom_mask, residue, F, A), *counts = size + A;
    sums *to = new_parts(0);
    KM_SUM_LAUNCH(flex_kernel, A * A, to, FLEX_ARGS);
    KM_ONE_LAUNCH(flex_end_kernel, y, to);
}

/* coefficient [A, A] and mean [A, A] of the pairs' distances; coefficient 0: the pair does not count */
__global__ static void coefficients_kernel(float2 *pair, const float *dy, FLEX_PARAMS)
{
    flex s = FLEX_OF;
    KM_EACH(i, A * A)
    {
        km_dim a = i / A, b = i % A;
        float mean = 0, mean_r, factor = 0;
        if (s.counts[0] >= 2 && a != b && atom_mask[a] != 0 && atom_mask[b] != 0) {
            float got = deviation(&mean, s, x, a, b), off = got - deviation(&mean_r, s, r, a, b);
            factor = dy[0] * pair_weight(s, mean_r, a, b) * 4 * off / got / s.counts[0];
        }
        pair[i] = float2{factor, mean};
    }
}

__global__ static void flex_bwd_kernel(float *dx, const float2 *pair, const float *dy, FLEX_PARAMS)
{
    flex s = FLEX_OF;
    KM_EACH_WARP(fa, F * A)
    {
        km_dim f = fa / A, a = fa % A;
        float g[3] = {0, 0, 0}, mean[3], unused[3];
        if (s.counts[0] < 2 || target[f] == 0 || atom_mask[a] == 0) continue;
        for (km_dim b = lane_of(); b < A; b += KM_WARP) {
            float d[3], l = distance(d, x + fa * 3, x + (f * A + b) * 3);
            float2 p = pair[a * A + b];
            for (int k = 0; k < 3 && l > 0 && p.x != 0; k++) g[k] += p.x * (l - p.y) * d[k] / l;
        }
        for (int k = 0; k < 3; k++) g[k] = warp_sum(g[k]);
        if (lane_of()) continue;
        float got = rmsf(mean, s, x, a), off = got - rmsf(unused, s, r, a);
        float own = dy[0] * atom_weight(s, a) * 2 * off / got / s.counts[0];
        for (int k = 0; k < 3; k++) dx[fa * 3 + k] += g[k] + own * (x[fa * 3 + k] - mean[k]);
    }
}

void KM_CUDA(loss_flex_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                            const float *target, const float *atom_mask, const int32_t *residue,
                            const int32_t *mol_type, const float *parts, bool type_weights, km_dim F, km_dim A)
{
    if (!opt_dx) return;
    const float *size = facts_of(target, atom_mask, residue, F, A), *counts = size + A;
    float2 *pair = (float2 *)km_cuda_scratch(0, (size_t)(A * A) * sizeof *pair);
    KM_EACH_LAUNCH(coefficients_kernel, A * A, pair, dy, FLEX_ARGS);
    KM_WARP_LAUNCH(flex_bwd_kernel, F * A, opt_dx, pair, dy, FLEX_ARGS);
}
