/* SPDX-License-Identifier: MIT
 * Inside the emulator's runtime. What a stream is given is a queue of work, which is done as late as NVIDIA's
 * documentation allows: when somebody waits for it, and then the streams' work in one of two orders, so that what is
 * not ordered by an event is done wrongly in one of them. KM_EMULATE_STREAMS=late, or nothing: the stream that was made
 * first goes on as far as it can, a later one only where it is waited for; early: the other way round.
 *
 * KM_EMULATE_MEMORY=BYTES is what the device has. KM_EMULATE_FAIL makes a kernel fail, or refuses memory, a graph, its
 * capture, a launch or a copy within one, the pool, a product's algorithm, or a group. */
#ifndef TESTS_EMULATE_RUNTIME_H
#define TESTS_EMULATE_RUNTIME_H

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/emulate/include/cuda_runtime.h"

typedef std::function<void()> work;

struct capture {
    CUstream_st *origin;
    bool valid = true;
    std::vector<work> calls;
    std::vector<CUstream_st *> joined; /* by events, beside the origin */
};

/* One piece of work, or a wait for `first` pieces of another stream. */
struct queued {
    work call;
    CUstream_st *other;
    uint64_t first;
};

struct CUstream_st {
    std::deque<queued> queue;
    uint64_t given = 0, done = 0;
    std::shared_ptr<capture> in;
    uint64_t captured = 0, fetched_back = 0; /* of its calls in a capture: given, and waited for by the origin */
};

struct CUevent_st {
    CUstream_st *of = nullptr;
    uint64_t first = 0;
    std::shared_ptr<capture> in; /* recorded in a capture */
};

namespace emulate
{

extern std::recursive_mutex one_at_a_time;
typedef std::lock_guard<std::recursive_mutex> guard;

[[noreturn]] void misused(const char *what);
/* A failure that a test asks for. */
bool is_to_fail(const char *what);
/* Remembered for cudaGetLastError. */
cudaError_t result(cudaError_t error);
/* The error of a call that no capture may hold. */
cudaError_t illegal(CUstream_st *s, cudaError_t error);
/* Work for a stream, or for the capture that it is part of. */
cudaError_t give(CUstream_st *s, const work &call);
/* Wait for the first so many pieces of a stream's work, or for all of every one. */
cudaError_t wait(CUstream_st *s, uint64_t first);
void wait_for_all();

/* Device memory at p ... p + bytes that is there now, in the order of the work that is being done. */
void check_range(const void *p, size_t bytes);

} // namespace emulate

#endif
