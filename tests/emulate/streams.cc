/* SPDX-License-Identifier: MIT
 * CUDA's runtime for the emulator: the device, streams, events, launches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <map>

#include "tests/emulate/runtime.h"

namespace emulate
{

/* Of compute capability 8.0, but what 8.6 and 8.9 have of shared memory: its kernels run there too. */
enum : size_t { MAX_SHARED = (size_t)99 << 10, PLAIN_SHARED = (size_t)48 << 10 };
enum { MAX_THREADS = 1024, MAX_DEEP = 64, MAX_BLOCKS = 65535 };

std::recursive_mutex one_at_a_time;
static std::vector<CUstream_st *> streams;
static cudaError_t last, broken;   /* after a kernel's failure nothing works any more */
static thread_local bool has_chosen; /* a device: other threads have the first one, whichever the streams are of */

void misused(const char *what)
{
    fprintf(stderr, "emulated: %s\n", what);
    abort();
}

bool is_to_fail(const char *what)
{
    const char *s = getenv("KM_EMULATE_FAIL");
    return s && strcmp(s, what) == 0;
}

cudaError_t result(cudaError_t error)
{
    if (broken) error = broken;
    if (error) last = error;
    return error;
}

static void must_be(CUstream_st *s)
{
    if (!s) misused("the default stream is not used");
    if (!has_chosen) misused("a thread that has not chosen the device");
}

cudaError_t give(CUstream_st *s, const work &call)
{
    must_be(s);
    if (!s->in) {
        s->queue.push_back({call, nullptr, 0});
        s->given++;
        return result(cudaSuccess);
    }
    if (!s->in->valid) return result(cudaErrorStreamCaptureInvalidated);
    s->in->calls.push_back(call);
    s->captured++;
    return result(cudaSuccess);
}

/* Done while memory is open. */
static void advance(CUstream_st *s, uint64_t first)
{
    while (s->done < first) {
        queued q = std::move(s->queue.front());
        s->queue.pop_front();
        if (q.other) advance(q.other, q.first);
        else q.call();
        s->done++;
    }
}

cudaError_t wait(CUstream_st *s, uint64_t first)
{
    const char *order = getenv("KM_EMULATE_STREAMS");
    const bool early = order && strcmp(order, "early") == 0;
    const size_t n = streams.size();
    open_memory(true);
    for (size_t i = 0; i < n; i++) {
        CUstream_st *next = streams[early ? n - 1 - i : i];
        if (next == s) break;
        advance(next, next->given);
    }
    advance(s, first);
    open_memory(false);
    return result(cudaSuccess);
}

void wait_for_all()
{
    for (CUstream_st *s : streams) (void)wait(s, s->given);
}

static std::map<const void *, size_t> &most_shared()
{
    static std::map<const void *, size_t> of_kernels;
    return of_kernels;
}

cudaError_t set_attribute(const void *kernel, cudaFuncAttribute, int value)
{
    guard g(one_at_a_time);
    if (value < 0 || (size_t)value > MAX_SHARED) return result(cudaErrorInvalidValue);
    most_shared()[kernel] = (size_t)value;
    return result(cudaSuccess);
}

cudaError_t launch(const void *kernel, dim3 grid, dim3 threads, size_t shared_bytes, cudaStream_t stream,
                   const work &check, const work &call)
{
    guard g(one_at_a_time);
    size_t n = (size_t)threads.x * threads.y * threads.z;
    auto most = most_shared().find(kernel);
    if (n == 0 || n > MAX_THREADS || threads.z > MAX_DEEP || grid.x == 0 || grid.x > INT32_MAX || grid.y == 0 ||
        grid.y > MAX_BLOCKS || grid.z == 0 || grid.z > MAX_BLOCKS)
        return result(cudaErrorInvalidConfiguration);
    if (shared_bytes > (most == most_shared().end() ? PLAIN_SHARED : most->second))
        return result(cudaErrorInvalidValue);
    if (stream && stream->in && is_to_fail("launch")) return illegal(stream, cudaErrorStreamCaptureUnsupported);
    return give(stream, [=] {
        if (is_to_fail("kernel")) broken = cudaErrorLaunchFailure;
        if (broken) return;
        check();
        run(kernel, grid, threads, shared_bytes, call);
    });
}

} // namespace emulate

using namespace emulate;

const char *cudaGetErrorString(cudaError_t error)
{
#define DO(name, number)                                                                                               \
    if (error == name) return #name;
    CUDA_ERRORS(DO)
#undef DO
    return "an error";
}

cudaError_t cudaGetLastError()
{
    guard g(one_at_a_time);
    cudaError_t error = last;
    last = broken;
    return error;
}

static cudaError_t version(int *v)
{
    *v = 13000;
    return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *v) { return version(v); }
cudaError_t cudaRuntimeGetVersion(int *v) { return version(v); }

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 1;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    has_chosen = device == 0;
    return result(has_chosen ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *about, int device)
{
    if (device != 0) return result(cudaErrorInvalidDevice);
    snprintf(about->name, sizeof about->name, "emulated");
    about->major = 8, about->minor = 0;
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    guard g(one_at_a_time);
    if (flags != cudaStreamNonBlocking) misused("a stream that waits for the default one");
    *stream = new CUstream_st;
    streams.push_back(*stream);
    return result(cudaSuccess);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    guard g(one_at_a_time);
    must_be(stream);
    return stream->in ? illegal(stream, cudaErrorStreamCaptureUnsupported) : wait(stream, stream->given);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
    *event = new CUevent_st;
    return result(cudaSuccess);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    guard g(one_at_a_time);
    must_be(stream);
    if (!event) return result(cudaErrorInvalidResourceHandle);
    if (stream->in && !stream->in->valid) return result(cudaErrorStreamCaptureInvalidated);
    *event = {stream, stream->in ? stream->captured : stream->given, stream->in};
    return result(cudaSuccess);
}

/* A capture grows over streams that wait for what is in it, and holds nothing that waits for what is not. */
static cudaError_t wait_in_capture(CUstream_st *s, CUevent_st *event)
{
    if (!event->of) return result(cudaSuccess);
    if (!event->in) return illegal(s, cudaErrorStreamCaptureIsolation);
    if (s->in && s->in != event->in) return illegal(s, cudaErrorStreamCaptureMerge);
    if (!event->in->valid) return result(cudaErrorStreamCaptureInvalidated);
    if (!s->in) {
        s->in = event->in, s->captured = s->fetched_back = 0;
        s->in->joined.push_back(s);
    } else if (s == s->in->origin && event->of != s) {
        event->of->fetched_back = event->first;
    }
    if (s != s->in->origin) s->captured++;
    return result(cudaSuccess);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
    guard g(one_at_a_time);
    must_be(stream);
    if (!event) return result(cudaErrorInvalidResourceHandle);
    if (stream->in || event->in) return wait_in_capture(stream, event);
    if (event->of && event->of != stream) {
        stream->queue.push_back({nullptr, event->of, event->first});
        stream->given++;
    }
    return result(cudaSuccess);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    guard g(one_at_a_time);
    if (event->in) return illegal(event->in->origin, cudaErrorCapturedEvent);
    return event->of ? wait(event->of, event->first) : result(cudaSuccess);
}
