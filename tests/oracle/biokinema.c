/* SPDX-License-Identifier: MIT
 * BioKinema: trunk and one evaluation with gradients. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/oracle/biokinema.h"

/* Parameters of a case that has `prefix` left out of their names. */
static bool take_params(oracle_case *o, const char *prefix, oracle_own *w)
{
    int n = 0, count = km_safetensors_count(o->file);
    km_st_tensor *all = KM_NEWN(km_st_tensor, (size_t)count + 1);
    w->names = KM_NEWN(char *, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        const km_st_tensor *t = km_safetensors_at(o->file, i);
        if (strncmp(t->name, "param/", 6)) continue;
        all[n] = *t;
        all[n].name = w->names[n] = km_asprintf("%s%s", prefix, t->name + 6);
        n++;
    }
    km_status status = km_import(&km_import_protenix, all, n, &w->imported, &o->err);
    free(all);
    if (status < 0) {
        oracle_fail(o, o->err.msg);
        return false;
    }
    w->file = km_safetensors_of(w->imported.tensors, w->imported.n, NULL, 0);
    w->params = km_params_from_file(w->file);
    return true;
}

void oracle_own_clear(oracle_own *w)
{
    km_params_free(w->params);
    km_safetensors_close(w->file);
    km_imported_clear(&w->imported);
    for (char **name = w->names; name && *name; name++) free(*name);
    free(w->names);
}

static json_t *renamed(const oracle_case *o, const char *const (*keys)[2], int n)
{
    json_t *out = json_pack("{s:s, s:i, s:b}", "family", "biokinema", "atom_feature_dim", 389, "fix_sym_check", 1);
    for (int i = 0; i < n; i++) {
        json_t *to = out;
        const char *dot = strchr(keys[i][1], '.'), *leaf = dot ? dot + 1 : keys[i][1];
        if (dot) {
            char *outer = km_asprintf("%.*s", (int)(dot - keys[i][1]), keys[i][1]);
            if (!json_object_get(out, outer)) json_object_set_new(out, outer, json_object());
            to = json_object_get(out, outer);
            free(outer);
        }
        json_t *v = json_object_get(o->config, keys[i][0]);
        if (v) json_object_set(to, leaf, v);
    }
    return out;
}

/* The case's keys, and ours. */
static bool take_config(oracle_case *o, km_config *c)
{
    static const char *const keys[][2] = {
        {"c_s", "token_s"},
        {"c_z", "token_z"},
        {"c_atom", "atom_s"},
        {"c_atompair", "atom_z"},
        {"c_token_in", "token_inputs"},
        {"c_token", "token_a"},
        {"atom_blocks", "embedder_args.atom_encoder_depth"},
        {"atom_heads", "embedder_args.atom_encoder_heads"},
        {"c_m", "msa_args.msa_s"},
        {"msa_blocks", "msa_args.msa_blocks"},
        {"opm_width", "msa_args.outer_width"},
        {"pwa_heads", "msa_args.average_heads"},
        {"pwa_width", "msa_args.average_width"},
        {"tri_att_heads", "msa_args.pairwise_num_heads"},
        {"tri_att_width", "msa_args.pairwise_head_width"},
        {"tri_att_heads", "pairformer_args.pairwise_num_heads"},
        {"tri_att_width", "pairformer_args.pairwise_head_width"},
        {"pairformer_blocks", "pairformer_args.num_blocks"},
        {"s_heads", "pairformer_args.num_heads"},
        {"token_blocks", "token_transformer_depth"},
        {"token_heads", "token_transformer_heads"},
        {"token_heads", "token_temporal_heads"},
        {"atom_encoder_blocks", "atom_encoder_depth"},
        {"atom_decoder_blocks", "atom_decoder_depth"},
        {"atom_heads", "atom_encoder_heads"},
        {"atom_heads", "atom_decoder_heads"},
        {"atom_heads", "atom_temporal_heads"},
        {"sigma_data", "sigma_data"},
        {"beta", "temporal_beta"},
    };
    json_t *hyper = renamed(o, keys, sizeof keys / sizeof *keys);
    json_object_set_new(json_object_get(hyper, "msa_args") ? json_object_get(hyper, "msa_args") : hyper,
                        "use_paired_feature", json_false());
    char *text = json_dumps(hyper, 0);
    km_status status = km_config_parse_hyper(text, c, &o->err);
    json_decref(hyper);
    free(text);
    if (status < 0) {
        oracle_fail(o, o->err.msg);
        return false;
    }
    if (oracle_number(o, "c_s_inputs", c->inputs_s) != c->inputs_s) {
        /* cases of the diffusion module leave the input embedder's width open */
        c->token_inputs += (int)oracle_number(o, "c_s_inputs", 0) - c->inputs_s;
        c->inputs_s = (int)oracle_number(o, "c_s_inputs", 0);
    }
    return true;
}

static float *ones(oracle_case *o, km_dim n)
{
    float *x = km_arena_get(o->cx->arena, (size_t)n * sizeof *x);
    for (km_dim i = 0; i < n; i++) x[i] = 1;
    return x;
}

/* There is no padding. */
km_features *oracle_own_features(oracle_case *o)
{
    km_features *f = oracle_features(o);
    f->token_mask = ones(o, f->N), f->atom_mask = f->there = ones(o, f->A), f->msa_mask = ones(o, f->S * f->N);
    f->atom_token = oracle_ints(o, "in/atom_to_token");
    f->ref_mask = oracle_floats(o, "in/ref_mask");
    return f;
}

bool oracle_own_init(oracle_case *o, const char *prefix, oracle_own *w)
{
    *w = (oracle_own){0};
    return take_config(o, &w->config) && take_params(o, prefix, w);
}

bool oracle_own_complete(oracle_case *o, const oracle_own *w)
{
    static const char *const all[] = {"", NULL};
    if (km_params_check(w->params, all, &o->err) == KM_OK) return true;
    oracle_fail(o, o->err.msg);
    return false;
}

void oracle_biokinema_trunk(oracle_case *o)
{
    oracle_own w;
    if (oracle_own_init(o, "", &w)) {
        km_trunk *t = km_trunk_new(&w.config, w.params);
        if (oracle_own_complete(o, &w)) {
            km_params_pack(w.params, o->cx->be);
            km_trunk_out out = km_trunk_run(o->cx, t, oracle_own_features(o), (int)oracle_number(o, "n_cycle", 1) - 1);
            oracle_compare_tensor(o, "out/s_inputs", out.s_inputs, NULL, 0);
            oracle_compare_tensor(o, "out/s", out.s, NULL, 0);
            oracle_compare_tensor(o, "out/z", out.z, NULL, 0);
        }
        km_trunk_free(t);
    }
    oracle_own_clear(&w);
}

/* -- one evaluation */

static void compare_gradient(oracle_case *o, const oracle_own *w, int i, const float *gradients)
{
    char *theirs = km_import_original(&km_import_protenix, km_params_name(w->params, i)), key[512];
    const km_tensor *t = km_params_at(w->params, i);
    float *g = km_arena_get(o->cx->arena, (size_t)km_numel(t) * sizeof *g);
    memcpy(g, gradients + t->param_offset, (size_t)km_numel(t) * sizeof *g);
    for (km_dim j = 0; strstr(theirs, "slopes_param") && j < km_numel(t); j++)
        g[j] = isinf(t->data[j]) ? 0 : -g[j] * expf(-t->data[j]); /* d log(-slope) / d slope = 1 / slope */
    snprintf(key, sizeof key, "grad/%s", theirs + strlen("diffusion_module."));
    oracle_compare(o, key, g, km_numel(t));
    free(theirs);
}

/* A scalar whose backward hands a gradient to y. */
typedef struct seeded {
    km_tensor *y;
    const float *seed;
} seeded;

static void seed_backward(km_ctx *cx, void *state)
{
    const seeded *s = state;
    km_dim n = km_numel(s->y);
    cx->be->add_bwd(&cx->ex, km_grad(cx, s->y), NULL, km_floats(cx, s->seed, n), n, n);
}

static void compare_gradients(oracle_case *o, const oracle_own *w, km_tensor *x, km_tensor *y, const float *seed)
{
    seeded *s = km_arena_get(o->cx->arena, sizeof *s);
    km_tensor *scalar = KM_TENSOR(o->cx, 1);
    *s = (seeded){y, seed};
    km_record(o->cx, scalar, seed_backward, s);
    km_backprop(o->cx, scalar, 1);
    oracle_compare(o, "grad/x_noisy", oracle_gradient(o, x), km_numel(x));
    km_dim size = km_params_size(w->params);
    const float *gradients = km_read(o->cx, &(km_tensor){.data = o->cx->param_grad, .nd = 1, .shape = {size}});
    km_params_from(w->params);
    for (int i = 0; i < km_params_count(w->params); i++) compare_gradient(o, w, i, gradients);
}

static void evaluate(oracle_case *o, oracle_own *w, const km_diffusion *d)
{
    km_dim T = oracle_size(o, "in/x_noisy", 0);
    const float *sigma = oracle_floats(o, "in/sigma"), *seed = oracle_floats(o, "in/grad_x_denoised");
    int32_t *level = km_arena_get(o->cx->arena, (size_t)T * sizeof *level);
    km_features *f = oracle_own_features(o);
    km_trunk_out t = {oracle_tensor(o, "in/s_inputs"), oracle_tensor(o, "in/s"), oracle_tensor(o, "in/z")};
    for (km_dim i = 0; i < T; i++) level[i] = (int32_t)i;
    km_tensor *x = oracle_tensor(o, "in/x_noisy");
    if (seed) {
        km_params_train(w->params, "*");
        o->cx->tape = km_tape_new();
        km_params_to(w->params, o->cx->be);
        o->cx->param_grad = km_zeros(o->cx, km_params_size(w->params));
        x->wants_grad = true;
    } else {
        km_params_pack(w->params, o->cx->be);
    }
    km_conditioning *k = km_diffusion_condition(o->cx, d, f, &t);
    km_levels *levels = km_diffusion_levels(o->cx, d, k, sigma, T);
    km_tensor *y = km_diffusion_denoise(o->cx, d, k, levels, KM_RESHAPE(o->cx, x, 1, T, f->A, 3), level, sigma,
                                        oracle_floats(o, "in/timestamps"));
    oracle_compare_tensor(o, "out/x_denoised", y, NULL, 0);
    if (!seed) return;
    compare_gradients(o, w, x, y, seed);
    km_tape_free(o->cx->tape);
    o->cx->tape = NULL, o->cx->param_grad = NULL;
}

void oracle_biokinema_denoise(oracle_case *o)
{
    oracle_own w;
    if (oracle_own_init(o, "diffusion_module.", &w)) {
        km_diffusion *d = km_diffusion_new(&w.config, w.params);
        if (oracle_own_complete(o, &w)) evaluate(o, &w, d);
        km_diffusion_free(d);
    }
    oracle_own_clear(&w);
}
