/* SPDX-License-Identifier: MIT
 * Products through cuBLASLt. The library is large and comes with a driver's toolkit or with Python's packages, so that
 * it is looked for when the device is opened: KM_CUBLASLT, the loader's places (LD_LIBRARY_PATH, ldconfig), then
 * nvidia-cublas of Python.
 *
 * cuBLASLt counts in columns: a row-major c = a b is its c^T = b^T a^T, so the operands change places and nothing is
 * turned. How a shape is computed is asked for once and kept. */
#include "kernels/cuda/gemm.h"

#include <cublasLt.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <array>
#include <map>

#include "kernels/cuda/device.h"
#include "kernels/cuda/python.h"

#define NAME_(major) "libcublasLt.so." #major
#define NAME(major) NAME_(major)

#define FUNCTIONS(DO)                                                                                                  \
    DO(cublasLtCreate)                                                                                                 \
    DO(cublasLtMatmul)                                                                                                 \
    DO(cublasLtMatmulDescCreate)                                                                                       \
    DO(cublasLtMatmulDescSetAttribute)                                                                                 \
    DO(cublasLtMatrixLayoutCreate)                                                                                     \
    DO(cublasLtMatrixLayoutSetAttribute)                                                                               \
    DO(cublasLtMatmulPreferenceCreate)                                                                                 \
    DO(cublasLtMatmulPreferenceDestroy)                                                                                \
    DO(cublasLtMatmulPreferenceSetAttribute)                                                                           \
    DO(cublasLtMatmulAlgoGetHeuristic)

static struct {
#define DO(f) decltype(&::f) f;
    FUNCTIONS(DO)
#undef DO
} lt;
static cublasLtHandle_t handle;
static void *workspace;

bool km_cublaslt_open(char *msg, size_t room)
{
    const char *given = getenv("KM_CUBLASLT");
    void *lib = dlopen(given && *given ? given : NAME(CUBLAS_VER_MAJOR), RTLD_NOW);
    if (!lib && !(given && *given)) lib = km_open_python(NAME(CUBLAS_VER_MAJOR));
    if (!lib) {
        snprintf(msg, room,
                 given && *given ? "KM_CUBLASLT: %.150s cannot be opened"
                                 : "%s not found: looked in LD_LIBRARY_PATH, ldconfig and Python's nvidia packages; "
                                   "KM_CUBLASLT=PATH names it",
                 given && *given ? given : NAME(CUBLAS_VER_MAJOR));
        return false;
    }
#define DO(f)                                                                                                          \
    if (!(lt.f = (decltype(lt.f))dlsym(lib, #f))) {                                                                    \
        snprintf(msg, room, "%.150s has no function %s", given && *given ? given : NAME(CUBLAS_VER_MAJOR), #f);        \
        return false;                                                                                                  \
    }
    FUNCTIONS(DO)
#undef DO
    return true;
}

bool km_cublaslt_start(char *msg, size_t room)
{
    if (lt.cublasLtCreate(&handle) == CUBLAS_STATUS_SUCCESS) return true;
    snprintf(msg, room, "%s does not start", NAME(CUBLAS_VER_MAJOR));
    return false;
}

static void check(cublasStatus_t status, const char *what)
{
    char msg[96];
    if (status == CUBLAS_STATUS_SUCCESS) return;
    snprintf(msg, sizeof msg, "cuBLASLt: %s: status %d", what, (int)status);
    km_cuda_check(-1, msg);
}

/* Whatever a plan depends on: sizes, strides, types, epilogue, and how the addresses are aligned. */
typedef std::array<int64_t, 16> shape;

/* Algorithms asked for, the fastest first: one may turn out not to compute what it was offered for. */
enum { WAYS = 8 };

struct plan {
    cublasLtMatmulDesc_t op;
    cublasLtMatrixLayout_t first, second, out;
    cublasLtMatmulHeuristicResult_t ways[WAYS];
    int count, used;
};

static unsigned alignment(const void *p)
{
    unsigned a = 256;
    while ((uintptr_t)p % a) a /= 2;
    return a;
}

/* A matrix of rows x columns as it lies in memory, seen in columns. */
static cublasLtMatrixLayout_t layout(const km_matrix &m, int64_t rows, int64_t columns, int64_t batch)
{
    cublasLtMatrixLayout_t l;
    int32_t count = (int32_t)batch;
    check(lt.cublasLtMatrixLayoutCreate(&l, m.half ? CUDA_R_16BF : CUDA_R_32F, (uint64_t)columns, (uint64_t)rows, m.ld),
          "a layout");
    lt.cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count);
    lt.cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &m.stride, sizeof m.stride);
    return l;
}

static void set(plan *p, cublasLtMatmulDescAttributes_t what, const void *value, size_t bytes)
{
    check(lt.cublasLtMatmulDescSetAttribute(p->op, what, value, bytes), "an attribute");
}

static void prefer(cublasLtMatmulPreference_t wish, cublasLtMatmulPreferenceAttributes_t what, const void *p)
{
    uint32_t a = alignment(p);
    lt.cublasLtMatmulPreferenceSetAttribute(wish, what, &a, sizeof a);
}

static plan make_plan(const km_matrix &c, const km_matrix &a, const km_matrix &b, int64_t m, int64_t n, int64_t k,
                      int64_t batch, const km_epilogue &end)
{
    plan p;
    cublasOperation_t turn_a = a.transpose ? CUBLAS_OP_T : CUBLAS_OP_N,
                      turn_b = b.transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
    check(lt.cublasLtMatmulDescCreate(&p.op, CUBLAS_COMPUTE_32F, CUDA_R_32F), "a description");
    set(&p, CUBLASLT_MATMUL_DESC_TRANSA, &turn_b, sizeof turn_b);
    set(&p, CUBLASLT_MATMUL_DESC_TRANSB, &turn_a, sizeof turn_a);
    cublasLtEpilogue_t epilogue = end.opt_bias ? end.cut ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS
                                  : end.cut  ? CUBLASLT_EPILOGUE_RELU
                                             : CUBLASLT_EPILOGUE_DEFAULT;
    set(&p, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
    if (end.opt_bias) {
        cudaDataType_t type = c.half ? CUDA_R_16BF : CUDA_R_32F;
        set(&p, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &type, sizeof type);
        set(&p, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &end.opt_bias, sizeof end.opt_bias);
    }
    p.first = b.transpose ? layout(b, n, k, batch) : layout(b, k, n, batch);
    p.second = a.transpose ? layout(a, k, m, batch) : layout(a, m, k, batch);
    p.out = layout(c, m, n, batch);
    cublasLtMatmulPreference_t wish;
    size_t room = KM_GEMM_WORKSPACE;
    p.count = p.used = 0;
    check(lt.cublasLtMatmulPreferenceCreate(&wish), "a preference");
    lt.cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room, sizeof room);
    prefer(wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, b.p);
    prefer(wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, a.p);
    prefer(wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, end.opt_add ? end.opt_add : c.p);
    prefer(wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, c.p);
    check(lt.cublasLtMatmulAlgoGetHeuristic(handle, p.op, p.first, p.second, p.out, p.out, wish, WAYS, p.ways,
                                            &p.count),
          "a product of this shape");
    check(lt.cublasLtMatmulPreferenceDestroy(wish), "a preference");
    return p;
}

static void multiply(km_matrix c, km_matrix a, km_matrix b, int64_t m, int64_t n, int64_t k, int64_t batch, float beta,
                     km_epilogue end)
{
    static auto &plans = *new std::map<shape, plan>; /* until the process ends, so that none is taken for lost */
    const float alpha = 1, share = end.opt_add ? 1 : beta;
    const void *add = end.opt_add ? end.opt_add : c.p;
    int flags = c.half | a.half << 1 | a.transpose << 2 | b.transpose << 3 | (end.opt_bias != nullptr) << 4 |
                (int)end.cut << 5 | (add == c.p) << 6;
    shape key = {m,        n,        k,        batch,          c.ld,           a.ld,           b.ld,           c.stride,
                 a.stride, b.stride, alignment(c.p), alignment(a.p), alignment(b.p), alignment(add),
                 alignment(end.opt_bias), flags};
    auto at = plans.find(key);
    if (at == plans.end()) at = plans.emplace(key, make_plan(c, a, b, m, n, k, batch, end)).first;
    plan &p = at->second;
    if (end.opt_bias) set(&p, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &end.opt_bias, sizeof end.opt_bias);
    cublasStatus_t status = CUBLAS_STATUS_NOT_SUPPORTED;
    for (int i = p.used; i < p.count && status != CUBLAS_STATUS_SUCCESS; i++) {
        const cublasLtMatmulHeuristicResult_t &way = p.ways[i];
        status = way.state;
        if (status == CUBLAS_STATUS_SUCCESS)
            status = lt.cublasLtMatmul(handle, p.op, &alpha, b.p, p.first, a.p, p.second, &share, add, p.out, c.p,
                                       p.out, &way.algo, workspace, KM_GEMM_WORKSPACE, (cudaStream_t)km_cuda_stream());
        if (status == CUBLAS_STATUS_SUCCESS) p.used = i;
    }
    if (status != CUBLAS_STATUS_SUCCESS && km_calls_kept()) km_calls_spoil();
    else check(status, "a product");
}

/* Rows that are taken at a time: grids of its kernels end at 65,535 tiles, and the smallest have few rows. */
enum : int64_t { MOST_ROWS = 1 << 18 };

static void *at(const void *p, int half, int64_t elements) { return (char *)p + elements * (half ? 2 : 4); }

void km_cuda_gemm(km_matrix c, km_matrix a, km_matrix b, int64_t m, int64_t n, int64_t k, int64_t batch, float beta,
                  km_epilogue end)
{
    if (km_left_out(km_cuda_gemm, c, a, b, m, n, k, batch, beta, end)) return;
    if (!workspace) workspace = km_cuda_get(KM_GEMM_WORKSPACE);
    for (int64_t done = 0; done < m; done += MOST_ROWS) {
        multiply(c, a, b, m - done < MOST_ROWS ? m - done : MOST_ROWS, n, k, batch, beta, end);
        c.p = at(c.p, c.half, MOST_ROWS * c.ld);
        a.p = at(a.p, a.half, a.transpose ? MOST_ROWS : MOST_ROWS * a.ld);
        if (end.opt_add) end.opt_add = at(end.opt_add, c.half, MOST_ROWS * c.ld);
    }
}
