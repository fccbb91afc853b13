/* SPDX-License-Identifier: MIT
 * What the parts of the network are measured on. */
#ifndef TOOLS_BENCH_MADE_UP_H
#define TOOLS_BENCH_MADE_UP_H

#include "lib/base/mem.h"
#include "lib/model/model.h"
#include "lib/tensor/ops.h"
#include "tools/bench.h"

enum { KM_BENCH_ROWS = 1024 }; /* of an alignment */

/* A chain of tokens with equally many atoms each. */
typedef struct km_bench_molecule {
    km_features f;
    float *zeros, *ones;
    int32_t *none, *count, *owner;
} km_bench_molecule;
km_bench_molecule km_bench_molecule_new(const km_bench_sizes *s);
void km_bench_molecule_free(km_bench_molecule *m);

/* The published dimensions with this many blocks, and how that model is sampled. */
km_config km_bench_config(const char *family, int blocks, km_sampling *ret_sampling);

/* Numbers of x [n] between -0.5 and 0.5 */
void km_bench_fill(float *x, km_dim n);
/* A tensor of such numbers: float32, or of activations' type */
km_tensor *km_bench_tensor(km_ctx *cx, int nd, const km_dim *shape);
#define COORDINATES(cx, ...) km_bench_tensor((cx), KM_SHAPE(__VA_ARGS__))
#define MADE_UP(cx, ...) km_cast((cx), COORDINATES((cx), __VA_ARGS__))

#endif
