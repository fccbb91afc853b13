/* SPDX-License-Identifier: MIT
 * Working memory for kernels: a thread keeps what it has grown until it ends, so that nothing is allocated in the
 * steady state.
 * Tests: tests/unit/test_scratch.c */
#ifndef KERNELS_SCRATCH_H
#define KERNELS_SCRATCH_H

#include <stddef.h>

/* SHARED: asked for by the thread that enters a kernel, before it splits the work; OWN: by each thread for its part. */
typedef enum km_scratch_slot { KM_SCRATCH_SHARED, KM_SCRATCH_OWN } km_scratch_slot;

/* At least n floats, 64-byte aligned, uninitialised, good until this thread asks for the same slot again. */
float *km_scratch(km_scratch_slot slot, size_t n);

/* What the kernels take whose scratch grows with N^2, in floats: planes [N, N] of 16 channels of both factors and one
 * more, each a cache line longer than its size; weights [Nq, N] of a head, rows padded to a vector, with values and
 * outputs of 16 alignment rows. */
static inline size_t km_scratch_triangle(size_t N) { return (2 * 16 + 1) * (N * N + 16); }
static inline size_t km_scratch_average(size_t Nq, size_t N, size_t D)
{
    return Nq * ((N + 15) / 16 * 16) + (Nq + N) * 16 * D;
}

#endif
