/* SPDX-License-Identifier: MIT
 * Parameters made ready for inference (packed, on a device perhaps) or for training (in one block, and its copies on a
 * device). */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/nn/params_impl.h"

static void drop_packs(km_params *p)
{
    for (int i = 0; i < p->n; i++) {
        entry *e = p->entries[i];
        if (e->t.pack) p->be->pack_free(e->t.pack);
        e->t.pack = NULL;
        if (!e->host) continue;
        p->be->device->put(e->t.data);
        e->t.data = e->host, e->host = NULL;
    }
    p->packed_bytes = 0;
}

/* The floats of a matrix that products alone read are gone once it is packed in bfloat16. */
static void pack(km_params *p, entry *e, const km_backend *be)
{
    km_tensor *t = &e->t;
    size_t bytes = (size_t)km_numel(t) * sizeof(float);
    if (be->device) {
        e->host = t->data;
        t->data = be->device->get(bytes);
        be->device->upload(t->data, e->host, bytes);
    }
    if (t->nd == 2 && be->pack_new) t->pack = be->pack_new(t->data, t->shape[0], t->shape[1]);
    if (t->pack) p->packed_bytes += be->pack_bytes(t->pack);
    if (be->half && t->pack && e->product) {
        be->device->put(t->data);
        t->data = NULL;
    } else if (be->device) {
        p->packed_bytes += bytes;
    }
}

void km_params_pack(km_params *p, const km_backend *be)
{
    drop_packs(p);
    p->be = be;
    for (int i = 0; i < p->n; i++) pack(p, p->entries[i], be);
}

size_t km_params_packed_bytes(const km_params *p) { return p->packed_bytes; }

/* Parameters begin at multiples of 16 floats, so that each is aligned to a cache line. */
void km_params_train(km_params *p, const char *patterns)
{
    KM_ASSERT(!p->block);
    drop_packs(p);
    for (int i = 0; i < p->n; i++) {
        p->entries[i]->t.param_offset = p->size;
        p->size += (km_numel(&p->entries[i]->t) + 15) / 16 * 16;
    }
    p->block = km_calloc((size_t)p->size + 1, sizeof(float));
    for (int i = 0; i < p->n; i++) {
        entry *e = p->entries[i];
        float *to = p->block + e->t.param_offset;
        memcpy(to, e->t.data, (size_t)km_numel(&e->t) * sizeof(float));
        free(e->own);
        e->own = NULL;
        e->t.data = to;
        e->trained = e->trained && km_params_matches(e->name, patterns);
        e->t.wants_grad = e->trained;
    }
}

/* Tensors are what lies in the block, here or there. */
static void point_into(km_params *p, float *block)
{
    for (int i = 0; i < p->n; i++) {
        entry *e = p->entries[i];
        e->t.data = block + e->t.param_offset;
        e->t.pack = block == p->there ? e->rounded : NULL;
    }
}

static void place(km_params *p, const km_backend *be)
{
    size_t bytes = (size_t)p->size * sizeof(float);
    p->be = be;
    if (!p->there) p->there = be->device->get(bytes);
    if (!p->newer_there) be->device->upload(p->there, p->block, bytes);
}

/* All matrices at once, not each for each of its products. */
static void round_there(km_params *p)
{
    const km_backend *be = p->be;
    enum { HALF = 2 };
    if (!p->rounded) {
        p->rounded = be->device->get((size_t)p->size * HALF);
        for (int i = 0; i < p->n; i++) {
            entry *e = p->entries[i];
            const char *at = (const char *)p->rounded + e->t.param_offset * HALF;
            if (e->t.nd == 2) e->rounded = be->opt_pack_over(at, e->t.shape[0], e->t.shape[1]);
        }
    }
    be->device->round(p->rounded, p->there, p->size);
}

void km_params_to(km_params *p, const km_backend *be)
{
    if (!be->device) return;
    place(p, be);
    if (be->half) round_there(p);
    point_into(p, p->there);
}

float *km_params_there(km_params *p, const km_backend *be)
{
    place(p, be);
    p->newer_there = true;
    return p->there;
}

void km_params_fetch(km_params *p)
{
    if (p->newer_there) p->be->device->download(p->block, p->there, (size_t)p->size * sizeof(float));
    p->newer_there = false;
}

void km_params_from(km_params *p)
{
    if (p->there) point_into(p, p->block);
}

void km_params_drop(km_params *p)
{
    km_params_from(p);
    drop_packs(p);
    if (p->there) p->be->device->put(p->there);
    if (p->rounded) p->be->device->put(p->rounded);
    for (int i = 0; i < p->n; i++)
        if (p->entries[i]->rounded) p->be->pack_free(p->entries[i]->rounded);
}
