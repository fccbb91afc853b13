/* SPDX-License-Identifier: MIT
 * Muon against Newton-Schulz iterations in plain double loops, against what is known of singular values, and beside
 * Adam in one store. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/nn/adam.h"
#include "lib/nn/muon.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

static void fill(double *x, km_dim n, uint64_t seed)
{
    for (km_dim i = 0; i < n; i++) x[i] = sin(1.3 * (double)(i + 1) * (double)(seed + 2)) + 0.1 * cos(7.7 * (double)i);
}

/* z [r, c] = x [r, k] y, where y is [k, c] or (transposed) [c, k] */
static void product(double *z, const double *x, const double *y, bool transposed, km_dim r, km_dim k, km_dim c)
{
    for (km_dim i = 0; i < r; i++)
        for (km_dim j = 0; j < c; j++) {
            double sum = 0;
            for (km_dim l = 0; l < k; l++) sum += x[i * k + l] * (transposed ? y[j * k + l] : y[l * c + j]);
            z[i * c + j] = sum;
        }
}

/* The iterations as Jordan writes them, X (a + b G + c G^2) with G = X X^T. */
static void plain(double *x, km_dim r, km_dim c)
{
    double *g = KM_NEWN(double, (size_t)(r * r)), *gg = KM_NEWN(double, (size_t)(r * r)), norm = 0;
    double *y = KM_NEWN(double, (size_t)(r * c));
    for (km_dim i = 0; i < r * c; i++) norm += x[i] * x[i];
    for (km_dim i = 0; i < r * c; i++) x[i] /= sqrt(norm);
    for (int k = 0; k < 5; k++) {
        product(g, x, x, true, r, c, r);
        product(gg, g, g, false, r, r, r);
        for (km_dim i = 0; i < r * r; i++) gg[i] = -4.7750 * g[i] + 2.0315 * gg[i];
        product(y, gg, x, false, r, r, c);
        for (km_dim i = 0; i < r * c; i++) x[i] = 3.4445 * x[i] + y[i];
    }
    free(g), free(gg), free(y);
}

static double worst(const float *got, const double *want, km_dim n)
{
    double most = 0;
    for (km_dim i = 0; i < n; i++) {
        double off = fabs(got[i] - want[i]);
        if (!(off <= most)) most = off;
    }
    return most;
}

static void test_iterations(km_dim R, km_dim C)
{
    double *want = KM_NEWN(double, (size_t)(R * C));
    float *x = KM_NEWN(float, (size_t)(R * C)), *scratch = KM_NEWN(float, km_muon_scratch(R, C));
    fill(want, R * C, 3);
    for (km_dim i = 0; i < R * C; i++) x[i] = (float)(want[i] * 1e-4); /* of any size */
    plain(want, R, C);
    km_muon_orthogonalize(km_backend_cpu(NULL), x, R, C, scratch);
    double off = worst(x, want, R * C);
    ok(off < 1e-4, "%d x %d: as plain loops have it: %g", (int)R, (int)C, off);
    free(want), free(x), free(scratch);
}

/* A matrix of known singular values: rows that are orthogonal already, each of its own length. */
static void test_singular_values(void)
{
    enum { R = 16, C = 40 };
    float x[R * C] = {0}, scratch[2 * R * R + 2 * R * C];
    double least = INFINITY, most = 0, off = 0;
    for (int i = 0; i < R; i++) x[i * C + 2 * i] = (float)pow(0.7, i); /* down to 0.005 of the largest */
    km_muon_orthogonalize(km_backend_cpu(NULL), x, R, C, scratch);
    for (int i = 0; i < R; i++)
        for (int j = 0; j < C; j++) {
            double v = fabs(x[i * C + j]);
            if (j != 2 * i) off = fmax(off, v);
            else least = fmin(least, v), most = fmax(most, v);
        }
    ok(least > 0.65 && most < 1.2 && off < 1e-6, "singular values from 1 to 0.005 end at %.3f to %.3f", least, most);
    memset(x, 0, sizeof x);
    km_muon_orthogonalize(km_backend_cpu(NULL), x, R, C, scratch);
    for (int i = 0; i < R * C; i++) off = fmax(off, fabs(x[i]));
    ok(off < 1e-6, "nothing comes of nothing");
}

/* Two steps of w [R, C] with the momentum in between */
static void test_step(km_dim R, km_dim C)
{
    km_dim n = R * C, lying = R > C;
    double *w = KM_NEWN(double, (size_t)n), *m = KM_NEWN(double, (size_t)n), *g = KM_NEWN(double, (size_t)n);
    double *u = KM_NEWN(double, (size_t)n);
    float *fw = KM_NEWN(float, (size_t)n), *fm = KM_NEWN(float, (size_t)n), *fg = KM_NEWN(float, (size_t)n);
    float *scratch = KM_NEWN(float, km_muon_scratch(R, C));
    const double lr = 0.01, decay = 0.3;
    fill(w, n, 1);
    for (km_dim i = 0; i < n; i++) fw[i] = (float)w[i];
    for (int step = 0; step < 2; step++) {
        fill(g, n, 5 + (uint64_t)step);
        for (km_dim i = 0; i < n; i++) fg[i] = (float)g[i];
        for (km_dim i = 0; i < R; i++)
            for (km_dim j = 0; j < C; j++) {
                km_dim k = i * C + j;
                m[k] = 0.95 * m[k] + 0.05 * g[k];
                u[lying ? j * R + i : k] = 0.95 * m[k] + 0.05 * g[k];
            }
        plain(u, lying ? C : R, lying ? R : C);
        for (km_dim i = 0; i < R; i++)
            for (km_dim j = 0; j < C; j++) {
                km_dim k = i * C + j;
                w[k] = (1 - lr * decay) * w[k] - lr * 0.2 * sqrt((double)(R > C ? R : C)) * u[lying ? j * R + i : k];
            }
        km_muon_step(km_backend_cpu(NULL), fw, fm, fg, R, C, lr, decay, scratch);
    }
    double off = worst(fw, w, n);
    ok(off < 1e-5, "%d x %d: two steps: %g", (int)R, (int)C, off);
    free(w), free(m), free(g), free(u), free(fw), free(fm), free(fg), free(scratch);
}

/* Matrices that are large enough go by Muon, the rest as without it; threads change nothing, and the device (the last
 * run) nothing that counts. */
static void test_beside_adam(void)
{
    enum { N = 16 * 33 + 15 * 16 + 40, PADDED = N + 8, RUNS = 4 };
    const km_device *d = opt_cuda()->device;
    float result[RUNS][N], grad[PADDED] = {0}, *there = d->get(sizeof grad);
    for (int i = 0; i < N; i++) grad[i] = sinf(0.37f * (float)i);
    d->upload(there, grad, sizeof grad);
    for (int run = 0; run < RUNS; run++) {
        const float *g = run < 3 ? grad : there;
        km_params *p = km_params_make(5, 1, 1);
        KM_PARAM(p, KM_INIT_NORMAL, "large", 16, 33);
        KM_PARAM(p, KM_INIT_NORMAL, "small", 15, 16);
        KM_PARAM(p, KM_INIT_NORMAL, "vector", 40);
        km_params_train(p, "*");
        km_adam *a = km_adam_new(p, 0);
        a->lr = 0.01, a->beta1 = 0.9, a->beta2 = 0.99, a->eps = 1e-8, a->max_grad_norm = 1;
        if (run == 3) km_adam_use_device(a, opt_cuda());
        if (run > 0) km_adam_use_muon(a, p, run);
        for (int i = 0; i < 3; i++) km_adam_step(a, p, g, km_adam_norm_of(a, p, g));
        km_params_fetch(p);
        for (int i = 0, at = 0; i < km_params_count(p); i++) {
            const km_tensor *t = km_params_at(p, i);
            memcpy(result[run] + at, t->data, (size_t)km_numel(t) * sizeof(float));
            at += (int)km_numel(t);
        }
        km_adam_free(a);
        km_params_free(p);
    }
    bool differ = memcmp(result[0], result[1], 16 * 33 * sizeof(float)) != 0;
    bool rest = !memcmp(result[0] + 16 * 33, result[1] + 16 * 33, (N - 16 * 33) * sizeof(float));
    ok(differ && rest, "large matrices go by Muon, and nothing else does");
    ok(!memcmp(result[1], result[2], sizeof result[1]), "two threads give the same bytes");
    double off = 0;
    for (int i = 0; i < N; i++) off = fmax(off, fabs(result[1][i] - result[3][i]));
    ok(off < 1e-5, "on the device: off by %.1e", off);
    d->put(there);
}

int main(void)
{
    test_iterations(16, 16);
    test_iterations(17, 67);
    test_iterations(64, 256);
    test_singular_values();
    test_step(16, 41);
    test_step(41, 16);
    test_beside_adam();
    return tap_end();
}
