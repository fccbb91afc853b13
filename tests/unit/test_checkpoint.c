/* SPDX-License-Identifier: MIT
 * lib/model/checkpoint: a model as Boltz-2, the Python Kinematic and this program would write it into a checkpoint. */
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/model/checkpoint.h"
#include "lib/model/model.h"
#include "tests/unit/tiny.h"

static char dir[] = "/tmp/km-checkpoint-XXXXXX";
static char *path;

/* A checkpoint in the making: tensors of a model under other names. */
typedef struct draft {
    km_st_tensor *tensors;
    int n;
} draft;

static void add(draft *d, char *name, const km_tensor *t)
{
    km_st_tensor *to = &d->tensors[d->n++];
    *to = (km_st_tensor){name, KM_F32, t->nd, {0}, t->data, (size_t)km_numel(t) * sizeof(float)};
    for (int i = 0; i < t->nd; i++) to->shape[i] = t->shape[i];
}

static bool is_temporal(const char *name)
{
    return strstr(name, ".temporal_attn.") || strstr(name, ".temporal_layers.");
}

/* As Boltz-2 names things, layers under both names; or as the Python Kinematic's state_dict, without the trunk. */
static draft draft_of(const km_model *m, bool boltz)
{
    draft d = {KM_NEWN(km_st_tensor, 2 * (size_t)km_params_count(m->params) + 2), 0};
    for (int i = 0; i < km_params_count(m->params); i++) {
        const char *name = km_params_name(m->params, i);
        const km_tensor *t = km_params_at(m->params, i);
        bool known = !strncmp(name, "score_model.", 12) || !strncmp(name, "rel_pos_encoder.", 16) ||
                     !strncmp(name, "diffusion_conditioning.", 23);
        if (boltz ? is_temporal(name) : !known) continue;
        char *full = !boltz                               ? km_strdup(name)
                     : !strncmp(name, "score_model.", 12) ? km_asprintf("state_dict/structure_module.%s", name)
                     : !strncmp(name, "rel_pos_encoder.", 16)
                         ? km_asprintf("state_dict/rel_pos.%s", name + 16)
                         : km_asprintf("state_dict/%s", name);
        char *twin = strstr(full, "_projection_linear.") ? km_params_alias(full) : NULL;
        add(&d, full, t);
        if (twin) add(&d, twin, t);
    }
    return d;
}

static void clear(draft *d)
{
    for (int i = 0; i < d->n; i++) free((char *)d->tensors[i].name);
    free(d->tensors);
}

static int index_of(const draft *d, const char *name)
{
    int i = 0;
    while (i < d->n - 1 && strcmp(d->tensors[i].name, name)) i++;
    return i;
}

static km_status open_draft(const draft *d, const km_st_meta *meta, int n_meta, km_model **ret, km_err *err)
{
    if (km_torch_write(path, d->tensors, d->n, KM_CHECKPOINT_META, meta, n_meta, NULL, NULL, err) < 0) abort();
    return km_model_open(path, NULL, ret, err);
}

static const km_tensor *param(const km_model *m, const char *name)
{
    for (int i = 0; i < km_params_count(m->params); i++)
        if (strcmp(km_params_name(m->params, i), name) == 0) return km_params_at(m->params, i);
    return NULL;
}

static bool same_params(const km_model *a, const km_model *b, bool temporal)
{
    for (int i = 0; i < km_params_count(b->params); i++) {
        const char *name = km_params_name(b->params, i);
        const km_tensor *x = param(a, name), *y = km_params_at(b->params, i);
        if (!temporal && is_temporal(name)) continue;
        if (!x || km_numel(x) != km_numel(y) || memcmp(x->data, y->data, (size_t)km_numel(x) * sizeof(float))) {
            printf("# %s\n", name);
            return false;
        }
    }
    return true;
}

static void test_whole(const km_model *m)
{
    km_err err = {0};
    km_model *r;
    draft d = draft_of(m, false);
    char *config = km_config_dump(&m->config, &m->sampling);
    km_st_meta meta[] = {{"config", config}, {"remark", "made"}};
    if (ok(open_draft(&d, meta, 2, &r, &err) == KM_OK, "with our metadata: %s", err.msg)) {
        char *again = km_config_dump(&r->config, &r->sampling);
        ok(strcmp(config, again) == 0 && strcmp(km_model_remark(r), "made") == 0, "configuration and remark");
        ok(r->diffusion && !r->trunk && same_params(m, r, true), "every parameter");
        free(again);
        km_model_free(r);
    }
    free(config);
    clear(&d);
}

/* Shapes say all but the windows; these are not Boltz-2's here. */
static void test_shapes_decide(const km_model *m)
{
    km_err err = {0};
    km_model *r;
    draft d = draft_of(m, false);
    if (ok(open_draft(&d, NULL, 0, &r, &err) == KM_OK, "a state_dict alone: %s", err.msg)) {
        const km_config *a = &m->config, *b = &r->config;
        ok(a->token_s == b->token_s && a->token_z == b->token_z && a->atom_s == b->atom_s && a->atom_z == b->atom_z &&
               a->token_depth == b->token_depth && a->token_heads == b->token_heads &&
               a->token_temporal_heads == b->token_temporal_heads && a->atom_temporal_heads == b->atom_temporal_heads &&
               a->atom_decoder_heads == b->atom_decoder_heads && a->dim_fourier == b->dim_fourier,
           "dimensions are the tensors'");
        ok(strcmp(r->sampling.sampler, "af3") == 0 && r->sampling.window == 40 && r->sampling.dt == 5000000,
           "with layers across frames: Kinematic's way to sample");
        ok(same_params(m, r, true), "every parameter");
        km_model_free(r);
    }
    clear(&d);
}

static void test_boltz(const km_model *m)
{
    km_err err = {0};
    km_model *r;
    draft d = draft_of(m, true);
    char *config = km_config_dump(&m->config, &m->sampling);
    km_st_meta meta[] = {{"config", config}};
    if (!ok(open_draft(&d, meta, 1, &r, &err) == KM_OK, "Boltz-2's names: %s", err.msg)) return;
    ok(r->trunk && r->diffusion && same_params(m, r, false), "every parameter, the trunk too");
    const km_tensor *out = param(r, "score_model.token_transformer.layers.1.temporal_attn.out_proj.weight"),
                    *lambda = param(r, "score_model.token_transformer.layers.1.temporal_attn.log_lambda");
    bool zero = out != NULL;
    for (km_dim i = 0; zero && i < km_numel(out); i++) zero = out->data[i] == 0;
    ok(zero && lambda->data[0] != lambda->data[1], "layers across frames are made, their output zero");
    km_model_free(r);
    if (ok(open_draft(&d, NULL, 0, &r, &err) == KM_OK, "and without a configuration: %s", err.msg)) {
        ok(strcmp(r->sampling.sampler, "boltz2") == 0 && r->sampling.steps == 200 && r->sampling.noise_scale == 1.003 &&
               r->sampling.from_scratch,
           "Boltz-2's way to sample");
        km_model_free(r);
    }
    free(config);
    clear(&d);
}

/* Digests of the draft's file once a number of this tensor is another. */
static void digests_with(const draft *d, const char *name, float more, char trunk[65], char all[65])
{
    km_err err = {0};
    km_model *r;
    km_st_tensor *t = &d->tensors[index_of(d, name)];
    const void *was = t->data;
    float *other = memcpy(km_alloc(t->bytes), was, t->bytes);
    other[0] += more;
    t->data = other;
    if (open_draft(d, NULL, 0, &r, &err) < 0) abort();
    t->data = was;
    free(other);
    memcpy(trunk, r->trunk_digest, 65), memcpy(all, r->digest, 65);
    km_model_free(r);
}

static void test_digests(const km_model *m)
{
    draft d = draft_of(m, true);
    const char *of_trunk = "state_dict/s_init.weight";
    const char *other = "state_dict/structure_module.score_model.a_norm.weight";
    char trunk[4][65], all[4][65];
    digests_with(&d, of_trunk, 0, trunk[0], all[0]);
    digests_with(&d, of_trunk, 0, trunk[1], all[1]);
    digests_with(&d, of_trunk, 0.25f, trunk[2], all[2]);
    digests_with(&d, other, 0.25f, trunk[3], all[3]);
    ok(strlen(trunk[0]) == 64 && !strcmp(trunk[0], trunk[1]) && !strcmp(all[0], all[1]) && strcmp(trunk[0], all[0]),
       "equal files have equal digests");
    ok(strcmp(trunk[0], trunk[2]) && strcmp(all[0], all[2]), "another number in the trunk, other digests");
    ok(!strcmp(trunk[0], trunk[3]) && strcmp(all[0], all[3]), "elsewhere, the trunk's stays");
    clear(&d);
}

static void test_refused(const km_model *m)
{
    km_err err = {0};
    km_model *r;
    draft d = draft_of(m, true);
    int i = index_of(&d, "state_dict/structure_module.score_model.a_norm.bias");
    const char *name = d.tensors[i].name;
    d.tensors[i].name = "state_dict/confidence_module.bias";
    ok(open_draft(&d, NULL, 0, &r, &err) == KM_INPUT && strstr(err.msg, "'score_model.a_norm.bias' is missing"),
       "a missing parameter: %s", err.msg);
    d.tensors[i].name = name;
    d.tensors[d.n++] = (km_st_tensor){km_strdup("state_dict/score_model.more"), KM_F32, 1, {1}, "abcd", 4};
    ok(open_draft(&d, NULL, 0, &r, &err) == KM_INPUT && strstr(err.msg, "'score_model.more' has no place"),
       "a surplus one: %s", err.msg);
    free((char *)d.tensors[d.n - 1].name);
    d.tensors[d.n - 1].name = km_strdup("state_dict/confidence_module.more");
    ok(open_draft(&d, NULL, 0, &r, &err) == KM_OK, "of a module that is not run it is left alone: %s", err.msg);
    km_model_free(r);
    free((char *)d.tensors[d.n - 1].name);
    d.tensors[d.n - 1].name = km_strdup("state_dict/rel_pos_encoder.linear_layer.weight");
    ok(open_draft(&d, NULL, 0, &r, &err) == KM_INPUT && strstr(err.msg, "two tensors"), "one name for two: %s",
       err.msg);
    clear(&d);
    km_st_tensor other = {"state_dict/w", KM_F32, 1, {1}, "abcd", 4};
    draft o = {&other, 1};
    ok(open_draft(&o, NULL, 0, &r, &err) == KM_INPUT && strstr(err.msg, "neither a trunk nor"), "another model: %s",
       err.msg);
    ok(km_model_open("tests/data/torch/lower.ckpt", NULL, &r, &err) == KM_INPUT, "a hostile one: %s", err.msg);
}

static void test_strides(void)
{
    km_checkpoint *c;
    km_err err;
    void *scratch = NULL;
    if (!ok(km_checkpoint_open("tests/data/torch/views.ckpt", &c, &err) == KM_OK, "any checkpoint opens")) return;
    const km_st_tensor *t = km_checkpoint_find(c, "matrix");
    const float *x = km_checkpoint_data(c, (int)(t - c->tensors), &scratch);
    ok(!t->data && x == scratch && x[0] == 12 && x[1] == 16 && x[3] == 13, "a matrix in columns is copied");
    t = km_checkpoint_find(c, "extra/list/0");
    ok(t && km_checkpoint_data(c, (int)(t - c->tensors), &scratch) == t->data && *(const float *)t->data == 7,
       "what lies in place is not");
    static const char *const all[] = {"", NULL};
    const km_st_tensor *row = km_safetensors_find(km_checkpoint_file(c, all), "row");
    ok(row && ((const float *)row->data)[3] == 7 && km_checkpoint_file(c, all) == c->view, "as a file");
    ok(!km_checkpoint_meta(c, "config") && c->problem.code == KM_INPUT, "without a configuration");
    free(scratch);
    km_checkpoint_close(c);
}

int main(void)
{
    if (!mkdtemp(dir)) abort();
    path = km_asprintf("%s/x.ckpt", dir);
    km_model *made = tiny_model(1), *m = NULL; /* opened again, it has the digests of what was shaken */
    char *saved = km_asprintf("%s/x.safetensors", dir);
    km_err err;
    if (ok(made && km_model_save(made, NULL, saved, &err) == KM_OK && km_model_open(saved, NULL, &m, &err) == KM_OK,
           "a model")) {
        test_whole(m);
        test_shapes_decide(m);
        test_boltz(m);
    test_digests(m);
        test_refused(m);
    }
    test_strides();
    km_model_free(m);
    km_model_free(made);
    remove(saved);
    free(saved);
    remove(path);
    rmdir(dir);
    free(path);
    return tap_end();
}
