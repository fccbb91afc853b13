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

void km_adam_free(km_adam *a)
{
    if (!a) return;
    free(a->m), free(a->v), free(a->ema), free(a->scratch);
    free(a);
}

static bool goes_by_muon(const km_adam *a, const km_tensor *t)
{
    return a->opt_muon && t->nd == 2 && t->shape[0] >= KM_MUON_LEAST && t->shape[1] >= KM_MUON_LEAST;
}

void km_adam_use_muon(km_adam *a, const km_params *p, const km_backend *be, int threads)
{
    a->opt_muon = be, a->threads = threads, a->n_scratch = 0;
    for (int i = 0; i < km_params_count(p); i++) {
        const km_tensor *t = km_params_at(p, i);
        size_t n = goes_by_muon(a, t) ? km_muon_scratch(t->shape[0], t->shape[1]) : 0;
        if (n > a->n_scratch) a->n_scratch = n;
    }
    free(a->scratch);
    a->scratch = KM_NEWN(float, (size_t)threads * a->n_scratch);
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

static void update(const km_adam *a, float *w, const float *g, float *m, float *v, km_dim n, double scale)
{
    double c1 = 1 - pow(a->beta1, (double)a->step), c2 = 1 - pow(a->beta2, (double)a->step);
    float b1 = (float)a->beta1, b2 = (float)a->beta2, step = (float)(a->lr / c1), root = (float)sqrt(c2);
    float eps = (float)a->eps, keep = (float)(1 - a->lr * a->weight_decay), s = (float)scale;
    for (km_dim i = 0; i < n; i++) {
        float x = g[i] * s;
        m[i] = b1 * m[i] + (1 - b1) * x;
        v[i] = b2 * v[i] + (1 - b2) * x * x;
        w[i] = keep * w[i] - step * m[i] / (sqrtf(v[i]) / root + eps);
    }
}

void km_adam_step(km_adam *a, km_params *p, const float *grad, double norm)
{
    double scale = a->max_grad_norm > 0 ? fmin(1, a->max_grad_norm / (norm + 1e-6)) : 1;
    a->step++;
#pragma omp parallel for num_threads(a->threads) schedule(dynamic) if (a->threads > 1)
    for (int i = 0; i < km_params_count(p); i++) {
        km_tensor *t = km_params_at(p, i);
        km_dim at = t->param_offset;
        if (!km_params_trained(p, i)) continue;
        if (goes_by_muon(a, t))
            km_muon_step(a->opt_muon, t->data, a->m + at, grad + at, t->shape[0], t->shape[1], a->lr, a->weight_decay,
                         a->scratch + (size_t)omp_get_thread_num() * a->n_scratch);
        else
            update(a, t->data, grad + at, a->m + at, a->v + at, km_numel(t), scale);
    }
    if (!a->ema) return;
    float decay = (float)fmin(a->ema_decay, (1.0 + (double)a->step) / (10.0 + (double)a->step));
    const float *w = km_params_block(p);
    for (km_dim i = 0; i < a->n; i++) a->ema[i] += (1 - decay) * (w[i] - a->ema[i]);
}
