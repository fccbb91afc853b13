/* SPDX-License-Identifier: MIT
 * What kernels/cuda uses of CUDA's runtime, declared as NVIDIA documents it, for the emulator's own (tests/emulate:
 * streams.cc, capture.cc, memory.cc). */
#ifndef TESTS_EMULATE_CUDA_RUNTIME_H
#define TESTS_EMULATE_CUDA_RUNTIME_H

#include "tests/emulate/emulate.h"

#include <tuple>
#include <utility>

#include "tests/emulate/include/constants.h"

typedef enum cudaError { CUDA_ERRORS(KM_ENUMERATOR) } cudaError_t;
enum cudaMemcpyKind { CUDA_COPIES(KM_ENUMERATOR) };
enum cudaStreamCaptureMode { CUDA_CAPTURE_MODES(KM_ENUMERATOR) };
enum cudaStreamCaptureStatus { CUDA_CAPTURE_STATES(KM_ENUMERATOR) };
enum cudaMemPoolAttr { CUDA_POOL_ATTRIBUTES(KM_ENUMERATOR) };
enum cudaFuncAttribute { CUDA_FUNCTION_ATTRIBUTES(KM_ENUMERATOR) };
enum : unsigned { CUDA_FLAGS(KM_ENUMERATOR) };
typedef enum cudaDataType { CUDA_TYPES(KM_ENUMERATOR) } cudaDataType_t;

typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;
typedef struct CUmemPoolHandle_st *cudaMemPool_t;

struct cudaDeviceProp {
    char name[256];
    int major, minor;
};

const char *cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *about, int device);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph);
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *ready, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t ready);
cudaError_t cudaGraphLaunch(cudaGraphExec_t ready, cudaStream_t stream);

cudaError_t cudaMallocAsync(void **p, size_t bytes, cudaStream_t stream);
cudaError_t cudaFreeAsync(void *p, cudaStream_t stream);
cudaError_t cudaMallocHost(void **p, size_t bytes);
cudaError_t cudaFreeHost(void *p);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void *p, int byte, size_t bytes, cudaStream_t stream);
cudaError_t cudaMemGetInfo(size_t *unused, size_t *all);
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int device);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr what, void *value);
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr what, void *value);

namespace emulate
{
cudaError_t set_attribute(const void *kernel, cudaFuncAttribute what, int value);
cudaError_t launch(const void *kernel, dim3 grid, dim3 threads, size_t shared_bytes, cudaStream_t stream,
                   const std::function<void()> &check, const std::function<void()> &call);

template <class... P, size_t... i>
std::tuple<P...> arguments(void (*)(P...), void **at, std::index_sequence<i...>)
{
    return std::tuple<P...>(*(P *)at[i]...);
}
} // namespace emulate

template <class... P> inline cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), cudaFuncAttribute what, int value)
{
    return emulate::set_attribute((const void *)kernel, what, value);
}

/* The arguments are copied at once. */
template <class... P>
inline cudaError_t cudaLaunchKernel(void (*kernel)(P...), dim3 grid, dim3 threads, void **at, size_t shared_bytes,
                                    cudaStream_t stream)
{
    const std::tuple<P...> all = emulate::arguments(kernel, at, std::index_sequence_for<P...>());
    return emulate::launch(
        (const void *)kernel, grid, threads, shared_bytes, stream,
        [all] { std::apply([](auto... a) { (emulate::check_argument(a), ...); }, all); },
        [kernel, all] { std::apply(kernel, all); });
}

#endif
