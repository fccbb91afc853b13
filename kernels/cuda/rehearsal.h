/* SPDX-License-Identifier: MIT
 * A run without a device, to learn what memory it would take: allocations are addresses, each given once, that nothing
 * reads, and scratch slots remember the most that was asked of them. km_cuda_rehearse and km_cuda_rehearses (device.h)
 * are here too, for the device and for the emulator. Tests: tests/unit/test_footprint.c */
#ifndef KERNELS_CUDA_REHEARSAL_H
#define KERNELS_CUDA_REHEARSAL_H

#include "kernels/cuda/device.h"

#ifdef __cplusplus
extern "C" {
#endif

void *km_rehearsal_get(size_t bytes);
/* Was p given by a rehearsal? */
bool km_rehearsal_owns(const void *p);
void *km_rehearsal_scratch(int slot, size_t bytes);
/* The most that was asked of a slot since the outermost rehearsal began. */
size_t km_rehearsal_asked(int slot);

#ifdef __cplusplus
}
#endif

#endif
