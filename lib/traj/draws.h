/* SPDX-License-Identifier: MIT
 * The random draws of the AlphaFlow panel, bit for bit: MT19937 (Matsumoto & Nishimura 1998) seeded with one number,
 * whole numbers by masking and rejection, as numpy's legacy seed() and randint() do.
 * Tests: tests/unit/test_draws.c */
#ifndef LIB_TRAJ_DRAWS_H
#define LIB_TRAJ_DRAWS_H

#include <stdint.h>

enum { KM_MT_WORDS = 624 };
typedef struct km_mt {
    uint32_t state[KM_MT_WORDS];
    int next;
} km_mt;

void km_mt_seed(km_mt *g, uint32_t seed);
uint32_t km_mt_word(km_mt *g);
/* n numbers of 0 ... limit - 1, with replacement; nothing is drawn where limit is 1. 1 <= limit <= 2^32 - 1. */
void km_mt_below(km_mt *g, uint32_t limit, int64_t n, int64_t *out);

#endif
