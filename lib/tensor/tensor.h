/* SPDX-License-Identifier: MIT
 * Tensors, the context operations run in, and the tape that remembers them.
 *
 * A tensor is a contiguous, row-major array in the context's arena (or a parameter, whose memory outlives steps):
 * float32, or on a device bfloat16 where it holds activations. An operation works in the type of its first operand;
 * gradients and parameters are always float32. Data of a device are reached by km_read and km_copy only. Views share
 * memory and gradient with what they are views of. Operations (ops.h) are eager; with the tape on each records how to
 * run backward. Shape alphabet (also km(7)): B batch, T frames, F = B T rows of frames, N tokens, A atoms, S alignment
 * rows, W atom windows of Q queries and K keys, C channels, H heads, D head width, L noise levels. Tests:
 * tests/unit/test_tensor.c */
#ifndef LIB_TENSOR_TENSOR_H
#define LIB_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/backend.h"
#include "lib/base/mem.h"

enum { KM_MAX_DIMS = 6, KM_TILE = 1 << 20 };

typedef struct km_tensor {
    float *data; /* on a device: an address there, of bfloat16 where `half` says so */
    bool half;
    float *grad;            /* of a leaf or intermediate on the tape: allocated when first asked for, in `home` */
    km_arena *home;         /* where the tensor was made */
    struct km_tensor *base; /* of a view: whose gradient it shares; else NULL */
    km_dim base_offset;     /* in elements */
    int nd;
    km_dim shape[KM_MAX_DIMS];
    bool wants_grad;        /* a leaf to differentiate by, or made from one with the tape on */
    km_dim param_offset; /* of a parameter: where its gradient lies in a context's param_grad; -1 for anything else */
    km_pack *pack;          /* of a packed parameter matrix, else NULL */
} km_tensor;

typedef struct km_tape km_tape;

typedef struct km_ctx {
    const km_backend *be;
    km_exec ex;
    bool dry;          /* nothing is computed: data are not worth copying */
    int halvings;      /* of how many rows lib/nn/rows.h takes at a time, where memory is short */
    km_dim tile;       /* numbers of a bias [heads, queries, keys] that are there at a time (KM_TILE) */
    km_arena *arena;
    km_tape *tape;     /* NULL: nothing is recorded */
    float *param_grad; /* gradients of all parameters, one after another; NULL: parameters are constants */
    struct km_ctx **members;
    int n_members;
    struct km_copies *copies; /* of host arrays on the device (device.c) */
    struct km_replays *replays; /* graphs of what is done again and again (replay.c) */
} km_ctx;

/* A context on the processor with an arena of its own. */
km_ctx *km_ctx_new(int threads);
/* The same on any backend; on a device it has one thread. */
km_ctx *km_ctx_new_on(const km_backend *be, int threads);
/* A context in which nothing is computed: for the memory (km_ctx_peak) and the arithmetic (added to *opt_flop) that a
 * run will take. Its tensors have no memory. */
km_ctx *km_ctx_dry(double *opt_flop);
/* The same for the memory that a run on this backend will take: of a device that of the device, what its kernels take
 * for themselves with it. While the context lives nothing else may be computed there. NULL: the processor. */
km_ctx *km_ctx_rehearsal(const km_backend *opt_be);
void km_ctx_free(km_ctx *cx);
/* The contexts of n threads that each do a share of cx's work on their own: one thread each, an arena of its own, no
 * tape. Owned by cx and kept for the next time. */
km_ctx *const *km_ctx_team(km_ctx *cx, int n);
/* The most bytes that cx and its team had in use so far; on a device, of its memory. */
size_t km_ctx_peak(const km_ctx *cx);

km_dim km_numel(const km_tensor *t);
km_dim km_size(const km_tensor *t, int i); /* dimension i, counted from the end when negative */
km_dim km_rows(const km_tensor *t, int n); /* the product of all dimensions but the last n */

/* New tensors in the arena, uninitialised, of the type in which the context stores activations, or of t's. km_tensor_of
 * wraps the caller's float32 numbers; on a device it is a copy of what they are now. */
km_tensor *km_tensor_new(km_ctx *cx, int nd, const km_dim *shape);
km_tensor *km_tensor_as(km_ctx *cx, const km_tensor *t, int nd, const km_dim *shape);
km_tensor *km_tensor_like(km_ctx *cx, const km_tensor *t);
km_tensor *km_tensor_of(km_ctx *cx, float *data, int nd, const km_dim *shape);
/* Over memory of the backend's that the caller owns. */
km_tensor *km_tensor_at(km_ctx *cx, const void *data, bool half, int nd, const km_dim *shape);
#define KM_SHAPE(...) (int)(sizeof((km_dim[]){__VA_ARGS__}) / sizeof(km_dim)), (const km_dim[]){__VA_ARGS__}
#define KM_TENSOR(cx, ...) km_tensor_new((cx), KM_SHAPE(__VA_ARGS__))
#define KM_TENSOR_AS(cx, t, ...) km_tensor_as((cx), (t), KM_SHAPE(__VA_ARGS__))
#define KM_TENSOR_OF(cx, data, ...) km_tensor_of((cx), (data), KM_SHAPE(__VA_ARGS__))

/* Views. No copy; the gradient flows into the base. */
km_tensor *km_reshape(km_ctx *cx, const km_tensor *t, int nd, const km_dim *shape);
#define KM_RESHAPE(cx, t, ...) km_reshape((cx), (t), KM_SHAPE(__VA_ARGS__))
km_tensor *km_slice(km_ctx *cx, const km_tensor *t, km_dim first, km_dim count); /* of the leading dimension */

/* -- what lies where (device.c); on the processor all of this costs nothing */
/* The kernels for t's type. */
static inline const km_backend *km_be(const km_ctx *cx, const km_tensor *t)
{
    return t->half || !cx->be->plain ? cx->be : cx->be->plain;
}
/* The caller's arrays where kernels can read them: the same address, or a copy that is kept as long as the array's
 * numbers stay what they are. NULL stays NULL. */
const float *km_floats(km_ctx *cx, const float *opt_x, km_dim n);
const int32_t *km_ints(km_ctx *cx, const int32_t *opt_x, km_dim n);
/* t's numbers where the host can read them: its own, or a copy in the context's arena; one zero in a dry context. */
float *km_read(km_ctx *cx, const km_tensor *t);
/* t's numbers become x, of t's length and float32, which may be what km_read gave. */
void km_write(km_ctx *cx, km_tensor *t, const float *x);
/* Copy numel(from) numbers to element `first` of to, of the same type. */
void km_copy(km_ctx *cx, km_tensor *to, km_dim first, const km_tensor *from);
/* n float32 zeros in the memory of data. */
float *km_zeros(km_ctx *cx, km_dim n);
/* x as the context stores activations, and as float32; x itself where it is so already. */
km_tensor *km_cast(km_ctx *cx, const km_tensor *x);
km_tensor *km_widen(km_ctx *cx, const km_tensor *x);
/* Are these activations (NULL allowed) stored alike, as operations with several take them? */
static inline bool km_alike(const km_tensor *t, const km_tensor *opt_u) { return !opt_u || t->half == opt_u->half; }
static inline size_t km_bytes(const km_tensor *t, km_dim n) { return (size_t)n * (t->half ? 2 : sizeof(float)); }

/* The gradient array of t, which backward functions add to. NULL when t wants none. */
float *km_grad(km_ctx *cx, const km_tensor *t);
/* Did a gradient reach t? Backward functions return at once when none reached their output. */
bool km_has_grad(const km_tensor *t);

/* -- the tape */
km_tape *km_tape_new(void);
void km_tape_free(km_tape *tape);
void km_tape_clear(km_tape *tape); /* forget all records; the caller resets the arena */
typedef void km_backward(km_ctx *cx, void *state);
/* Does the context record, and does any of these inputs (NULLs allowed) want a gradient? */
bool km_recording(const km_ctx *cx, int n, const km_tensor *const *inputs);
#define KM_RECORDING(cx, ...)                                                                                          \
    km_recording((cx), (int)(sizeof((const km_tensor *[]){__VA_ARGS__}) / sizeof(km_tensor *)),                        \
                 (const km_tensor *const[]){__VA_ARGS__})
/* Record that out, or what it is a view of, came from an operation whose backward takes state (in the arena), and mark
 * it as wanting a gradient. */
void km_record(km_ctx *cx, km_tensor *out, km_backward *backward, void *state);
/* Run backward from a scalar whose gradient is `seed`, records in reverse. Parameter gradients are added to param_grad.
 */
void km_backprop(km_ctx *cx, km_tensor *scalar, float seed);
/* The same once gradients have been put where backward is to begin. */
void km_tape_backward(km_ctx *cx);

/* For whoever wants gradients as soon as they are whole: which record reads which parameter (by param_offset), and a
 * call after each record's backward. A parameter's gradient is whole when its first record is through. */
typedef struct km_param_use {
    km_dim offset;
    size_t record;
} km_param_use;
typedef void km_tape_watcher(void *arg, size_t record);
void km_tape_watch(km_tape *tape, km_tape_watcher *opt_watcher, void *arg); /* before recording begins */
const km_param_use *km_tape_uses(const km_tape *tape, size_t *ret_n);       /* in order of record, while watched */
/* Where one record of outer stands for others, made later: a tape to record such once, not to be run backward. What
 * they read is then read by the record that outer takes next; adopt: false when there was nothing to record. */
km_tape *km_tape_inner(const km_tape *outer);
bool km_tape_adopt(km_tape *outer, const km_tape *inner);

/* Scopes. Without a tape km_scope_end keeps t alone of all that was made since km_scope_begin (moved down to the mark)
 * and gives the rest of the memory back; with a tape it returns t and does nothing. */
km_mark km_scope_begin(const km_ctx *cx);
km_tensor *km_scope_end(km_ctx *cx, km_mark m, km_tensor *t);

#endif
