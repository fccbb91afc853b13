/* SPDX-License-Identifier: MIT
 * What a causal model keeps of a trajectory's finished frames: the keys and values of every temporal layer. A finished
 * frame sees none after it, so they are computed once, and the next frame costs one frame however many there are.
 *
 * They lie where the model computes, as activations are stored there. A layer of C channels over N tokens or atoms
 * keeps 2 N C numbers of a frame; on the processor nothing is taken for frames that are not there yet but addresses.
 * Tests: tests/unit/test_causal.c */
#ifndef LIB_NN_PAST_H
#define LIB_NN_PAST_H

#include "lib/tensor/tensor.h"

typedef struct km_nn_past {
    km_dim T, room; /* finished frames; frames there is room for */
    float *times;   /* [room] ns */
    int n_layers;
    const km_backend *be;
    struct km_nn_kept {
        void *k, *v; /* [room, N, C] */
    } *layers;       /* [n_layers], by km_nn_temporal.number */
} km_nn_past;

/* Without frames; width [n_layers]: N C of each layer. */
km_nn_past *km_nn_past_new(const km_backend *be, int n_layers, const km_dim *width, km_dim room);
void km_nn_past_free(km_nn_past *p);

#endif
