/* SPDX-License-Identifier: MIT
 * lib/model/import and checkpoint: a whole tiny model as BioKinema's trainer saves one (tests/data/torch/biokinema.pt).
 */
#include "tests/unit/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/model/checkpoint.h"
#include "lib/model/model.h"
#include "tests/unit/tiny.h"

#define GIVEN "tests/data/torch/biokinema.pt"

static char dir[] = "/tmp/km-import-XXXXXX";

static char *in_dir(const char *name) { return km_asprintf("%s/%s", dir, name); }

static const km_tensor *param(const km_model *m, const char *name)
{
    for (int i = 0; i < km_params_count(m->params); i++)
        if (strcmp(km_params_name(m->params, i), name) == 0) return km_params_at(m->params, i);
    return NULL;
}

static const float *theirs(const km_checkpoint *c, const char *name)
{
    const km_st_tensor *t = km_checkpoint_find(c, name);
    return t ? t->data : NULL;
}

/* What of their file a model of ours leaves out or has twice: the sum of sizes must agree. */
static void test_numbers(const km_checkpoint *c, const km_model *m)
{
    const char *mul = "pairformer_stack.blocks.0.tri_mul_out.linear_", *side[] = {"a_p.weight", "b_p.weight"};
    const km_tensor *p = param(m, "pairformer_module.layers.0.tri_mul_out.p_in.weight");
    km_dim half = p ? km_numel(p) / 2 : 0;
    bool stacked = half > 0;
    for (int i = 0; i < 2 && stacked; i++) {
        char *name = km_asprintf("%s%s", mul, side[i]);
        stacked = theirs(c, name) && !memcmp(p->data + i * half, theirs(c, name), (size_t)half * 4);
        free(name);
    }
    ok(stacked, "two projections lie above each other");
    const km_tensor *d = param(m, "diffusion_conditioning.atom_encoder.embed_atompair_ref_pos.weight");
    const float *offset = theirs(c, "diffusion_module.atom_attention_encoder.linear_no_bias_d.weight");
    ok(d && offset && d->data[1] == -offset[1] && offset[1] != 0, "offsets change their sign");
    const km_tensor *l = param(m, "score_model.token_transformer.layers.0.temporal_attn.log_lambda");
    const float *slope =
        theirs(c, "diffusion_module.diffusion_transformer.blocks.0.attention_time.attention.slopes_param");
    ok(l && slope && slope[0] < 0 && fabsf(l->data[0] - logf(-slope[0])) < 1e-6f, "slopes become logarithms of rates");
    km_dim ours = 0, all = 0;
    for (int i = 0; i < km_params_count(m->params); i++) ours += km_numel(km_params_at(m->params, i));
    for (int i = 0; i < c->n; i++)
        if (!km_import_left(c->opt_family->opt_names, c->tensors[i].name)) all += (km_dim)(c->tensors[i].bytes / 4);
    ok(ours == all && ours > 0, "every number has its place: %lld, %lld", (long long)ours, (long long)all);
}

static void test_configuration(const km_model *m)
{
    const km_config *c = &m->config;
    ok(!strcmp(c->family->name, "biokinema") && c->token_s == 6 && c->token_z == 10 && c->inputs_s == 71 &&
           c->embedder_atom_z == 6 && c->atom_z == 2 && c->token_a == 4 && c->msa_blocks == 2 && c->recycles == 9,
       "dimensions are the tensors', the rest the family's");
    ok(c->beta == 0 && !strcmp(m->sampling.sampler, "biokinema") && m->sampling.sigma_max == 2560 &&
           m->sampling.given_sigma == 4e-4 && m->sampling.steps == 20,
       "how to sample is the family's; the exponent is not known");
    km_sampling s = m->sampling;
    km_err err;
    ok(km_sampling_preset(&s, "ligand", &err) == KM_OK && s.given_sigma == 0.16 && s.given_noise == 4e-4 &&
           km_sampling_preset(&s, "atlas", &err) == KM_OK && s.dt == 1000000 && s.window == 100 &&
           km_sampling_preset(&s, "long", &err) == KM_OK && s.dt == 10000000,
       "published presets");
}

/* A file of the given one's tensors, but for those whose names hold a text, and with one more. */
static char *altered(const km_checkpoint *c, const char *name, const char *opt_without, const char *opt_with,
                     const char *prefix)
{
    static const float number[1] = {1};
    km_err err;
    km_st_tensor *t = KM_NEWN(km_st_tensor, c->n + 1);
    char *path = in_dir(name);
    int n = 0;
    for (int i = 0; i < c->n; i++) {
        if (opt_without && strstr(c->tensors[i].name, opt_without)) continue;
        t[n] = c->tensors[i];
        t[n++].name = km_asprintf("%s%s", prefix, c->tensors[i].name);
    }
    if (opt_with) t[n++] = (km_st_tensor){km_asprintf("%s%s", prefix, opt_with), KM_F32, 1, {1}, number, 4};
    if (km_torch_write(path, t, n, KM_CHECKPOINT_META, NULL, 0, NULL, NULL, &err) < 0) abort();
    for (int i = 0; i < n; i++) free((char *)t[i].name);
    free(t);
    return path;
}

static void refuse(char *path, const char *message, const char *what)
{
    km_err err = {0};
    km_model *m;
    km_status status = km_model_open(path, NULL, &m, &err);
    ok(status == KM_INPUT && strstr(err.msg, message), "%s: %s", what, err.msg);
    if (status == KM_OK) km_model_free(m);
    free(path);
}

static void test_refusals(const km_checkpoint *c)
{
    refuse(altered(c, "a.pt", "no_bias_zinit1.weight", NULL, "model/"), "'linear_no_bias_zinit1.weight' is missing",
           "a missing parameter is called by its own name");
    refuse(altered(c, "b.pt", NULL, "msa_module.more.weight", "model/"), "'msa_module.more.weight'",
           "one that has no place");
    refuse(altered(c, "c.pt", "pairformer_stack.blocks.0.tri_mul_in.linear_b_g.bias", NULL, "model/"),
           "'pairformer_stack.blocks.0.tri_mul_in.linear_a_g.bias' is without its other half", "half of a stack");
}

static double beta_of_file(const km_checkpoint *c, const char *name)
{
    km_err err;
    km_model *m;
    char *path = altered(c, name, NULL, "confidence_head.weight", "model/module.");
    if (km_model_open(path, NULL, &m, &err) < 0) abort();
    double beta = m->config.beta;
    km_model_free(m);
    free(path);
    return beta;
}

static void test_beta(const km_checkpoint *c)
{
    km_err err;
    ok(beta_of_file(c, "BioKinema_atlas+misato+mdposit_sqrt.pt") == 0.5 &&
           beta_of_file(c, "BioKinema_CATH+octapeptide_beta0.25.pt") == 0.25 && beta_of_file(c, "x.pt") == 0,
       "the exponent in the file's name; module. and heads that are not run");
    km_checkpoint *named, *bare;
    char *path = in_dir("BioKinema_CATH+octapeptide_beta0.25.pt");
    if (km_checkpoint_open(path, &named, &err) < 0 || km_checkpoint_open(GIVEN, &bare, &err) < 0) abort();
    ok(km_checkpoint_set_beta(named, 0.5, &err) == KM_USAGE && km_checkpoint_set_beta(named, 0.25, &err) == KM_OK,
       "another than the name's is refused");
    ok(km_checkpoint_set_beta(bare, 0.5, &err) == KM_OK && km_checkpoint_set_beta(bare, 0.25, &err) == KM_USAGE,
       "one that is not known is put in once");
    km_checkpoint_close(named), km_checkpoint_close(bare);
    free(path);
}

/* Protenix's own weights have no temporal layers. */
static void test_protenix(const km_checkpoint *c)
{
    km_err err = {0};
    km_model *m;
    char *path = altered(c, "model_v0.2.0.pt", "attention_time", "distogram_head.linear.bias", "model/module.");
    if (ok(km_model_open(path, NULL, &m, &err) == KM_INPUT &&
               strstr(err.msg, "'diffusion_module.atom_attention_encoder.condition_embed.weight'"),
           "marks of conditions without temporal layers: %s", err.msg)) {
        km_checkpoint *d;
        if (km_checkpoint_open(path, &d, &err) < 0) abort();
        char *again = altered(d, "protenix.pt", "condition_embed", NULL, "model/");
        ok(km_model_open(again, NULL, &m, &err) == KM_OK && m->trunk && m->diffusion && !m->config.temporal &&
               !strcmp(m->sampling.sampler, "boltz2") && m->sampling.sigma_max == 2560,
           "without both: a trunk, and a predictor of structures %s", err.msg);
        km_model_free(m);
        km_checkpoint_close(d);
        free(again);
    }
    free(path);
}

/* Names of theirs and ours, there and back. */
static void test_names(const km_model *m)
{
    int lost = 0;
    for (int i = 0; i < km_params_count(m->params); i++) {
        char *name = km_import_original(&km_import_protenix, km_params_name(m->params, i));
        lost += name == NULL;
        free(name);
    }
    ok(lost == 0, "every parameter has a name there");
    ok(!km_import_original(&km_import_protenix, "input_embedder.res_type_encoding.weight"),
       "what that family has not, has none");
}

/* Operations of conditioning on the system, on L levels, and of an evaluation of T frames. */
typedef struct shares {
    double system, levels, frames;
} shares;

static shares count_shares(const km_model *m, const km_features *f, km_dim L, km_dim T)
{
    const km_config *c = &m->config;
    const float sigma[2] = {4e-4f, 30};
    double done = 0;
    km_ctx *cx = km_ctx_dry(&done);
    km_trunk_out t = {KM_TENSOR(cx, f->N, c->inputs_s), KM_TENSOR(cx, f->N, c->token_s),
                      KM_TENSOR(cx, f->N, f->N, c->token_z)};
    km_conditioning *k = km_diffusion_condition(cx, m->diffusion, f, &t);
    shares s = {.system = done};
    km_levels *levels = km_diffusion_levels(cx, m->diffusion, k, sigma, L);
    s.levels = done - s.system;
    int32_t *level = km_arena_zero(cx->arena, (size_t)T * sizeof *level);
    float *times = km_arena_get(cx->arena, (size_t)T * sizeof *times);
    for (km_dim i = 0; i < T; i++) times[i] = (float)i;
    km_tensor *x = KM_TENSOR(cx, 1, T, f->A, 3);
    km_diffusion_denoise(cx, m->diffusion, k, levels, x, level, sigma, times);
    s.frames = done - s.system - s.levels;
    km_ctx_free(cx);
    return s;
}

/* An evaluation repeats nothing that depends on the system or on levels alone: its work is that of frames, and of pairs
 * of frames. */
static void test_shares(const km_model *m)
{
    km_features *f = tiny_features();
    f->ref_mask = f->atom_mask;
    shares one = count_shares(m, f, 1, 1), two = count_shares(m, f, 2, 2), three = count_shares(m, f, 2, 3);
    ok(one.system > 0 && one.system == two.system && one.system == three.system,
       "the system once: %.0f operations, whatever is made", one.system);
    ok(two.levels == 2 * one.levels && three.levels == two.levels, "levels once, not for each frame: %.0f", one.levels);
    ok(one.frames > 0 && 3 * one.frames - 3 * two.frames + three.frames == 0,
       "an evaluation of no frames would cost nothing: %.0f, %.0f and %.0f for 1, 2 and 3", one.frames, two.frames,
       three.frames);
    km_features_free(f);
}

int main(void)
{
    km_err err = {0};
    km_checkpoint *c = NULL;
    km_model *m = NULL;
    if (!mkdtemp(dir)) abort();
    if (ok(km_checkpoint_open(GIVEN, &c, &err) == KM_OK && c->n == 489, "opened: %s", err.msg) &&
        ok(km_model_open(GIVEN, NULL, &m, &err) == KM_OK && m->trunk && m->diffusion, "a model: %s", err.msg)) {
        test_numbers(c, m);
        test_configuration(m);
        test_names(m);
        test_shares(m);
        test_refusals(c);
        test_beta(c);
        test_protenix(c);
        km_model_free(m);
    }
    km_checkpoint_close(c);
    char *clean = km_asprintf("rm -r %s", dir);
    if (system(clean)) abort();
    free(clean);
    return tap_end();
}
