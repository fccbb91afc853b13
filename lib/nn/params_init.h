/* SPDX-License-Identifier: MIT
 * How made parameters start. Every number depends on the seed, the parameter's name and the element alone.
 * Tests: tests/unit/test_params.c */
#ifndef LIB_NN_PARAMS_INIT_H
#define LIB_NN_PARAMS_INIT_H

#include "lib/nn/params.h"

/* Fill w[n] of a parameter with this fan in; `name_hash` keys its random numbers, lambda_lo and lambda_hi (per ns)
 * bound decay rates. */
void km_params_fill(float *w, km_dim n, km_dim fan_in, km_init init, uint64_t seed, uint32_t name_hash,
                    double lambda_lo, double lambda_hi);

#endif
