/* SPDX-License-Identifier: MIT
 * A weight matrix in bfloat16 on the device. */
#ifndef KERNELS_CUDA_PACK_H
#define KERNELS_CUDA_PACK_H

#include <stddef.h>
#include <stdint.h>

struct km_pack {
    void *w; // [out, in] bf16
    size_t bytes;
};

#endif
