/* SPDX-License-Identifier: MIT
 * Memory for the emulator's runtime. Device memory is taken and given back in the order of a stream's work: the address
 * is known at once, what lies there is NaN from the work that gives it back on, and any work that comes to memory
 * which is not there ends the program. A copy from locked memory reads it when it is done, one to it has written it
 * only then. */
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <map>

#include "tests/emulate/runtime.h"

namespace emulate
{

enum : size_t { LINE = 256, SMALLEST = 4096 };

struct piece {
    char *at;
    size_t bytes, asked;
    bool fresh, owned, there; /* by the calls, and by the work that is done */
    CUstream_st *freed_on;
    uint64_t freed_at;
};

static std::map<const char *, piece> pieces; /* each stays what it is */
static std::multimap<size_t, piece *> spare;
static std::map<const char *, size_t> locked;
static size_t in_use, most_in_use;

static size_t all_memory()
{
    const char *s = getenv("KM_EMULATE_MEMORY");
    return s ? strtoull(s, nullptr, 10) : (size_t)REGION;
}

/* The piece that p points into, or just behind. */
static const piece *piece_of(const void *p)
{
    auto next = pieces.upper_bound((const char *)p);
    if (next == pieces.begin()) return nullptr;
    const piece *it = &std::prev(next)->second;
    return (const char *)p <= it->at + it->asked ? it : nullptr;
}

void check_range(const void *p, size_t bytes)
{
    const piece *it = piece_of(p);
    if (!it || (const char *)p + bytes > it->at + it->asked) misused("memory that is not the device's");
    if (!it->there) misused("memory that was given back, or is not there yet");
}

void check_pointer(const void *p)
{
    if (p && !is_of_device(p)) misused("a kernel was given a pointer to host memory");
    if (p) check_range(p, 0);
}

/* Anything that was given back on this stream may be taken on it again, and what is back by now by all. */
static piece *find_spare(size_t bytes, CUstream_st *stream)
{
    for (auto it = spare.lower_bound(bytes); it != spare.end() && it->first <= 2 * bytes; it++) {
        piece *p = it->second;
        if (p->freed_on != stream && p->freed_on->done < p->freed_at) continue;
        spare.erase(it);
        return p;
    }
    return nullptr;
}

static piece *take(size_t asked, CUstream_st *stream)
{
    size_t bytes = std::max((asked + LINE - 1) / LINE * LINE, (size_t)SMALLEST);
    piece *p = find_spare(bytes, stream);
    if (!p) {
        char *at = carve(bytes + LINE);
        if (!at) return nullptr;
        at += LINE; /* aligned as documented and no more */
        p = &(pieces[at] = piece{at, bytes, 0, true, false, false, nullptr, 0});
    }
    p->owned = true;
    return p;
}

} // namespace emulate

using namespace emulate;

cudaError_t cudaMallocAsync(void **at, size_t bytes, cudaStream_t stream)
{
    guard g(one_at_a_time);
    if (stream->in) return illegal(stream, cudaErrorStreamCaptureUnsupported);
    if (bytes == 0) return result(cudaErrorInvalidValue);
    if (in_use + bytes > all_memory()) wait_for_all();
    if (in_use + bytes > all_memory() || is_to_fail("memory")) return result(cudaErrorMemoryAllocation);
    piece *p = take(bytes, stream);
    if (!p) return result(cudaErrorMemoryAllocation);
    in_use += p->bytes;
    most_in_use = std::max(in_use, most_in_use);
    *at = p->at;
    return give(stream, [p, bytes] {
        if (p->fresh) memset(p->at, 0xff, p->bytes);
        p->fresh = false, p->there = true, p->asked = bytes;
    });
}

cudaError_t cudaFreeAsync(void *at, cudaStream_t stream)
{
    guard g(one_at_a_time);
    if (stream->in) return illegal(stream, cudaErrorInvalidValue);
    auto it = pieces.find((const char *)at);
    if (it == pieces.end() || !it->second.owned) return result(cudaErrorInvalidValue);
    piece *p = &it->second;
    cudaError_t error = give(stream, [p] {
        if (!p->there) misused("memory was given back before it was there");
        memset(p->at, 0xff, p->bytes);
        p->there = false;
        in_use -= p->bytes;
    });
    p->owned = false, p->freed_on = stream, p->freed_at = stream->given;
    spare.insert({p->bytes, p});
    return error;
}

cudaError_t cudaMallocHost(void **p, size_t bytes)
{
    guard g(one_at_a_time);
    if (bytes == 0) return result(cudaErrorInvalidValue);
    *p = malloc(bytes);
    if (!*p) return result(cudaErrorMemoryAllocation);
    memset(*p, 0xff, bytes);
    locked[(const char *)*p] = bytes;
    return result(cudaSuccess);
}

/* The copies of it are to be over. */
cudaError_t cudaFreeHost(void *p)
{
    guard g(one_at_a_time);
    auto it = locked.find((const char *)p);
    if (it == locked.end()) return result(cudaErrorInvalidValue);
    memset(p, 0xff, it->second);
    wait_for_all();
    free(p);
    locked.erase(it);
    return result(cudaSuccess);
}

static bool is_locked(const void *p, size_t bytes)
{
    auto next = locked.upper_bound((const char *)p);
    if (next == locked.begin()) return false;
    auto it = std::prev(next);
    return (const char *)p + bytes <= it->first + it->second;
}

static cudaError_t to_device(void *to, const void *from, size_t bytes, CUstream_st *stream)
{
    if (is_locked(from, bytes))
        return give(stream, [=] {
            check_range(to, bytes);
            memcpy(to, from, bytes);
        });
    if (stream->in) return illegal(stream, cudaErrorStreamCaptureUnsupported); /* it may lie elsewhere by then */
    auto staged = std::make_shared<std::vector<char>>((const char *)from, (const char *)from + bytes);
    return give(stream, [=] {
        check_range(to, bytes);
        memcpy(to, staged->data(), bytes);
    });
}

static cudaError_t to_host(void *to, const void *from, size_t bytes, CUstream_st *stream)
{
    const bool waits = !is_locked(to, bytes);
    if (waits && stream->in) return illegal(stream, cudaErrorStreamCaptureUnsupported);
    memset(to, 0xff, bytes);
    cudaError_t error = give(stream, [=] {
        check_range(from, bytes);
        memcpy(to, from, bytes);
    });
    return error || !waits ? error : wait(stream, stream->given);
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream)
{
    guard g(one_at_a_time);
    if (is_of_device(to) != (kind != cudaMemcpyDeviceToHost) ||
        is_of_device(from) != (kind != cudaMemcpyHostToDevice))
        return result(cudaErrorInvalidMemcpyDirection);
    if (stream->in && is_to_fail("copy")) return illegal(stream, cudaErrorStreamCaptureUnsupported);
    if (kind == cudaMemcpyHostToDevice) return to_device(to, from, bytes, stream);
    if (kind == cudaMemcpyDeviceToHost) return to_host(to, from, bytes, stream);
    const char *t = (const char *)to, *f = (const char *)from;
    if (t < f + bytes && f < t + bytes) misused("a copy of memory to itself");
    return give(stream, [=] {
        check_range(to, bytes);
        check_range(from, bytes);
        memcpy(to, from, bytes);
    });
}

cudaError_t cudaMemsetAsync(void *p, int byte, size_t bytes, cudaStream_t stream)
{
    guard g(one_at_a_time);
    return give(stream, [=] {
        check_range(p, bytes);
        memset(p, byte, bytes);
    });
}

/* -- one pool, which keeps what it has had */

cudaError_t cudaMemGetInfo(size_t *unused, size_t *all)
{
    guard g(one_at_a_time);
    *all = all_memory();
    *unused = *all - std::min(most_in_use, *all);
    return result(cudaSuccess);
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int)
{
    static char only;
    *pool = (cudaMemPool_t)&only;
    return result(is_to_fail("pool") ? cudaErrorNotSupported : cudaSuccess);
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr what, void *value)
{
    bool keeps = what == cudaMemPoolAttrReleaseThreshold && *(uint64_t *)value == UINT64_MAX;
    return result(keeps ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr what, void *value)
{
    guard g(one_at_a_time);
    if (what == cudaMemPoolAttrReservedMemCurrent) *(uint64_t *)value = most_in_use;
    else if (what == cudaMemPoolAttrUsedMemCurrent) *(uint64_t *)value = in_use;
    else return result(cudaErrorInvalidValue);
    return result(cudaSuccess);
}
