/* SPDX-License-Identifier: MIT */
#include "tools/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/trunk_h5.h"
#include "lib/nn/rows.h"
#include "lib/sample/footprint.h"

static bool given(const char *s) { return s && *s; }

/* The newest record of a program that made frames: its path when that file is still there, else its name. */
static const char *of_provenance(const km_system *s)
{
    for (int i = s->n_provenance; i-- > 0;) {
        const km_provenance *p = &s->provenance[i];
        if (strcmp(p->program, "km-forecast") && strcmp(p->program, "km-interp")) continue;
        if (given(p->weights_path) && access(p->weights_path, R_OK) == 0) return p->weights_path;
        if (given(p->weights_name)) return p->weights_name;
    }
    return NULL;
}

static const char *of_trunk(const km_trunk_result *t)
{
    if (!t) return NULL;
    if (given(t->weights_path) && access(t->weights_path, R_OK) == 0) return t->weights_path;
    return given(t->weights_name) ? t->weights_name : NULL;
}

km_status km_weights_choose(km_filter *f, const char *opt_name, km_model **ret, km_err *err)
{
    const char *name = opt_name, *remark;
    if (!name) name = of_provenance(f->system);
    if (!name) name = of_trunk(f->trunk);
    if (!name && given(getenv("KM_WEIGHTS"))) name = getenv("KM_WEIGHTS");
    bool fallback = !name;
    KM_TRY(km_model_open(fallback ? "mini" : name, f->cli->opt_backend ? f->cli->opt_backend : km_backend_cpu(NULL),
                         ret, err));
    km_model *m = *ret;
    remark = km_model_remark(m);
    if (fallback) km_cli_say(f->cli, "no weights named: using mini%s%s", remark ? ", " : "", remark ? remark : "");
    const km_family *of = km_family_of(f->system);
    if (f->system->n_tokens && of != m->config.family) {
        km_fail(err, KM_INPUT, "the stream has features of %.15s, the weights %.100s are of the family %s",
                of ? of->name : f->system->family, m->name, m->config.family->name);
        km_model_free(m);
        *ret = NULL;
        return KM_INPUT;
    }
    if (f->trunk && given(f->trunk->trunk_digest) && strcmp(f->trunk->trunk_digest, m->trunk_digest)) {
        km_fail(err, KM_INPUT, "the stream's trunk (digest %.12s) does not belong to the weights %.80s (%.12s)",
                f->trunk->trunk_digest, m->name, m->trunk_digest);
        km_model_free(m);
        *ret = NULL;
        return KM_INPUT;
    }
    f->record.weights_name = m->name, f->record.weights_path = m->path;
    f->record.weights_digest = m->digest, f->record.trunk_digest = m->trunk_digest;
    return KM_OK;
}

static void set_text(char **to, const char *text)
{
    free(*to);
    *to = km_strdup(text ? text : "");
}

/* False: a number of it is not finite. */
static bool take_tensor(km_ctx *cx, float *to, const km_tensor *t)
{
    km_dim n = km_numel(t), at = 0;
    memcpy(to, km_read(cx, t), (size_t)n * sizeof *to);
    while (at < n && isfinite(to[at])) at++;
    return at == n;
}

static bool take(km_ctx *cx, km_trunk_result *r, const km_trunk_out *t)
{
    bool sound = take_tensor(cx, r->s_inputs, t->s_inputs);
    sound = take_tensor(cx, r->s, t->s) && sound;
    return take_tensor(cx, r->z, t->z) && sound;
}

/* Say how and by which weights it was made. */
static void sign(km_trunk_result *r, const km_model *m, int recycles)
{
    r->recycles = recycles;
    set_text(&r->weights_name, m->name), set_text(&r->weights_path, m->path);
    set_text(&r->weights_digest, m->digest), set_text(&r->trunk_digest, m->trunk_digest);
}

/* How often to halve the rows that are taken at a time, for the run to fit into the memory that it may take. */
static km_status fit(const km_filter *f, const km_model *m, const km_features *features, int recycles, int64_t memory,
                     int *ret_halvings, km_err *err)
{
    const int most = 10 + (km_footprint_code(m) == KM_DEVICE ? KM_NN_WIDER : 0);
    int64_t allowed = km_footprint_room(m, memory);
    double bytes = 0;
    for (int h = 0; h <= most; h += 2) {
        bytes = km_footprint_trunk(m, features, recycles, f->cli->threads, h);
        *ret_halvings = h;
        if (bytes <= (double)allowed) return KM_OK;
    }
    km_status code = km_footprint_code(m);
    return km_fail(err, code,
                   "the trunk of %lld tokens and %lld rows needs %.1f MB of memory and %.1f MB may be taken: "
                   "%s or a smaller --msa-depth take less",
                   (long long)features->N, (long long)features->S, bytes * 1e-6, (double)allowed * 1e-6,
                   code == KM_DEVICE ? "--device cpu" : "fewer --threads");
}

static km_status compute(const km_filter *f, const km_model *m, const km_features *features, int recycles,
                         int64_t memory, km_trunk_result **ret, km_err *err)
{
    int halvings;
    KM_TRY(fit(f, m, features, recycles, memory, &halvings, err));
    km_ctx *cx = km_model_ctx(m, f->cli->threads);
    cx->halvings = halvings;
    km_trunk_out out = km_trunk_run(cx, m->trunk, features, recycles);
    *ret = km_trunk_result_new((int32_t)features->N, m->config.inputs_s, m->config.token_s, m->config.token_z);
    bool sound = take(cx, *ret, &out);
    km_ctx_free(cx);
    if (sound) return KM_OK;
    km_trunk_result_free(*ret);
    *ret = NULL;
    return km_fail(err, KM_INPUT, "the trunk of the weights %.150s gives numbers that are not finite", m->name);
}

/* From the folder, or computed and added to it. What is damaged there is computed again. */
static km_status cached(const km_filter *f, const km_model *m, const km_features *features, int recycles,
                        const km_trunk_choice *choice, km_trunk_result **ret, km_err *err)
{
    const char *folder = choice->cache;
    char key[65], input[65];
    km_trunk_key(m, features, recycles, key, input);
    km_status got = km_trunk_h5_read(folder, key, (int32_t)features->N, ret, err);
    if (got == 1 && ((*ret)->inputs_s != m->config.inputs_s || (*ret)->token_s != m->config.token_s ||
                     (*ret)->token_z != m->config.token_z)) {
        km_trunk_result_free(*ret);
        got = km_fail(err, KM_INPUT, "%.120s/%s.h5: of another model", folder, key);
    }
    if (got == 1) return KM_OK;
    if (got < 0 && got != KM_INPUT) return got;
    if (got == KM_INPUT) km_cli_say(f->cli, "%s: computed again", err->msg);
    KM_TRY(compute(f, m, features, recycles, choice->memory, ret, err));
    km_trunk_h5_round(*ret);
    sign(*ret, m, recycles);
    got = km_trunk_h5_write(folder, key, input, *ret, err);
    if (got < 0) km_trunk_result_free(*ret);
    return got;
}

km_status km_weights_run_trunk(km_filter *f, const km_model *m, const km_trunk_choice *choice, km_err *err)
{
    if (!m->trunk) return km_fail(err, KM_INPUT, "the weights %.100s hold no trunk", m->name);
    if (f->system->n_tokens == 0) return km_fail(err, KM_INPUT, "the system has no tokens: make it with km-tokenize");
    if (!f->msa && m->config.msa_blocks)
        km_cli_say(f->cli, "%s: no alignment: the trunk sees the sequence alone", f->system->name);
    int recycles = choice->recycles < 0 ? m->config.recycles : choice->recycles;
    int32_t depth = choice->msa_depth ? choice->msa_depth : m->config.family->drawn_rows, draws = 1;
    km_msa *msa = f->msa ? km_chem_msa_draw(f->msa, depth, f->cli->seed, 0, &draws) : NULL;
    km_features *features = km_features_of(m->config.family, f->system, msa, f->templates);
    km_features_set_draws(features, draws);
    km_trunk_result *r = NULL;
    km_status status = KM_OK;
    if (choice->cache) status = cached(f, m, features, recycles, choice, &r, err);
    else status = compute(f, m, features, recycles, choice->memory, &r, err);
    km_features_free(features);
    km_msa_free(msa);
    if (status < 0) return status;
    sign(r, m, recycles);
    km_trunk_result_free(f->trunk);
    f->trunk = r;
    return KM_OK;
}
