/* SPDX-License-Identifier: MIT
 * The store of parameters from within: params.c asks and finds, params_ready.c readies for inference and training. */
#ifndef LIB_NN_PARAMS_IMPL_H
#define LIB_NN_PARAMS_IMPL_H

#include "lib/nn/params.h"

/* A parameter, where it came from and where else it lies. */
typedef struct entry {
    char *name;
    km_tensor t;
    float *own;       /* what t.data points to when it is neither in the file nor in the training block */
    float *host;      /* where t.data pointed before it was copied to a device, else NULL */
    km_pack *rounded; /* in training on a device: over its numbers in km_params.rounded, else NULL */
    bool trained;
    bool product;     /* read by products alone */
} entry;

struct km_params {
    const km_safetensors *file; /* NULL: parameters are made */
    char *prefix;
    char *made; /* patterns of names that are made where the file lacks them, or NULL */
    uint64_t seed;
    double lambda_lo, lambda_hi;
    entry **entries; /* in the order asked for */
    int n, cap;
    int *slots;      /* open addressing over names; -1 is empty */
    int n_slots;
    float *block;
    float *there;  /* the block's copy on a device, or NULL */
    void *rounded; /* and there in bfloat16, where activations are, or NULL */
    bool newer_there;
    km_dim size;
    size_t packed_bytes;
    const km_backend *be; /* whose packs these are */
    km_err problem;       /* of the first request that could not be met */
    int n_problems;
    char *(*original)(const void *names, const char *ours); /* what messages call it, or NULL */
    const void *names;
};

/* Does the name match one of the patterns, separated by blanks? */
bool km_params_matches(const char *name, const char *patterns);
/* Gives back all that lies packed or on a device. */
void km_params_drop(km_params *p);

#endif
