/* SPDX-License-Identifier: MIT
 * The numbers behind the names of NVIDIA's interfaces that are used here. tests/emulate/constants.cc compares them with
 * NVIDIA's own headers, where there are any. */
#ifndef TESTS_EMULATE_CONSTANTS_H
#define TESTS_EMULATE_CONSTANTS_H

#define CUDA_ERRORS(DO)                                                                                                \
    DO(cudaSuccess, 0)                                                                                                 \
    DO(cudaErrorInvalidValue, 1)                                                                                       \
    DO(cudaErrorMemoryAllocation, 2)                                                                                   \
    DO(cudaErrorInvalidConfiguration, 9)                                                                               \
    DO(cudaErrorInvalidMemcpyDirection, 21)                                                                            \
    DO(cudaErrorInsufficientDriver, 35)                                                                                \
    DO(cudaErrorInvalidDevice, 101)                                                                                    \
    DO(cudaErrorInvalidResourceHandle, 400)                                                                            \
    DO(cudaErrorIllegalState, 401)                                                                                     \
    DO(cudaErrorLaunchFailure, 719)                                                                                    \
    DO(cudaErrorNotSupported, 801)                                                                                     \
    DO(cudaErrorStreamCaptureUnsupported, 900)                                                                         \
    DO(cudaErrorStreamCaptureInvalidated, 901)                                                                         \
    DO(cudaErrorStreamCaptureMerge, 902)                                                                               \
    DO(cudaErrorStreamCaptureUnmatched, 903)                                                                           \
    DO(cudaErrorStreamCaptureUnjoined, 904)                                                                            \
    DO(cudaErrorStreamCaptureIsolation, 905)                                                                           \
    DO(cudaErrorCapturedEvent, 907)

#define CUDA_COPIES(DO)                                                                                                \
    DO(cudaMemcpyHostToDevice, 1)                                                                                      \
    DO(cudaMemcpyDeviceToHost, 2)                                                                                      \
    DO(cudaMemcpyDeviceToDevice, 3)

#define CUDA_CAPTURE_MODES(DO) DO(cudaStreamCaptureModeRelaxed, 2)

#define CUDA_CAPTURE_STATES(DO)                                                                                        \
    DO(cudaStreamCaptureStatusNone, 0)                                                                                 \
    DO(cudaStreamCaptureStatusActive, 1)                                                                               \
    DO(cudaStreamCaptureStatusInvalidated, 2)

#define CUDA_POOL_ATTRIBUTES(DO)                                                                                       \
    DO(cudaMemPoolAttrReleaseThreshold, 4)                                                                             \
    DO(cudaMemPoolAttrReservedMemCurrent, 5)                                                                           \
    DO(cudaMemPoolAttrUsedMemCurrent, 7)

#define CUDA_FUNCTION_ATTRIBUTES(DO) DO(cudaFuncAttributeMaxDynamicSharedMemorySize, 8)

#define CUDA_FLAGS(DO)                                                                                                 \
    DO(cudaStreamNonBlocking, 1)                                                                                       \
    DO(cudaEventDisableTiming, 2)

#define CUDA_TYPES(DO)                                                                                                 \
    DO(CUDA_R_32F, 0)                                                                                                  \
    DO(CUDA_R_16BF, 14)

#define CUBLAS_STATUSES(DO)                                                                                            \
    DO(CUBLAS_STATUS_SUCCESS, 0)                                                                                       \
    DO(CUBLAS_STATUS_NOT_INITIALIZED, 1)                                                                               \
    DO(CUBLAS_STATUS_INVALID_VALUE, 7)                                                                                 \
    DO(CUBLAS_STATUS_EXECUTION_FAILED, 13)                                                                             \
    DO(CUBLAS_STATUS_NOT_SUPPORTED, 15)

#define CUBLAS_OPERATIONS(DO)                                                                                          \
    DO(CUBLAS_OP_N, 0)                                                                                                 \
    DO(CUBLAS_OP_T, 1)

#define CUBLAS_COMPUTE_TYPES(DO) DO(CUBLAS_COMPUTE_32F, 68)

#define CUBLASLT_DESCRIPTION(DO)                                                                                       \
    DO(CUBLASLT_MATMUL_DESC_TRANSA, 3)                                                                                 \
    DO(CUBLASLT_MATMUL_DESC_TRANSB, 4)                                                                                 \
    DO(CUBLASLT_MATMUL_DESC_EPILOGUE, 7)                                                                               \
    DO(CUBLASLT_MATMUL_DESC_BIAS_POINTER, 8)                                                                           \
    DO(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, 26)

#define CUBLASLT_LAYOUT(DO)                                                                                            \
    DO(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, 5)                                                                          \
    DO(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, 6)

#define CUBLASLT_PREFERENCE(DO)                                                                                        \
    DO(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, 1)                                                                    \
    DO(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, 5)                                                                  \
    DO(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, 6)                                                                  \
    DO(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, 7)                                                                  \
    DO(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, 8)

#define CUBLASLT_EPILOGUES(DO)                                                                                         \
    DO(CUBLASLT_EPILOGUE_DEFAULT, 1)                                                                                   \
    DO(CUBLASLT_EPILOGUE_RELU, 2)                                                                                      \
    DO(CUBLASLT_EPILOGUE_BIAS, 4)                                                                                      \
    DO(CUBLASLT_EPILOGUE_RELU_BIAS, 6)

#define KM_ENUMERATOR(name, number) name = number,

#endif
