/* SPDX-License-Identifier: MIT
 * Graphs for the emulator: what a stream was given while it was captured, done again with every launch. A capture that
 * meets what it may not hold is invalid from then on, and says so when it ends. */
#include "tests/emulate/runtime.h"

using namespace emulate;

struct CUgraph_st {
    std::vector<work> calls;
};

/* One under way is freed when it is done, as NVIDIA says of cuGraphExecDestroy. */
struct CUgraphExec_st {
    std::shared_ptr<const std::vector<work>> calls;
};

cudaError_t emulate::illegal(CUstream_st *s, cudaError_t error)
{
    if (s->in) s->in->valid = false;
    return result(error);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode)
{
    guard g(one_at_a_time);
    if (mode != cudaStreamCaptureModeRelaxed) misused("a capture that forbids what is done beside it");
    if (!stream || is_to_fail("capture")) return result(cudaErrorStreamCaptureUnsupported);
    if (stream->in) return result(cudaErrorIllegalState);
    stream->in = std::make_shared<capture>();
    stream->in->origin = stream;
    stream->captured = 0;
    return result(cudaSuccess);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status)
{
    guard g(one_at_a_time);
    *status = !stream->in        ? cudaStreamCaptureStatusNone
              : stream->in->valid ? cudaStreamCaptureStatusActive
                                  : cudaStreamCaptureStatusInvalidated;
    return result(cudaSuccess);
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    guard g(one_at_a_time);
    *graph = nullptr;
    if (!stream->in) return result(cudaErrorIllegalState);
    if (stream->in->origin != stream) return illegal(stream, cudaErrorStreamCaptureUnmatched);
    std::shared_ptr<capture> c = std::move(stream->in);
    stream->in = nullptr;
    bool whole = true;
    for (CUstream_st *s : c->joined) {
        whole = whole && s->fetched_back == s->captured;
        s->in = nullptr;
    }
    if (!c->valid) return result(cudaErrorStreamCaptureInvalidated);
    c->valid = false; /* for events that were recorded in it */
    if (!whole) return result(cudaErrorStreamCaptureUnjoined);
    *graph = new CUgraph_st{std::move(c->calls)};
    return result(cudaSuccess);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *ready, cudaGraph_t graph, unsigned long long)
{
    guard g(one_at_a_time);
    if (is_to_fail("graph")) return result(cudaErrorNotSupported);
    *ready = new CUgraphExec_st{std::make_shared<const std::vector<work>>(graph->calls)};
    return result(cudaSuccess);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return result(cudaSuccess);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t ready)
{
    delete ready;
    return result(cudaSuccess);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t ready, cudaStream_t stream)
{
    guard g(one_at_a_time);
    if (stream->in) misused("a graph within a graph");
    return give(stream, [calls = ready->calls] {
        for (const work &call : *calls) call();
    });
}
