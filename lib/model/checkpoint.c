/* SPDX-License-Identifier: MIT
 * Contents: 1. names  2. metadata  3. opening  4. elements  5. digest */
#include "lib/model/checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/digest.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/model/checkpoint_config.h"
#include "lib/model/model.h"

/* -- 1. names */

static bool begins(const char *name, const char *prefix) { return strncmp(name, prefix, strlen(prefix)) == 0; }

static bool begins_with_one(const char *name, const char *const *prefixes)
{
    while (*prefixes && !begins(name, *prefixes)) prefixes++;
    return *prefixes != NULL;
}

/* Rules of PyTorch's names; the first that fits is the one. */
static char *import_name(const char *keys, bool foreign)
{
    static const char *const rules[][2] = {
        {"structure_module.score_model.", "score_model."}, {"rel_pos.", "rel_pos_encoder."}, {"", ""}};
    const char *name = begins(keys, "state_dict/") ? keys + 11 : begins(keys, "rest/") ? keys + 5 : keys;
    if (foreign && begins(keys, "model/")) {
        name = keys + 6;
        return km_strdup(begins(name, "module.") ? name + 7 : name);
    }
    if (strchr(name, '/')) return km_strdup(keys);
    int i = 0;
    while (!begins(name, rules[i][0])) i++;
    return km_asprintf("%s%s", rules[i][1], name + strlen(rules[i][0]));
}

char *km_checkpoint_export_name(const km_checkpoint *c, const char *name)
{
    static const char *const known[] = {"diffusion_conditioning.", "rel_pos_encoder.", "score_model.", NULL};
    if (strchr(name, '/')) return km_strdup(name);
    if (c->opt_family) return km_asprintf("model/%s", name);
    int i = 0;
    while (known[i] && !begins(name, known[i])) i++;
    return km_asprintf("%s/%s", known[i] ? "state_dict" : "rest", name);
}

/* -- 2. metadata */

static void add_meta(km_checkpoint *c, const char *key, const char *value)
{
    c->meta = km_realloc(c->meta, (size_t)(c->n_meta + 1) * sizeof *c->meta);
    c->meta[c->n_meta++] = (km_st_meta){km_strdup(key), km_strdup(value)};
}

static void take_safetensors_meta(km_checkpoint *c)
{
    for (int i = 0; i < km_safetensors_meta_count(c->safetensors); i++) {
        const char *key, *value;
        km_safetensors_meta_at(c->safetensors, i, &key, &value);
        add_meta(c, key, value);
    }
}

static void take_torch_meta(km_checkpoint *c)
{
    km_pickle *root = km_torch_root(c->torch), *own = km_pickle_find(root, KM_CHECKPOINT_META),
              *hyper = km_pickle_find(root, "hyper_parameters");
    for (size_t i = 0; own && own->kind == KM_PICKLE_DICT && i < own->n; i++) {
        const km_pickle *key = own->items[2 * i], *value = own->items[2 * i + 1];
        if (key->kind == KM_PICKLE_TEXT && value->kind == KM_PICKLE_TEXT && !km_checkpoint_meta(c, key->text))
            add_meta(c, key->text, value->text);
    }
    char *json = hyper ? km_pickle_json(hyper) : NULL;
    if (json && !km_checkpoint_meta(c, "hyper_parameters")) add_meta(c, "hyper_parameters", json);
    free(json);
}

/* The exponent of time in a file's name, as its authors write it; 0: it says none. */
static double beta_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *at = strstr(name, "beta");
    double beta = at ? strtod(at + 4, NULL) : 0;
    if (beta > 0 && beta <= 4) return beta;
    return strstr(name, "sqrt") ? 0.5 : 0;
}

/* What a checkpoint that has none of our metadata is configured as. */
static void make_config(km_checkpoint *c, const char *path)
{
    const char *hyper = km_checkpoint_meta(c, "hyper_parameters");
    const km_st_tensor *tensors = c->opt_family ? c->ours.tensors : c->tensors;
    char *config = NULL;
    if (c->problem.code || km_checkpoint_meta(c, "config") || !(c->torch || c->opt_family)) return;
    if (hyper && *hyper != '{') {
        c->problem.code = km_fail(&c->problem, KM_INPUT, "hyper_parameters: not a dictionary");
        return;
    }
    if (km_checkpoint_config(tensors, c->opt_family ? c->ours.n : c->n, hyper ? hyper : "{}", c->opt_family,
                             beta_of(path), &config, &c->problem) == KM_OK)
        add_meta(c, "config", config);
    free(config);
}

km_status km_checkpoint_set_beta(km_checkpoint *c, double beta, km_err *err)
{
    km_config config;
    km_sampling sampling;
    if (c->problem.code) return km_fail(err, KM_INPUT, "%s", c->problem.msg);
    for (int i = 0; i < c->n_meta; i++) {
        if (strcmp(c->meta[i].key, "config") != 0) continue;
        KM_TRY(km_config_parse(c->meta[i].value, &config, &sampling, err));
        if (config.beta > 0 && config.beta != beta)
            return km_fail(err, KM_USAGE, "--beta %g: these weights are known to have %g", beta, config.beta);
        config.beta = beta;
        free((char *)c->meta[i].value);
        c->meta[i].value = km_config_dump(&config, &sampling);
        return KM_OK;
    }
    return km_fail(err, KM_INPUT, "no configuration to put --beta into");
}

const char *km_checkpoint_meta(const km_checkpoint *c, const char *key)
{
    for (int i = 0; i < c->n_meta; i++)
        if (strcmp(c->meta[i].key, key) == 0) return c->meta[i].value;
    return NULL;
}

/* -- 3. opening */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const km_st_tensor *)a)->name, ((const km_st_tensor *)b)->name);
}

static void take_safetensors(km_checkpoint *c)
{
    c->n = km_safetensors_count(c->safetensors);
    c->tensors = KM_NEWN(km_st_tensor, c->n + 1);
    for (int i = 0; i < c->n; i++) c->tensors[i] = *km_safetensors_at(c->safetensors, i);
}

/* Is the dictionary `model` another family's? */
static bool is_foreign(const km_torch *t)
{
    for (int i = 0; i < km_torch_count(t); i++) {
        km_st_tensor one = {.name = km_torch_at(t, i)->name};
        if (!begins(one.name, "model/")) continue;
        one.name += begins(one.name + 6, "module.") ? 13 : 6;
        if (km_import_family(&one, 1)) return true;
    }
    return false;
}

/* Sources are sorted along with the tensors by way of `data`. */
static km_status take_torch(km_checkpoint *c, km_err *err)
{
    const bool foreign = is_foreign(c->torch);
    c->n = km_torch_count(c->torch);
    c->tensors = KM_NEWN(km_st_tensor, c->n + 1);
    c->sources = KM_NEWN(const km_torch_tensor *, c->n + 1);
    for (int i = 0; i < c->n; i++) {
        const km_torch_tensor *t = km_torch_at(c->torch, i);
        c->tensors[i] = (km_st_tensor){import_name(t->name, foreign), t->dtype, t->nd, {0}, t, t->bytes};
        memcpy(c->tensors[i].shape, t->shape, sizeof t->shape);
    }
    qsort(c->tensors, (size_t)c->n, sizeof *c->tensors, by_name);
    for (int i = 0; i < c->n; i++) {
        c->sources[i] = c->tensors[i].data;
        c->tensors[i].data = km_torch_in_place(c->sources[i]);
        if (i && strcmp(c->tensors[i - 1].name, c->tensors[i].name) == 0)
            return km_fail(err, KM_INPUT, "two tensors would have the name '%.100s'", c->tensors[i].name);
    }
    return KM_OK;
}

/* Parameters under our names, where they have others. */
static void take_ours(km_checkpoint *c)
{
    km_st_tensor *all = KM_NEWN(km_st_tensor, c->n + 1);
    int n = 0;
    c->opt_family = km_import_family(c->tensors, c->n);
    if (c->opt_family) c->copies = KM_NEWN(void *, c->n + 1);
    for (int i = 0; i < c->n && c->opt_family; i++) {
        if (km_import_left(c->opt_family->opt_names, c->tensors[i].name)) continue;
        all[n] = c->tensors[i];
        all[n++].data = km_checkpoint_data(c, i, &c->copies[i]);
    }
    if (c->opt_family) c->problem.code = km_import(c->opt_family->opt_names, all, n, &c->ours, &c->problem);
    free(all);
}

static km_status looks_like_torch(const char *path, bool *ret, km_err *err)
{
    FILE *f;
    uint8_t head[4];
    KM_TRY(km_input_open(path, &f, err));
    *ret = km_torch_is(head, fread(head, 1, sizeof head, f));
    km_input_close(f);
    return KM_OK;
}

km_status km_checkpoint_open(const char *path, km_checkpoint **ret, km_err *err)
{
    bool torch;
    *ret = NULL;
    KM_TRY(looks_like_torch(path, &torch, err));
    km_checkpoint *c = KM_NEW(km_checkpoint);
    km_status status = torch ? km_torch_open(path, &c->torch, err) : km_safetensors_open(path, &c->safetensors, err);
    if (status == KM_OK && torch && (status = take_torch(c, err)) < 0) km_fail_in(err, path);
    if (status < 0) {
        km_checkpoint_close(c);
        return status;
    }
    if (torch) {
        take_torch_meta(c);
    } else {
        take_safetensors(c);
        take_safetensors_meta(c);
    }
    take_ours(c);
    make_config(c, path);
    *ret = c;
    return KM_OK;
}

void km_checkpoint_close(km_checkpoint *c)
{
    if (!c) return;
    km_safetensors_close(c->view);
    km_imported_clear(&c->ours);
    for (int i = 0; i < c->n; i++) {
        if (c->torch) free((char *)c->tensors[i].name);
        if (c->copies) free(c->copies[i]);
    }
    for (int i = 0; i < c->n_meta; i++) {
        free((char *)c->meta[i].key);
        free((char *)c->meta[i].value);
    }
    free(c->copies);
    free(c->meta);
    free(c->sources);
    free(c->tensors);
    km_safetensors_close(c->safetensors);
    km_torch_close(c->torch);
    free(c);
}

/* -- 4. elements */

const km_st_tensor *km_checkpoint_find(const km_checkpoint *c, const char *name)
{
    km_st_tensor key = {.name = name};
    return bsearch(&key, c->tensors, (size_t)c->n, sizeof *c->tensors, by_name);
}

const void *km_checkpoint_data(const km_checkpoint *c, int i, void **scratch)
{
    const km_st_tensor *t = &c->tensors[i];
    if (t->data || t->bytes == 0) return t->data;
    *scratch = km_realloc(*scratch, t->bytes);
    km_torch_copy(c->sources[i], *scratch);
    return *scratch;
}

float *km_checkpoint_f32(const km_checkpoint *c, int i)
{
    km_st_tensor t = c->tensors[i];
    void *aligned = km_alloc(t.bytes), *scratch = NULL;
    float *x = km_alloc(t.bytes / km_dtype_size(t.dtype) * sizeof *x);
    if (t.bytes) memcpy(aligned, km_checkpoint_data(c, i, &scratch), t.bytes);
    t.data = aligned;
    km_st_to_f32(&t, x);
    free(scratch);
    free(aligned);
    return x;
}

km_safetensors *km_checkpoint_file(km_checkpoint *c, const char *const *prefixes)
{
    if (c->view) return c->view;
    if (c->opt_family) return c->view = km_safetensors_of(c->ours.tensors, c->ours.n, c->meta, c->n_meta);
    if (c->safetensors) return c->safetensors;
    km_st_tensor *chosen = KM_NEWN(km_st_tensor, c->n + 1);
    int n = 0;
    c->copies = KM_NEWN(void *, c->n + 1);
    for (int i = 0; i < c->n; i++) {
        if (!begins_with_one(c->tensors[i].name, prefixes)) continue;
        chosen[n] = c->tensors[i];
        chosen[n++].data = km_checkpoint_data(c, i, &c->copies[i]);
    }
    c->view = km_safetensors_of(chosen, n, c->meta, c->n_meta);
    free(chosen);
    return c->view;
}

/* -- 5. digest */

void km_checkpoint_digest(const km_checkpoint *c, const char *const *prefixes, const char *with, char out[65])
{
    km_digest *d = km_digest_new();
    for (int i = 0; i < c->n; i++) {
        const km_torch_tensor *t = c->sources[i];
        const char *name = c->tensors[i].name;
        if (!begins_with_one(name, prefixes)) continue;
        uint64_t crc = t->crc ? t->crc : crc32_z(0, t->storage, t->record_bytes);
        const int64_t facts[] = {t->dtype, t->nd, t->offset, (int64_t)t->record_bytes, (int64_t)crc};
        km_digest_add(d, name, strlen(name) + 1);
        km_digest_add(d, facts, sizeof facts);
        km_digest_add(d, t->shape, (size_t)t->nd * sizeof *t->shape);
        km_digest_add(d, t->stride, (size_t)t->nd * sizeof *t->stride);
    }
    km_digest_add(d, with, strlen(with));
    km_digest_end(d, out);
}
