/* SPDX-License-Identifier: MIT
 * What kernels/cuda/gemm.cu uses of cuBLASLt, declared as NVIDIA documents it, for the emulator's own
 * (tests/emulate/cublaslt.cc), which is of no version that there ever was. */
#ifndef TESTS_EMULATE_CUBLASLT_H
#define TESTS_EMULATE_CUBLASLT_H

#include "tests/emulate/include/cuda_runtime.h"

#define CUBLAS_VER_MAJOR 0

typedef enum cublasStatus { CUBLAS_STATUSES(KM_ENUMERATOR) } cublasStatus_t;
typedef enum cublasOperation { CUBLAS_OPERATIONS(KM_ENUMERATOR) } cublasOperation_t;
typedef enum cublasComputeType { CUBLAS_COMPUTE_TYPES(KM_ENUMERATOR) } cublasComputeType_t;
typedef enum cublasLtEpilogue { CUBLASLT_EPILOGUES(KM_ENUMERATOR) } cublasLtEpilogue_t;
typedef enum cublasLtMatmulDescAttributes { CUBLASLT_DESCRIPTION(KM_ENUMERATOR) } cublasLtMatmulDescAttributes_t;
typedef enum cublasLtMatrixLayoutAttribute { CUBLASLT_LAYOUT(KM_ENUMERATOR) } cublasLtMatrixLayoutAttribute_t;
typedef enum cublasLtMatmulPreferenceAttributes {
    CUBLASLT_PREFERENCE(KM_ENUMERATOR)
} cublasLtMatmulPreferenceAttributes_t;

typedef struct cublasLtContext *cublasLtHandle_t;
typedef struct cublasLtMatmulDescOpaque *cublasLtMatmulDesc_t;
typedef struct cublasLtMatrixLayoutOpaque *cublasLtMatrixLayout_t;
typedef struct cublasLtMatmulPreferenceOpaque *cublasLtMatmulPreference_t;

typedef struct cublasLtMatmulAlgo {
    uint64_t data[8];
} cublasLtMatmulAlgo_t;

typedef struct cublasLtMatmulHeuristicResult {
    cublasLtMatmulAlgo_t algo;
    size_t workspaceSize;
    cublasStatus_t state;
    float wavesCount;
    int reserved[4];
} cublasLtMatmulHeuristicResult_t;

extern "C" {
cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle);
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *op, cublasComputeType_t compute, cudaDataType_t scale);
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t op, cublasLtMatmulDescAttributes_t what,
                                              const void *value, size_t bytes);
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType_t type, uint64_t rows,
                                          uint64_t columns, int64_t ld);
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t what,
                                                const void *value, size_t bytes);
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *wish);
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t wish);
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t wish,
                                                    cublasLtMatmulPreferenceAttributes_t what, const void *value,
                                                    size_t bytes);
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t op,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t wish, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[], int *found);
cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t op, const void *alpha, const void *A,
                              cublasLtMatrixLayout_t a, const void *B, cublasLtMatrixLayout_t b, const void *beta,
                              const void *C, cublasLtMatrixLayout_t c, void *D, cublasLtMatrixLayout_t d,
                              const cublasLtMatmulAlgo_t *algo, void *workspace, size_t bytes, cudaStream_t stream);
}

#endif
