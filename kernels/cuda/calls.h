/* SPDX-License-Identifier: MIT
 * A pass over calls that shall become a graph, or be known again as one (begin, end in kernels/backend.h): what of it
 * is the same on a device and in the emulator. Tests: tests/unit/test_replay.c */
#ifndef KERNELS_CUDA_CALLS_H
#define KERNELS_CUDA_CALLS_H

#include <stddef.h>

#include "kernels/calls.h"

#ifdef __cplusplus
extern "C" {
#endif

void km_calls_begin(km_pass how);
/* Without the graph, which km_cuda_end adds. */
km_calls km_calls_end(void);
bool km_calls_under_way(void);
bool km_calls_kept(void); /* KM_PASS_KEPT is under way */
/* What is asked for is not to be done: KM_PASS_TOLD, or a pass that was spoilt, of which nothing is used any more. */
bool km_calls_left_out(void);
void km_calls_note(const void *argument, size_t bytes);
/* The pass has come to something that cannot be part of a graph. */
void km_calls_spoil(void);
/* A copy from the host that is made now is only right while nothing has been asked for. */
void km_calls_copy(void);

#ifdef __cplusplus
}
#endif

#endif
