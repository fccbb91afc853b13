/* SPDX-License-Identifier: MIT */
#include "lib/base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { ALIGN = 64, FIRST_BLOCK = 1 << 20 };

static void (*oom_hook)(size_t);

void km_set_oom_hook(void (*hook)(size_t bytes)) { oom_hook = hook; }

static void *checked(void *p, size_t bytes)
{
    if (p || bytes == 0) return p;
    if (oom_hook) oom_hook(bytes);
    fprintf(stderr, "out of memory: %zu bytes\n", bytes);
    exit(-KM_SYSTEM);
}

void *km_alloc(size_t bytes) { return checked(malloc(bytes ? bytes : 1), bytes); }

void *km_calloc(size_t count, size_t size)
{
    if (count == 0 || size == 0) count = size = 1;
    return checked(calloc(count, size), count * size);
}

void *km_realloc(void *p, size_t bytes) { return checked(realloc(p, bytes ? bytes : 1), bytes); }

char *km_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(km_alloc(n), s, n);
}

char *km_asprintf(const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *s = km_alloc((size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

/* A block, and how much lay in use before it, so that the peak can be told without walking the list. */
typedef struct block {
    char *data;
    size_t size, used;
} block;

struct km_arena {
    block *blocks;
    size_t count, current; /* blocks[current] is being filled; those behind it are empty and waiting */
    size_t in_use, peak;
    bool separate;              /* KM_NO_ARENA: one block an allocation */
    void *(*get)(size_t bytes); /* NULL: malloc */
    void (*put)(void *p);
    km_arena *data; /* of the other memory, or NULL */
};

km_arena *km_arena_new(void)
{
    km_arena *a = KM_NEW(km_arena);
    const char *s = getenv("KM_NO_ARENA");
    a->separate = s && *s && *s != '0';
    return a;
}

km_arena *km_arena_new_on(void *(*get)(size_t bytes), void (*put)(void *p))
{
    km_arena *a = km_arena_new();
    a->data = km_arena_new();
    a->data->get = get, a->data->put = put;
    return a;
}

static void drop_block(const km_arena *a, block *b)
{
    if (a->put) a->put(b->data);
    else free(b->data);
}

void km_arena_free(km_arena *a)
{
    if (!a) return;
    km_arena_free(a->data);
    for (size_t i = 0; i < a->count; i++) drop_block(a, &a->blocks[i]);
    free(a->blocks);
    free(a);
}

/* A block of wanted bytes, or where those cannot be had of the bytes that are needed. */
static void add_block(km_arena *a, size_t at, size_t wanted, size_t needed)
{
    size_t size = wanted;
    void *data = a->get ? a->get(size) : aligned_alloc(ALIGN, size);
    if (!data) size = needed, data = checked(aligned_alloc(ALIGN, size), size);
    a->blocks = km_realloc(a->blocks, (a->count + 1) * sizeof *a->blocks);
    memmove(a->blocks + at + 1, a->blocks + at, (a->count - at) * sizeof *a->blocks);
    a->blocks[at] = (block){data, size, 0};
    a->count++;
}

/* Make blocks[current] one with room for bytes. */
static void find_room(km_arena *a, size_t bytes)
{
    if (a->count && a->blocks[a->current].used + bytes <= a->blocks[a->current].size && !a->separate) return;
    size_t next = a->count ? a->current + (a->blocks[a->current].used > 0) : 0;
    while (!a->separate && next < a->count && a->blocks[next].size < bytes) {
        /* too small and empty: give it up, so that the list stays in the order of use */
        drop_block(a, &a->blocks[next]);
        memmove(a->blocks + next, a->blocks + next + 1, (a->count - next - 1) * sizeof *a->blocks);
        a->count--;
    }
    if (next >= a->count || a->separate) {
        size_t size = bytes;
        if (!a->separate) {
            size_t grown = a->count ? 2 * a->blocks[a->count - 1].size : FIRST_BLOCK;
            if (grown > (size_t)1 << 28) grown = (size_t)1 << 28;
            if (size < grown) size = grown;
        }
        add_block(a, next, size, bytes);
    }
    a->current = next;
}

static void note_peak(km_arena *a)
{
    size_t bytes = a->in_use + (a->data ? a->data->in_use : 0);
    if (bytes > a->peak) a->peak = bytes;
}

void *km_arena_get(km_arena *a, size_t bytes)
{
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (bytes == 0) bytes = ALIGN;
    find_room(a, bytes);
    block *b = &a->blocks[a->current];
    void *p = b->data + b->used;
    b->used += bytes;
    a->in_use += bytes;
    note_peak(a);
    return p;
}

void *km_arena_data(km_arena *a, size_t bytes)
{
    void *p = km_arena_get(a->data ? a->data : a, bytes);
    note_peak(a);
    return p;
}

void *km_arena_zero(km_arena *a, size_t bytes) { return memset(km_arena_get(a, bytes), 0, bytes); }

km_mark km_arena_mark(const km_arena *a)
{
    km_mark m = a->data ? km_arena_mark(a->data) : (km_mark){0};
    return (km_mark){a->count ? a->current : 0, a->count ? a->blocks[a->current].used : 0, m.block, m.used};
}

void km_arena_rewind(km_arena *a, km_mark m)
{
    if (a->data) km_arena_rewind(a->data, (km_mark){m.data_block, m.data_used, 0, 0});
    if (!a->count) return;
    KM_ASSERT(m.block <= a->current && m.used <= a->blocks[m.block].used);
    for (size_t i = m.block; i <= a->current; i++) {
        size_t keep = i == m.block ? m.used : 0;
        a->in_use -= a->blocks[i].used - keep;
        a->blocks[i].used = keep;
    }
    if (a->separate) {
        size_t first = m.used ? m.block + 1 : m.block;
        for (size_t i = first; i < a->count; i++) drop_block(a, &a->blocks[i]);
        a->count = first;
    }
    a->current = m.block < a->count || !a->count ? m.block : a->count - 1;
    if (!a->count) a->current = 0;
}

void km_arena_reset(km_arena *a) { km_arena_rewind(a, (km_mark){0}); }

int km_arena_separate(const km_arena *a) { return a->separate; }
size_t km_arena_data_peak(const km_arena *a) { return a->data ? a->data->peak : 0; }
size_t km_arena_peak(const km_arena *a) { return a->peak; }
