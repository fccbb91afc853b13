/* SPDX-License-Identifier: MIT
 * What the tests of the three attentions share: the arrays of a case, and the list of gradients to compare. */
#ifndef TESTS_UNIT_ATTENTION_CASE_H
#define TESTS_UNIT_ATTENTION_CASE_H

#include <stdlib.h>
#include <string.h>

#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

/* An input x [n] with the reference's gradient d. */
typedef struct input {
    const char *name;
    double *x;
    km_dim n;
    opt_want d;
} input;

static inline input input_new(const char *name, km_dim n, uint32_t seed)
{
    return (input){name, opt_random(n, seed), n, opt_want_new(n)};
}

static inline void input_free(input *in)
{
    free(in->x), opt_want_free(&in->d);
}

/* sum_i dy_i y_i of a case's forward, which leaves y in y->x: what is differentiated. */
static inline double input_scalar(const opt_want *y, const double *dy)
{
    double sum = 0;
    for (km_dim i = 0; i < y->n; i++) sum += dy[i] * y->x[i];
    return sum;
}

/* The reference's forward and gradients, which reference(arg) leaves in y and the m inputs' d. */
static inline void input_reference(void (*reference)(void *arg), void *arg, opt_want *y, input *in, int m)
{
    opt_want *all[8] = {y};
    for (int i = 0; i < m; i++) all[i + 1] = &in[i].d;
    opt_reference(reference, arg, all, m + 1);
}

/* Central differences of f(arg) for each of the m inputs. */
static inline void input_differences(input *in, int m, double (*f)(void *arg), void *arg)
{
    for (int i = 0; i < m; i++) opt_differences(in[i].name, f, arg, in[i].x, in[i].n, in[i].d.x);
}

/* The gradient of tensor t against the reference's. */
static inline void input_close(km_ctx *cx, const input *in, const km_tensor *t)
{
    if (t) opt_close_grad(cx, in->name, t, &in->d, 2e-5);
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
