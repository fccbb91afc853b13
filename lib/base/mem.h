/* SPDX-License-Identifier: MIT
 * Memory: allocation that cannot fail where the size is ours, and arenas for the tensors of a step.
 *
 * Sizes that come from a file or an option are range-checked by whoever reads them, before they get here.
 * Tests: tests/unit/test_base.c */
#ifndef KM_BASE_MEM_H
#define KM_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Allocate, or end the program through the hook below with exit status 4. Free with free(). */
void *km_alloc(size_t bytes);
void *km_calloc(size_t count, size_t size);
void *km_realloc(void *p, size_t bytes);
char *km_strdup(const char *s);
char *km_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define KM_NEW(type) ((type *)km_calloc(1, sizeof(type)))
#define KM_NEWN(type, n) ((type *)km_calloc((n), sizeof(type)))

/* Called with the number of bytes that could not be had; must not return. NULL restores the default. */
void km_set_oom_hook(void (*hook)(size_t bytes));

/* An arena: memory that is handed out in order and given back all at once, or back to a mark. Blocks are 64-byte
 * aligned and never move. Not shared between threads. With KM_NO_ARENA=1 in the environment every allocation is a
 * malloc of its own, so that AddressSanitizer sees each of them. */
typedef struct km_arena km_arena;
typedef struct km_mark {
    size_t block, used, data_block, data_used;
} km_mark;

km_arena *km_arena_new(void);
/* An arena whose km_arena_data comes from other memory (a device's): get must not fail, put gives back. Marks hold for
 * both. */
km_arena *km_arena_new_on(void *(*get)(size_t bytes), void (*put)(void *p));
void *km_arena_data(km_arena *a, size_t bytes); /* uninitialised; km_arena_get where there is no other memory */
void km_arena_free(km_arena *a);
void *km_arena_get(km_arena *a, size_t bytes);        /* uninitialised */
void *km_arena_zero(km_arena *a, size_t bytes);       /* zeroed */
km_mark km_arena_mark(const km_arena *a);
void km_arena_rewind(km_arena *a, km_mark m);         /* everything handed out since m is gone */
void km_arena_reset(km_arena *a);                     /* everything is gone; the memory is kept for the next step */
int km_arena_separate(const km_arena *a);             /* is every allocation a malloc of its own (KM_NO_ARENA)? */
size_t km_arena_peak(const km_arena *a);              /* the most bytes in use at once so far */
size_t km_arena_data_peak(const km_arena *a);         /* the same of the other memory alone */

#endif
