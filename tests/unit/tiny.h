/* SPDX-License-Identifier: MIT
 * A tiny model with every parameter off its start, and a tiny molecule with padding, for tests. */
#ifndef TESTS_UNIT_TINY_H
#define TESTS_UNIT_TINY_H

#include "lib/model/model.h"

/* 7 tokens in two chains, the last padded; 40 atoms of more than one window, the last two padded. Free with
 * km_features_free. */
km_features *tiny_features(void);
/* Two of everything that has a depth; blocks of the pairformer as given. NULL after a failure, which is printed. */
km_model *tiny_model(int pairformer_blocks);
/* Add a normal number times scale to every parameter whose name holds the text ("": all). */
void tiny_shake(km_model *m, const char *text, double scale, uint64_t seed);
/* n normal numbers times scale, from km_alloc. */
float *tiny_normals(km_dim n, double scale, uint64_t seed);

#endif
