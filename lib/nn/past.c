/* SPDX-License-Identifier: MIT */
#include "lib/nn/past.h"

#include <stdlib.h>

#include "lib/base/mem.h"

km_nn_past *km_nn_past_new(int n_layers, const km_dim *width, km_dim room)
{
    km_nn_past *p = KM_NEW(km_nn_past);
    p->room = room;
    p->times = KM_NEWN(float, (size_t)room);
    p->n_layers = n_layers;
    p->layers = KM_NEWN(struct km_nn_kept, (size_t)n_layers);
    for (int i = 0; i < n_layers; i++) {
        p->layers[i].k = km_alloc((size_t)(room * width[i]) * sizeof(float));
        p->layers[i].v = km_alloc((size_t)(room * width[i]) * sizeof(float));
    }
    return p;
}

void km_nn_past_free(km_nn_past *p)
{
    if (!p) return;
    for (int i = 0; i < p->n_layers; i++) free(p->layers[i].k), free(p->layers[i].v);
    free(p->layers), free(p->times);
    free(p);
}
