/* SPDX-License-Identifier: MIT
 * Models as files: configuration, saving, opening, what is refused; features of a system. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/model/model.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"

static char dir[] = "/tmp/km-model-XXXXXX";

static bool config_refused(const char *json, const char *text)
{
    km_config c;
    km_sampling s;
    km_err err = {0};
    bool good = km_config_parse(json, &c, &s, &err) == KM_INPUT && strstr(err.msg, text);
    if (!good) printf("# %s: %s\n", json, err.msg);
    return good;
}

static void test_presets(void)
{
    km_config c;
    km_sampling s, s2;
    km_err err = {0};
    const char *json =
        "{\"sampling\": {\"dt\": \"50ps\", \"steps\": 30, \"presets\": {\"equilibrium\": {}, \"unbinding\":"
        " {\"dt\": \"10ps\", \"causal\": true, \"churn\": {\"sigma_max\": 80}}}}}";
    ok(km_config_parse(json, &c, &s, &err) == KM_OK && !s.causal && s.dt == 50000,
       "presets stand beside the defaults: %s", err.msg);
    char *text = km_config_dump(&c, &s);
    ok(km_config_parse(text, &c, &s2, &err) == KM_OK && !strcmp(s.presets, s2.presets),
       "and are written and read again");
    free(text);
    ok(km_sampling_preset(&s, "equilibrium", &err) == KM_OK && s.dt == 50000 && !s.causal, "one that changes nothing");
    ok(km_sampling_preset(&s, "unbinding", &err) == KM_OK && s.dt == 10000 && s.causal && s.churn_sigma_max == 80 &&
           s.steps == 30,
       "one that changes what it names");
    ok(km_sampling_preset(&s, "folding", &err) == KM_USAGE && strstr(err.msg, "'folding'") &&
           strstr(err.msg, "equilibrium, unbinding"),
       "an unknown one: %s", err.msg);
    *s.presets = 0;
    ok(km_sampling_preset(&s, "unbinding", &err) == KM_USAGE && strstr(err.msg, "none"), "where there are none: %s",
       err.msg);
    ok(config_refused("{\"sampling\": {\"presets\": {\"x\": {\"stepz\": 3}}}}", "'stepz'") &&
           config_refused("{\"sampling\": {\"presets\": {\"x\": {\"steps\": 0}}}}", "'steps'") &&
           config_refused("{\"sampling\": {\"presets\": {\"x\": {\"presets\": {}}}}}", "'x'") &&
           config_refused("{\"sampling\": {\"presets\": {\"X y\": {}}}}", "'X y'") &&
           config_refused("{\"sampling\": {\"presets\": 3}}", "'presets' must be an object"),
       "bad ones are refused");
    char *many = km_strdup("{\"sampling\": {\"presets\": {\"a\": {}");
    for (int i = 0; i < 300; i++) {
        char *more = km_asprintf("%s, \"name-%d\": {}", many, i);
        free(many);
        many = more;
    }
    text = km_asprintf("%s}}}", many);
    ok(config_refused(text, "longer than"), "too many are refused");
    free(many), free(text);
}

static void test_config(void)
{
    km_config c, c2;
    km_sampling s, s2;
    km_err err = {0};
    memset(&c, 0, sizeof c), memset(&s, 0, sizeof s), memset(&c2, 0, sizeof c2), memset(&s2, 0, sizeof s2);
    ok(km_config_parse("{}", &c, &s, &err) == KM_OK && c.token_s == 384 && c.token_heads == 16 && c.temporal &&
           s.steps == 20 && strcmp(s.sampler, "af3") == 0,
       "without keys: the published model");
    ok(km_config_parse(
           "{\"model\": {\"token_s\": 24, \"embedder_args\": {\"atom_encoder_heads\": 2}, \"causal\": true},"
           " \"sampling\": {\"churn\": {\"sigma_max\": 80}, \"sampler\": \"karras\", \"dt\": \"2500ps\", \"max_dt\": "
           "\"9007199254740991fs\"}}",
           &c, &s, &err) == KM_OK &&
           c.token_s == 24 && c.embedder_heads == 2 && c.causal && s.churn_sigma_max == 80 && s.dt == 2500000 &&
           s.max_dt == 9007199254740991,
       "keys are read");
    char *text = km_config_dump(&c, &s), *again = NULL;
    ok(km_config_parse(text, &c2, &s2, &err) == KM_OK && strcmp(text, again = km_config_dump(&c2, &s2)) == 0,
       "written and read again");
    free(text);
    free(again);
    test_presets();
    ok(config_refused("{\"model\": {\"tokens\": 3}}", "unknown key 'tokens'"), "unknown key");
    ok(config_refused("{\"modle\": {}}", "unknown key 'modle'"), "unknown section");
    ok(config_refused("{\"model\": {\"embedder_args\": {\"depth\": 3}}}", "unknown key 'embedder_args.depth'"),
       "unknown key below");
    ok(config_refused("{\"model\": {\"embedder_args\": 3}}", "must be an object"), "a number for an object");
    ok(config_refused("{\"model\": {\"token_s\": \"x\"}}", "'token_s' must be a whole number"), "a word for a number");
    ok(config_refused("{\"model\": {\"causal\": 1}}", "true or false"), "a number for a switch");
    ok(config_refused("{\"model\": {\"token_s\": -4}}", "outside"), "a negative width");
    ok(config_refused("{\"model\": {\"token_s\": 1e9}}", "whole number") &&
           config_refused("{\"model\": {\"token_s\": 999999999}}", "outside"),
       "a huge width");
    ok(config_refused("{\"model\": {\"token_s\": 25}}", "divide"), "heads that do not divide");
    ok(config_refused("{\"model\": {\"atom_feature_dim\": 128}}", "388"), "other atom features");
    ok(config_refused("{\"sampling\": {\"sampler\": 3}}", "a word") &&
           config_refused("{\"sampling\": {\"steps\": 0}}", "outside"),
       "sampling out of range");
    ok(config_refused("{\"sampling\": {\"dt\": 5}}", "'dt' must be a time") &&
           config_refused("{\"sampling\": {\"dt\": \"5 parsec\"}}", "dt: "),
       "times need a unit");
    ok(config_refused("[]", "not an object") && config_refused("{\"model\":", "line 1") &&
           config_refused("{\"model\": {\"a\": 1, \"a\": 1}}", "line"),
       "not the JSON it should be");
}

static void test_round_trip(void)
{
    km_model *m = tiny_model(1), *back = NULL, *named = NULL;
    km_err err = {0};
    char *path = km_asprintf("%s/best.safetensors", dir);
    ok(km_model_save(m, NULL, path, &err) == KM_OK, "saved");
    ok(km_model_open(path, NULL, &back, &err) == KM_OK && back->trunk && back->diffusion, "opened: %s", err.msg);
    char digest[65] = "";
    if (back) memcpy(digest, back->digest, 65);
    bool equal = back && km_params_count(back->params) == km_params_count(m->params);
    for (int i = 0; equal && i < km_params_count(m->params); i++) {
        const km_tensor *a = km_params_at(m->params, i), *b = km_params_at(back->params, i);
        equal = memcmp(a->data, b->data, (size_t)km_numel(a) * sizeof(float)) == 0;
    }
    ok(equal, "the same parameters in the same order");
    km_model_free(back);
    ok(km_model_open(dir, NULL, &back, &err) == KM_OK && strcmp(back->digest, digest) == 0,
       "a directory means its best.safetensors");
    km_model_free(back);
    char *alias = km_asprintf("%s/small.safetensors", dir);
    ok(link(path, alias) == 0 && setenv("KM_DATA", dir, 1) == 0 && km_model_open("small", NULL, &named, &err) == KM_OK,
       "by name in KM_DATA");
    ok(named && strcmp(named->path, alias) == 0 && strcmp(named->digest, digest) == 0, "it knows its path and digest");
    km_model_free(named);
    km_params_train(m->params, "score_model.*");
    float *block = KM_NEWN(float, (size_t)km_params_size(m->params));
    memcpy(block, km_params_block(m->params), (size_t)km_params_size(m->params) * sizeof(float));
    int last = km_params_count(m->params) - 1; /* the decoder's: not of the trunk */
    block[km_params_at(m->params, last)->param_offset] += 1;
    ok(km_model_save(m, block, path, &err) == KM_OK && km_model_open(path, NULL, &back, &err) == KM_OK,
       "saved with other values");
    ok(back && strcmp(back->digest, digest) != 0 &&
           km_params_at(back->params, last)->data[0] == block[km_params_at(m->params, last)->param_offset],
       "they are in the file, and the digest shows it");
    km_model_free(back);
    free(block);
    km_model_free(m);
    unlink(path), unlink(alias);
    free(path), free(alias);
}

static bool open_refused(const char *path, const char *text)
{
    km_model *m = NULL;
    km_err err = {0};
    bool good = km_model_open(path, NULL, &m, &err) == KM_INPUT && !m && strstr(err.msg, text);
    if (!good) printf("# %s\n", err.msg);
    km_model_free(m);
    return good;
}

static void write_with(const char *path, const km_model *m, int drop, const char *add, const char *config)
{
    km_st_tensor t[512];
    int n = 0;
    km_err err = {0};
    for (int i = 0; i < km_params_count(m->params) && n < 510; i++) {
        const km_tensor *p = km_params_at(m->params, i);
        if (i == drop) continue;
        t[n] = (km_st_tensor){km_params_name(m->params, i),       KM_F32, p->nd, {0}, p->data,
                              (size_t)km_numel(p) * sizeof(float)};
        for (int d = 0; d < p->nd; d++) t[n].shape[d] = p->shape[d];
        n++;
    }
    if (add) t[n++] = (km_st_tensor){add, KM_F32, 1, {1}, km_params_at(m->params, 0)->data, sizeof(float)};
    km_st_meta meta = {"config", config};
    if (km_safetensors_write(path, t, n, config ? &meta : NULL, config != NULL, &err) < 0) printf("# %s\n", err.msg);
}

static void test_refusals(void)
{
    km_model *m = tiny_model(1);
    char *path = km_asprintf("%s/bad.safetensors", dir), *config = km_config_dump(&m->config, &m->sampling);
    ok(open_refused("no-such-model", "no such model") && open_refused("/no/such/file", "no such model"),
       "no such model");
    ok(open_refused(dir, "without best.safetensors"), "a directory of something else");
    write_with(path, m, -1, NULL, NULL);
    ok(open_refused(path, "no configuration"), "without a configuration");
    write_with(path, m, -1, NULL, "{\"model\": {\"token_s\": 0}}");
    ok(open_refused(path, "bad.safetensors") && open_refused(path, "token_s"), "with a bad one, named");
    write_with(path, m, 20, NULL, config);
    ok(open_refused(path, km_params_name(m->params, 20)), "a missing parameter is named");
    write_with(path, m, -1, "score_model.extra.weight", config);
    ok(open_refused(path, "score_model.extra.weight"), "one too many is named");
    write_with(path, m, -1, "msa_module.x", config);
    ok(open_refused(path, "msa_module.x"), "weights of a module that is not here are refused");
    write_with(path, m, -1, "confidence_module.x", config);
    km_model *open = NULL;
    km_err err;
    ok(km_model_open(path, NULL, &open, &err) == KM_OK, "modules that nobody runs are left alone");
    km_model_free(open);
    write_with(path, m, -1, NULL, "{}");
    ok(open_refused(path, "has shape"), "a configuration of another model");
    unlink(path);
    free(path), free(config);
    km_model_free(m);
}

static void test_features(void)
{
    km_atom atoms[3] = {{.name = "N", .element = 7, .charge = 1, .token = 0, .ref_pos = {1, 2, 3}, .ref_space_uid = 4},
                        {.name = "CA", .element = 6, .token = 0},
                        {.name = "HO5'", .element = 1, .token = 1, .ref_space_uid = 5}};
    km_token tokens[2] = {{.res_type = 2, .residue_index = 5, .mol_type = 0},
                          {.res_type = 22, .asym_id = 1, .token_index = 1, .mol_type = 3, .modified = 1}};
    km_system s = {.n_atoms = 3, .n_tokens = 2, .atoms = atoms, .tokens = tokens, .method = 1};
    km_features *f = km_features_of(km_family_at(0), &s, NULL, NULL);
    ok(f->A == 3 && f->N == 2 && f->atom_mask[2] == 1 && f->token_mask[1] == 1 && f->atom_token[2] == 1,
       "sizes, masks, tokens");
    ok(f->ref_name[0] == 'N' - 32 && f->ref_name[1] == 0 && f->ref_name[5] == 'A' - 32 && f->ref_name[11] == '\'' - 32,
       "names as classes");
    ok(f->ref_element[1] == 6 && f->ref_charge[0] == 1 && f->ref_pos[2] == 3 && f->ref_space_uid[0] == 4, "atoms");
    ok(f->res_type[1] == 22 && f->mol_type[1] == 3 && f->modified[1] == 1 && f->asym_id[1] == 1 &&
           f->token_index[1] == 1 && f->residue_index[0] == 5 && f->method[1] == 1,
       "tokens");
    float sum = 0;
    for (int i = 0; i < 66; i++) sum += f->profile[i];
    ok(sum == 2 && f->profile[2] == 1 && f->profile[33 + 22] == 1 && f->deletion_mean[0] == 0,
       "the profile is the sequence");
    ok(f->S == 1 && f->msa[0] == 2 && f->msa[1] == 22 && f->msa_mask[1] == 1 && f->msa_paired[0] == 1 &&
           f->has_deletion[0] == 0 && f->deletion_value[1] == 0,
       "and the alignment's only row");
    ok(!f->token_bonds && !f->type_bonds && !f->contact_conditioning && f->n_templates == 0, "nothing else is there");
    km_features_free(f);
}

/* Six residues in a ring, the third modified, each of two atoms; beside them a ligand of two atoms. */
static void test_token_bonds(void)
{
    enum { RING = 6, N = RING + 2 };
    km_atom atoms[2 * N] = {0};
    km_token tokens[N] = {0};
    for (int n = 0; n < N; n++) {
        bool ligand = n >= RING;
        atoms[2 * n].token = atoms[2 * n + 1].token = n;
        tokens[n] = (km_token){.residue = ligand ? RING : n,
                               .residue_index = ligand ? 0 : n,
                               .asym_id = ligand,
                               .modified = n == 2,
                               .mol_type = ligand ? KM_NONPOLYMER : KM_PROTEIN,
                               .cyclic_period = ligand ? 0 : RING};
    }
    km_bond bonds[] = {{0, 1, KM_BOND_SINGLE}, {0, 11, KM_BOND_SINGLE},    {1, 2, KM_BOND_SINGLE},
                       {3, 7, KM_BOND_SINGLE}, {3, 8, KM_BOND_COVALENT},   {4, 5, KM_BOND_AROMATIC},
                       {4, 5, KM_BOND_DOUBLE}, {10, 12, KM_BOND_COVALENT}, {12, 14, KM_BOND_AROMATIC}};
    km_system s = {.n_atoms = 2 * N, .n_tokens = N, .atoms = atoms, .tokens = tokens, .bonds = bonds,
                   .n_bonds = sizeof bonds / sizeof *bonds};
    static const int want[][3] = {{1, 4, KM_BOND_COVALENT}, {2, 2, KM_BOND_DOUBLE}, {5, 6, KM_BOND_COVALENT},
                                  {6, 7, KM_BOND_AROMATIC}};
    km_features *f = km_features_of(km_family_at(0), &s, NULL, NULL);
    int expected[N][N] = {0}, wrong = 0;
    for (int i = 0; i < 4; i++) expected[want[i][0]][want[i][1]] = expected[want[i][1]][want[i][0]] = want[i][2];
    for (int i = 0; i < N * N; i++) {
        wrong += f->type_bonds[i] != expected[i / N][i % N];
        wrong += f->token_bonds[i] != (expected[i / N][i % N] != 0);
    }
    ok(wrong == 0,
       "links, ligands, of modified residues the last bond; no disulfides, no neighbours of a polymer or ring");
    km_features_free(f);
}

static void test_alignment(void)
{
    km_atom atom = {.token = 0};
    km_token token = {.res_type = 2};
    km_system s = {.n_atoms = 1, .n_tokens = 1, .atoms = &atom, .tokens = &token};
    km_msa *m = km_msa_new(2, 1);
    km_templates *t = km_templates_new(3, 1);
    m->residues[0] = 2, m->residues[1] = 7, m->paired[0] = 1, m->deletions[1] = 3;
    m->profile[7] = 0.5f, m->deletion_mean[0] = 0.25f;
    km_features *f = km_features_of(km_family_at(0), &s, m, t);
    ok(f->S == 2 && f->msa[1] == 7 && f->msa_paired[0] == 1 && f->msa_paired[1] == 0 && f->msa_mask[1] == 1, "rows");
    ok(f->has_deletion[0] == 0 && f->has_deletion[1] == 1 && f->deletion_value[0] == 0 &&
           fabs(f->deletion_value[1] - 3.14159265 * 3.14159265 / 8) < 1e-6,
       "deletions are pi/2 arctan(count / 3)");
    ok(f->profile[7] == 0.5f && f->profile[2] == 0 && f->deletion_mean[0] == 0.25f, "the alignment's own profile");
    ok(f->n_templates == 3 && f->template_cb == t->cb && f->visibility_ids == t->visibility_ids, "templates in place");
    km_features_free(f);
    km_msa_free(m);
    km_templates_free(t);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    test_config();
    test_round_trip();
    test_refusals();
    test_features();
    test_token_bonds();
    test_alignment();
    rmdir(dir);
    return tap_end();
}
