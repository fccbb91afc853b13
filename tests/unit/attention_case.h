/* SPDX-License-Identifier: MIT
 * What the tests of the three attentions share: the arrays of a case, and the list of gradients to compare. */
#ifndef TESTS_UNIT_ATTENTION_CASE_H
#define TESTS_UNIT_ATTENTION_CASE_H

#include <stdlib.h>
#include <string.h>

#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

/* An input x [n] with the reference's gradient d [n]. */
typedef struct input {
    const char *name;
    double *x, *d;
    km_dim n;
} input;

static inline input input_new(const char *name, km_dim n, uint32_t seed)
{
    return (input){name, opt_random(n, seed), km_calloc((size_t)n, sizeof(double)), n};
}

static inline void input_free(input *in)
{
    free(in->x), free(in->d);
}

/* Central differences of f(arg) for each of the m inputs. */
static inline void input_differences(input *in, int m, double (*f)(void *arg), void *arg)
{
    for (int i = 0; i < m; i++) opt_differences(in[i].name, f, arg, in[i].x, in[i].n, in[i].d);
}

/* The gradient of tensor t against the reference's. */
static inline void input_close(km_ctx *cx, const input *in, const km_tensor *t)
{
    if (t) opt_close_grad(cx, in->name, t, in->d, in->n, 2e-5);
}

/* One thread, then two. */
static const km_exec attention_threads[] = {{1}, {2}};

static inline float *to_float(const double *x, km_dim n)
{
    float *y = km_alloc((size_t)n * sizeof *y);
    for (km_dim i = 0; i < n; i++) y[i] = (float)x[i];
    return y;
}

static inline float *random_floats(km_dim n, uint32_t seed)
{
    double *x = opt_random(n, seed);
    float *y = to_float(x, n);
    free(x);
    return y;
}

#endif
