/* SPDX-License-Identifier: MIT
 * What a device says of calls that are made again and again. */
#ifndef KERNELS_CALLS_H
#define KERNELS_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* Calls that are made again and again with the same arguments become one graph, which costs the host one call. In a
 * pass over them nothing is launched or moved on the device: told, it is only taken account of; kept, it goes into a
 * graph. */
typedef enum km_pass { KM_PASS_TOLD, KM_PASS_KEPT } km_pass;

typedef struct km_calls {
    uint64_t digest[2]; /* of all that was asked for, with its arguments */
    bool whole;  /* false: something of it cannot be part of a graph, and was not done: make the calls without a pass */
    void *graph; /* kept and whole: for replay, in the end discard; NULL: the device refuses it */
} km_calls;

#endif
