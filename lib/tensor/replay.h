/* SPDX-License-Identifier: MIT
 * Operations that come again and again with other numbers: on a device they become a graph, which is launched at once.
 * Tests: tests/unit/test_replay.c */
#ifndef LIB_TENSOR_REPLAY_H
#define LIB_TENSOR_REPLAY_H

#include "lib/tensor/tensor.h"

/* Operations on cx whose results lie in tensors that were there before, unless there is a tape: what they take of the
 * arena is given back. It may be called several times for once, so that it must leave nothing else behind. */
typedef void km_body(km_ctx *cx, void *arg);

/* body(cx, arg). On a device the first time as it is; later its operations are only told to the device, which launches
 * the graph that was kept of the same ones on the same memory, or keeps one. What the host's arrays hold may be other
 * numbers. Where a graph cannot be had (numbers are read by the host meanwhile, an array is used with two contents, the
 * device refuses) the operations are done one by one. A tape, a dry context or KM_NO_ARENA want no graphs. */
void km_replay(km_ctx *cx, km_body *body, void *arg);

/* How many graphs were kept by cx, and how often one was launched. */
typedef struct km_replayed {
    int64_t kept, launched;
} km_replayed;
km_replayed km_replay_count(const km_ctx *cx);

void km_replays_free(km_ctx *cx);

#endif
