/* SPDX-License-Identifier: MIT */
#include "lib/nn/adam.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/nn/muon.h"

km_adam *km_adam_new(const km_params *p, double ema_decay)
{
    km_adam *a = KM_NEW(km_adam);
    a->n = km_params_size(p);
    a->m = KM_NEWN(float, (size_t)a->n), a->v = KM_NEWN(float, (size_t)a->n);
    a->ema_decay = ema_decay, a->threads = 1;
    if (ema_decay > 0) {
        a->ema = KM_NEWN(float, (size_t)a->n);
        memcpy(a->ema, km_params_block(p), (size_t)a->n * sizeof(float));
    }
    return a;
}

static void put_there(const km_adam *a, void *p)
{
    if (p) a->opt_be->device->put(p);
}

void km_adam_free(km_adam *a)
{
    if (!a) return;
    put_there(a, a->m_there), put_there(a, a->v_there), put_there(a, a->ema_there), put_there(a, a->sum_there);
    if (a->opt_be) put_there(a, a->scratch);
    else free(a->scratch);
    free(a->m), free(a->v), free(a->ema);
    free(a);
}

static float *take_there(const km_adam *a, const float *opt_x)
{
    size_t bytes = (size_t)a->n * sizeof *opt_x;
    float *there = opt_x ? a->opt_be->device->get(bytes) : NULL;
    if (opt_x) a->opt_be->device->upload(there, opt_x, bytes);
    return there;
}

void km_adam_use_device(km_adam *a, const km_backend *be)
{
    if (!be || !be->device) return;
    a->opt_be = be->plain ? be->plain : be;
    a->m_there = take_there(a, a->m), a->v_there = take_there(a, a->v), a->ema_there = take_there(a, a->ema);
    a->sum_there = be->device->get(sizeof *a->sum_there);
}

void km_adam_fetch(km_adam *a)
{
    const km_device *d = a->opt_be ? a->opt_be->device : NULL;
    size_t bytes = (size_t)a->n * sizeof(float);
    if (!d) return;
    d->download(a->m, a->m_there, bytes);
    d->download(a->v, a->v_there, bytes);
    if (a->ema) d->download(a->ema, a->ema_there, bytes);
}

static bool goes_by_muon(const km_adam *a, const km_tensor *t)
{
    return a->opt_muon && t->nd == 2 && t->shape[0] >= KM_MUON_LEAST && t->shape[1] >= KM_MUON_LEAST;
}

void km_adam_use_muon(km_adam *a, const km_params *p, int threads)
{
    a->opt_muon = a->opt_be ? a->opt_be : km_backend_cpu(NULL);
    a->threads = threads, a->n_scratch = 0;
    for (int i = 0; i < km_params_count(p); i++) {
        const km_tensor *t = km_params_at(p, i);
        size_t n = goes_by_muon(a, t) ? (km_muon_scratch(t->shape[0], t->shape[1]) + 15) / 16 * 16 : 0;
        if (n > a->n_scratch) a->n_scratch = n;
    }
    if (a->opt_be) {
        put_there(a, a->scratch);
        a->scratch = a->opt_be->device->get((a->n_scratch + 1) * sizeof *a->scratch);
    } else {
        free(a->scratch);
        a->scratch = KM_NEWN(float, (size_t)threads * a->n_scratch);
    }
}

double km_adam_norm(const km_params *p, const float *grad)
{
    double square = 0;
    for (int i = 0; i < km_params_count(p); i++) {
        const km_tensor *t = km_params_at(p, i);
        const float *g = grad + t->param_offset;
        if (!km_params_trained(p, i)) continue;
#pragma omp simd reduction(+ : square)
        for (km_dim k = 0; k < km_numel(t); k++) square += (double)g[k] * g[k];
    }
    return sqrt(square);
}

double km_adam_norm_of(km_adam *a, const km_params *p, const float *grad)
{
    double square;
    if (!a->opt_be) return km_adam_norm(p, grad);
    const km_exec one = {.threads = 1};
    a->opt_be->square_sum_fwd(&one, a->sum_there, grad, a->n); /* what is not trained has no gradient */
    a->opt_be->device->download(&square, a->sum_there, sizeof square);
    return sqrt(square);
}

/* Where a step's numbers lie. */
typedef struct arrays {
    const km_backend *be;
    float *w, *m, *v, *opt_ema;
    const float *g;
} arrays;

static void average(const km_adam *a, const arrays *x, km_dim at, km_dim n)
{
    const km_exec one = {.threads = 1};
    float decay = (float)fmin(a->ema_decay, (1.0 + (double)a->step) / (10.0 + (double)a->step));
    if (x->opt_ema) x->be->axpby_fwd(&one, x->opt_ema + at, x->opt_ema + at, decay, x->w + at, 1 - decay, n);
}

static void update(const km_adam *a, const arrays *x, km_dim at, km_dim n, double scale)
{
    const km_exec one = {.threads = 1};
    double c1 = 1 - pow(a->beta1, (double)a->step), c2 = 1 - pow(a->beta2, (double)a->step);
    x->be->adam_fwd(&one, x->w + at, x->m + at, x->v + at, x->g + at, (float)a->beta1, (float)a->beta2,
                    (float)(a->lr / c1), (float)sqrt(c2), (float)a->eps, (float)(1 - a->lr * a->weight_decay),
                    (float)scale, n);
    average(a, x, at, n);
}

static void step_muon(const km_adam *a, const arrays *x, const km_tensor *t, int thread)
{
    km_dim at = t->param_offset;
    km_muon_step(a->opt_muon, x->w + at, x->m + at, x->g + at, t->shape[0], t->shape[1], a->lr, a->weight_decay,
                 a->scratch + (size_t)thread * a->n_scratch);
    average(a, x, at, km_numel(t));
}

static void step_here(const km_adam *a, const km_params *p, const arrays *x, double scale)
{
#pragma omp parallel for num_threads(a->threads) schedule(dynamic) if (a->threads > 1)
    for (int i = 0; i < km_params_count(p); i++) {
        const km_tensor *t = km_params_at(p, i);
        if (!km_params_trained(p, i)) continue;
        if (goes_by_muon(a, t)) step_muon(a, x, t, omp_get_thread_num());
        else update(a, x, t->param_offset, km_numel(t), scale);
    }
}

/* One launch for parameters that follow one another: what lies between them is 0 and stays so. */
static void step_there(const km_adam *a, const km_params *p, const arrays *x, double scale)
{
    km_dim first = 0, end = 0; /* of a run by Adam */
    for (int i = 0; i < km_params_count(p); i++) {
        const km_tensor *t = km_params_at(p, i);
        bool muon = goes_by_muon(a, t), adam = km_params_trained(p, i) && !muon;
        if (adam && first < end) end = t->param_offset + km_numel(t);
        else if (adam) first = t->param_offset, end = first + km_numel(t);
        if (adam && i + 1 < km_params_count(p)) continue;
        if (first < end) update(a, x, first, end - first, scale);
        first = end = 0;
        if (muon && km_params_trained(p, i)) step_muon(a, x, t, 0);
    }
}

void km_adam_step(km_adam *a, km_params *p, const float *grad, double norm)
{
    double scale = a->max_grad_norm > 0 ? fmin(1, a->max_grad_norm / (norm + 1e-6)) : 1;
    a->step++;
    if (a->opt_be) {
        float *w = km_params_there(p, a->opt_be);
        step_there(a, p, &(arrays){a->opt_be, w, a->m_there, a->v_there, a->ema_there, grad}, scale);
    } else {
        step_here(a, p, &(arrays){km_backend_cpu(NULL), km_params_block(p), a->m, a->v, a->ema, grad}, scale);
    }
}
