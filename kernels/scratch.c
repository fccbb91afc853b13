/* SPDX-License-Identifier: MIT */
#include "kernels/scratch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

enum { ALIGNMENT = 64, SLOTS = KM_SCRATCH_OWN + 1 };

typedef struct buffer {
    void *memory;
    size_t bytes;
} buffer;

static _Thread_local buffer buffers[SLOTS];
static _Thread_local bool
    known; /* to the key, through which they are freed at the thread's end: teams of threads come and go */
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void drop(void *arg)
{
    buffer *b = arg;
    for (int i = 0; i < SLOTS; i++) free(b[i].memory);
}

static void make_key(void) { KM_ASSERT(pthread_key_create(&key, drop) == 0); }

float *km_scratch(km_scratch_slot slot, size_t n)
{
    buffer *b = &buffers[slot];
    size_t bytes = n * sizeof(float) + ALIGNMENT;
    if (!known) {
        pthread_once(&once, make_key);
        known = pthread_setspecific(key, buffers) == 0;
    }
    if (bytes > b->bytes) {
        free(b->memory);
        b->memory = km_alloc(bytes + bytes / 4);
        b->bytes = bytes + bytes / 4;
    }
    return (float *)(((uintptr_t)b->memory + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
}
