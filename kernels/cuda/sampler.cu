/* SPDX-License-Identifier: MIT
 * What a sampler does to coordinates between evaluations. Coordinates are float32 for both types of activations. */
#include "kernels/cuda/cuda.cuh"

/* Philox4x32-10 (lib/base/rng.c), counter to random bits */
__device__ static void philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[0] = n0, c[1] = (uint32_t)p1, c[2] = n2, c[3] = (uint32_t)p0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
}

__device__ static double unit(uint32_t x) { return (x + 0.5) / 4294967296.0; }

__device__ static double length(uint32_t x) { return sqrt(-2 * log(unit(x))); }

/* A thread an atom: Box-Muller in double, as km_rng_normal3 has it. */
__global__ static void add_noise_kernel(float *y, const float *x, const int32_t *keys, const float *scale, km_dim F,
                                        km_dim A)
{
    const double two_pi = 6.283185307179586476925286766559;
    KM_EACH(i, F * A)
    {
        const int32_t *k = keys + i / A * 4;
        float s = scale[i / A], draw[3] = {0, 0, 0};
        if (s != 0) {
            uint32_t w[4] = {(uint32_t)(i % A), 0, (uint32_t)k[2], (uint32_t)k[3]};
            philox(w, (uint32_t)k[0], (uint32_t)k[1]);
            draw[0] = (float)(length(w[0]) * cos(two_pi * unit(w[1])));
            draw[1] = (float)(length(w[0]) * sin(two_pi * unit(w[1])));
            draw[2] = (float)(length(w[2]) * cos(two_pi * unit(w[3])));
        }
        for (int c = 0; c < 3; c++) y[3 * i + c] = x[3 * i + c] + s * draw[c];
    }
}

void KM_CUDA(add_noise_fwd)(const km_exec *, float *y, const float *x, const int32_t *keys, const float *scale,
                            km_dim F, km_dim A)
{
    KM_EACH_LAUNCH(add_noise_kernel, F * A, y, x, keys, scale, F, A);
}

__global__ static void sampler_move_kernel(float *y, const float *x, const float *u, const float *d,
                                           const float *factor, km_dim F, km_dim n)
{
    KM_EACH(i, F * n)
    {
        float s = factor[i / n];
        y[i] = s == 0 ? x[i] : u[i] + s * (u[i] - d[i]);
    }
}

void KM_CUDA(sampler_move_fwd)(const km_exec *, float *y, const float *x, const float *u, const float *d,
                               const float *factor, km_dim F, km_dim n)
{
    KM_EACH_LAUNCH(sampler_move_kernel, F * n, y, x, u, d, factor, F, n);
}

__device__ static void cross(double n[3], const double a[3], const double b[3])
{
    n[0] = a[1] * b[2] - a[2] * b[1], n[1] = a[2] * b[0] - a[0] * b[2], n[2] = a[0] * b[1] - a[1] * b[0];
}

__device__ static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

__device__ static void from(double v[3], const float *a, const float *b)
{
    for (int k = 0; k < 3; k++) v[k] = (double)b[k] - a[k];
}

__device__ static void hold(float *c, const float *a, const float *b, const float *d)
{
    double u[3], v[3], w[3], n[3];
    from(u, c, a), from(v, c, b), from(w, c, d);
    cross(n, v, w);
    if (!(dot(u, n) < 0)) return;
    from(v, a, b), from(w, a, d), from(u, a, c);
    cross(n, v, w);
    double size = dot(n, n), twice = 2 * dot(u, n) / size;
    for (int k = 0; k < 3 && size > 0; k++) c[k] = (float)(c[k] - twice * n[k]);
}

/* A thread a frame: centres may be neighbours of each other, so that their order counts. */
__global__ static void hold_hands_kernel(float *y, const int32_t *centres, const int32_t *held, km_dim S, km_dim F,
                                         km_dim A)
{
    KM_EACH(f, F)
    {
        float *x = y + f * A * 3;
        if (held[f])
            for (const int32_t *c = centres; c < centres + 4 * S; c += 4)
                hold(x + 3 * c[0], x + 3 * c[1], x + 3 * c[2], x + 3 * c[3]);
    }
}

void KM_CUDA(hold_hands_fwd)(const km_exec *, float *y, const float *x, const int32_t *centres, const int32_t *held,
                             km_dim S, km_dim F, km_dim A)
{
    km_cuda_move(y, x, (size_t)(F * A * 3) * sizeof *y);
    if (S > 0) KM_EACH_LAUNCH(hold_hands_kernel, F, y, centres, held, S, F, A);
}
