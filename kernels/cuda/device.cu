/* SPDX-License-Identifier: MIT
 * The device through CUDA's runtime: one stream, in whose order memory is taken and given back too, and a second one
 * beside it, for copies to the host and for what a graph that is being kept must not hold. */
#include "kernels/cuda/device.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/gemm.h"
#include "kernels/cuda/rehearsal.h"

static cudaStream_t stream, beside;
static cudaEvent_t reached; /* of one stream, for the other */
static cudaMemPool_t pool;
static void (*on_failure)(const char *msg);
static char name[256];
static struct {
    void *p;
    size_t bytes;
} scratch[KM_CUDA_SCRATCH];

static void fail(const char *msg)
{
    if (on_failure) on_failure(msg);
    abort(); /* what it was given came back */
}

void km_cuda_check(int error, const char *what)
{
    if (!error) return;
    char msg[256];
    snprintf(msg, sizeof msg, "%s%s%s", what, error > 0 ? ": " : "",
             error > 0 ? cudaGetErrorString((cudaError_t)error) : "");
    fail(msg);
}

static void check(cudaError_t error, const char *what) { km_cuda_check((int)error, what); }

/* Why the runtime finds no device, in words. */
static void say_why(cudaError_t error, char *msg, size_t room)
{
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0) snprintf(msg, room, "no NVIDIA driver (libcuda.so.1) on this machine");
    else if (error == cudaErrorInsufficientDriver)
        snprintf(msg, room, "the NVIDIA driver is for CUDA %d.%d, and %d.%d is needed", driver / 1000,
                 driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    else snprintf(msg, room, "no NVIDIA GPU: %s", cudaGetErrorString(error));
}

const char *km_cuda_open(int index, void (*failure)(const char *msg), char *msg, size_t room)
{
    int count = 0;
    cudaDeviceProp about;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) {
        say_why(error, msg, room);
        return nullptr;
    }
    if (index < 0) index = (-1 - index) % count;
    if (index >= count) {
        snprintf(msg, room, "no device %d: there %s %d, counted from 0", index, count == 1 ? "is" : "are", count);
        return nullptr;
    }
    if (!km_cublaslt_open(msg, room)) return nullptr;
    if ((error = cudaSetDevice(index)) || (error = cudaGetDeviceProperties(&about, index)) ||
        (error = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking)) ||
        (error = cudaStreamCreateWithFlags(&beside, cudaStreamNonBlocking)) ||
        (error = cudaEventCreateWithFlags(&reached, cudaEventDisableTiming))) {
        snprintf(msg, room, "device %d: %s", index, cudaGetErrorString(error));
        return nullptr;
    }
    if (about.major < 8) {
        snprintf(msg, room, "device %d, %.100s, is of compute capability %d.%d; 8.0 or more is needed", index,
                 about.name, about.major, about.minor);
        return nullptr;
    }
    uint64_t keep = UINT64_MAX; /* memory given back stays the process's */
    if (cudaDeviceGetDefaultMemPool(&pool, index) != cudaSuccess ||
        cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep) != cudaSuccess) {
        snprintf(msg, room, "device %d, %.100s, has no pool of memory", index, about.name);
        return nullptr;
    }
    if (!km_cublaslt_start(msg, room)) return nullptr;
    on_failure = failure;
    snprintf(name, sizeof name, "%s", about.name);
    return name;
}

void *km_cuda_stream(void) { return stream; }

void km_cuda_asked(int error, const char *what)
{
    if (error && km_calls_kept()) km_calls_spoil();
    else km_cuda_check(error, what);
}

static void ask(cudaError_t error, const char *what) { km_cuda_asked((int)error, what); }

/* Where memory is taken and filled: not in a graph. */
static cudaStream_t present(void) { return km_calls_kept() ? beside : stream; }

/* What is asked of `later` comes after all that was asked of `first`. */
static void follow(cudaStream_t later, cudaStream_t first)
{
    check(cudaEventRecord(reached, first), "an event");
    check(cudaStreamWaitEvent(later, reached, 0), "an event");
}

/* What a slot takes for so many bytes: more, so that it seldom has to grow. */
static size_t with_room(size_t bytes) { return bytes + bytes / 4; }

size_t km_cuda_scratch_most(void)
{
    size_t sum = KM_GEMM_WORKSPACE;
    for (int slot = 0; slot < KM_CUDA_SCRATCH; slot++) sum += with_room(km_rehearsal_asked(slot));
    return sum;
}

/* What the driver has left, and what of the pool's is in nobody's use. */
size_t km_cuda_room(void)
{
    size_t unused = 0, all = 0;
    uint64_t held = 0, used = 0;
    check(cudaStreamSynchronize(stream), "a kernel");
    check(cudaMemGetInfo(&unused, &all), "asking for the free memory");
    check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &held), "asking for the pool's memory");
    check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used), "asking for the pool's memory");
    return unused + (size_t)(held - used);
}

void *km_cuda_get(size_t bytes)
{
    if (km_cuda_rehearses()) return km_rehearsal_get(bytes);
    void *p = nullptr;
    cudaError_t error = cudaMallocAsync(&p, bytes ? bytes : 1, present());
    if (error == cudaSuccess) return p;
    size_t unused = 0, all = 0;
    char msg[256];
    cudaGetLastError();
    cudaMemGetInfo(&unused, &all);
    snprintf(msg, sizeof msg,
             "%.100s: %.1f GB more are needed, %.1f of its %.1f are free "
             "(a shorter --window or --device cpu needs less)",
             name, (double)bytes / 1e9, (double)unused / 1e9, (double)all / 1e9);
    fail(error == cudaErrorMemoryAllocation ? msg : cudaGetErrorString(error));
    return nullptr;
}

void km_cuda_put(void *p)
{
    if (!p || km_rehearsal_owns(p)) return;
    if (km_calls_kept()) km_calls_spoil(); /* the graph may use it */
    check(cudaFreeAsync(p, present()), "giving memory back");
}

/* Through memory that the device reads by itself, so that the caller goes on at once. When it is used up, or for a
 * piece that is larger, the copies under way are waited for. */
void km_cuda_refresh(void *to, const void *from, size_t bytes)
{
    enum : size_t { STAGE = (size_t)32 << 20, LINE = 256 };
    static char *stage;
    static size_t at;
    if (km_cuda_rehearses() || bytes == 0) return;
    if (!stage) check(cudaMallocHost((void **)&stage, STAGE), "memory for copies");
    for (size_t done = 0, piece; done < bytes; done += piece) {
        piece = bytes - done < STAGE ? bytes - done : (size_t)STAGE;
        if (at + piece > STAGE) {
            check(cudaStreamSynchronize(present()), "copying to the device");
            at = 0;
        }
        memcpy(stage + at, (const char *)from + done, piece);
        check(cudaMemcpyAsync((char *)to + done, stage + at, piece, cudaMemcpyHostToDevice, present()),
              "copying to the device");
        at += (piece + LINE - 1) / LINE * LINE;
    }
}

void km_cuda_upload(void *to, const void *from, size_t bytes)
{
    km_calls_copy();
    km_cuda_refresh(to, from, bytes);
}

void km_cuda_download(void *to, const void *from, size_t bytes)
{
    if (km_cuda_rehearses()) return;
    if (km_calls_under_way()) {
        km_calls_spoil();
        memset(to, 0, bytes);
        return;
    }
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "copying from the device");
    check(cudaStreamSynchronize(stream), "a kernel");
}

/* Locked memory that copies go through, kept for the next ones, and when it is whole. */
typedef struct transfer {
    void *host;
    size_t room, bytes;
    cudaEvent_t done;
    bool busy;
} transfer;

enum { TRANSFERS = 8 };

static transfer *idle_transfer(size_t bytes)
{
    static transfer all[TRANSFERS];
    int at = 0;
    while (at < TRANSFERS && all[at].busy) at++;
    if (at == TRANSFERS) fail("more copies to the host at a time than there are places for");
    transfer *t = &all[at];
    if (!t->done) check(cudaEventCreateWithFlags(&t->done, cudaEventDisableTiming), "an event");
    if (t->room < bytes) {
        if (t->host) check(cudaFreeHost(t->host), "memory for copies");
        check(cudaMallocHost(&t->host, bytes), "memory for copies");
        t->room = bytes;
    }
    t->busy = true, t->bytes = bytes;
    return t;
}

void *km_cuda_fetch(const void *from, size_t bytes)
{
    transfer *t = idle_transfer(bytes);
    follow(beside, stream);
    check(cudaMemcpyAsync(t->host, from, bytes, cudaMemcpyDeviceToHost, beside), "copying from the device");
    check(cudaEventRecord(t->done, beside), "an event");
    return t;
}

void km_cuda_fetched(void *fetch, void *to)
{
    transfer *t = (transfer *)fetch;
    check(cudaEventSynchronize(t->done), "a kernel");
    memcpy(to, t->host, t->bytes);
    t->busy = false;
}

void km_cuda_move(void *to, const void *from, size_t bytes)
{
    char *t = (char *)to;
    const char *f = (const char *)from;
    if (to == from || bytes == 0) return;
    void *aside = t < f + bytes && f < t + bytes ? km_cuda_scratch(KM_CUDA_MOVING, bytes) : nullptr;
    if (km_left_out(km_cuda_move, to, from, bytes)) return;
    if (aside) ask(cudaMemcpyAsync(aside, from, bytes, cudaMemcpyDeviceToDevice, stream), "moving");
    ask(cudaMemcpyAsync(to, aside ? aside : from, bytes, cudaMemcpyDeviceToDevice, stream), "moving");
}

void km_cuda_zero(void *p, size_t bytes)
{
    if (bytes == 0 || km_left_out(km_cuda_zero, p, bytes)) return;
    ask(cudaMemsetAsync(p, 0, bytes, stream), "clearing memory");
}

/* -- graphs: what the stream is given is captured, while memory and what it holds are seen to beside it */

void km_cuda_begin(km_pass how)
{
    km_calls_begin(how);
    if (how != KM_PASS_KEPT) return;
    follow(beside, stream);
    if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed) == cudaSuccess) return;
    cudaGetLastError();
    km_calls_spoil();
}

km_calls km_cuda_end(void)
{
    bool kept = km_calls_kept();
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t ready = nullptr;
    km_calls calls = km_calls_end();
    if (!kept) return calls;
    cudaStreamIsCapturing(stream, &status);
    if (status != cudaStreamCaptureStatusNone && cudaStreamEndCapture(stream, &graph) == cudaSuccess && calls.whole &&
        cudaGraphInstantiate(&ready, graph, 0) == cudaSuccess)
        calls.graph = ready;
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError(); /* what was refused is told by the graph that is not there */
    follow(stream, beside);
    return calls;
}

void km_cuda_replay(void *graph) { check(cudaGraphLaunch((cudaGraphExec_t)graph, stream), "a graph's launch"); }

void km_cuda_discard(void *graph)
{
    check(cudaStreamSynchronize(stream), "a kernel");
    check(cudaGraphExecDestroy((cudaGraphExec_t)graph), "a graph's end");
}

void *km_cuda_scratch(int slot, size_t bytes)
{
    if (km_cuda_rehearses()) return km_rehearsal_scratch(slot, bytes);
    if (bytes > scratch[slot].bytes) {
        km_cuda_put(scratch[slot].p);
        scratch[slot].bytes = with_room(bytes);
        scratch[slot].p = km_cuda_get(scratch[slot].bytes);
    }
    static const bool poisons = getenv("KM_POISON") != nullptr;
    if (poisons && bytes > 0 && !km_calls_left_out())
        ask(cudaMemsetAsync(scratch[slot].p, 0xff, bytes, stream), "clearing memory");
    return scratch[slot].p;
}
