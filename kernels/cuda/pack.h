/* SPDX-License-Identifier: MIT
 * A weight matrix in bfloat16 on the device. */
#ifndef KERNELS_CUDA_PACK_H
#define KERNELS_CUDA_PACK_H

#include <stddef.h>
#include <stdint.h>

struct km_pack {
    const void *w; /* [out, in] bf16 */
    void *own;     /* w, or NULL where it is another's */
    size_t bytes;
};

#endif
