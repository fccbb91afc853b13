/* SPDX-License-Identifier: MIT
 * The whole trunk: with a tape and without, on one thread and several, with parts of its input absent. What the numbers
 * should be, the reference cases tell. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sample/footprint.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"

enum { N = 7, S = 5, T = 2, PAIRS = N * N };

static const char config[] =
    "{\"model\": {\"token_s\": 12, \"token_z\": 6, \"atom_s\": 8, \"atom_z\": 4, \"embedder_args\": "
    "{\"atom_encoder_depth\": 1, \"atom_encoder_heads\": 2}, \"pairformer_args\": {\"num_blocks\": 1, "
    "\"num_heads\": 3, \"pairwise_head_width\": 3, \"pairwise_num_heads\": 2}, \"recycling_steps\": 1, "
    "\"sigma_data\": 4, \"token_transformer_depth\": 1, \"token_transformer_heads\": 4, \"token_temporal_heads\": 2, "
    "\"atom_encoder_depth\": 1, \"atom_encoder_heads\": 2, \"atom_decoder_depth\": 1, \"atom_decoder_heads\": 4, "
    "\"atom_temporal_heads\": 2, \"dim_fourier\": 10, \"msa_args\": {\"msa_s\": 5, \"msa_blocks\": 2, "
    "\"pairwise_head_width\": 3, \"pairwise_num_heads\": 2}, \"use_templates\": true, \"use_templates_v2\": true, "
    "\"template_args\": {\"template_dim\": 5, \"template_blocks\": 1, \"pairwise_head_width\": 3, "
    "\"pairwise_num_heads\": 2}, \"bond_type_feature\": true, \"conditioning_cutoff_min\": 4, "
    "\"conditioning_cutoff_max\": 20}}";

/* What the tiny system is given besides. */
static struct {
    float bonds[PAIRS], threshold[PAIRS], deletion[S * N], ones[S * N];
    int32_t period[N], types[PAIRS], contact[PAIRS], msa[S * N], restype[T * N], visibility[T * N];
    float *places, mask[T * N];
} more;

static void make_more(void)
{
    more.places = tiny_normals(T * N * 9, 8, 3);
    for (int i = 0; i < PAIRS; i++) {
        more.contact[i] = i % 5, more.threshold[i] = (float)(4 + i % 13);
        more.types[i] = i / N == i % N ? 2 : 0, more.bonds[i] = more.types[i] != 0;
    }
    for (int i = 0; i < 4; i++) more.period[i] = 4;
    for (int i = 0; i < S * N; i++)
        more.msa[i] = 2 + i * 7 % 20, more.ones[i] = 1, more.deletion[i] = (float)(i % 3 == 0);
    for (int i = 0; i < T * N; i++) more.restype[i] = 2 + i % 20, more.mask[i] = i % 4 != 3;
}

static km_features whole(const km_features *tiny)
{
    km_features f = *tiny;
    f.cyclic_period = more.period;
    f.token_bonds = more.bonds, f.type_bonds = more.types;
    f.contact_conditioning = more.contact, f.contact_threshold = more.threshold;
    f.S = S, f.msa = more.msa, f.has_deletion = f.deletion_value = more.deletion;
    f.msa_paired = f.msa_mask = more.ones;
    f.n_templates = T, f.template_restype = more.restype, f.visibility_ids = more.visibility;
    f.template_frame_rot = f.template_frame_t = f.template_cb = f.template_ca = more.places;
    f.template_mask = f.template_mask_cb = f.template_mask_frame = more.mask;
    return f;
}

static km_model *make(const char *json)
{
    km_config c;
    km_sampling s;
    km_err err;
    km_model *m = NULL;
    if (km_config_parse(json, &c, &s, &err) < 0 || km_model_make(&c, &s, 5, &m, &err) < 0) printf("# %s\n", err.msg);
    if (m) tiny_shake(m, "", 0.2, 6);
    return m;
}

/* s and z [N 12 + N N 6], the caller's */
static float *run(const km_model *m, const km_features *f, int threads)
{
    km_ctx *cx = km_ctx_new(threads);
    cx->ex.team_work = threads > 1 ? 0 : cx->ex.team_work;
    km_trunk_out out = km_trunk_run(cx, m->trunk, f, 1);
    float *y = km_alloc((N * 12 + PAIRS * 6) * sizeof *y);
    memcpy(y, out.s->data, N * 12 * sizeof *y);
    memcpy(y + N * 12, out.z->data, PAIRS * 6 * sizeof *y);
    km_ctx_free(cx);
    return y;
}

static bool same(const float *a, const float *b) { return !memcmp(a, b, (N * 12 + PAIRS * 6) * sizeof *a); }

/* Fewer rows at a time: the same numbers, and the memory as foretold. */
static void test_memory(const km_model *m, const km_features *f, const float *want)
{
    for (int halvings = 0; halvings <= 6; halvings += 3) {
        km_ctx *cx = km_ctx_new(1);
        cx->halvings = halvings;
        km_trunk_out out = km_trunk_run(cx, m->trunk, f, 1);
        ok(!memcmp(out.s->data, want, N * 12 * 4) && !memcmp(out.z->data, want + N * 12, PAIRS * 6 * 4),
           "the same bytes, halved %d times", halvings);
        double real = (double)km_ctx_peak(cx), said = km_footprint_trunk(m, f, 1, 1, halvings);
        ok(real <= said && said < real + 50000, "%.0f bytes, foretold %.0f", real, said);
        km_ctx_free(cx);
    }
    ok(km_footprint_trunk(m, f, 5, 4, 0) > km_footprint_trunk(m, f, 5, 1, 0), "more threads take more");
}

/* Biases in tiles of one query, of a few, and (more) of all: the same numbers. */
static void test_tiles(const km_model *m, const km_features *f, const float *want)
{
    static const km_dim tiles[] = {1, 2 * N * 3, 3 * N * (N - 1), 8 * N * 3};
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        km_ctx *cx = km_ctx_new(i == 1 ? 3 : 1);
        cx->ex.team_work = 0;
        cx->tile = tiles[i];
        km_trunk_out out = km_trunk_run(cx, m->trunk, f, 1);
        ok(!memcmp(out.s->data, want, N * 12 * 4) && !memcmp(out.z->data, want + N * 12, PAIRS * 6 * 4),
           "the same bytes with a bias of %lld numbers at a time", (long long)tiles[i]);
        km_ctx_free(cx);
    }
}

/* Rows drawn for each pass: the second pass looks at its own. */
static void test_draws(const km_model *m, const km_features *f, const float *want)
{
    static int32_t msa[2 * S * N];
    static float deletion[2 * S * N], ones[2 * S * N];
    for (int i = 0; i < 2 * S * N; i++)
        msa[i] = more.msa[i % (S * N)], deletion[i] = more.deletion[i % (S * N)], ones[i] = 1;
    km_features both = *f;
    both.S = 2 * S, both.msa = msa, both.has_deletion = both.deletion_value = deletion;
    both.msa_paired = both.msa_mask = ones;
    char one[65], two[65], three[65], unused[65];
    km_features_set_draws(&both, 2);
    float *x = run(m, &both, 1);
    ok(both.S == S && same(x, want), "two draws of the same rows are one");
    free(x);
    km_trunk_key(m, f, 1, one, unused), km_trunk_key(m, &both, 1, two, unused);
    msa[S * N + 3] = 1 + msa[S * N + 3] % 20;
    x = run(m, &both, 1);
    ok(!same(x, want), "another row in the second");
    free(x);
    km_trunk_key(m, &both, 1, three, unused);
    ok(strcmp(one, two) && strcmp(two, three) && strcmp(one, three), "and another key");
}

static double apart(const float *a, const km_tensor *b)
{
    double most = 0;
    for (km_dim i = 0; i < km_numel(b); i++) most = fmax(most, fabs((double)a[i] - b->data[i]));
    return most;
}

/* Half the squares of s and z of one pass, and where there is a tape their gradient by every parameter. */
static double squares(km_ctx *cx, const km_model *m, const km_features *f)
{
    km_trunk_out out = km_trunk_run(cx, m->trunk, f, 0);
    km_tensor *both[] = {out.s, out.z};
    double sum = 0;
    for (int k = 0; k < 2; k++)
        for (km_dim i = 0; i < km_numel(both[k]); i++) {
            double x = both[k]->data[i];
            sum += x * x / 2;
            if (cx->tape) km_grad(cx, both[k])[i] += (float)x;
        }
    if (cx->tape) km_tape_backward(cx);
    return sum;
}

/* The slope along one direction in the space of all parameters, by the tape and by differences. They are trained. */
static void test_slope(km_model *m, const km_features *f, km_dim tile)
{
    km_ctx *cx = km_ctx_new(1);
    cx->tile = tile;
    km_dim n = km_params_size(m->params);
    float *block = km_params_block(m->params), *was = km_alloc((size_t)n * sizeof *was);
    double *u = opt_random(n, 11), slope = 0, ends[2];
    memcpy(was, block, (size_t)n * sizeof *was);
    cx->param_grad = KM_NEWN(float, (size_t)n);
    cx->tape = km_tape_new();
    squares(cx, m, f);
    for (km_dim i = 0; i < n; i++) slope += u[i] * cx->param_grad[i];
    km_tape_free(cx->tape);
    cx->tape = NULL;
    for (int k = 0; k < 2; k++) {
        for (km_dim i = 0; i < n; i++) block[i] = (float)(was[i] + (k ? 1e-4 : -1e-4) * u[i]);
        km_arena_reset(cx->arena);
        ends[k] = squares(cx, m, f);
    }
    memcpy(block, was, (size_t)n * sizeof *was);
    double differences = (ends[1] - ends[0]) / 2e-4;
    ok(fabs(slope - differences) < 5e-3 * fabs(slope) && slope != 0,
       "the whole trunk's slope, biases of %lld numbers: %.6g, by differences %.6g", (long long)tile, slope,
       differences);
    free(cx->param_grad), free(was), free(u);
    km_ctx_free(cx);
}

/* sum of s and of z, differentiated by every parameter */
static void test_tape(km_model *m, const km_features *f, const float *want)
{
    static const float ones[PAIRS] = {1};
    km_ctx *cx = km_ctx_new(1);
    km_params_train(m->params, "*");
    cx->param_grad = KM_NEWN(float, (size_t)km_params_size(m->params));
    cx->tape = km_tape_new();
    km_trunk_out out = km_trunk_run(cx, m->trunk, f, 1);
    ok(apart(want, out.s) < 1e-4 && apart(want + N * 12, out.z) < 1e-4, "with a tape the same numbers");
    km_tensor *xs = KM_RESHAPE(cx, out.s, 1, N * 4, 3), *xz = KM_RESHAPE(cx, out.z, 1, PAIRS * 2, 3);
    float *zero = km_arena_zero(cx->arena, PAIRS * 6 * sizeof *zero), *atoms = km_arena_get(cx->arena, PAIRS * 8);
    for (int i = 0; i < PAIRS * 2; i++) atoms[i] = 1;
    km_tensor *of_s = km_loss_struct(cx, xs, zero, ones, atoms), *of_z = km_loss_struct(cx, xz, zero, ones, atoms);
    km_backprop(cx, km_add(cx, of_s, of_z), 1);
    int without = 0, finite = 1;
    for (int i = 0; i < km_params_count(m->params); i++) {
        const km_tensor *t = km_params_at(m->params, i);
        const char *name = km_params_name(m->params, i);
        double sum = 0;
        for (km_dim j = 0; j < km_numel(t); j++) sum += fabs(cx->param_grad[t->param_offset + j]);
        finite = finite && isfinite(sum);
        bool diffusion = strstr(name, "score_model") || strstr(name, "diffusion_");
        if (sum == 0 && !diffusion && !strstr(name, "fourier")) without++, printf("# %s\n", name);
    }
    ok(without == 0 && finite, "every parameter of the trunk has a gradient");
    free(cx->param_grad);
    km_tape_free(cx->tape);
    km_ctx_free(cx);
}

static void test_absent(const km_model *m, const km_features *f, const float *want)
{
    static const float none[T * N];
    static const int32_t zeros[PAIRS];
    km_features a = *f, b = *f;
    a.template_mask = none, b.n_templates = 0;
    float *x = run(m, &a, 1), *y = run(m, &b, 1);
    ok(same(x, y) && !same(x, want), "templates with nothing in them are left out");
    free(x), free(y);
    a = b = *f;
    a.token_bonds = NULL, a.type_bonds = NULL, a.contact_conditioning = NULL, a.contact_threshold = NULL;
    b.token_bonds = (const float *)zeros, b.type_bonds = b.contact_conditioning = zeros;
    x = run(m, &a, 1), y = run(m, &b, 1);
    ok(same(x, y) && !same(x, want), "absent arrays of pairs are zeros");
    free(x), free(y);
    a = *f, a.S = 0;
    x = run(m, &a, 1);
    ok(!same(x, want), "without rows the alignment's module is left out");
    free(x);
}

/* A model without these modules is written as it was before they were known. */
static void test_written(void)
{
    km_config c;
    km_sampling s;
    km_err err;
    ok(km_config_parse("{}", &c, &s, &err) == KM_OK && !c.templates && c.msa_blocks == 0, "modules are there if asked");
    char *text = km_config_dump(&c, &s);
    ok(!strstr(text, "msa_args") && !strstr(text, "template") && !strstr(text, "cutoff"), "and only then written");
    free(text);
    ok(km_config_parse(config, &c, &s, &err) == KM_OK, "a configuration with all of them");
    text = km_config_dump(&c, &s);
    km_config again;
    ok(km_config_parse(text, &again, &s, &err) == KM_OK && !memcmp(&again, &c, sizeof c), "there and back");
    free(text);
    ok(km_config_parse("{\"model\": {\"use_templates\": true}}", &c, &s, &err) == KM_INPUT, "templates of version 1");
    ok(km_config_parse("{\"model\": {\"conditioning_cutoff_max\": 3}}", &c, &s, &err) == KM_INPUT, "cutoffs");
}

int main(void)
{
    test_written();
    make_more();
    km_features *tiny = tiny_features(), f = whole(tiny);
    km_model *m = make(config);
    if (!m) return 1;
    float *want = run(m, &f, 1), *more_threads = run(m, &f, 3);
    ok(same(want, more_threads), "the same bytes on one thread and on three");
    test_memory(m, &f, want);
    test_tiles(m, &f, want);
    test_draws(m, &f, want);
    test_absent(m, &f, want);
    test_tape(m, &f, want);
    test_slope(m, &f, KM_TILE);
    test_slope(m, &f, 2 * N * 3);
    test_slope(m, &f, 8 * N * 3);
    free(want), free(more_threads), free(more.places), free(tiny);
    km_model_free(m);
    return tap_end();
}
