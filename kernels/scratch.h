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

#endif
