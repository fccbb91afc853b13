/* SPDX-License-Identifier: MIT */
#include "lib/tensor/tensor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/tensor/device.h"
#include "lib/tensor/replay.h"

/* What a dry run's tensors lie in: addresses, each once, that nobody may look at. */
static void *get_nothing(size_t bytes)
{
    static atomic_uintptr_t next = (uintptr_t)1 << 60;
    return (void *)atomic_fetch_add(&next, bytes);
}

static void put_nothing(void *p) { (void)p; }

km_ctx *km_ctx_new_on(const km_backend *be, int threads)
{
    km_ctx *cx = KM_NEW(km_ctx);
    cx->be = be;
    cx->tile = KM_TILE;
    cx->ex = (km_exec){threads > 0 && !be->device ? threads : 1, KM_TEAM_WORK, NULL};
    cx->dry = be == km_backend_dry();
    if (be->device) cx->arena = km_arena_new_on(be->device->get, be->device->put);
    else cx->arena = cx->dry ? km_arena_new_on(get_nothing, put_nothing) : km_arena_new();
    return cx;
}

km_ctx *km_ctx_new(int threads) { return km_ctx_new_on(km_backend_cpu(NULL), threads); }

km_ctx *km_ctx_dry(double *opt_flop)
{
    km_ctx *cx = km_ctx_new_on(km_backend_dry(), 1);
    cx->ex.opt_flop = opt_flop;
    return cx;
}

km_ctx *km_ctx_rehearsal(const km_backend *opt_be)
{
    if (!opt_be || !opt_be->device) return km_ctx_dry(NULL);
    opt_be->device->rehearse(true);
    km_ctx *cx = km_ctx_new_on(opt_be, 1);
    cx->dry = true;
    return cx;
}

void km_ctx_free(km_ctx *cx)
{
    if (!cx) return;
    for (int i = 0; i < cx->n_members; i++) {
        cx->members[i]->dry = false; /* the rehearsal is not theirs to end */
        km_ctx_free(cx->members[i]);
    }
    free(cx->members);
    km_copies_free(cx);
    km_replays_free(cx);
    km_arena_free(cx->arena);
    if (cx->dry && cx->be->device) cx->be->device->rehearse(false);
    free(cx);
}

km_ctx *const *km_ctx_team(km_ctx *cx, int n)
{
    if (n <= cx->n_members) return cx->members;
    cx->members = km_realloc(cx->members, (size_t)n * sizeof *cx->members);
    while (cx->n_members < n) cx->members[cx->n_members++] = km_ctx_new_on(cx->be, 1);
    return cx->members;
}

static size_t own_peak(const km_ctx *cx)
{
    const km_device *d = cx->be->device;
    size_t bytes = d ? km_arena_data_peak(cx->arena) + km_copies_bytes(cx) : km_arena_peak(cx->arena);
    for (int i = 0; i < cx->n_members; i++) bytes += own_peak(cx->members[i]);
    return bytes;
}

size_t km_ctx_peak(const km_ctx *cx)
{
    return own_peak(cx) + (cx->dry && cx->be->device ? cx->be->device->scratch() : 0);
}

km_dim km_numel(const km_tensor *t) { return km_rows(t, 0); }

km_dim km_size(const km_tensor *t, int i)
{
    if (i < 0) i += t->nd;
    KM_ASSERT(i >= 0 && i < t->nd);
    return t->shape[i];
}

km_dim km_rows(const km_tensor *t, int n)
{
    km_dim rows = 1;
    for (int i = 0; i < t->nd - n; i++) rows *= t->shape[i];
    return rows;
}

static km_tensor *header(km_ctx *cx, float *data, bool half, int nd, const km_dim *shape)
{
    KM_ASSERT(nd >= 1 && nd <= KM_MAX_DIMS);
    km_tensor *t = km_arena_zero(cx->arena, sizeof *t);
    t->data = data;
    t->home = cx->arena;
    t->half = half;
    t->nd = nd;
    t->param_offset = -1;
    memcpy(t->shape, shape, (size_t)nd * sizeof *shape);
    return t;
}

static km_tensor *fresh(km_ctx *cx, bool half, int nd, const km_dim *shape)
{
    km_tensor *t = header(cx, NULL, half, nd, shape);
    t->data = km_arena_data(cx->arena, km_bytes(t, km_numel(t)));
    return t;
}

km_tensor *km_tensor_of(km_ctx *cx, float *data, int nd, const km_dim *shape)
{
    if (!cx->be->device) return header(cx, data, false, nd, shape);
    km_tensor *t = fresh(cx, false, nd, shape);
    cx->be->device->upload(t->data, data, km_bytes(t, km_numel(t)));
    return t;
}

km_tensor *km_tensor_at(km_ctx *cx, const void *data, bool half, int nd, const km_dim *shape)
{
    return header(cx, (float *)data, half, nd, shape);
}

km_tensor *km_tensor_new(km_ctx *cx, int nd, const km_dim *shape) { return fresh(cx, cx->be->half, nd, shape); }

km_tensor *km_tensor_as(km_ctx *cx, const km_tensor *t, int nd, const km_dim *shape)
{
    return fresh(cx, t->half, nd, shape);
}

km_tensor *km_tensor_like(km_ctx *cx, const km_tensor *t) { return fresh(cx, t->half, t->nd, t->shape); }

static km_tensor *view(km_ctx *cx, const km_tensor *t, km_dim offset, int nd, const km_dim *shape)
{
    km_tensor *v = header(cx, (float *)((char *)t->data + km_bytes(t, offset)), t->half, nd, shape);
    /* A view of a view shares with the first tensor. The cast is for the gradient alone. */
    v->base = t->base ? t->base : (km_tensor *)t;
    v->base_offset = t->base_offset + offset;
    v->wants_grad = t->wants_grad;
    return v;
}

km_tensor *km_reshape(km_ctx *cx, const km_tensor *t, int nd, const km_dim *shape)
{
    km_tensor *v = view(cx, t, 0, nd, shape);
    KM_ASSERT(km_numel(v) == km_numel(t));
    return v;
}

km_tensor *km_slice(km_ctx *cx, const km_tensor *t, km_dim first, km_dim count)
{
    KM_ASSERT(first >= 0 && count >= 0 && first + count <= t->shape[0]);
    km_dim shape[KM_MAX_DIMS];
    memcpy(shape, t->shape, sizeof shape);
    km_dim row = t->shape[0] ? km_numel(t) / t->shape[0] : 0;
    shape[0] = count;
    return view(cx, t, first * row, t->nd, shape);
}

float *km_grad(km_ctx *cx, const km_tensor *t)
{
    if (!t || !t->wants_grad) return NULL;
    if (t->base) {
        float *g = km_grad(cx, t->base);
        return g ? g + t->base_offset : NULL;
    }
    if (t->param_offset >= 0) return cx->param_grad ? cx->param_grad + t->param_offset : NULL;
    if (!t->grad) ((km_tensor *)t)->grad = km_zeros_in(cx, t->home, km_numel(t));
    return t->grad;
}

bool km_has_grad(const km_tensor *t)
{
    const km_tensor *owner = t->base ? t->base : t;
    return owner->grad || owner->param_offset >= 0;
}

km_mark km_scope_begin(const km_ctx *cx) { return km_arena_mark(cx->arena); }

km_tensor *km_scope_end(km_ctx *cx, km_mark m, km_tensor *t)
{
    if (cx->tape) return t;
    const km_tensor was = *t;
    size_t bytes = km_bytes(t, km_numel(t));
    float *aside = NULL;
    const km_device *device = cx->be->device;
    if (device && km_arena_separate(cx->arena)) {
        aside = device->get(bytes);
        device->move(aside, was.data, bytes);
    } else if (km_arena_separate(cx->arena) && !cx->dry) { /* rewinding frees the old data there */
        aside = km_alloc(bytes);
        memcpy(aside, was.data, bytes);
    }
    km_arena_rewind(cx->arena, m);
    /* The header is laid at the mark, before the data's new place; the old data never began before it, as its own
     * header came first, so moving downwards with memmove is safe once the header is written last. */
    km_tensor *kept = km_arena_get(cx->arena, sizeof *kept);
    float *to = km_arena_data(cx->arena, bytes);
    if (device) device->move(to, aside ? aside : was.data, bytes);
    else if (!cx->dry) memmove(to, aside ? aside : was.data, bytes);
    if (device && aside) device->put(aside);
    else free(aside);
    *kept = was;
    kept->data = to;
    kept->base = NULL;
    kept->base_offset = 0;
    return kept;
}
