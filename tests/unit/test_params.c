/* SPDX-License-Identifier: MIT
 * The parameter store: initial values, files, training block, digests. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/nn/params.h"
#include "tests/unit/tap.h"

static char dir[] = "/tmp/km-params-XXXXXX";

static double moment(const km_tensor *t, int power)
{
    double sum = 0;
    for (km_dim i = 0; i < km_numel(t); i++) sum += pow(t->data[i], power);
    return sum / (double)km_numel(t);
}

static double largest(const km_tensor *t)
{
    double most = 0;
    for (km_dim i = 0; i < km_numel(t); i++) most = fmax(most, fabs(t->data[i]));
    return most;
}

static bool constant(const km_tensor *t, float value)
{
    for (km_dim i = 0; i < km_numel(t); i++)
        if (t->data[i] != value) return false;
    return true;
}

static void test_initial_values(void)
{
    km_params *p = km_params_make(7, 0.004, 0.7);
    ok(constant(KM_PARAM(p, KM_INIT_ZERO, "zero", 5), 0) && constant(KM_PARAM(p, KM_INIT_ONE, "one", 5), 1) &&
           constant(KM_PARAM(p, KM_INIT_BIAS_MINUS_2, "shut", 5), -2),
       "constants");
    km_tensor *w = KM_PARAM(p, KM_INIT_LECUN, "lecun.weight", 300, 50);
    double scale = sqrt(1.0 / 50) / 0.87962566103423978;
    ok(fabs(moment(w, 2) * 50 - 1) < 0.04 && fabs(moment(w, 1)) < 0.005, "lecun: variance 1 / fan in (%g)",
       moment(w, 2) * 50);
    ok(largest(w) < 2 * scale && largest(w) > 1.9 * scale, "lecun: cut at two deviations");
    ok(fabs(moment(KM_PARAM(p, KM_INIT_HE, "he.weight", 300, 50), 2) * 50 - 2) < 0.08, "he: variance 2 / fan in");
    km_tensor *u = KM_PARAM(p, KM_INIT_DEFAULT, "lin.weight", 40, 64),
              *b = KM_PARAM(p, KM_INIT_DEFAULT, "lin.bias", 40);
    ok(largest(u) < 0.125 && largest(u) > 0.12 && fabs(moment(u, 2) * 3 * 64 - 1) < 0.06,
       "default: uniform within 1 / sqrt(fan in)");
    ok(largest(b) < 0.125 && largest(b) > 0.09, "default: a bias has its weight's bounds");
    km_tensor *n = KM_PARAM(p, KM_INIT_NORMAL, "normal", 4000);
    ok(fabs(moment(n, 2) - 1) < 0.1 && largest(n) > 2.5, "normal");
    km_tensor *l = KM_PARAM(p, KM_INIT_LOG_LAMBDA, "log_lambda", 3);
    ok(fabs(l->data[0] - log(0.004)) < 1e-6 && fabs(l->data[2] - log(0.7)) < 1e-6 &&
           fabs(l->data[1] - (log(0.004) + log(0.7)) / 2) < 1e-6,
       "decay rates are a geometric series");
    ok(KM_PARAM(p, KM_INIT_ZERO, "lecun.weight", 300, 50) == w, "a name asked for twice is one parameter");
    km_params_free(p);
}

static void test_seeds(void)
{
    km_params *a = km_params_make(7, 1, 1), *b = km_params_make(7, 1, 1), *c = km_params_make(8, 1, 1);
    km_tensor *wa = KM_PARAM(a, KM_INIT_LECUN, "w", 9, 11);
    KM_PARAM(b, KM_INIT_LECUN, "other", 3, 3);
    km_tensor *wb = KM_PARAM(b, KM_INIT_LECUN, "w", 9, 11), *wc = KM_PARAM(c, KM_INIT_LECUN, "w", 9, 11);
    ok(memcmp(wa->data, wb->data, 99 * sizeof(float)) == 0,
       "values depend on seed and name, not on the order of asking");
    ok(memcmp(wa->data, wc->data, 99 * sizeof(float)) != 0, "another seed gives other values");
    km_params_free(a);
    km_params_free(b);
    km_params_free(c);
}

static km_safetensors *write_and_open(void)
{
    static const float w[6] = {1, 2, 3, 4, 5, 6};
    static const int32_t i[2] = {7, -8};
    const km_st_tensor t[] = {{"a.i", KM_I32, 1, {2}, i, sizeof i},
                              {"a.w", KM_F32, 2, {2, 3}, w, sizeof w},
                              {"z.w", KM_F32, 1, {6}, w, sizeof w}};
    char *path = km_asprintf("%s/p.safetensors", dir);
    km_err err = {0};
    km_safetensors *st = NULL;
    if (km_safetensors_write(path, t, 3, NULL, 0, &err) < 0 || km_safetensors_open(path, &st, &err) < 0)
        printf("# %s\n", err.msg);
    unlink(path);
    free(path);
    return st;
}

static bool refused(km_params *p, const char *const *strict, const char *text)
{
    km_err err = {0};
    bool good = km_params_check(p, strict, &err) == KM_INPUT && strstr(err.msg, text);
    if (!good) printf("# %s\n", err.msg);
    km_params_free(p);
    return good;
}

static void test_file(void)
{
    static const char *const strict[] = {"a.", NULL};
    km_safetensors *st = write_and_open();
    km_err err;
    if (!ok(st, "a file of three tensors")) return;
    km_params *p = km_params_from_file(st);
    km_tensor *w = KM_PARAM(p, KM_INIT_ZERO, "a.w", 2, 3), *i = KM_PARAM(p, KM_INIT_ZERO, "a.i", 2);
    ok(w->data == km_safetensors_find(st, "a.w")->data && w->data[5] == 6, "floats are used in place");
    ok(i->data[0] == 7 && i->data[1] == -8, "other types are converted");
    ok(km_params_has(p, "z.w") && !km_params_has(p, "z.v"), "what the file has");
    ok(km_params_check(p, strict, &err) == KM_OK, "all is asked for");
    km_params_free(p);
    p = km_params_from_prefix(st, "a.");
    ok(KM_PARAM(p, KM_INIT_ZERO, "w", 2, 3)->data[0] == 1, "names below a prefix");
    ok(refused(p, (const char *const[]){"", NULL}, "'i'"), "a parameter below the prefix that nobody asked for");
    p = km_params_from_file(st);
    KM_PARAM(p, KM_INIT_ZERO, "a.w", 2, 3);
    ok(refused(p, strict, "'a.i'"), "a parameter that nobody asked for");
    p = km_params_from_file(st);
    KM_PARAM(p, KM_INIT_ZERO, "b.w", 2, 3);
    KM_PARAM(p, KM_INIT_ZERO, "c.w", 2, 3);
    ok(refused(p, NULL, "'b.w' is missing"), "the first missing one is named");
    p = km_params_from_file(st);
    KM_PARAM(p, KM_INIT_ZERO, "a.w", 3, 2);
    ok(refused(p, NULL, "'a.w' has shape [2, 3], not [3, 2]"), "another shape");
    p = km_params_from_file(st);
    KM_PARAM(p, KM_INIT_ZERO, "a.w", 6);
    ok(refused(p, NULL, "'a.w' has shape"), "another number of dimensions");
    km_safetensors_close(st);
}

static void test_training(void)
{
    km_params *p = km_params_make(3, 1, 1);
    km_tensor *a = KM_PARAM(p, KM_INIT_LECUN, "one.a.weight", 3, 5), *b = KM_PARAM(p, KM_INIT_ONE, "one.b.weight", 7);
    km_tensor *c = KM_PARAM(p, KM_INIT_NORMAL, "two.c", 4), *d = KM_PARAM(p, KM_INIT_ONE, "three.d", 2);
    float was[15];
    memcpy(was, a->data, sizeof was);
    ok(!km_params_block(p) && km_params_size(p) == 0, "no block before training");
    km_params_freeze(p, "one.b");
    km_params_train(p, "one.*  *.c");
    ok(memcmp(was, a->data, sizeof was) == 0 && a->data == km_params_block(p) + a->param_offset,
       "values move into the block");
    ok(km_params_trained(p, 0) && !km_params_trained(p, 1) && km_params_trained(p, 2) && !km_params_trained(p, 3),
       "patterns and frozen ones");
    ok(a->wants_grad && !b->wants_grad && c->wants_grad && !d->wants_grad, "gradients are wanted for what is trained");
    ok(km_params_size(p) >= 28 && b->param_offset >= 15 && km_params_count(p) == 4 &&
           !strcmp(km_params_name(p, 2), "two.c"),
       "the layout");
    km_params_free(p);
}

static void test_digests(void)
{
    char first[65], second[65];
    km_params *a = km_params_make(3, 1, 1), *b = km_params_make(3, 1, 1);
    km_tensor *w = KM_PARAM(a, KM_INIT_LECUN, "x.w", 3, 5);
    KM_PARAM(a, KM_INIT_LECUN, "y.w", 3, 5);
    KM_PARAM(b, KM_INIT_LECUN, "y.w", 3, 5);
    KM_PARAM(b, KM_INIT_LECUN, "x.w", 3, 5);
    km_params_digest(a, NULL, "t", first);
    km_params_digest(b, NULL, "t", second);
    ok(strlen(first) == 64 && strcmp(first, second) == 0, "the digest does not depend on the order");
    km_params_digest(a, NULL, "u", second);
    ok(strcmp(first, second) != 0, "but on the text");
    w->data[14] += 1;
    km_params_digest(a, NULL, "t", second);
    ok(strcmp(first, second) != 0, "and on every element");
    km_params_digest(a, (const char *const[]){"y.", NULL}, "t", first);
    km_params_digest(b, (const char *const[]){"y.", NULL}, "t", second);
    ok(strcmp(first, second) == 0, "of the prefixes asked for");
    km_params_train(a, "*");
    km_params_train(b, "*");
    km_params_layout(a, first);
    km_params_layout(b, second);
    ok(strcmp(first, second) != 0, "layouts in another order differ");
    km_params_free(a);
    km_params_free(b);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    test_initial_values();
    test_seeds();
    test_file();
    test_training();
    test_digests();
    rmdir(dir);
    return tap_end();
}
