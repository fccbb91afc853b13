/* SPDX-License-Identifier: MIT */
#include "lib/nn/past.h"

#include <stdlib.h>

#include "lib/base/mem.h"

static void *take(const km_backend *be, km_dim n)
{
    size_t bytes = (size_t)n * (be->half ? 2 : sizeof(float));
    return be->device ? be->device->get(bytes) : km_alloc(bytes);
}

static void give_back(const km_backend *be, void *p)
{
    if (be->device) be->device->put(p);
    else free(p);
}

km_nn_past *km_nn_past_new(const km_backend *be, int n_layers, const km_dim *width, km_dim room)
{
    km_nn_past *p = KM_NEW(km_nn_past);
    p->be = be;
    p->room = room;
    p->times = KM_NEWN(float, (size_t)room);
    p->n_layers = n_layers;
    p->layers = KM_NEWN(struct km_nn_kept, (size_t)n_layers);
    for (int i = 0; i < n_layers; i++) {
        p->layers[i].k = take(be, room * width[i]);
        p->layers[i].v = take(be, room * width[i]);
    }
    return p;
}

void km_nn_past_free(km_nn_past *p)
{
    if (!p) return;
    for (int i = 0; i < p->n_layers; i++) give_back(p->be, p->layers[i].k), give_back(p->be, p->layers[i].v);
    free(p->layers), free(p->times);
    free(p);
}
