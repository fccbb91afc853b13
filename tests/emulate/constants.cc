/* SPDX-License-Identifier: MIT
 * Compiled where NVIDIA's headers are: are the numbers of tests/emulate/include theirs? */
#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include "tests/emulate/include/constants.h"

#define DO(name, number) static_assert((int)name == number, #name);
CUDA_ERRORS(DO)
CUDA_COPIES(DO)
CUDA_CAPTURE_MODES(DO)
CUDA_CAPTURE_STATES(DO)
CUDA_POOL_ATTRIBUTES(DO)
CUDA_FUNCTION_ATTRIBUTES(DO)
CUDA_FLAGS(DO)
CUDA_TYPES(DO)
CUBLAS_STATUSES(DO)
CUBLAS_OPERATIONS(DO)
CUBLAS_COMPUTE_TYPES(DO)
CUBLASLT_DESCRIPTION(DO)
CUBLASLT_LAYOUT(DO)
CUBLASLT_PREFERENCE(DO)
CUBLASLT_EPILOGUES(DO)
