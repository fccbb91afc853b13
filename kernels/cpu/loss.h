/* SPDX-License-Identifier: MIT
 * What the losses over pairs of atoms share: the valid atoms of the target frames, gathered into planes (all x, all y,
 * all z) so that loops over atoms run along vectors. Linear in atoms and frames; pairs are never stored. */
#ifndef KERNELS_CPU_LOSS_H
#define KERNELS_CPU_LOSS_H

#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/scratch.h"

/* T target frames, n valid atoms. x and r: [T, 3, n]; frame [T] and atom [n] are their numbers among all; grad [T, 3,
 * n], zero until somebody adds to it; sum [2, T, n] for partial sums; own [4, n] for what a loss must know of atoms. */
typedef struct points {
    km_dim T, n;
    float *x, *r, *grad, *own;
    double *sum;
    int32_t *frame, *atom;
} points;

static inline points points_of(const km_exec *ex, const float *x, const float *r, const float *target,
                               const float *atom_mask, km_dim F, km_dim A, bool with_grad)
{
    km_dim plane = F * 3 * A;
    float *memory = km_scratch(KM_SCRATCH_SHARED, (size_t)(4 * F * A + F + 5 * A + (with_grad ? 3 : 2) * plane));
    points p = {.sum = (double *)memory};
    p.frame = (int32_t *)(memory + 4 * F * A), p.atom = p.frame + F, p.own = (float *)(p.atom + A);
    p.x = p.own + 4 * A, p.r = p.x + plane, p.grad = with_grad ? p.r + plane : NULL;
    for (km_dim f = 0; f < F; f++)
        if (target[f] != 0) p.frame[p.T++] = (int32_t)f;
    for (km_dim a = 0; a < A; a++)
        if (atom_mask[a] != 0) p.atom[p.n++] = (int32_t)a;
    KM_PARALLEL_FOR (ex, plane * 2, t, p.T)
        for (km_dim d = 0; d < 3; d++)
            for (km_dim i = 0; i < p.n; i++) {
                km_dim from = (p.frame[t] * A + p.atom[i]) * 3 + d, to = (t * 3 + d) * p.n + i;
                p.x[to] = x[from];
                p.r[to] = r[from];
                if (with_grad) p.grad[to] = 0;
            }
    return p;
}

/* Frame t of dx [F, A, 3] += factor grad */
static inline void points_add_grad(float *dx, const points *p, km_dim t, float factor, km_dim A)
{
    for (km_dim i = 0; i < p->n; i++)
        for (km_dim d = 0; d < 3; d++)
            dx[(p->frame[t] * A + p->atom[i]) * 3 + d] += factor * p->grad[(t * 3 + d) * p->n + i];
}

/* Distances of atom i from atoms j0 .. j0 + m - 1 in one frame's planes [3, n] */
static inline void distances(float *restrict out, const float *restrict plane, km_dim n, km_dim i, km_dim j0, km_dim m)
{
    const float *restrict x = plane + j0, *restrict y = x + n, *restrict z = y + n;
    const float xi = plane[i], yi = plane[n + i], zi = plane[2 * n + i];
#pragma omp simd
    for (km_dim j = 0; j < m; j++) {
        float a = xi - x[j], b = yi - y[j], c = zi - z[j];
        out[j] = sqrtf(a * a + b * b + c * c);
    }
}

/* g [3, n] at atom i += sum over j of w[j] (x_i - x_j), j as above */
static inline void pull(float *restrict g, const float *restrict w, const float *restrict plane, km_dim n, km_dim i,
                        km_dim j0, km_dim m)
{
    const float *restrict x = plane + j0, *restrict y = x + n, *restrict z = y + n;
    const float xi = plane[i], yi = plane[n + i], zi = plane[2 * n + i];
    float gx = 0, gy = 0, gz = 0;
#pragma omp simd reduction(+ : gx, gy, gz)
    for (km_dim j = 0; j < m; j++) {
        gx += w[j] * (xi - x[j]);
        gy += w[j] * (yi - y[j]);
        gz += w[j] * (zi - z[j]);
    }
    g[i] += gx, g[n + i] += gy, g[2 * n + i] += gz;
}

static inline double sum_of(const double *x, km_dim n)
{
    double s = 0;
    for (km_dim i = 0; i < n; i++) s += x[i];
    return s;
}

static inline km_dim count_of(const float *x, km_dim n)
{
    km_dim c = 0;
    for (km_dim i = 0; i < n; i++) c += x[i] != 0;
    return c;
}

#endif
