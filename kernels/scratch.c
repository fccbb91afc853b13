/* SPDX-License-Identifier: MIT */
#include "kernels/scratch.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/base/mem.h"

enum { ALIGNMENT = 64 };

typedef struct buffer {
    void *memory;
    size_t bytes;
} buffer;

static _Thread_local buffer buffers[2];

float *km_scratch(km_scratch_slot slot, size_t n)
{
    buffer *b = &buffers[slot];
    size_t bytes = n * sizeof(float) + ALIGNMENT;
    if (bytes > b->bytes) {
        free(b->memory);
        b->memory = km_alloc(bytes + bytes / 4);
        b->bytes = bytes + bytes / 4;
    }
    return (float *)(((uintptr_t)b->memory + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
}
