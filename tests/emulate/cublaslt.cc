/* SPDX-License-Identifier: MIT
 * cuBLASLt for the emulator: what its documentation says of the types, layouts, epilogues and alignments that
 * kernels/cuda/gemm.cu asks for, and a refusal of all else. Sums are of float32, in the order of the numbers. */
#include "tests/emulate/include/cublasLt.h"

#include <string.h>

#include <algorithm>

#include "tests/emulate/runtime.h"

using namespace emulate;

struct cublasLtContext {
    int none;
};

struct cublasLtMatmulDescOpaque {
    int32_t turn_a = CUBLAS_OP_N, turn_b = CUBLAS_OP_N, bias_type = -1;
    uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    const void *bias = nullptr;
};

struct cublasLtMatrixLayoutOpaque {
    cudaDataType_t type;
    uint64_t rows, columns;
    int64_t ld;
    int32_t batch = 1;
    int64_t stride = 0;
};

struct cublasLtMatmulPreferenceOpaque {
    uint64_t workspace = 0;
    uint32_t alignment[4] = {256, 256, 256, 256}; /* of A, B, C, D */
};

typedef cublasLtMatrixLayoutOpaque layout;

/* In an algorithm's opaque words: what it was chosen for. */
struct chosen {
    uint64_t workspace, digest;
    uint32_t alignment[4], of_bias;
    uint32_t works;
};
static_assert(sizeof(chosen) <= sizeof(cublasLtMatmulAlgo_t), "eight words");

/* Batches are a dimension of the grid that ends there, for some shapes; so are tiles of D's columns, here of 8, and
 * what is larger fails only when it is launched. */
enum { MOST_BATCH = 65535, MOST_COLUMNS = 65535 * 8, WORKSPACE_LINE = 256 };
enum : uint64_t { WORKSPACE = 16384 };

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    *handle = new cublasLtContext{};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *op, cublasComputeType_t compute, cudaDataType_t scale)
{
    if (compute != CUBLAS_COMPUTE_32F || scale != CUDA_R_32F) return CUBLAS_STATUS_INVALID_VALUE;
    *op = new cublasLtMatmulDescOpaque;
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t set(void *place, size_t room, const void *value, size_t bytes)
{
    if (!place || !value || bytes != room) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(place, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t op, cublasLtMatmulDescAttributes_t what,
                                              const void *value, size_t bytes)
{
    switch (what) {
    case CUBLASLT_MATMUL_DESC_TRANSA: return set(&op->turn_a, sizeof op->turn_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB: return set(&op->turn_b, sizeof op->turn_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE: return set(&op->epilogue, sizeof op->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return set(&op->bias, sizeof op->bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE: return set(&op->bias_type, sizeof op->bias_type, value, bytes);
    }
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *l, cudaDataType_t type, uint64_t rows,
                                          uint64_t columns, int64_t ld)
{
    *l = new layout{type, rows, columns, ld};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l, cublasLtMatrixLayoutAttribute_t what,
                                                const void *value, size_t bytes)
{
    if (what == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) return set(&l->batch, sizeof l->batch, value, bytes);
    return set(&l->stride, sizeof l->stride, value, bytes);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *wish)
{
    *wish = new cublasLtMatmulPreferenceOpaque;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t wish,
                                                    cublasLtMatmulPreferenceAttributes_t what, const void *value,
                                                    size_t bytes)
{
    if (what == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
        return set(&wish->workspace, sizeof wish->workspace, value, bytes);
    uint32_t *a = &wish->alignment[what - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES];
    return set(a, sizeof *a, value, bytes);
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t wish)
{
    delete wish;
    return CUBLAS_STATUS_SUCCESS;
}

/* -- what is supported */

/* The rows of the table of cublasLtMatmul for CUBLAS_COMPUTE_32F that have these types. */
static bool types_fit(const cublasLtMatmulDescOpaque &op, const layout &a, const layout &b, const layout &c,
                      const layout &d)
{
    const bool biased = op.epilogue & CUBLASLT_EPILOGUE_BIAS;
    if (a.type != b.type || c.type != d.type) return false;
    if (a.type == CUDA_R_32F && d.type != CUDA_R_32F) return false;
    return !biased || op.bias_type == -1 || op.bias_type == d.type;
}

static bool shape_is_good(const layout &l, int32_t batch)
{
    return l.rows > 0 && l.columns > 0 && l.rows <= INT32_MAX && l.columns <= INT32_MAX && l.ld >= (int64_t)l.rows &&
           l.batch == batch && batch > 0 && l.stride >= 0;
}

static bool shapes_fit(const cublasLtMatmulDescOpaque &op, const layout &a, const layout &b, const layout &c,
                       const layout &d)
{
    uint64_t m = op.turn_a ? a.columns : a.rows, k = op.turn_a ? a.rows : a.columns;
    uint64_t n = op.turn_b ? b.rows : b.columns, l = op.turn_b ? b.columns : b.rows;
    bool good = shape_is_good(a, d.batch) && shape_is_good(b, d.batch) && shape_is_good(c, d.batch) &&
                shape_is_good(d, d.batch);
    return good && k == l && d.rows == m && d.columns == n && c.rows == m && c.columns == n &&
           (d.batch == 1 || d.stride > 0);
}

static cublasStatus_t judge(const cublasLtMatmulDescOpaque &op, const layout &a, const layout &b, const layout &c,
                            const layout &d)
{
    const uint32_t known = CUBLASLT_EPILOGUE_RELU | CUBLASLT_EPILOGUE_BIAS;
    if (!shapes_fit(op, a, b, c, d)) return CUBLAS_STATUS_INVALID_VALUE;
    if ((op.epilogue & CUBLASLT_EPILOGUE_BIAS) && !op.bias) return CUBLAS_STATUS_INVALID_VALUE;
    if (op.epilogue != CUBLASLT_EPILOGUE_DEFAULT && (op.epilogue & ~known)) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (d.batch > MOST_BATCH || !types_fit(op, a, b, c, d)) return CUBLAS_STATUS_NOT_SUPPORTED;
    return CUBLAS_STATUS_SUCCESS;
}

static uint32_t alignment(const void *p)
{
    uint32_t a = 256;
    while ((uintptr_t)p % a) a /= 2;
    return a;
}

static uint64_t digest(const cublasLtMatmulDescOpaque &op, const layout *const all[4])
{
    uint64_t d = op.epilogue;
    auto add = [&d](uint64_t x) { d = (d ^ x) * 0x9e3779b185ebca87u, d ^= d >> 29; };
    add((uint64_t)op.turn_a), add((uint64_t)op.turn_b);
    for (int i = 0; i < 4; i++) {
        const layout &l = *all[i];
        add(l.type), add(l.rows), add(l.columns), add((uint64_t)l.ld), add((uint64_t)l.batch), add((uint64_t)l.stride);
    }
    return d;
}

/* A row of A or B is of 16 bytes times a power of two or it is not; every alignment has some algorithm, down to one
 * element. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t op,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t wish, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[], int *found)
{
    *found = 0;
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (wanted <= 0) return CUBLAS_STATUS_INVALID_VALUE;
    cublasStatus_t status = judge(*op, *a, *b, *c, *d);
    if (status) return status;
    const layout *const all[4] = {a, b, c, d};
    chosen how = {wish->workspace < WORKSPACE ? (uint64_t)0 : WORKSPACE, digest(*op, all), {}, 0, 1};
    for (int i = 0; i < 4; i++) {
        how.alignment[i] = wish->alignment[i];
        if (how.alignment[i] < (all[i]->type == CUDA_R_32F ? 4u : 2u)) return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (op->epilogue & CUBLASLT_EPILOGUE_BIAS) how.of_bias = alignment(op->bias);
    const bool fails = is_to_fail("algorithm"); /* the first is none, the second does not work */
    for (*found = 0; *found < std::min(wanted, 3); ++*found) {
        cublasLtMatmulHeuristicResult_t *r = &results[*found];
        *r = {};
        how.works = !fails || *found > 1;
        memcpy(r->algo.data, &how, sizeof how);
        r->workspaceSize = how.workspace;
        if (!fails || *found > 0) continue;
        memset(r, 0xff, sizeof *r);
        r->state = CUBLAS_STATUS_NOT_SUPPORTED;
    }
    return CUBLAS_STATUS_SUCCESS;
}

/* -- the product */

enum { LANES = 16 };

static float number(const void *p, int64_t at, cudaDataType_t type)
{
    return type == CUDA_R_32F ? ((const float *)p)[at] : __uint_as_float((unsigned)((const uint16_t *)p)[at] << 16);
}

static void put(void *p, int64_t at, cudaDataType_t type, float x)
{
    if (type == CUDA_R_32F) {
        ((float *)p)[at] = x;
        return;
    }
    unsigned u = __float_as_uint(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) u |= 0x400000u;
    else u += 0x7fffu + (u >> 16 & 1);
    ((uint16_t *)p)[at] = (uint16_t)(u >> 16);
}

struct product {
    cublasLtMatmulDescOpaque op;
    layout a, b, c, d;
    const void *A, *B, *C;
    void *D;
    float alpha, beta;
};

/* One entry's matrix as rows of `wide` numbers, a multiple of LANES: [outer][inner] of the columns' or the rows'. */
static std::vector<float> unpacked(const void *p, const layout &l, int64_t entry, bool by_column, size_t wide)
{
    size_t outer = by_column ? l.columns : l.rows, inner = by_column ? l.rows : l.columns;
    std::vector<float> x(outer * wide);
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++) {
            int64_t at = by_column ? (int64_t)o * l.ld + (int64_t)i : (int64_t)i * l.ld + (int64_t)o;
            x[o * wide + i] = number(p, entry * l.stride + at, l.type);
        }
    return x;
}

static void finish(const product &p, int64_t entry, int64_t row, int64_t column, float sum)
{
    int64_t at = entry * p.d.stride + column * p.d.ld + row;
    sum *= p.alpha;
    if (p.beta != 0) sum += p.beta * number(p.C, entry * p.c.stride + column * p.c.ld + row, p.c.type);
    if (p.op.epilogue & CUBLASLT_EPILOGUE_BIAS) sum += number(p.op.bias, row, p.d.type);
    put(p.D, at, p.d.type, (p.op.epilogue & CUBLASLT_EPILOGUE_RELU) && sum < 0 ? 0 : sum);
}

static void multiply(const product &p)
{
    const size_t m = p.d.rows, n = p.d.columns, k = p.op.turn_a ? p.a.rows : p.a.columns;
    const size_t wide = (m + LANES - 1) / LANES * LANES;
    for (int64_t e = 0; e < p.d.batch; e++) {
        std::vector<float> a = unpacked(p.A, p.a, e, !p.op.turn_a, wide); /* [k][m] */
        std::vector<float> b = unpacked(p.B, p.b, e, true, p.op.turn_b ? n : k);
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < m; i += LANES) {
                float sum[LANES] = {0};
                for (size_t l = 0; l < k; l++) {
                    const float *of = &a[l * wide + i], x = p.op.turn_b ? b[l * n + j] : b[j * k + l];
                    for (int t = 0; t < LANES; t++) sum[t] += of[t] * x;
                }
                for (size_t t = 0; t < LANES && i + t < m; t++)
                    finish(p, e, (int64_t)(i + t), (int64_t)j, sum[t]);
            }
    }
}

static size_t bytes_of(const layout &l)
{
    size_t of_one = l.type == CUDA_R_32F ? 4 : 2;
    return ((size_t)(l.batch - 1) * (size_t)l.stride + (l.columns - 1) * (size_t)l.ld + l.rows) * of_one;
}

static void check_places(const product &p)
{
    check_range(p.A, bytes_of(p.a)), check_range(p.B, bytes_of(p.b)), check_range(p.D, bytes_of(p.d));
    if (p.beta != 0) check_range(p.C, bytes_of(p.c));
    if (p.op.epilogue & CUBLASLT_EPILOGUE_BIAS) check_range(p.op.bias, p.d.rows * (p.d.type == CUDA_R_32F ? 4 : 2));
}

static bool is_as_chosen(const chosen &how, const product &p, const void *workspace, size_t bytes)
{
    const layout *const all[4] = {&p.a, &p.b, &p.c, &p.d};
    const void *const at[4] = {p.A, p.B, p.C, p.D};
    bool good = how.digest == digest(p.op, all) && bytes >= how.workspace;
    for (int i = 0; i < 4; i++) good = good && alignment(at[i]) >= how.alignment[i];
    if (how.workspace) good = good && workspace && (uintptr_t)workspace % WORKSPACE_LINE == 0;
    if (p.op.epilogue & CUBLASLT_EPILOGUE_BIAS) good = good && alignment(p.op.bias) >= how.of_bias;
    return good;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t op, const void *alpha, const void *A,
                              cublasLtMatrixLayout_t a, const void *B, cublasLtMatrixLayout_t b, const void *beta,
                              const void *C, cublasLtMatrixLayout_t c, void *D, cublasLtMatrixLayout_t d,
                              const cublasLtMatmulAlgo_t *algo, void *workspace, size_t bytes, cudaStream_t stream)
{
    guard g(one_at_a_time);
    if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!alpha || !beta || !A || !B || !D || !algo || D == A || D == B) return CUBLAS_STATUS_INVALID_VALUE;
    cublasStatus_t status = judge(*op, *a, *b, *c, *d);
    if (status) return status;
    const product p = {*op, *a, *b, *c, *d, A, B, C, D, *(const float *)alpha, *(const float *)beta};
    chosen how;
    memcpy(&how, algo->data, sizeof how);
    if (how.workspace == UINT64_MAX) misused("an algorithm that is none");
    if ((p.beta != 0 && !C) || !is_as_chosen(how, p, workspace, bytes)) return CUBLAS_STATUS_INVALID_VALUE;
    if (!how.works) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (d->columns > MOST_COLUMNS) return CUBLAS_STATUS_EXECUTION_FAILED;
    cudaError_t error = give(stream, [=] {
        if (how.workspace) {
            check_range(workspace, how.workspace);
            memset(workspace, 0xff, how.workspace);
        }
        check_places(p);
        multiply(p);
    });
    return error ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}
