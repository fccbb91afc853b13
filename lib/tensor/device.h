/* SPDX-License-Identifier: MIT
 * What tensors and the tape need of a device's memory. */
#ifndef LIB_TENSOR_DEVICE_H
#define LIB_TENSOR_DEVICE_H

#include "lib/tensor/tensor.h"

/* *g += seed, where g is a fresh gradient's only number. */
void km_seed(km_ctx *cx, float *g, float seed);
/* km_zeros in an arena of the same memory. */
float *km_zeros_in(const km_ctx *cx, km_arena *home, km_dim n);
void km_copies_free(km_ctx *cx);
/* A pass over operations begins or ends (replay.c), in which a copy may have one content only. */
void km_copies_pass(km_ctx *cx, bool begins);
size_t km_copies_bytes(const km_ctx *cx); /* of the device, in use now */

#endif
