/* SPDX-License-Identifier: MIT
 * The device through CUDA's runtime: one stream, in whose order memory is taken and given back too. */
#include "kernels/cuda/device.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/cuda/gemm.h"

static cudaStream_t stream;
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
    if (index >= count) {
        snprintf(msg, room, "no device %d: there %s %d, counted from 0", index, count == 1 ? "is" : "are", count);
        return nullptr;
    }
    if ((error = cudaSetDevice(index)) || (error = cudaGetDeviceProperties(&about, index)) ||
        (error = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking))) {
        snprintf(msg, room, "device %d: %s", index, cudaGetErrorString(error));
        return nullptr;
    }
    if (about.major < 8) {
        snprintf(msg, room, "device %d, %.100s, is of compute capability %d.%d; 8.0 or more is needed", index,
                 about.name, about.major, about.minor);
        return nullptr;
    }
    cudaMemPool_t pool;
    uint64_t keep = UINT64_MAX; /* memory given back stays the process's */
    if (cudaDeviceGetDefaultMemPool(&pool, index) == cudaSuccess)
        cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep);
    if (!km_cublaslt_open(msg, room)) return nullptr;
    on_failure = failure;
    snprintf(name, sizeof name, "%s", about.name);
    return name;
}

void *km_cuda_stream(void) { return stream; }

void *km_cuda_get(size_t bytes)
{
    void *p = nullptr;
    cudaError_t error = cudaMallocAsync(&p, bytes ? bytes : 1, stream);
    if (error == cudaSuccess) return p;
    size_t unused = 0, all = 0;
    char msg[256];
    cudaGetLastError();
    cudaMemGetInfo(&unused, &all);
    snprintf(msg, sizeof msg,
             "%s: %.1f GB more are needed, %.1f of its %.1f are free (a shorter --window or --device cpu needs less)",
             name, (double)bytes / 1e9, (double)unused / 1e9, (double)all / 1e9);
    fail(error == cudaErrorMemoryAllocation ? msg : cudaGetErrorString(error));
    return nullptr;
}

void km_cuda_put(void *p)
{
    if (p) check(cudaFreeAsync(p, stream), "giving memory back");
}

/* Small pieces are staged by the runtime, so that the caller goes on at once. */
void km_cuda_upload(void *to, const void *from, size_t bytes)
{
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream), "copying to the device");
    if (bytes > 64 << 10) check(cudaStreamSynchronize(stream), "copying to the device");
}

void km_cuda_download(void *to, const void *from, size_t bytes)
{
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "copying from the device");
    check(cudaStreamSynchronize(stream), "a kernel");
}

void km_cuda_move(void *to, const void *from, size_t bytes)
{
    char *t = (char *)to;
    const char *f = (const char *)from;
    if (to == from || bytes == 0) return;
    void *aside = nullptr;
    if (t < f + bytes && f < t + bytes) {
        aside = km_cuda_get(bytes);
        check(cudaMemcpyAsync(aside, from, bytes, cudaMemcpyDeviceToDevice, stream), "moving");
    }
    check(cudaMemcpyAsync(to, aside ? aside : from, bytes, cudaMemcpyDeviceToDevice, stream), "moving");
    km_cuda_put(aside);
}

void km_cuda_move_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t rows)
{
    if (width == 0 || rows == 0) return;
    check(cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, rows, cudaMemcpyDeviceToDevice, stream), "moving");
}

void km_cuda_zero(void *p, size_t bytes)
{
    if (bytes) check(cudaMemsetAsync(p, 0, bytes, stream), "clearing memory");
}

void *km_cuda_scratch(int slot, size_t bytes)
{
    if (bytes > scratch[slot].bytes) {
        km_cuda_put(scratch[slot].p);
        scratch[slot].bytes = bytes + bytes / 4;
        scratch[slot].p = km_cuda_get(scratch[slot].bytes);
    }
    return scratch[slot].p;
}
