/* SPDX-License-Identifier: MIT
 * Contents: 1. where a model lies  2. opening and making  3. saving */
#include "lib/model/model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/model/checkpoint.h"

/* -- 1. where a model lies */

static bool is_kind(const char *path, mode_t kind)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

/* The directory the running program lies in, or NULL. The caller frees it. */
static char *program_dir(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return NULL;
    path[n] = 0;
    char *slash = strrchr(path, '/');
    if (!slash) return NULL;
    *slash = 0;
    return km_strdup(path);
}

static char *if_file(char *path)
{
    if (path && is_kind(path, S_IFREG)) return path;
    free(path);
    return NULL;
}

/* An installed model, or one of the build tree that this program lies in: build/bin or build/VARIANT/bin. */
static char *find_named(const char *name)
{
    const char *data = getenv("KM_DATA");
    char *found = data && *data ? if_file(km_asprintf("%s/%s.safetensors", data, name)) : NULL;
    char *dir = program_dir();
    if (!found && dir) found = if_file(km_asprintf("%s/../share/kinematic/%s.safetensors", dir, name));
    static const char *const up[] = {"../..", "../../.."};
    for (int i = 0; !found && dir && i < 2; i++)
        found = if_file(km_asprintf("%s/%s/pipelines/%s/%s.safetensors", dir, up[i], name, name));
    free(dir);
    return found;
}

km_status km_model_find(const char *name, char **ret_path, km_err *err)
{
    if (is_kind(name, S_IFDIR)) {
        *ret_path = if_file(km_asprintf("%s/best.safetensors", name));
        return *ret_path ? KM_OK : km_fail(err, KM_INPUT, "%s: a directory without best.safetensors", name);
    }
    *ret_path = is_kind(name, S_IFREG) ? km_strdup(name) : strchr(name, '/') ? NULL : find_named(name);
    return *ret_path ? KM_OK : km_fail(err, KM_INPUT, "%s: no such model: neither a file nor installed", name);
}

/* -- 2. opening and making */

static const char *const trunk_prefixes[] = {
    "input_embedder.", "pairformer_module.", "rel_pos_encoder.", "s_init.", "z_init_1.", "z_init_2.", "s_norm.",
    "z_norm.",         "s_recycle.",         "z_recycle.",       "msa_module.",   "template_module.",
    "token_bonds",     "contact_conditioning.", NULL};
/* Whatever begins so must have a place; other names (confidence, distograms) are left alone. */
static const char *const strict_prefixes[] = {"input_embedder.",
                                              "pairformer_module.",
                                              "msa_module.",
                                              "template_module.",
                                              "contact_conditioning.",
                                              "token_bonds",
                                              "rel_pos_encoder.",
                                              "s_init.",
                                              "z_init_",
                                              "s_norm.",
                                              "z_norm.",
                                              "s_recycle.",
                                              "z_recycle.",
                                              "diffusion_conditioning.",
                                              "score_model.",
                                              NULL};

static void make_digests(km_model *m)
{
    char *config = km_config_dump(&m->config, NULL);
    km_params_digest(m->params, trunk_prefixes, config, m->trunk_digest);
    km_params_digest(m->params, NULL, config, m->digest);
    free(config);
}

static void take_digests(km_model *m)
{
    const char *trunk = km_safetensors_meta(m->file, "trunk_digest"), *all = km_safetensors_meta(m->file, "digest");
    if (trunk && all && strlen(trunk) == 64 && strlen(all) == 64) {
        memcpy(m->trunk_digest, trunk, 65);
        memcpy(m->digest, all, 65);
    } else if (m->weights->torch) { /* several GB, perhaps */
        const km_import_names *opt_names = m->weights->opt_family ? m->weights->opt_family->opt_names : NULL;
        km_config alone = m->config;
        if (opt_names) alone.beta = 1; /* it may be given later, and the trunk's results do not depend on it */
        char *config = km_config_dump(&m->config, NULL), *of_trunk = km_config_dump(&alone, NULL);
        km_checkpoint_digest(m->weights, opt_names ? opt_names->trunk : trunk_prefixes, of_trunk, m->trunk_digest);
        km_checkpoint_digest(m->weights, opt_names ? opt_names->run : strict_prefixes, config, m->digest);
        free(config);
        free(of_trunk);
    } else {
        make_digests(m);
    }
}

static char *original_name(const void *names, const char *ours) { return km_import_original(names, ours); }

static km_status open_file(km_model *m, km_err *err)
{
    KM_TRY(km_checkpoint_open(m->path, &m->weights, err));
    m->file = km_checkpoint_file(m->weights, strict_prefixes);
    const char *config = km_safetensors_meta(m->file, "config");
    if (m->weights->problem.code)
        return km_fail(err, KM_INPUT, "%.120s: %.120s", m->path, m->weights->problem.msg);
    if (!config)
        return km_fail(err, KM_INPUT, "%s: no configuration in the metadata: not weights of this program", m->path);
    if (km_config_parse(config, &m->config, &m->sampling, err) < 0) return km_fail_in(err, m->path);
    m->params = km_params_from_file(m->file);
    if (m->weights->opt_family) km_params_named(m->params, original_name, m->weights->opt_family->opt_names);
    if (m->config.temporal && !km_params_has(m->params, KM_CHECKPOINT_TEMPORAL))
        km_params_make_missing(m->params, "*.temporal_attn.* *.temporal_layers.*", 1, m->config.lambda_lo,
                               m->config.lambda_hi); /* Boltz-2's weights: all frames alone, until trained */
    if (km_params_has(m->params, "s_init.weight")) m->trunk = km_trunk_new(&m->config, m->params);
    if (km_params_has(m->params, "score_model.a_norm.weight")) m->diffusion = km_diffusion_new(&m->config, m->params);
    if (!m->trunk && !m->diffusion)
        return km_fail(err, KM_INPUT, "%s: neither a trunk nor a diffusion module", m->path);
    if (km_params_check(m->params, strict_prefixes, err) < 0) return km_fail_in(err, m->path);
    take_digests(m);
    return KM_OK;
}

km_status km_model_open(const char *name, const km_backend *opt_be, km_model **ret, km_err *err)
{
    char *path;
    *ret = NULL;
    KM_TRY(km_model_find(name, &path, err));
    km_model *m = KM_NEW(km_model);
    m->name = km_strdup(name);
    m->path = path;
    km_status status = open_file(m, err);
    if (status < 0) {
        km_model_free(m);
        return status;
    }
    if (opt_be) km_params_pack(m->params, opt_be);
    m->opt_be = opt_be;
    *ret = m;
    return KM_OK;
}

km_status km_model_make(const km_config *c, const km_sampling *s, uint64_t seed, km_model **ret, km_err *err)
{
    km_model *m = KM_NEW(km_model);
    m->config = *c;
    m->sampling = *s;
    m->name = km_strdup("new");
    m->path = km_strdup("");
    m->params = km_params_make(seed, c->lambda_lo, c->lambda_hi);
    m->trunk = km_trunk_new(c, m->params);
    m->diffusion = km_diffusion_new(c, m->params);
    km_status status = km_params_check(m->params, NULL, err);
    if (status < 0) {
        km_model_free(m);
        m = NULL;
    } else {
        make_digests(m);
    }
    *ret = m;
    return status;
}

void km_model_free(km_model *m)
{
    if (!m) return;
    km_trunk_free(m->trunk);
    km_diffusion_free(m->diffusion);
    km_params_free(m->params);
    km_checkpoint_close(m->weights);
    free(m->name);
    free(m->path);
    free(m);
}

km_ctx *km_model_ctx(const km_model *m, int threads)
{
    return m->opt_be ? km_ctx_new_on(m->opt_be, threads) : km_ctx_new(threads);
}

const char *km_model_remark(const km_model *m) { return m->file ? km_safetensors_meta(m->file, "remark") : NULL; }

/* -- 3. saving */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const km_st_tensor *)a)->name, ((const km_st_tensor *)b)->name);
}

static km_status write_all(const km_model *m, const char *path, km_err *err)
{
    int n = km_params_count(m->params);
    km_st_tensor *tensors = KM_NEWN(km_st_tensor, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        const km_tensor *t = km_params_at(m->params, i);
        tensors[i] = (km_st_tensor){km_params_name(m->params, i),       KM_F32, t->nd, {0}, t->data,
                                    (size_t)km_numel(t) * sizeof(float)};
        for (int d = 0; d < t->nd; d++) tensors[i].shape[d] = t->shape[d];
    }
    qsort(tensors, (size_t)n, sizeof *tensors, by_name);
    char *config = km_config_dump(&m->config, &m->sampling);
    km_st_meta meta[4] = {{"config", config}, {"digest", m->digest}, {"trunk_digest", m->trunk_digest}};
    int n_meta = 3;
    if (km_model_remark(m)) meta[n_meta++] = (km_st_meta){"remark", km_model_remark(m)};
    km_status status = km_safetensors_write(path, tensors, n, meta, n_meta, err);
    free(config);
    free(tensors);
    return status;
}

km_status km_model_save(const km_model *m, const float *opt_block, const char *path, km_err *err)
{
    km_model view = *m; /* its own digests: the values may have changed since it was opened */
    int n = km_params_count(m->params);
    float **kept = KM_NEWN(float *, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        km_tensor *t = km_params_at(m->params, i);
        kept[i] = t->data;
        if (opt_block) t->data = (float *)opt_block + t->param_offset; /* read only, and put back below */
    }
    make_digests(&view);
    km_status status = write_all(&view, path, err);
    for (int i = 0; i < n; i++) km_params_at(m->params, i)->data = kept[i];
    free(kept);
    return status;
}
