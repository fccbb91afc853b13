/* SPDX-License-Identifier: MIT */
#include "lib/traj/draws.h"

void km_mt_seed(km_mt *g, uint32_t seed)
{
    g->state[0] = seed;
    for (uint32_t i = 1; i < KM_MT_WORDS; i++)
        g->state[i] = 1812433253u * (g->state[i - 1] ^ (g->state[i - 1] >> 30)) + i;
    g->next = KM_MT_WORDS;
}

static void refill(km_mt *g)
{
    for (int i = 0; i < KM_MT_WORDS; i++) {
        uint32_t y = (g->state[i] & 0x80000000u) | (g->state[(i + 1) % KM_MT_WORDS] & 0x7fffffffu);
        g->state[i] = g->state[(i + 397) % KM_MT_WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    g->next = 0;
}

uint32_t km_mt_word(km_mt *g)
{
    if (g->next == KM_MT_WORDS) refill(g);
    uint32_t y = g->state[g->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

void km_mt_below(km_mt *g, uint32_t limit, int64_t n, int64_t *out)
{
    uint32_t most = limit - 1, mask = 0;
    while (mask < most) mask = 2 * mask + 1;
    for (int64_t i = 0; i < n; i++) {
        uint32_t v = 0;
        if (most) do
                v = km_mt_word(g) & mask;
            while (v > most);
        out[i] = v;
    }
}
