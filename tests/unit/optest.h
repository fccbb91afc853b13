/* SPDX-License-Identifier: MIT
 * What the operations' tests share: made-up numbers, comparison of a backend's floats with the float64 reference, and
 * gradients of the reference against central differences.
 *
 * Each operation is tested so, over shapes with ones, primes and non-multiples of vector widths:
 *   1. forward and backward of the operation (tape on, every backend the processor has, and the CUDA library with
 *      activations in float32 and in bfloat16: tests/emulate, or a device in `make test-gpu`) against kernels/ref;
 *   2. backward of kernels/ref against central differences of its forward, in double. */
#ifndef TESTS_UNIT_OPTEST_H
#define TESTS_UNIT_OPTEST_H

#include <stdint.h>

#include "kernels/ref/ref.h"
#include "lib/tensor/ops.h"

/* Numbers in [-1, 1] of eight significant bits, so that float64, float32 and bfloat16 start from the same ones; the
 * same for the same seed. Free with free(). */
double *opt_random(km_dim n, uint32_t seed);
/* A leaf tensor of these numbers that wants a gradient. */
km_tensor *opt_leaf(km_ctx *cx, const double *x, int nd, const km_dim *shape);
#define OPT_LEAF(cx, x, ...) opt_leaf((cx), (x), KM_SHAPE(__VA_ARGS__))
/* The same of parameters or coordinates, which are float32 where activations are not. */
km_tensor *opt_param(km_ctx *cx, const double *x, int nd, const km_dim *shape);
#define OPT_PARAM(cx, x, ...) opt_param((cx), (x), KM_SHAPE(__VA_ARGS__))

/* A result x [n] of the reference, and what a naive composition in bfloat16 (kernels/ref/ref.h) has for it; NULL: the
 * operation is float32 wherever activations are not. */
typedef struct opt_want {
    km_dim n;
    double *x, *opt_naive;
} opt_want;
opt_want opt_want_new(km_dim n);
void opt_want_free(opt_want *w);
/* Both, by a function that adds to or sets the x of these results. */
void opt_reference(void (*reference)(void *arg), void *arg, opt_want *const *w, int count);

/* max |got - want| / max(rms(want), 1e-6) <= rtol, as one TAP line that says how far it was. */
void opt_close(const char *name, const float *got, const double *want, km_dim n, double rtol);
/* The same of a tensor's numbers or its gradient, wherever they lie. Where activations are bfloat16 (half), up to three
 * times the error of the naive composition is allowed. */
void opt_close_tensor(km_ctx *cx, const char *name, const km_tensor *got, const opt_want *want, double rtol);
void opt_close_grad(km_ctx *cx, const char *name, const km_tensor *of, const opt_want *want, double rtol);

/* The gradient g [n] of a scalar function f by x [n], against central differences for every element (h = 1e-5, in
 * double). The scalar is sum_i dy_i y_i(x) in the tests here. One TAP line. */
void opt_differences(const char *name, double (*f)(void *arg), void *arg, double *x, km_dim n, const double *g);

/* The CUDA library: the emulator or a device. */
const km_backend *opt_cuda(void);
/* Run body for each instruction set this processor has and for the CUDA library's two tables, with a context (tape on)
 * whose backend is that one. */
void opt_backends(void (*body)(km_ctx *cx, void *arg), void *arg);

/* Backward from y [numel] with the gradient dy: what the tests start the tape with. */
void opt_backward(km_ctx *cx, km_tensor *y, const double *dy);

#endif
