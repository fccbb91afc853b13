/* SPDX-License-Identifier: MIT
 * Between the host's memory and a device's. */
#include "lib/tensor/device.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/tensor/ops.h"

/* A host array, what it was when it was copied, and the copy on the device. */
typedef struct copy {
    const void *host;
    size_t bytes;
    void *was, *there;
    uint64_t used; /* the time of the last use */
} copy;

enum { SLOTS = 4096, ONE_CALL = 16 };
static const size_t MOST = (size_t)512 << 20;

/* Open addressing over addresses; what is not asked for any more goes when there is too much. */
struct km_copies {
    copy slots[SLOTS];
    int count;
    size_t bytes;
    uint64_t now;
    uint64_t pass; /* when the present pass began; UINT64_MAX: there is none */
};

static void drop(const km_device *d, copy *c)
{
    d->put(c->there);
    free(c->was);
    *c = (copy){0};
}

void km_copies_free(km_ctx *cx)
{
    for (int i = 0; i < SLOTS && cx->copies; i++)
        if (cx->copies->slots[i].host) drop(cx->be->device, &cx->copies->slots[i]);
    free(cx->copies);
    cx->copies = NULL;
}

size_t km_copies_bytes(const km_ctx *cx) { return cx->copies ? cx->copies->bytes : 0; }

static struct km_copies *copies_new(void)
{
    struct km_copies *all = KM_NEW(struct km_copies);
    all->pass = UINT64_MAX;
    return all;
}

void km_copies_pass(km_ctx *cx, bool begins)
{
    if (!cx->copies) cx->copies = copies_new();
    cx->copies->pass = begins ? cx->copies->now : UINT64_MAX;
}

static copy *find(struct km_copies *all, const void *host, size_t bytes)
{
    size_t i = ((uintptr_t)host / 64 * 0x9e3779b97f4a7c15u ^ bytes * 0xc2b2ae3d27d4eb4fu) >> 20;
    for (;; i++) {
        copy *c = &all->slots[i % SLOTS];
        if (!c->host || (c->host == host && c->bytes == bytes)) return c;
    }
}

/* Keep the half that was used last, and at least what one operation may have asked for. */
static void forget(km_ctx *cx)
{
    struct km_copies *old = cx->copies, *all = copies_new();
    uint64_t half = (uint64_t)old->count / 2, since = old->now > ONE_CALL ? old->now - ONE_CALL : 0;
    if (half > ONE_CALL) since = old->now - half;
    all->now = old->now, all->pass = old->pass;
    for (int i = 0; i < SLOTS; i++) {
        copy *c = &old->slots[i];
        if (!c->host) continue;
        if (c->used < since) {
            drop(cx->be->device, c);
            continue;
        }
        *find(all, c->host, c->bytes) = *c;
        all->count++, all->bytes += c->bytes;
    }
    free(old);
    cx->copies = all;
}

static const void *there(km_ctx *cx, const void *host, size_t bytes)
{
    const km_device *d = cx->be->device;
    if (!d || !host || bytes == 0) return d ? NULL : host;
    if (!cx->copies) cx->copies = copies_new();
    if (cx->copies->count > SLOTS / 2 || cx->copies->bytes > MOST) forget(cx);
    copy *c = find(cx->copies, host, bytes);
    if (!c->host) {
        *c = (copy){host, bytes, km_alloc(bytes), d->get(bytes), 0};
        cx->copies->count++, cx->copies->bytes += bytes;
    } else if (memcmp(c->was, host, bytes) == 0) {
        c->used = ++cx->copies->now;
        return c->there;
    } else if (c->used > cx->copies->pass) {
        d->spoil(); /* it was used in this pass as it was */
    }
    memcpy(c->was, host, bytes);
    d->refresh(c->there, host, bytes);
    c->used = ++cx->copies->now;
    return c->there;
}

const float *km_floats(km_ctx *cx, const float *opt_x, km_dim n) { return there(cx, opt_x, (size_t)n * sizeof *opt_x); }

const int32_t *km_ints(km_ctx *cx, const int32_t *opt_x, km_dim n)
{
    return there(cx, opt_x, (size_t)n * sizeof *opt_x);
}

float *km_read(km_ctx *cx, const km_tensor *t)
{
    static float none;
    const km_device *d = cx->be->device;
    if (cx->dry) return &none;
    if (!d) return t->data;
    km_mark mark = km_arena_mark(cx->arena);
    size_t bytes = (size_t)km_numel(t) * sizeof(float);
    float *wide = t->data, *x = km_alloc(bytes);
    if (t->half) {
        wide = km_arena_data(cx->arena, bytes);
        d->widen(wide, t->data, km_numel(t));
    }
    d->download(x, wide, bytes);
    km_arena_rewind(cx->arena, mark);
    float *kept = memcpy(km_arena_get(cx->arena, bytes), x, bytes);
    free(x);
    return kept;
}

void km_write(km_ctx *cx, km_tensor *t, const float *x)
{
    const km_device *d = cx->be->device;
    KM_ASSERT(!t->half);
    if (d) d->upload(t->data, x, km_bytes(t, km_numel(t)));
    else if (!cx->dry && x != t->data) memmove(t->data, x, km_bytes(t, km_numel(t)));
}

void km_copy(km_ctx *cx, km_tensor *to, km_dim first, const km_tensor *from)
{
    KM_ASSERT(to->half == from->half && first >= 0 && first + km_numel(from) <= km_numel(to));
    char *at = (char *)to->data + km_bytes(to, first);
    if (cx->be->device) cx->be->device->move(at, from->data, km_bytes(from, km_numel(from)));
    else if (!cx->dry) memmove(at, from->data, km_bytes(from, km_numel(from)));
}

float *km_zeros_in(const km_ctx *cx, km_arena *home, km_dim n)
{
    size_t bytes = (size_t)n * sizeof(float);
    float *x = km_arena_data(home, bytes);
    if (cx->be->device) cx->be->device->zero(x, bytes);
    else if (!cx->dry) memset(x, 0, bytes);
    return x;
}

float *km_zeros(km_ctx *cx, km_dim n) { return km_zeros_in(cx, cx->arena, n); }

void km_seed(km_ctx *cx, float *g, float seed)
{
    if (cx->be->device) cx->be->device->upload(g, &seed, sizeof seed);
    else if (!cx->dry) *g += seed;
}

typedef struct cast_state {
    const km_tensor *x;
    km_tensor *y;
} cast_state;

/* Gradients are of one type, whatever the numbers' is. */
static void cast_backward(km_ctx *cx, void *state)
{
    cast_state *s = state;
    if (!km_has_grad(s->y)) return;
    cx->be->scale_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), 1, km_numel(s->x));
}

static km_tensor *cast(km_ctx *cx, const km_tensor *x, bool half)
{
    if (x->half == half) return (km_tensor *)x; /* never written to */
    const km_tensor type = {.half = half};
    km_tensor *y = km_tensor_as(cx, &type, x->nd, x->shape);
    if (half) cx->be->device->round(y->data, x->data, km_numel(x));
    else cx->be->device->widen(y->data, x->data, km_numel(x));
    if (KM_RECORDING(cx, x)) {
        cast_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (cast_state){x, y};
        km_record(cx, y, cast_backward, s);
    }
    return y;
}

km_tensor *km_cast(km_ctx *cx, const km_tensor *x) { return cast(cx, x, cx->be->half); }
km_tensor *km_widen(km_ctx *cx, const km_tensor *x) { return cast(cx, x, false); }
