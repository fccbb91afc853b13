/* SPDX-License-Identifier: MIT
 * cuBLASLt, opened at run time. */
#ifndef KERNELS_CUDA_GEMM_H
#define KERNELS_CUDA_GEMM_H

#include <stddef.h>

/* What its algorithms may use, taken with the first product. */
enum : size_t { KM_GEMM_WORKSPACE = (size_t)32 << 20 };

/* Look for the library: false with the reason, and the names looked for, in msg. */
extern "C" bool km_cublaslt_open(char *msg, size_t room);
/* Ready for products on the present device; false as above. */
bool km_cublaslt_start(char *msg, size_t room);

#endif
