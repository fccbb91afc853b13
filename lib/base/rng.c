/* SPDX-License-Identifier: MIT */
#include "lib/base/rng.h"

#include <math.h>
#include <sys/random.h>
#include <time.h>

void km_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c0 = n0, c1 = (uint32_t)p1, c2 = n2, c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* 128 bits of (purpose, trajectory, time, step) are hashed with the seed into a key of 64 and a counter half of 64, so
 * that no two keys of a run meet but by the chance of a 128-bit hash. */
km_rng km_rng_of(uint64_t seed, km_purpose purpose, uint32_t trajectory, int64_t time_fs, uint32_t step)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t a[4] = {(uint32_t)purpose, trajectory, 0x6b6d0001u, 0}, b[4];
    km_philox(b, a, key);
    b[0] ^= (uint32_t)(uint64_t)time_fs, b[1] ^= (uint32_t)((uint64_t)time_fs >> 32), b[2] ^= step;
    km_philox(a, b, key);
    return (km_rng){{a[0], a[1]}, {a[2], a[3]}};
}

static void block_of(const km_rng *r, uint32_t i, uint32_t sub, uint32_t out[4])
{
    const uint32_t c[4] = {i, sub, r->base[0], r->base[1]};
    km_philox(out, c, r->key);
}

static double unit(uint32_t x) { return (x + 0.5) * 0x1p-32; }

void km_rng_normal3(const km_rng *r, uint32_t i, float out[3])
{
    uint32_t w[4];
    block_of(r, i, 0, w);
    const double two_pi = 6.283185307179586476925286766559;
    double radius = sqrt(-2 * log(unit(w[0]))), angle = two_pi * unit(w[1]);
    out[0] = (float)(radius * cos(angle));
    out[1] = (float)(radius * sin(angle));
    out[2] = (float)(sqrt(-2 * log(unit(w[2]))) * cos(two_pi * unit(w[3])));
}

void km_rng_uniform4(const km_rng *r, uint32_t i, double out[4])
{
    uint32_t w[4];
    block_of(r, i, 1, w);
    for (int k = 0; k < 4; k++) out[k] = unit(w[k]);
}

uint64_t km_rng_fresh_seed(void)
{
    uint64_t s = 0;
    if (getrandom(&s, sizeof s, 0) != (ssize_t)sizeof s) s = (uint64_t)time(NULL) * 0x9E3779B97F4A7C15u;
    return s ? s : 1;
}
