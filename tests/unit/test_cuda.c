/* SPDX-License-Identifier: MIT
 * Whole parts of the model on the CUDA library (tests/emulate, or a device in `make test-gpu`) against the processor:
 * the trunk, a window's denoiser, the gradient of a loss by every parameter; of both families. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cuda.h"
#include "lib/base/mem.h"
#include "lib/chem/tokens.h"
#include "lib/tensor/ops.h"
#include "tests/unit/tap.h"
#include "tests/unit/tap_shared.h"
#include "tests/unit/tiny.h"

enum { T = 3, LEVELS = 2 };

static void failed(const char *why)
{
    tap_result(false, "the CUDA library: %s", why);
    exit(1);
}

/* What one backend says: the trunk's pairs, coordinates, a loss's gradient by all parameters. */
typedef struct results {
    float *z, *x, *grad;
    km_dim n_z, n_x, n_grad;
} results;

static float *keep(const float *x, km_dim n)
{
    return memcpy(km_alloc((size_t)n * sizeof *x), x, (size_t)n * sizeof *x);
}

static km_tensor *denoise(km_ctx *cx, const km_model *m, const km_features *f, const km_trunk_out *trunk)
{
    static const float times[T] = {0, 0.1f, 0.3f};
    const float sigma[LEVELS] = {m->config.family->marks ? 4e-4f : 0, 3};
    static const int32_t level[T] = {0, 1, 1};
    size_t bytes = (size_t)(T * f->A * 3) * sizeof(float);
    float *noisy = tiny_normals(T * f->A * 3, 4, 21), *x = memcpy(km_arena_get(cx->arena, bytes), noisy, bytes);
    free(noisy);
    km_conditioning *k = km_diffusion_condition(cx, m->diffusion, f, trunk);
    km_levels *levels = km_diffusion_levels(cx, m->diffusion, k, sigma, LEVELS);
    return km_diffusion_denoise(cx, m->diffusion, k, levels, KM_TENSOR_OF(cx, x, 1, T, f->A, 3), level, sigma, times);
}

static void forward(const km_backend *be, const km_model *m, const km_features *f, results *r)
{
    km_ctx *cx = km_ctx_new_on(be, 1);
    km_trunk_out trunk = km_trunk_run(cx, m->trunk, f, 0);
    km_tensor *x = denoise(cx, m, f, &trunk);
    r->n_z = km_numel(trunk.z), r->n_x = km_numel(x);
    r->z = keep(km_read(cx, trunk.z), r->n_z), r->x = keep(km_read(cx, x), r->n_x);
    km_ctx_free(cx);
}

static void backward(const km_backend *be, const km_model *m, const km_features *f, results *r)
{
    static const float target[T] = {0, 1, 1};
    km_ctx *cx = km_ctx_new_on(be, 1);
    float *truth = tiny_normals(T * f->A * 3, 4, 22);
    cx->tape = km_tape_new();
    r->n_grad = km_params_size(m->params);
    cx->param_grad = km_zeros(cx, r->n_grad);
    km_trunk_out trunk = km_trunk_run(cx, m->trunk, f, 0);
    km_tensor *x = KM_RESHAPE(cx, denoise(cx, m, f, &trunk), T, f->A, 3);
    km_backprop(cx, km_loss_struct(cx, x, truth, target, f->atom_mask), 1);
    float *grad = km_alloc((size_t)r->n_grad * sizeof *grad);
    if (be->device) be->device->download(grad, cx->param_grad, (size_t)r->n_grad * sizeof *grad);
    else memcpy(grad, cx->param_grad, (size_t)r->n_grad * sizeof *grad);
    r->grad = grad;
    km_tape_free(cx->tape);
    free(truth);
    km_ctx_free(cx);
}

/* The root of the mean square of the difference, by that of what it should be. */
static void near(const char *what, const km_backend *be, const float *got, const float *want, km_dim n, double allowed)
{
    double off = 0, size = 0;
    for (km_dim i = 0; i < n; i++) {
        off += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        size += (double)want[i] * want[i];
    }
    double error = sqrt(off / size);
    tap_result(error <= allowed, "%s on %s: off by %.1e, allowed %.0e", what, be->name, error, allowed);
}

static void results_free(results *r) { free(r->z), free(r->x), free(r->grad); }

/* A tiny model of the second family, and a peptide with a modified residue for it. */
static km_model *open_second(void)
{
    km_model *m;
    km_err err;
    if (km_model_open("tests/data/torch/biokinema.pt", NULL, &m, &err) < 0) failed(err.msg);
    km_diffusion_set_temporal(m->diffusion, 0.5, false);
    return m;
}

static km_features *second_features(void)
{
    km_structure *raw;
    km_tokenized t;
    km_err err;
    km_library *library = km_library_new("tests/data/oracle/features-components.cif");
    const km_token_options options = {.chains = "A", .library = library};
    if (km_structure_read("tests/data/protenix.cif", 1, &raw, &err) < 0 ||
        km_chem_tokenize_protenix(raw, &options, 1, &t, &err) < 0)
        failed(err.msg);
    km_features *f = km_features_of(km_family_find("biokinema"), t.system, NULL, NULL);
    km_tokenized_clear(&t);
    km_structure_free(raw);
    km_library_free(library);
    return f;
}

static km_model *open_first(void) { return tiny_model(1); }

/* A model that is not for training: parameters on the device. */
static void test_forward(const km_backend *be, km_model *(*open)(void), const km_features *f, double allowed)
{
    km_model *m = open();
    results want = {0}, got = {0};
    forward(km_backend_cpu(NULL), m, f, &want);
    km_params_pack(m->params, be);
    forward(be, m, f, &got);
    near("the trunk's pairs", be, got.z, want.z, want.n_z, allowed);
    near("denoised coordinates", be, got.x, want.x, want.n_x, allowed);
    results_free(&want), results_free(&got);
    km_model_free(m);
}

static void test_backward(const km_backend *be, km_model *(*open)(void), const km_features *f, double allowed)
{
    km_model *m = open();
    results want = {0}, got = {0};
    km_params_train(m->params, "*");
    backward(km_backend_cpu(NULL), m, f, &want);
    km_params_to(m->params, be);
    backward(be, m, f, &got);
    near("the gradient by all parameters", be, got.grad, want.grad, want.n_grad, allowed);
    km_params_from(m->params);
    results_free(&want), results_free(&got);
    km_model_free(m);
}

enum { OUT = 5, IN = 16 };

/* What the matrix is to a product on the device, [IN, OUT]. */
static bool multiplies_by(const km_backend *be, const km_tensor *w, float factor, float add)
{
    km_ctx *cx = km_ctx_new_on(be, 1);
    float one[IN * IN] = {0};
    bool same = true;
    for (int i = 0; i < IN; i++) one[i * IN + i] = 1;
    const float *y = km_read(cx, km_linear(cx, km_cast(cx, KM_TENSOR_OF(cx, one, IN, IN)), w, NULL));
    for (int i = 0; i < OUT * IN; i++) same = same && y[i % IN * OUT + i / IN] == factor * ((float)(i % 32) + add);
    km_ctx_free(cx);
    return same;
}

/* Numbers that bfloat16 holds. */
static void test_rounded(const km_backend *be)
{
    static const km_exec one = {1};
    km_params *p = km_params_make(1, 1, 1);
    const km_tensor *bias = KM_PARAM(p, KM_INIT_ONE, "b", 3), *w = KM_PARAM(p, KM_INIT_LECUN, "w", OUT, IN);
    km_params_train(p, "*");
    for (int i = 0; i < OUT * IN; i++) w->data[i] = (float)(i % 32);
    km_params_to(p, be);
    ok(w->pack && !bias->pack && multiplies_by(be, w, 1, 0), "in training matrices are rounded together");
    km_params_from(p);
    ok(!w->pack && w->data[1] == 1, "which the processor does not see");
    for (int i = 0; i < OUT * IN; i++) w->data[i] += 1;
    km_params_to(p, be);
    ok(multiplies_by(be, w, 1, 1), "and again when they have changed");
    km_params_from(p);
    float *there = km_params_there(p, be) + w->param_offset;
    be->plain->axpby_fwd(&one, there, there, 1, there, 1, OUT * IN);
    km_params_to(p, be);
    ok(multiplies_by(be, w, 2, 1), "on the device too");
    km_params_free(p);
}

int main(void)
{
    char why[512];
    const km_backend *cuda = km_cuda_load(0, failed, why, sizeof why);
    if (!cuda) failed(why);
    /* The emulator takes seconds for each of them: the two that share the least. */
    bool emulated = strcmp(cuda->device->name, "emulated") == 0;
    km_features *f = tiny_features(), *second = second_features();
    test_rounded(cuda);
    test_forward(cuda, open_first, f, 3e-2);
    test_backward(cuda->plain, open_first, f, 1e-4);
    test_forward(cuda, open_second, second, 3e-2);
    test_backward(cuda->plain, open_second, second, 1e-4);
    if (!emulated) {
        test_forward(cuda->plain, open_first, f, 1e-5);
        test_backward(cuda, open_first, f, 5e-2);
        test_forward(cuda->plain, open_second, second, 1e-5);
        test_backward(cuda, open_second, second, 5e-2);
    }
    km_features_free(f), km_features_free(second);
    return tap_end();
}
