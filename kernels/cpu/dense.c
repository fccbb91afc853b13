/* SPDX-License-Identifier: MIT
 * Products with weight matrices, by oneDNN in panels of rows. Every panel is one product on one thread, its shape a
 * function of the weight's shape alone (the last panel is padded with zero rows), and the inner dimension is never
 * split: a row's result does not depend on how many rows or threads there are.
 *
 * A packed weight lies in the layout that oneDNN's matmul primitive prefers; the primitive is kept beside it. Both are
 * read-only afterwards, so several threads may use a pack at once. Without a pack the panels are dnnl_sgemm. Also for
 * the smallest weights these are faster than plain loops, so there are none. */
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

struct km_pack {
    float *weight;
    size_t bytes, scratch_bytes;
    dnnl_primitive_t product;
    dnnl_memory_desc_t x, w, y, scratch;
};

static dnnl_engine_t engine;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void must(dnnl_status_t status, const char *what)
{
    if (status != dnnl_success) KM_BUG("oneDNN: %s: status %d", what, (int)status);
}

static void make_engine(void) { must(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine"); }

/* oneDNN takes as many threads as OpenMP offers the caller; between alone() and not_alone() that is one. The setting
 * belongs to the calling thread. */
static int alone(void)
{
    int was = omp_get_max_threads();
    if (was != 1) omp_set_num_threads(1);
    return was;
}

static void not_alone(int was)
{
    if (was != 1) omp_set_num_threads(was);
}

/* Rows of a panel: larger weights are worth taller ones (never M's business). */
static km_dim panel_rows(km_dim I, km_dim O) { return I * O >= 256 * 256 ? 128 : 64; }

/* A product in the units of KM_PARALLEL_FOR: about a hundred of its steps take the time of one of a loop's. */
static km_dim work(km_dim M, km_dim I, km_dim O) { return M * I * O / 100; }

static void *aligned(size_t bytes)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes ? bytes : 64)) KM_BUG("out of memory: %zu bytes", bytes);
    return p;
}

/* The matmul primitive of one panel, and the layouts it asks for. */
static void pack_make_product(km_pack *p, km_dim I, km_dim O)
{
    km_dim P = panel_rows(I, O);
    dnnl_memory_desc_t any;
    dnnl_matmul_desc_t matmul;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t desc;
    must(dnnl_memory_desc_init_by_tag(&p->x, 2, (dnnl_dims_t){P, I}, dnnl_f32, dnnl_ab), "x");
    must(dnnl_memory_desc_init_by_tag(&any, 2, (dnnl_dims_t){I, O}, dnnl_f32, dnnl_format_tag_any), "w");
    must(dnnl_memory_desc_init_by_tag(&p->y, 2, (dnnl_dims_t){P, O}, dnnl_f32, dnnl_ab), "y");
    must(dnnl_matmul_desc_init(&matmul, &p->x, &any, NULL, &p->y), "matmul");
    must(dnnl_primitive_attr_create(&attr), "attributes");
    must(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user), "scratchpad mode");
    must(dnnl_primitive_desc_create(&desc, &matmul, attr, engine, NULL), "matmul");
    p->w = *dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
    p->scratch = *dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    must(dnnl_primitive_create(&p->product, desc), "matmul");
    must(dnnl_primitive_desc_destroy(desc), "matmul");
    must(dnnl_primitive_attr_destroy(attr), "attributes");
}

/* Reorder w [O, I] into the pack's layout. */
static void pack_fill(km_pack *p, const float *w, km_dim I, km_dim O)
{
    dnnl_memory_desc_t plain;
    dnnl_memory_t from, to;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t reorder;
    dnnl_stream_t stream;
    must(dnnl_memory_desc_init_by_tag(&plain, 2, (dnnl_dims_t){I, O}, dnnl_f32, dnnl_ba), "w");
    must(dnnl_memory_create(&from, &plain, engine, (void *)w), "w");
    must(dnnl_memory_create(&to, &p->w, engine, p->weight), "pack");
    must(dnnl_reorder_primitive_desc_create(&desc, &plain, engine, &p->w, engine, NULL), "reorder");
    must(dnnl_primitive_create(&reorder, desc), "reorder");
    must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    must(dnnl_primitive_execute(reorder, stream, 2, args), "reorder");
    must(dnnl_stream_wait(stream), "reorder");
    dnnl_stream_destroy(stream), dnnl_primitive_destroy(reorder), dnnl_primitive_desc_destroy(desc);
    dnnl_memory_destroy(from), dnnl_memory_destroy(to);
}

km_pack *KM_CPU(pack_new)(const float *w, km_dim out, km_dim in)
{
    pthread_once(&engine_once, make_engine);
    km_pack *p = KM_NEW(km_pack);
    int was = alone();
    pack_make_product(p, in, out);
    p->bytes = dnnl_memory_desc_get_size(&p->w);
    p->scratch_bytes = (dnnl_memory_desc_get_size(&p->scratch) + 63) / 64 * 64;
    p->weight = aligned(p->bytes);
    pack_fill(p, w, in, out);
    not_alone(was);
    return p;
}

void KM_CPU(pack_free)(km_pack *p)
{
    if (!p) return;
    dnnl_primitive_destroy(p->product);
    free(p->weight);
    free(p);
}

size_t KM_CPU(pack_bytes)(const km_pack *p) { return p ? p->bytes : 0; }

/* What a thread needs to run panels: memory objects of its own, and room for the padded panel. */
typedef struct worker {
    const km_pack *pack;
    const float *w;
    km_dim I, O;
    float *room; /* oneDNN's scratch, then a padded panel of x and one of y */
    dnnl_stream_t stream;
    dnnl_memory_t x, packed, y, scratch;
} worker;

static void worker_begin(worker *k, const km_pack *pack, const float *w, km_dim I, km_dim O)
{
    km_dim P = panel_rows(I, O);
    *k = (worker){.pack = pack, .w = w, .I = I, .O = O};
    k->room = aligned((pack ? pack->scratch_bytes : 0) + (size_t)(P * (I + O)) * sizeof(float));
    if (!pack) return;
    must(dnnl_stream_create(&k->stream, engine, dnnl_stream_default_flags), "stream");
    must(dnnl_memory_create(&k->x, &pack->x, engine, DNNL_MEMORY_NONE), "x");
    must(dnnl_memory_create(&k->packed, &pack->w, engine, pack->weight), "w");
    must(dnnl_memory_create(&k->y, &pack->y, engine, DNNL_MEMORY_NONE), "y");
    must(dnnl_memory_create(&k->scratch, &pack->scratch, engine, k->room), "scratch");
}

static void worker_end(worker *k)
{
    free(k->room);
    if (!k->pack) return;
    dnnl_memory_destroy(k->x), dnnl_memory_destroy(k->packed), dnnl_memory_destroy(k->y),
        dnnl_memory_destroy(k->scratch);
    dnnl_stream_destroy(k->stream);
}

/* y [P, O] = x [P, I] w^T */
static void panel_product(worker *k, float *y, const float *x)
{
    if (!k->pack) {
        must(dnnl_sgemm('N', 'T', panel_rows(k->I, k->O), k->O, k->I, 1, x, k->I, k->w, k->I, 0, y, k->O), "product");
        return;
    }
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, k->x}, {DNNL_ARG_WEIGHTS, k->packed}, {DNNL_ARG_DST, k->y},
                                    {DNNL_ARG_SCRATCHPAD, k->scratch}};
    must(dnnl_memory_set_data_handle(k->x, (void *)x), "x");
    must(dnnl_memory_set_data_handle(k->y, y), "y");
    must(dnnl_primitive_execute(k->pack->product, k->stream, 4, args), "product");
    must(dnnl_stream_wait(k->stream), "product");
}

/* rows <= P rows of y, by way of a padded panel when they are fewer */
static void panel(worker *k, float *y, const float *x, const float *b, const float *add, bool cut, km_dim rows)
{
    km_dim P = panel_rows(k->I, k->O), I = k->I, O = k->O;
    if (rows == P) {
        panel_product(k, y, x);
    } else {
        float *xp = k->room + (k->pack ? k->pack->scratch_bytes / sizeof(float) : 0), *yp = xp + P * I;
        memcpy(xp, x, (size_t)(rows * I) * sizeof *xp);
        memset(xp + rows * I, 0, (size_t)((P - rows) * I) * sizeof *xp);
        panel_product(k, yp, xp);
        memcpy(y, yp, (size_t)(rows * O) * sizeof *y);
    }
    for (km_dim r = 0; b && r < rows; r++)
        for (km_dim o = 0; o < O; o++) y[r * O + o] += b[o];
    for (km_dim i = 0; add && i < rows * O; i++) y[i] += add[i];
    for (km_dim i = 0; cut && i < rows * O; i++) y[i] = y[i] > 0 ? y[i] : 0;
}

void KM_CPU(linear_fwd)(const km_exec *ex, float *y, const float *x, const float *w, const float *b, const float *add,
                        bool cut, const km_pack *pack, km_dim M, km_dim I, km_dim O)
{
    km_dim P = panel_rows(I, O), panels = (M + P - 1) / P;
#pragma omp parallel num_threads(ex->threads) if (ex->threads > 1 && panels > 1 && work(M, I, O) > ex->team_work)
    {
        worker k;
        int was = alone();
        worker_begin(&k, pack, w, I, O);
#pragma omp for schedule(static)
        for (km_dim i = 0; i < panels; i++)
            panel(&k, y + i * P * O, x + i * P * I, b, add ? add + i * P * O : NULL, cut,
                  M - i * P < P ? M - i * P : P);
        worker_end(&k);
        not_alone(was);
    }
}

void KM_CPU(multiply)(const km_matrices *m)
{
    int was = alone();
    must(dnnl_sgemm(m->a_transposed ? 'T' : 'N', m->b_transposed ? 'T' : 'N', m->M, m->N, m->K, 1, m->a, m->lda, m->b,
                    m->ldb, m->add, m->c, m->ldc),
         "product");
    not_alone(was);
}

/* dx [M, I] += dy [M, O] w, by panels of rows */
static void add_dx(const km_exec *ex, float *dx, const float *dy, const float *w, km_dim M, km_dim I, km_dim O)
{
    km_dim P = panel_rows(I, O), panels = (M + P - 1) / P;
    KM_PARALLEL_FOR (ex, work(M, I, O), i, panels) {
        int was = alone();
        km_dim rows = M - i * P < P ? M - i * P : P;
        must(dnnl_sgemm('N', 'N', rows, I, O, 1, dy + i * P * O, O, w, I, 1, dx + i * P * I, I), "dx");
        not_alone(was);
    }
}

/* dw [O, I] += dy^T x, by panels of its rows; the sum over M is whole in each */
static void add_dw(const km_exec *ex, float *dw, const float *dy, const float *x, km_dim M, km_dim I, km_dim O)
{
    enum { ROWS = 64 };
    KM_PARALLEL_FOR (ex, work(M, I, O), i, (O + ROWS - 1) / ROWS) {
        int was = alone();
        km_dim rows = O - i * ROWS < ROWS ? O - i * ROWS : ROWS;
        must(dnnl_sgemm('T', 'N', rows, I, M, 1, dy + i * ROWS, O, x, I, 1, dw + i * ROWS * I, I), "dw");
        not_alone(was);
    }
}

void KM_CPU(linear_bwd)(const km_exec *ex, float *dx, float *dw, float *db, const float *dy, const float *x,
                        const float *w, const km_pack *opt_pack, km_dim M, km_dim I, km_dim O)
{
    (void)opt_pack;
    if (M == 0) return;
    if (dx) add_dx(ex, dx, dy, w, M, I, O);
    if (dw) add_dw(ex, dw, dy, x, M, I, O);
    for (km_dim m = 0; db && m < M; m++)
        for (km_dim o = 0; o < O; o++) db[o] += dy[m * O + o];
}
