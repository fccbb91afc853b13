/* SPDX-License-Identifier: MIT
 * Counter-based random numbers (Philox4x32-10: Salmon, Moraes, Dror, Shaw, SC'11), so that a number depends on what it
 * is for and on nothing else: not on the order of drawing, the number of threads, the batch or the device. Tests:
 * tests/unit/test_base.c (known answers of the Random123 distribution) */
#ifndef KM_BASE_RNG_H
#define KM_BASE_RNG_H

#include <stdint.h>

/* What a stream of numbers is for. Never renumber: results of a seed depend on it. */
typedef enum km_purpose {
    KM_RNG_INIT = 1,      /* the noise a frame starts from */
    KM_RNG_STEP = 2,      /* the noise added in a sampler's step */
    KM_RNG_ROTATION = 3,  /* random rotations and translations */
    KM_RNG_SAMPLE = 4,    /* which training sample: system, spacing, window, task */
    KM_RNG_LEVEL = 5,     /* noise levels in training */
    KM_RNG_NOISE = 6,     /* noise on training frames */
    KM_RNG_WEIGHTS = 7,   /* initial parameters */
    KM_RNG_METRIC = 8,    /* draws inside a metric */
    KM_RNG_TEST = 9,
    KM_RNG_MSA = 10,      /* which rows of an alignment the trunk sees */
} km_purpose;

/* The four words Philox4x32-10 gives for this counter and key. */
void km_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* A key of design: seed, purpose, trajectory, time of the frame in fs, step. The atom (or any index) is the counter. */
typedef struct km_rng {
    uint32_t key[2], base[2];
} km_rng;
km_rng km_rng_of(uint64_t seed, km_purpose purpose, uint32_t trajectory, int64_t time_fs, uint32_t step);

/* Three standard normal numbers for index i (an atom's x, y, z): Box-Muller on one Philox block and a half of it. */
void km_rng_normal3(const km_rng *r, uint32_t i, float out[3]);
/* Four numbers uniform in (0, 1), one Philox block, for index i. */
void km_rng_uniform4(const km_rng *r, uint32_t i, double out[4]);

/* A fresh seed from the system, never 0. */
uint64_t km_rng_fresh_seed(void);

#endif
