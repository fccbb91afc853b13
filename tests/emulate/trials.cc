/* SPDX-License-Identifier: MIT
 * Are the stand-ins as strict as they shall be? What NVIDIA's documentation refuses, asked of them, and what it leaves
 * undefined, done with them. For tests/unit/test_stand_ins.c. */
#include <string.h>

#include "tests/emulate/include/cublasLt.h"
#include "tests/emulate/runtime.h"

namespace
{

enum : size_t { N = 256, BYTES = N * sizeof(float) };

struct device {
    cudaStream_t first, second;
    cudaEvent_t event;
    float *x, *y, *host; /* host: locked */
};

bool fails(cudaError_t got, cudaError_t wanted)
{
    cudaGetLastError();
    return got == wanted;
}
#define IS_GOOD(call) ((call) == cudaSuccess)

cudaError_t begin(device &d) { return cudaStreamBeginCapture(d.first, cudaStreamCaptureModeRelaxed); }
bool ends_with(device &d, cudaError_t wanted)
{
    cudaGraph_t graph;
    if (!fails(cudaStreamEndCapture(d.first, &graph), wanted)) return false;
    return wanted == cudaSuccess ? graph && IS_GOOD(cudaGraphDestroy(graph)) : !graph;
}

cudaError_t copy(void *to, const void *from, cudaMemcpyKind kind, cudaStream_t stream)
{
    return cudaMemcpyAsync(to, from, BYTES, kind, stream);
}

bool waits_in_capture(device &d)
{
    return IS_GOOD(begin(d)) && fails(cudaStreamSynchronize(d.first), cudaErrorStreamCaptureUnsupported) &&
           fails(cudaMemsetAsync(d.x, 0, BYTES, d.first), cudaErrorStreamCaptureInvalidated) &&
           ends_with(d, cudaErrorStreamCaptureInvalidated) && IS_GOOD(cudaStreamSynchronize(d.first));
}

bool takes_in_capture(device &d)
{
    void *p;
    return IS_GOOD(begin(d)) && fails(cudaMallocAsync(&p, BYTES, d.first), cudaErrorStreamCaptureUnsupported) &&
           ends_with(d, cudaErrorStreamCaptureInvalidated);
}

bool gives_back_in_capture(device &d)
{
    return IS_GOOD(begin(d)) && fails(cudaFreeAsync(d.x, d.first), cudaErrorInvalidValue) &&
           ends_with(d, cudaErrorStreamCaptureInvalidated);
}

bool follows_from_without(device &d)
{
    return IS_GOOD(cudaEventRecord(d.event, d.second)) && IS_GOOD(begin(d)) &&
           fails(cudaStreamWaitEvent(d.first, d.event, 0), cudaErrorStreamCaptureIsolation) &&
           ends_with(d, cudaErrorStreamCaptureInvalidated);
}

bool leaves_a_stream(device &d)
{
    return IS_GOOD(begin(d)) && IS_GOOD(cudaEventRecord(d.event, d.first)) &&
           IS_GOOD(cudaStreamWaitEvent(d.second, d.event, 0)) && IS_GOOD(cudaMemsetAsync(d.x, 0, BYTES, d.second)) &&
           ends_with(d, cudaErrorStreamCaptureUnjoined);
}

bool fetches_a_stream_back(device &d)
{
    return IS_GOOD(begin(d)) && IS_GOOD(cudaEventRecord(d.event, d.first)) &&
           IS_GOOD(cudaStreamWaitEvent(d.second, d.event, 0)) && IS_GOOD(cudaMemsetAsync(d.x, 0, BYTES, d.second)) &&
           IS_GOOD(cudaEventRecord(d.event, d.second)) && IS_GOOD(cudaStreamWaitEvent(d.first, d.event, 0)) &&
           ends_with(d, cudaSuccess) && IS_GOOD(cudaStreamSynchronize(d.second));
}

bool waits_for_what_is_captured(device &d)
{
    return IS_GOOD(begin(d)) && IS_GOOD(cudaEventRecord(d.event, d.first)) &&
           fails(cudaEventSynchronize(d.event), cudaErrorCapturedEvent) &&
           ends_with(d, cudaErrorStreamCaptureInvalidated);
}

bool ends_elsewhere(device &d)
{
    cudaGraph_t none;
    return IS_GOOD(begin(d)) && fails(cudaStreamEndCapture(d.second, &none), cudaErrorIllegalState) &&
           fails(begin(d), cudaErrorIllegalState) && ends_with(d, cudaSuccess);
}

bool captures_the_hosts_own(device &d)
{
    float own[N] = {0};
    return IS_GOOD(begin(d)) &&
           fails(copy(d.x, own, cudaMemcpyHostToDevice, d.first), cudaErrorStreamCaptureUnsupported) &&
           ends_with(d, cudaErrorStreamCaptureInvalidated);
}

bool reads_locked_memory_late(device &d)
{
    float got[N];
    d.host[0] = 1;
    bool good = IS_GOOD(copy(d.x, d.host, cudaMemcpyHostToDevice, d.first));
    d.host[0] = 2;
    return good && IS_GOOD(copy(got, d.x, cudaMemcpyDeviceToHost, d.first)) && got[0] == 2;
}

bool writes_locked_memory_late(device &d)
{
    d.host[0] = 1;
    bool good = IS_GOOD(cudaMemsetAsync(d.x, 0, BYTES, d.first)) &&
                IS_GOOD(copy(d.host, d.x, cudaMemcpyDeviceToHost, d.first)) && d.host[0] != 0;
    return good && IS_GOOD(cudaStreamSynchronize(d.first)) && d.host[0] == 0;
}

bool copies_the_wrong_way(device &d)
{
    return fails(copy(d.x, d.host, cudaMemcpyDeviceToHost, d.first), cudaErrorInvalidMemcpyDirection) &&
           fails(copy(d.host, d.x, cudaMemcpyDeviceToDevice, d.first), cudaErrorInvalidMemcpyDirection);
}

bool gives_back_twice(device &d)
{
    void *p;
    return IS_GOOD(cudaMallocAsync(&p, BYTES, d.first)) && IS_GOOD(cudaFreeAsync(p, d.first)) &&
           fails(cudaFreeAsync(p, d.first), cudaErrorInvalidValue) &&
           fails(cudaFreeHost(d.host + 1), cudaErrorInvalidValue);
}

__global__ void none(float *) {}

cudaError_t launch(device &d, dim3 grid, dim3 threads, size_t shared)
{
    void *at[] = {&d.x};
    return cudaLaunchKernel(none, grid, threads, at, shared, d.first);
}

bool launches_too_much(device &d)
{
    const auto attribute = cudaFuncAttributeMaxDynamicSharedMemorySize;
    const size_t much = (size_t)64 << 10;
    bool good = fails(launch(d, dim3(1), dim3(32), much), cudaErrorInvalidValue) &&
                fails(cudaFuncSetAttribute(none, attribute, 100 << 10), cudaErrorInvalidValue) &&
                IS_GOOD(cudaFuncSetAttribute(none, attribute, (int)much)) &&
                IS_GOOD(launch(d, dim3(1), dim3(32), much));
    return good && fails(launch(d, dim3(1, 1 << 16), dim3(32), 0), cudaErrorInvalidConfiguration) &&
           fails(launch(d, dim3(1), dim3(32, 33), 0), cudaErrorInvalidConfiguration) &&
           fails(launch(d, dim3(0), dim3(32), 0), cudaErrorInvalidConfiguration);
}

/* -- products d = a b + bias of 8 x 8 */

enum : int64_t { SIDE = 8 };

struct asked {
    cudaDataType_t type = CUDA_R_32F, out = CUDA_R_32F, bias_type = CUDA_R_32F;
    int64_t ld = SIDE, rows = SIDE;
    int32_t batch = 1, batch_of_b = 1;
    uint32_t alignment = 16;
    const void *bias;
};

struct planned {
    cublasLtMatmulDesc_t op;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulHeuristicResult_t how;
    cublasStatus_t status;
};

cublasLtMatrixLayout_t layout(const asked &q, cudaDataType_t type, int64_t rows, int32_t batch)
{
    cublasLtMatrixLayout_t l;
    int64_t stride = SIDE * SIDE;
    cublasLtMatrixLayoutCreate(&l, type, (uint64_t)rows, SIDE, q.ld);
    cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch);
    cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride);
    return l;
}

cublasLtHandle_t handle()
{
    static cublasLtHandle_t h;
    if (!h) cublasLtCreate(&h);
    return h;
}

auto &kept = *new std::vector<planned>; /* as long as the process: none is taken for lost */

planned plan(const asked &q)
{
    planned p;
    int found;
    uint32_t epilogue = CUBLASLT_EPILOGUE_BIAS;
    uint64_t room = 1 << 20;
    cublasLtMatmulPreference_t wish;
    cublasLtMatmulDescCreate(&p.op, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    cublasLtMatmulDescSetAttribute(p.op, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
    cublasLtMatmulDescSetAttribute(p.op, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &q.bias, sizeof q.bias);
    cublasLtMatmulDescSetAttribute(p.op, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &q.bias_type, sizeof q.bias_type);
    p.a = layout(q, q.type, q.rows, q.batch), p.b = layout(q, q.type, SIDE, q.batch_of_b);
    p.c = layout(q, q.out, q.rows, q.batch);
    cublasLtMatmulPreferenceCreate(&wish);
    cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room, sizeof room);
    for (int i = 0; i < 4; i++)
        cublasLtMatmulPreferenceSetAttribute(
            wish, (cublasLtMatmulPreferenceAttributes_t)(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES + i), &q.alignment,
            sizeof q.alignment);
    p.status = cublasLtMatmulAlgoGetHeuristic(handle(), p.op, p.a, p.b, p.c, p.c, wish, 1, &p.how, &found);
    cublasLtMatmulPreferenceDestroy(wish);
    kept.push_back(p);
    return p;
}

cublasStatus_t planned_status(const asked &q) { return plan(q).status; }

bool plans_what_is_not_supported(device &d)
{
    asked good = {}, q;
    good.bias = d.y;
    if (planned_status(good) != CUBLAS_STATUS_SUCCESS) return false;
    auto is = [&q](cublasStatus_t s) { return planned_status(q) == s; };
    bool all = true;
    q = good, q.bias = nullptr, all = all && is(CUBLAS_STATUS_INVALID_VALUE);
    q = good, q.ld = SIDE - 1, all = all && is(CUBLAS_STATUS_INVALID_VALUE);
    q = good, q.rows = 0, all = all && is(CUBLAS_STATUS_INVALID_VALUE);
    q = good, q.batch_of_b = 2, all = all && is(CUBLAS_STATUS_INVALID_VALUE);
    q = good, q.batch = q.batch_of_b = 1 << 16, all = all && is(CUBLAS_STATUS_NOT_SUPPORTED);
    q = good, q.out = q.bias_type = CUDA_R_16BF, all = all && is(CUBLAS_STATUS_NOT_SUPPORTED);
    q = good, q.type = CUDA_R_16BF, all = all && is(CUBLAS_STATUS_SUCCESS);
    q = good, q.bias_type = CUDA_R_16BF, all = all && is(CUBLAS_STATUS_NOT_SUPPORTED);
    q = good, q.alignment = 1, all = all && is(CUBLAS_STATUS_NOT_SUPPORTED);
    return all;
}

bool sets_attributes_of_other_sizes(device &d)
{
    asked q = {};
    q.bias = d.y;
    planned p = plan(q);
    int64_t wide = 1;
    return cublasLtMatmulDescSetAttribute(p.op, CUBLASLT_MATMUL_DESC_EPILOGUE, &wide, sizeof wide) &&
           cublasLtMatrixLayoutSetAttribute(p.a, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &wide, sizeof wide) &&
           cublasLtMatrixLayoutSetAttribute(p.a, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &wide, 4);
}

bool multiplies_otherwise_than_planned(device &d)
{
    const float one = 1, none_of_it = 0;
    asked q = {};
    q.bias = d.y;
    planned p = plan(q);
    void *room;
    if (!IS_GOOD(cudaMallocAsync(&room, 1 << 20, d.first))) return false;
    float *a = d.x, *b = d.x + 64, *c = d.x + 128;
    auto multiply = [&](const float *from, void *workspace, size_t bytes) {
        return cublasLtMatmul(handle(), p.op, &one, from, p.a, b, p.b, &none_of_it, c, p.c, c, p.c, &p.how.algo,
                              workspace, bytes, d.first);
    };
    bool good = multiply(a, room, 1 << 20) == CUBLAS_STATUS_SUCCESS;
    good = good && multiply(a + 1, room, 1 << 20) == CUBLAS_STATUS_INVALID_VALUE;
    good = good && multiply(a, room, 16) == CUBLAS_STATUS_INVALID_VALUE;
    good = good && multiply(a, (char *)room + 16, 1 << 19) == CUBLAS_STATUS_INVALID_VALUE;
    const void *less = d.y + 4;
    cublasLtMatmulDescSetAttribute(p.op, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &less, sizeof less);
    good = good && multiply(a, room, 1 << 20) == CUBLAS_STATUS_INVALID_VALUE;
    return good && IS_GOOD(cudaFreeAsync(room, d.first)) && IS_GOOD(cudaStreamSynchronize(d.first));
}

/* -- what ends the program */

void uses_what_was_given_back(device &d)
{
    void *p;
    (void)(IS_GOOD(cudaMallocAsync(&p, BYTES, d.first)) && IS_GOOD(cudaFreeAsync(p, d.first)) &&
           IS_GOOD(cudaMemsetAsync(p, 0, BYTES, d.first)) && IS_GOOD(cudaStreamSynchronize(d.first)));
}

void launches_with_what_was_given_back(device &d)
{
    void *p;
    if (!IS_GOOD(cudaMallocAsync(&p, BYTES, d.first)) || !IS_GOOD(cudaFreeAsync(p, d.first))) return;
    d.x = (float *)p;
    (void)(IS_GOOD(launch(d, dim3(1), dim3(32), 0)) && IS_GOOD(cudaStreamSynchronize(d.first)));
}

/* By a stream that does not follow the one that takes it: in one of the two orders. */
void uses_what_is_not_there_yet(device &d)
{
    void *p;
    (void)(IS_GOOD(cudaMallocAsync(&p, BYTES, d.first)) && IS_GOOD(cudaMemsetAsync(p, 0, BYTES, d.second)) &&
           IS_GOOD(cudaStreamSynchronize(d.second)));
}

device &opened()
{
    static device d;
    if (d.first) return d;
    cudaSetDevice(0);
    cudaStreamCreateWithFlags(&d.first, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&d.second, cudaStreamNonBlocking);
    cudaEventCreateWithFlags(&d.event, cudaEventDisableTiming);
    cudaMallocAsync((void **)&d.x, BYTES, d.first);
    cudaMallocAsync((void **)&d.y, BYTES, d.first);
    cudaMallocHost((void **)&d.host, BYTES);
    cudaStreamSynchronize(d.first);
    return d;
}

} // namespace

#define TRIALS(DO)                                                                                                     \
    DO(waits_in_capture)                                                                                               \
    DO(takes_in_capture)                                                                                               \
    DO(gives_back_in_capture)                                                                                          \
    DO(follows_from_without)                                                                                           \
    DO(leaves_a_stream)                                                                                                \
    DO(fetches_a_stream_back)                                                                                          \
    DO(waits_for_what_is_captured)                                                                                     \
    DO(ends_elsewhere)                                                                                                 \
    DO(captures_the_hosts_own)                                                                                         \
    DO(reads_locked_memory_late)                                                                                       \
    DO(writes_locked_memory_late)                                                                                      \
    DO(copies_the_wrong_way)                                                                                           \
    DO(gives_back_twice)                                                                                               \
    DO(launches_too_much)                                                                                              \
    DO(plans_what_is_not_supported)                                                                                    \
    DO(sets_attributes_of_other_sizes)                                                                                 \
    DO(multiplies_otherwise_than_planned)

#define ENDS(DO)                                                                                                       \
    DO(uses_what_was_given_back)                                                                                       \
    DO(launches_with_what_was_given_back)                                                                              \
    DO(uses_what_is_not_there_yet)

extern "C" {

/* The name of a trial, NULL behind the last, and whether it went as documented. */
const char *km_trial(int i, bool *ret_good)
{
    static const struct {
        const char *name;
        bool (*trial)(device &d);
    } all[] = {
#define DO(f) {#f, f},
        TRIALS(DO)
#undef DO
    };
    if (i >= (int)(sizeof all / sizeof *all)) return nullptr;
    *ret_good = all[i].trial(opened());
    return all[i].name;
}

/* The same of what ends the program, if it is to be done. */
const char *km_trial_end(int i, bool done)
{
    static const struct {
        const char *name;
        void (*trial)(device &d);
    } all[] = {
#define DO(f) {#f, f},
        ENDS(DO)
#undef DO
    };
    if (i >= (int)(sizeof all / sizeof *all)) return nullptr;
    if (done) all[i].trial(opened());
    return all[i].name;
}
}
