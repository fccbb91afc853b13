/* SPDX-License-Identifier: MIT
 * The optimiser against the formulas of Kingma & Ba in plain double loops. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/nn/adam.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

enum { STEPS = 25, TRAINED = 15, FROZEN = 4, N = TRAINED + FROZEN };
static const double lr = 0.02, beta1 = 0.9, beta2 = 0.95, eps = 1e-3;

/* "a.w" [3, 5] is trained, "b.w" [4] is not. */
static km_params *store(void)
{
    km_params *p = km_params_make(3, 1, 1);
    KM_PARAM(p, KM_INIT_NORMAL, "a.w", 3, 5);
    KM_PARAM(p, KM_INIT_NORMAL, "b.w", 4);
    km_params_train(p, "a.*");
    return p;
}

static km_adam *adam(const km_params *p, double decay, double clip, double ema)
{
    km_adam *a = km_adam_new(p, ema);
    a->lr = lr, a->beta1 = beta1, a->beta2 = beta2, a->eps = eps, a->weight_decay = decay, a->max_grad_norm = clip;
    return a;
}

/* A gradient that grows with the step, so that clipping begins somewhere on the way. */
static double gradient(int step, int i) { return 0.1 * step * sin(1.7 * i + 0.9 * step + 0.3); }

static const km_tensor *trained(const km_params *p)
{
    for (int i = 0; i < km_params_count(p); i++)
        if (km_params_trained(p, i)) return km_params_at(p, i);
    abort();
}

/* The same with scalars: one parameter after another. */
typedef struct plain {
    double w[TRAINED], m[TRAINED], v[TRAINED], ema[TRAINED];
} plain;

static void plain_step(plain *x, const double *g, int step, double decay, double clip, double ema)
{
    double square = 0, share = 1;
    for (int i = 0; i < TRAINED; i++) square += g[i] * g[i];
    if (clip > 0 && sqrt(square) > clip) share = clip / sqrt(square);
    double now = (1.0 + step) / (10.0 + step) < ema ? (1.0 + step) / (10.0 + step) : ema;
    for (int i = 0; i < TRAINED; i++) {
        x->m[i] = beta1 * x->m[i] + (1 - beta1) * g[i] * share;
        x->v[i] = beta2 * x->v[i] + (1 - beta2) * g[i] * share * g[i] * share;
        double m_hat = x->m[i] / (1 - pow(beta1, step)), v_hat = x->v[i] / (1 - pow(beta2, step));
        x->w[i] = x->w[i] - lr * decay * x->w[i] - lr * m_hat / (sqrt(v_hat) + eps);
        x->ema[i] = now * x->ema[i] + (1 - now) * x->w[i];
    }
}

static double worst(const float *got, const double *want)
{
    double most = 0;
    for (int i = 0; i < TRAINED; i++) {
        double off = fabs(got[i] - want[i]);
        if (!(off <= most)) most = off;
    }
    return most;
}

/* on: where, NULL: on the processor */
static void test_steps(const char *name, const km_backend *on, double decay, double clip, double ema)
{
    km_params *p = store();
    const km_tensor *t = trained(p);
    km_adam *a = adam(p, decay, clip, ema);
    plain x = {{0}};
    const size_t bytes = (size_t)a->n * sizeof(float);
    float *there = on ? on->device->get(bytes) : NULL;
    km_adam_use_device(a, on);
    float still[N], *grad = KM_NEWN(float, (size_t)a->n);
    double off = 0, first = 0;
    memcpy(still, km_params_block(p), sizeof still);
    for (int i = 0; i < TRAINED; i++) x.w[i] = x.ema[i] = t->data[i];
    for (int step = 1; step <= STEPS; step++) {
        double g[TRAINED];
        for (int i = 0; i < TRAINED; i++) grad[t->param_offset + i] = (float)(g[i] = gradient(step, i));
        if (there) on->device->upload(there, grad, bytes);
        const float *at = there ? there : grad;
        km_adam_step(a, p, at, km_adam_norm_of(a, p, at));
        km_params_fetch(p);
        plain_step(&x, g, step, decay, clip, ema);
        off = fmax(off, worst(t->data, x.w));
        if (step == 1) first = off;
    }
    km_adam_fetch(a);
    ok(first < 1e-6, "%s: the first step, where the bias correction is largest: off by %.1e", name, first);
    ok(off < 1e-5, "%s: %d steps: off by %.1e", name, STEPS, off);
    ok(worst(a->m + t->param_offset, x.m) < 1e-6 && worst(a->v + t->param_offset, x.v) < 1e-6, "%s: the moments", name);
    if (ema > 0)
        ok(worst(a->ema + t->param_offset, x.ema) < 1e-5, "%s: the average: off by %.1e", name,
           worst(a->ema + t->param_offset, x.ema));
    bool same = true;
    for (int i = 0; i < N; i++)
        if (i < t->param_offset || i >= t->param_offset + TRAINED)
            same = same && km_params_block(p)[i] == still[i] && a->m[i] == 0;
    ok(same && a->step == STEPS, "%s: what is not trained stays", name);
    free(grad);
    if (there) on->device->put(there);
    km_adam_free(a);
    km_params_free(p);
}

static void test_norm(void)
{
    km_params *p = store();
    const km_tensor *t = trained(p);
    float *g = KM_NEWN(float, N);
    for (int i = 0; i < N; i++) g[i] = 1e3f;
    for (int i = 0; i < TRAINED; i++) g[t->param_offset + i] = i == 0 ? 3 : i == 14 ? -4 : 0;
    ok(km_adam_norm(p, g) == 5, "the norm counts trained parameters alone");
    g[t->param_offset] = 3e30f, g[t->param_offset + 14] = 4e30f;
    ok(fabs(km_adam_norm(p, g) / 5e30 - 1) < 1e-6, "squares beyond float32 do not overflow");
    g[t->param_offset + 7] = NAN;
    ok(isnan(km_adam_norm(p, g)), "a NaN among the gradients shows in the norm");
    g[t->param_offset + 7] = -INFINITY;
    ok(isinf(km_adam_norm(p, g)), "an infinite one too");
    free(g);
    km_params_free(p);
}

/* Scaled by max / (norm + 1e-6): ten times the gradient gives the same step when both are clipped. */
static void test_clipping(void)
{
    float after[2][TRAINED];
    for (int round = 0; round < 2; round++) {
        km_params *p = store();
        const km_tensor *t = trained(p);
        km_adam *a = adam(p, 0, 1, 0);
        float *g = KM_NEWN(float, N);
        for (int i = 0; i < TRAINED; i++) g[t->param_offset + i] = (float)((round ? 1000 : 100) * gradient(1, i));
        km_adam_step(a, p, g, km_adam_norm(p, g));
        double square = 0;
        for (int i = 0; i < TRAINED; i++) square += pow(a->m[t->param_offset + i] / (1 - beta1), 2);
        ok(fabs(sqrt(square) - 1) < 1e-5, "a clipped gradient has the norm asked for: %.7f", sqrt(square));
        ok(!a->ema, "no average is kept unless asked for");
        memcpy(after[round], t->data, sizeof after[round]);
        free(g);
        km_adam_free(a);
        km_params_free(p);
    }
    double most = 0;
    for (int i = 0; i < TRAINED; i++) most = fmax(most, fabs(after[0][i] - after[1][i]));
    ok(most < 1e-6, "clipped gradients of one direction give one step");
}

int main(void)
{
    test_norm();
    test_steps("plain", NULL, 0, 0, 0);
    test_steps("clipped", NULL, 0, 0.5, 0);
    test_steps("weight decay", NULL, 0.3, 0, 0);
    test_steps("average", NULL, 0, 0, 0.5);
    test_steps("all together", NULL, 0.1, 0.7, 0.999);
    test_steps("plain, on the device", opt_cuda(), 0, 0, 0);
    test_steps("all together, on the device", opt_cuda(), 0.1, 0.7, 0.999);
    test_clipping();
    return tap_end();
}
