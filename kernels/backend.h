/* SPDX-License-Identifier: MIT
 * The table of kernels: what a kind of processor must offer. One row a kernel in kernels.def; lib/tensor calls kernels
 * through this table only.
 *
 * Conventions for every kernel: arrays are contiguous, row-major; a forward kernel writes its outputs whole; a backward
 * kernel adds to the gradients of its inputs, and a NULL gradient is not wanted; the result for one row, frame or batch
 * entry does not depend on how many others there are nor on the number of threads. */
#ifndef KERNELS_BACKEND_H
#define KERNELS_BACKEND_H

#include "kernels/calls.h"
#include "kernels/kernel.h"

enum { KM_GROUP = 128 }; /* bytes of a group's name */

/* Memory of a device, and its order: whatever is launched or copied is done in the order of the calls. A failure does
 * not return: it ends in what km_cuda_load (lib/base/cuda.h) was given. */
typedef struct km_device {
    const char *name;           /* "NVIDIA H200" */
    void *(*get)(size_t bytes); /* uninitialised */
    void (*put)(void *p);
    void (*upload)(void *to, const void *from, size_t bytes); /* from the host, whose memory is free again on return */
    void (*download)(void *to, const void *from, size_t bytes); /* waits for all that was asked for before */
    /* The same ahead of a pass, at any place in it: of memory that nothing else writes to. */
    void (*refresh)(void *to, const void *from, size_t bytes);
    /* A copy to the host beside what is asked for later; nothing may write to `from` until fetched, which waits. */
    void *(*fetch)(const void *from, size_t bytes);
    void (*fetched)(void *fetch, void *to);
    void (*move)(void *to, const void *from, size_t bytes);     /* on the device; the two may overlap */
    /* Rows of pairs [R, T] to columns first ... first + R - 1 of a [T, N] of them; or columns back to rows. bytes: of a
     * pair, even. */
    void (*swap)(void *to, const void *from, km_dim first, km_dim R, km_dim T, km_dim N, size_t bytes, bool back);
    void (*zero)(void *p, size_t bytes);
    void (*round)(void *to, const float *from, km_dim n); /* to bfloat16 */
    void (*widen)(float *to, const void *from, km_dim n); /* from it */
    size_t (*room)(void); /* bytes that can still be taken */
    /* Between rehearse(true) and its rehearse(false), which may be nested, memory is addresses alone and nothing is
     * launched or copied, while scratch() counts what kernels would take for themselves at the most. */
    void (*rehearse)(bool begin);
    size_t (*scratch)(void);
    void (*begin)(km_pass how); /* passes are not nested */
    km_calls (*end)(void);
    void (*spoil)(void); /* what the pass was given is not what it was given before */
    void (*replay)(void *graph);
    void (*discard)(void *graph);
    /* The devices of several processes. One of these makes a name, all join by it, once, and wait for each other;
     * false: the reason in msg. A sum over them is made in the order of calls. */
    bool (*group)(char name[KM_GROUP], char *msg, size_t room);
    bool (*join)(const char name[KM_GROUP], int rank, int size, char *msg, size_t room);
    void (*sum)(float *x, km_dim n);
} km_device;

/* One product of a gated one: norm(x [M, I]) w^T + b, with the norm's weight and bias or NULL. */
typedef struct km_side {
    const float *x, *opt_norm_w, *opt_norm_b, *opt_b;
    const km_pack *w; /* [O, I] */
} km_side;
/* I is a multiple of the one, and of both sides, where they are not of the same rows, together no more than the other:
 * what shared memory holds of any card. */
enum { KM_GATED_STEP = 16, KM_GATED_MOST = 256 };

typedef struct km_backend {
    const char *name;               /* "cpu-avx512" */
    const km_device *device;        /* whose memory the kernels work on, or NULL: the host's */
    bool half;                      /* activations are stored as bfloat16: float pointers to them are names only */
    const struct km_backend *plain; /* the table for activations that are float32; NULL: this one */
    km_pack *(*pack_new)(const float *w, km_dim out, km_dim in);
    /* the same over numbers that lie there rounded, and stay the caller's; NULL: there is nothing of the kind */
    km_pack *(*opt_pack_over)(const void *rounded, km_dim out, km_dim in);
    void (*pack_free)(km_pack *p);
    size_t (*pack_bytes)(const km_pack *p);
    /* y [M, O] = sg(gate) value + add, or with silu for sg, forward only; y may lie where add or the gate's x does.
     * NULL: it is made of the kernels below */
    void (*opt_gated_linear)(const km_exec *ex, float *y, const km_side *gate, const km_side *value, bool silu,
                             const float *opt_add, km_dim M, km_dim I, km_dim O);
#define real float
#define KM_KERNEL(name, args) void(*name) args;
#include "kernels/kernels.def"
#undef KM_KERNEL
#undef real
} km_backend;

/* The processor's kernels for the best instruction set it has; isa "base", "avx2", "avx512" or NULL for the best. NULL
 * when the processor lacks that one. */
const km_backend *km_backend_cpu(const char *opt_isa);
/* Kernels that compute nothing: outputs stay as they lie in memory (kernels/dry.c). */
const km_backend *km_backend_dry(void);

#endif
