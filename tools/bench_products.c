/* SPDX-License-Identifier: MIT
 * Products of matrices: the yardstick, and a layer. */
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>

#include "kernels/backend.h"
#include "lib/base/mem.h"
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
    return (product){km_backend_cpu(NULL),
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
    km_timing t = {km_bench_best(TIMES, run, p), 2.0 * (double)p->M * (double)p->I * (double)p->O, 0};
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

km_status km_bench_gemm(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    (void)err;
    product p = start(s, s->size, s->size, s->size);
    omp_set_num_threads(s->threads);
    *ret = finish(&p, multiply);
    return KM_OK;
}

static void layer(void *arg)
{
    product *p = arg;
    p->be->linear_fwd(&p->ex, p->y, p->x, p->w, p->w, p->pack, p->M, p->I, p->O);
}

/* as it runs with loaded weights: [N, C] by a packed [C, C], and the bias */
km_status km_bench_linear(const km_bench_sizes *s, km_timing *ret, km_err *err)
{
    (void)err;
    product p = start(s, s->tokens, s->channels, s->channels);
    p.pack = p.be->pack_new(p.w, p.O, p.I);
    *ret = finish(&p, layer);
    return KM_OK;
}
