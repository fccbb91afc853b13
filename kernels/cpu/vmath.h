/* SPDX-License-Identifier: MIT
 * exp and the logistic function in a form the compiler vectorises: about 2 ulp, no errno, clamped instead of
 * overflowing.
 *
 * exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2 (two-part ln 2 after Cody and Waite), exp(r) by a
 * polynomial of degree 6 (minimax on the interval, relative error 2e-8 before rounding). */
#ifndef KERNELS_CPU_VMATH_H
#define KERNELS_CPU_VMATH_H

#include <stdint.h>
#include <string.h>

static inline float km_expf(float x)
{
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float shift = 12582912.0f; /* 1.5 2^23: adding it rounds to an integer */
    float n = x * 1.44269504f + shift;
    uint32_t bits;
    memcpy(&bits, &n, sizeof bits);
    n -= shift;
    float r = x - n * 0.693145751953125f - n * 1.42860677e-6f;
    float p = 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    bits = (bits << 23) + 0x3f800000u;
    float two_n;
    memcpy(&two_n, &bits, sizeof two_n);
    return p * two_n;
}

static inline float km_sigmoidf(float x) { return 1.0f / (1.0f + km_expf(-x)); }

#endif
