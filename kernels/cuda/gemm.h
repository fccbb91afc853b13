/* SPDX-License-Identifier: MIT
 * cuBLASLt, opened at run time. */
#ifndef KERNELS_CUDA_GEMM_H
#define KERNELS_CUDA_GEMM_H

#include <stddef.h>

/* False with the reason, and the names looked for, in msg. */
bool km_cublaslt_open(char *msg, size_t room);

#endif
