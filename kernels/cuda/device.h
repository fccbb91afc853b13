/* SPDX-License-Identifier: MIT
 * What the families' launchers need of the device: its stream, memory for the time of one operation (device.cu),
 * products (gemm.cu). Tests: tests/unit/test_device.c */
#ifndef KERNELS_CUDA_DEVICE_H
#define KERNELS_CUDA_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/cuda/calls.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The device is opened for the rest of the process; its name, or NULL and the reason in msg. */
const char *km_cuda_open(int index, void (*fail)(const char *msg), char *msg, size_t room);
/* As in km_device (kernels/backend.h). */
void *km_cuda_get(size_t bytes);
void km_cuda_put(void *p);
void km_cuda_upload(void *to, const void *from, size_t bytes);
void km_cuda_refresh(void *to, const void *from, size_t bytes);
void km_cuda_download(void *to, const void *from, size_t bytes);
void *km_cuda_fetch(const void *from, size_t bytes);
void km_cuda_fetched(void *fetch, void *to);
void km_cuda_move(void *to, const void *from, size_t bytes);
void km_cuda_zero(void *p, size_t bytes);
size_t km_cuda_room(void);
void km_cuda_rehearse(bool begin);
size_t km_cuda_scratch_most(void);
void km_cuda_begin(km_pass how);
km_calls km_cuda_end(void);
void km_cuda_replay(void *graph);
void km_cuda_discard(void *graph);

/* Nothing is to be launched. */
bool km_cuda_rehearses(void);

#ifdef __cplusplus
}
/* Is what a call asks for not to be done, but counted or told? Its arguments are what it is known by. */
template <class... A> static inline bool km_left_out(A... argument)
{
    if (km_cuda_rehearses()) return true;
    if (!km_calls_under_way()) return false;
    (km_calls_note(&argument, sizeof argument), ...);
    return km_calls_left_out();
}
extern "C" {
#endif

void *km_cuda_stream(void);
/* An error of the runtime: reported through the table's `fail`, which does not return. 0 is none. */
void km_cuda_check(int error, const char *what);

/* The same of what goes into a graph where one is kept: there it only spoils that. */
void km_cuda_asked(int error, const char *what);

/* Memory of slot 0..KM_CUDA_SCRATCH-1 that is good until the slot is asked for again; what was launched before uses the
 * old one in peace, as all work is in one order. KM_POISON, of the environment, fills it with NaN each time. */
enum { KM_CUDA_SCRATCH = 7, KM_CUDA_MOVING = 6 }; /* the last: of moves */
void *km_cuda_scratch(int slot, size_t bytes);

/* A matrix operand: rows `ld` elements apart, batch entries `stride` elements apart, 16 or 32 bits an element. */
typedef struct km_matrix {
    void *p;
    int64_t ld, stride;
    int half;      /* bfloat16 */
    int transpose; /* of an input: used transposed */
} km_matrix;

/* What becomes of a product before it is rounded and written: opt_bias [n], of c's type and at a multiple of 16 bytes,
 * is added to each row, opt_add, which lies as c does, to it all; nothing less than 0 is left where it is to be cut. */
typedef struct km_epilogue {
    const void *opt_bias, *opt_add;
    int64_t cut;
} km_epilogue;

/* c [batch][m, n] = a [m, k] b [k, n] + beta c (0 or 1; 0 where there is something to add), row-major, summed in
 * float32. Inputs must be of one type. */
void km_cuda_gemm(km_matrix c, km_matrix a, km_matrix b, int64_t m, int64_t n, int64_t k, int64_t batch, float beta,
                  km_epilogue end);

#ifdef __cplusplus
}
#endif

#endif
