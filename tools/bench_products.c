/* SPDX-License-Identifier: MIT
 * Products of matrices: the yardstick, and a layer. */
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>

#include "kernels/backend.h"
#include "lib/base/mem.h"
#include "lib/tensor/ops.h"
#include "tools/bench.h"

enum { TIMES = 5 };

/* Numbers of either sign without denormals; free() */
static float *numbers(size_t n)
{
    float *x = km_alloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)(i % 97) / 97.0f - 0.5f;
    return x;
}

typedef struct product {
    const km_backend *be;
    km_exec ex;
    km_pack *pack;
    float *x, *w, *y;
    km_dim M, I, O;
} product;

static product start(const km_bench_sizes *s, km_dim M, km_dim I, km_dim O)
{
    return (product){s->be,
                     {s->threads, KM_TEAM_WORK, NULL},
                     NULL,
                     numbers((size_t)(M * I)),
                     numbers((size_t)(O * I)),
                     numbers((size_t)(M * O)),
                     M,
                     I,
                     O};
}

static km_timing finish(product *p, void (*run)(void *))
{
    km_timing t = {.flop = 2.0 * (double)p->M * (double)p->I * (double)p->O};
    km_bench_best(TIMES, run, p, &t);
    p->be->pack_free(p->pack);
    free(p->x), free(p->w), free(p->y);
    return t;
}

static void multiply(void *arg)
{
    product *p = arg;
    if (dnnl_sgemm('N', 'T', p->M, p->O, p->I, 1, p->x, p->I, p->w, p->I, 0, p->y, p->O) != dnnl_success)
        KM_BUG("oneDNN: product");
}

typedef struct device_product {
    km_ctx *cx;
    km_tensor *x, *w;
} device_product;

static void layer_on_device(void *arg)
{
    device_product *p = arg;
    km_mark mark = km_scope_begin(p->cx);
    km_bench_settle(p->cx, km_linear(p->cx, p->x, p->w, NULL));
    km_arena_rewind(p->cx->arena, mark);
}

/* [M, I] by a packed [O, I] */
static km_timing on_device(const km_bench_sizes *s, km_dim M, km_dim I, km_dim O)
{
    device_product p = {km_ctx_new_on(s->be, 1), NULL, NULL};
    float *x = numbers((size_t)(M * I)), *w = numbers((size_t)(O * I));
    p.x = km_cast(p.cx, KM_TENSOR_OF(p.cx, x, M, I)), p.w = KM_TENSOR_OF(p.cx, w, O, I);
    p.w->pack = s->be->pack_new(p.w->data, O, I);
    km_timing t = {.flop = 2.0 * (double)M * (double)I * (double)O};
    km_bench_best(km_bench_times(s->be), layer_on_device, &p, &t);
    s->be->pack_free(p.w->pack);
    km_ctx_free(p.cx);
    free(x), free(w);
    return t;
}

km_status km_bench_gemm(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    (void)err;
    if (s->be->device) {
        *ret = on_device(s, s->size, s->size, s->size);
        return KM_OK;
    }
    product p = start(s, s->size, s->size, s->size);
    omp_set_num_threads(s->threads);
    *ret = finish(&p, multiply);
    return KM_OK;
}

static void layer(void *arg)
{
    product *p = arg;
    p->be->linear_fwd(&p->ex, p->y, p->x, p->w, p->w, NULL, false, p->pack, p->M, p->I, p->O);
}

/* as it runs with loaded weights: [N, C] by a packed [C, C], and the bias */
km_status km_bench_linear(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    (void)err;
    if (s->be->device) {
        *ret = on_device(s, s->tokens, s->channels, s->channels);
        return KM_OK;
    }
    product p = start(s, s->tokens, s->channels, s->channels);
    p.pack = p.be->pack_new(p.w, p.O, p.I);
    *ret = finish(&p, layer);
    return KM_OK;
}
