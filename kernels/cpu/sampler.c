/* SPDX-License-Identifier: MIT
 * What a sampler does to coordinates between evaluations. */
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "lib/base/hand.h"
#include "lib/base/rng.h"
#include "lib/base/superpose.h"

void KM_CPU(add_noise_fwd)(const km_exec *ex, float *y, const float *x, const int32_t *keys, const float *scale,
                           km_dim F, km_dim A)
{
    KM_PARALLEL_FOR (ex, F * A * 100, f, F) {
        const int32_t *k = keys + 4 * f;
        const km_rng r = {{(uint32_t)k[0], (uint32_t)k[1]}, {(uint32_t)k[2], (uint32_t)k[3]}};
        for (km_dim i = f * A * 3; i < (f + 1) * A * 3; i += 3) {
            float draw[3] = {0};
            if (scale[f] != 0) km_rng_normal3(&r, (uint32_t)(i / 3 - f * A), draw);
            for (int c = 0; c < 3; c++) y[i + c] = x[i + c] + scale[f] * draw[c];
        }
    }
}

void KM_CPU(sampler_move_fwd)(const km_exec *ex, float *y, const float *x, const float *u, const float *d,
                              const float *factor, km_dim F, km_dim n)
{
    KM_PARALLEL_FOR (ex, F * n, f, F) {
        km_dim at = f * n, end = at + n;
        if (factor[f] == 0) memmove(y + at, x + at, (size_t)n * sizeof *y);
        else
            for (km_dim i = at; i < end; i++) y[i] = u[i] + factor[f] * (u[i] - d[i]);
    }
}

void KM_CPU(hold_hands_fwd)(const km_exec *ex, float *y, const float *x, const int32_t *centres, const int32_t *held,
                            km_dim S, km_dim F, km_dim A)
{
    KM_PARALLEL_FOR (ex, F * (A + 20 * S), f, F) {
        float *of = y + f * A * 3;
        memmove(of, x + f * A * 3, (size_t)A * 3 * sizeof *y);
        for (const int32_t *c = centres; held[f] && c < centres + 4 * S; c += 4)
            km_hand_hold(of + 3 * c[0], of + 3 * c[1], of + 3 * c[2], of + 3 * c[3]);
    }
}

void KM_CPU(turn_fwd)(const km_exec *ex, float *y, const float *x, const float *motion, const int32_t *held, km_dim F,
                      km_dim A)
{
    KM_PARALLEL_FOR (ex, F * A * 10, f, F) {
        const float *from = x + f * A * 3, *m = motion + 12 * f;
        double mean[3] = {0}, rot[9], shift[3];
        for (km_dim i = 0; i < A * 3; i++) mean[i % 3] += from[i] / (double)A;
        for (int k = 0; k < 9; k++) rot[k] = m[k];
        for (int k = 0; k < 3; k++) shift[k] = m[9 + k];
        if (held[f]) km_superpose_apply(from, (int)A, rot, mean, shift, y + f * A * 3);
        else memmove(y + f * A * 3, from, (size_t)A * 3 * sizeof *y);
    }
}

void KM_CPU(superpose_fwd)(const km_exec *ex, float *y, const float *x, const float *to, const float *weight,
                           const int32_t *held, km_dim F, km_dim A)
{
    KM_PARALLEL_FOR (ex, F * A * 60, f, F) {
        const float *from = x + f * A * 3;
        double rot[9], center[3], end[3];
        if (held[f]) {
            km_superpose(from, to + f * A * 3, weight, (int)A, rot, center, end);
            km_superpose_apply(from, (int)A, rot, center, end, y + f * A * 3);
        } else {
            memmove(y + f * A * 3, from, (size_t)A * 3 * sizeof *y);
        }
    }
}
