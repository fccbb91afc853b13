/* SPDX-License-Identifier: MIT */
#include "lib/train/config.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "formats/yaml.h"

typedef enum kind { INT, INT64, REAL, BOOL_WORD, TIME, TEXT } kind;

/* One key, as man/km-train-config.5 describes it: where it lies in the struct, its limits, its default as the YAML
 * would say it; for BOOL_WORD the word that means true and the one that means false. */
typedef struct key {
    const char *name;
    kind kind;
    size_t offset;
    double min, max;
    const char *value, *yes, *no;
} key;

#define AT(field) offsetof(km_train_config, field)

static const key keys[] = {
    {"seed", INT64, AT(seed), 0, 9e15, "1", 0, 0},
    {"threads", INT, AT(threads), 0, 1024, "0", 0, 0},
    {"max_steps", INT, AT(max_steps), 1, 1e9, "100000", 0, 0},
    {"checkpoint_every", INT, AT(checkpoint_every), 1, 1e9, "500", 0, 0},
    {"validate_every", INT, AT(validate_every), 1, 1e9, "500", 0, 0},
    {"validation_windows", INT, AT(validation_windows), 0, 1e6, "64", 0, 0},
    {"validation_samples", INT, AT(validation_samples), 0, 1e6, "8", 0, 0},
    {"overfit", INT, AT(overfit), 0, 1e6, "0", 0, 0},
    {"log_every", INT, AT(log_every), 1, 1e9, "10", 0, 0},
    {"read_ahead", INT, AT(read_ahead), 1, 1000, "2", 0, 0},
    {"spike", REAL, AT(spike), 0, 1e9, "0", 0, 0},
    {"max_skipped", INT, AT(max_skipped), 1, 1e9, "50", 0, 0},
    {"patience", INT, AT(patience), 0, 1e9, "0", 0, 0},
    {"batch", INT, AT(batch), 1, 65536, "32", 0, 0},
    {"windows", INT, AT(windows), 1, 1024, "1", 0, 0},
    {"shards", INT, AT(shards), 1, 1024, "2", 0, 0},
    {"frames.min", INT, AT(frames_min), 2, 1000, "20", 0, 0},
    {"frames.max", INT, AT(frames_max), 2, 1000, "50", 0, 0},
    {"frames.to_200", INT, AT(frames_200), 0, 1000, "0", 0, 0},
    {"frames.to_500", INT, AT(frames_500), 0, 1000, "0", 0, 0},
    {"frames.beyond", INT, AT(frames_beyond), 0, 1000, "0", 0, 0},
    {"crop.tokens", INT, AT(crop_tokens), 0, 1e6, "0", 0, 0},
    {"crop.spatial", REAL, AT(crop_spatial), 0, 1, "0.5", 0, 0},
    {"optimizer", BOOL_WORD, AT(muon), 0, 0, "adam", "muon", "adam"},
    {"lr", REAL, AT(lr), 0, 1, "1e-4", 0, 0},
    {"lr_final", REAL, AT(lr_final), 0, 1, "1", 0, 0},
    {"warmup", INT, AT(warmup), 0, 1e9, "200", 0, 0},
    {"beta1", REAL, AT(beta1), 0, 1, "0.9", 0, 0},
    {"beta2", REAL, AT(beta2), 0, 1, "0.95", 0, 0},
    {"eps", REAL, AT(eps), 0, 1, "1e-8", 0, 0},
    {"weight_decay", REAL, AT(weight_decay), 0, 1, "0", 0, 0},
    {"max_grad_norm", REAL, AT(max_grad_norm), 0, 1e9, "10", 0, 0},
    {"ema", REAL, AT(ema), 0, 1, "0.999", 0, 0},
    {"noise.mean", REAL, AT(p_mean), -20, 20, "-1.2", 0, 0},
    {"noise.std", REAL, AT(p_std), 0, 20, "1.5", 0, 0},
    {"noise.shared", REAL, AT(shared_level), 0, 1, "0", 0, 0},
    {"noise.history", REAL, AT(history_noise), 0, 10, "0", 0, 0},
    {"noise.history_share", REAL, AT(history_noise_share), 0, 1, "0.5", 0, 0},
    {"task.interpolate", REAL, AT(interpolate), 0, 1, "0.5", 0, 0},
    {"task.history", REAL, AT(history), 0, 1, "0.5", 0, 0},
    {"task.free", REAL, AT(free), 0, 1, "0", 0, 0},
    {"task.reverse", REAL, AT(reverse), 0, 1, "0", 0, 0},
    {"translation", REAL, AT(translation), 0, 1000, "1", 0, 0},
    {"spacing.forecast.min", TIME, AT(forecast_dt_min), 0, 0, "100ps", 0, 0},
    {"spacing.forecast.max", TIME, AT(forecast_dt_max), 0, 0, "10ns", 0, 0},
    {"spacing.interpolate.min", TIME, AT(interpolate_dt_min), 0, 0, "100ps", 0, 0},
    {"spacing.interpolate.max", TIME, AT(interpolate_dt_max), 0, 0, "1ns", 0, 0},
    {"trunk.msa_depth", INT, AT(msa_depth), 1, 65536, "1024", 0, 0},
    {"trunk.msa_seed", INT64, AT(msa_seed), 1, 9e15, "1", 0, 0},
    {"trunk.recycles", INT, AT(trunk_recycles), -1, 100, "-1", 0, 0},
    {"spacing.usual", REAL, AT(usual), 0, 1, "0.1", 0, 0},
    {"loss.bond", REAL, AT(alpha_bond), 0, 1e6, "1", 0, 0},
    {"loss.lddt", REAL, AT(alpha_lddt), 0, 1e6, "1", 0, 0},
    {"loss.flex", REAL, AT(beta_flex), 0, 1e6, "1", 0, 0},
    {"loss.flex_abs", REAL, AT(beta_abs), 0, 1e6, "1", 0, 0},
    {"loss.flex_global", REAL, AT(beta_rel_g), 0, 1e6, "4", 0, 0},
    {"loss.flex_local", REAL, AT(beta_rel_l), 0, 1e6, "4", 0, 0},
    {"loss.center", REAL, AT(beta_center), 0, 1e6, "1", 0, 0},
    {"loss.ensemble", REAL, AT(ensemble), 0, 1e6, "1", 0, 0},
    {"loss.velocity", REAL, AT(velocity), 0, 1e6, "0", 0, 0},
    {"loss.autocorrelation", REAL, AT(autocorrelation), 0, 1e6, "0", 0, 0},
    {"loss.autocorrelation_lags", INT, AT(autocorrelation_lags), 1, 1000, "5", 0, 0},
    {"loss.tica", REAL, AT(tica), 0, 1e6, "0", 0, 0},
    {"loss.tica_path", REAL, AT(tica_path), 0, 1e6, "0.5", 0, 0},
    {"loss.tica_shares", REAL, AT(tica_shares), 0, 1e6, "1", 0, 0},
    {"loss.tica_memory", REAL, AT(tica_memory), 0, 1e6, "0", 0, 0},
    {"tica.lag", TIME, AT(tica_lag), 0, 0, "10ns", 0, 0},
    {"tica.components", INT, AT(tica_components), 1, 100, "5", 0, 0},
    {"tica.states", INT, AT(tica_states), 2, 1000, "10", 0, 0},
    {"loss.weight.protein", REAL, AT(weight_protein), 0, 1e6, "1", 0, 0},
    {"loss.weight.dna", REAL, AT(weight_dna), 0, 1e6, "5", 0, 0},
    {"loss.weight.rna", REAL, AT(weight_rna), 0, 1e6, "5", 0, 0},
    {"loss.weight.ligand", REAL, AT(weight_ligand), 0, 1e6, "10", 0, 0},
    {"losses", BOOL_WORD, AT(biokinema), 0, 0, "kinematic", "biokinema", "kinematic"},
    {"loss.ligand_bond", REAL, AT(alpha_ligand_bond), 0, 1e6, "0", 0, 0},
    {"flex", BOOL_WORD, AT(flex_seed), 0, 0, "seed", "seed", "python"},
    {"bond_loss", BOOL_WORD, AT(bond_all), 0, 0, "polymer_ligand", "all", "polymer_ligand"},
    {"mode", BOOL_WORD, AT(unbinding), 0, 0, "equilibrium", "unbinding", "equilibrium"},
    {"temporal", BOOL_WORD, AT(causal), 0, 0, "as_trained", "causal", "as_trained"},
    {"train", TEXT, AT(train), 0, 0, "*", 0, 0},
    {"validation_share", REAL, AT(validation_share), 0, 1, "0.05", 0, 0},
};
enum { N_KEYS = sizeof keys / sizeof keys[0] };

static const key *find_key(const char *name)
{
    for (int i = 0; i < N_KEYS; i++)
        if (!strcmp(keys[i].name, name)) return &keys[i];
    return NULL;
}

static km_status bad(km_err *err, km_status code, const key *k, const char *text)
{
    if (k->kind == BOOL_WORD)
        return km_fail(err, code, "%s: '%.40s' is neither %s nor %s", k->name, text, k->yes, k->no);
    if (k->kind == TIME) return km_fail(err, code, "%s: '%.40s' is not a time with a unit", k->name, text);
    return km_fail(err, code, "%s: '%.40s' is not a number between %g and %g", k->name, text, k->min, k->max);
}

static km_status set_key(km_train_config *c, const key *k, const char *text, km_status code, km_err *err)
{
    char *to = (char *)c + k->offset, *end;
    if (k->kind == TEXT) {
        *(const char **)to = text;
        return KM_OK;
    }
    if (k->kind == BOOL_WORD) {
        bool yes = !strcmp(text, k->yes);
        if (!yes && strcmp(text, k->no)) return bad(err, code, k, text);
        *(bool *)to = yes;
        return KM_OK;
    }
    if (k->kind == TIME) return km_parse_time(text, (int64_t *)to, NULL) < 0 ? bad(err, code, k, text) : KM_OK;
    double v = strtod(text, &end);
    if (end == text || *end || !(v >= k->min && v <= k->max)) return bad(err, code, k, text);
    if (k->kind != REAL && v != (double)(int64_t)v) return bad(err, code, k, text);
    if (k->kind == INT) *(int *)to = (int)v;
    else if (k->kind == INT64) *(int64_t *)to = (int64_t)v;
    else *(double *)to = v;
    return KM_OK;
}

/* The set of this name, made where it is new. */
static km_train_set *get_set(km_train_config *c, const char *name)
{
    for (int i = 0; i < c->n_sets; i++)
        if (!strcmp(c->sets[i].name, name)) return &c->sets[i];
    c->sets = km_realloc(c->sets, (size_t)(c->n_sets + 1) * sizeof *c->sets);
    km_train_set *s = &c->sets[c->n_sets++];
    *s = (km_train_set){.weight = 1};
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

/* sets.NAME.{weight,min,max,usual} */
static km_status set_set(km_train_config *c, const char *name, const char *text, km_status code, km_err *err)
{
    char set[32], what[8], *end;
    if (sscanf(name, "sets.%31[^.].%7s", set, what) != 2 || strlen(set) + strlen(what) + 6 != strlen(name))
        return km_fail(err, code, "unknown key '%.60s'", name);
    km_train_set *s = get_set(c, set);
    int64_t *time = !strcmp(what, "min")     ? &s->dt_min
                    : !strcmp(what, "max")   ? &s->dt_max
                    : !strcmp(what, "usual") ? &s->dt_usual
                                             : NULL;
    if (time)
        return km_parse_time(text, time, NULL) < 0
                   ? km_fail(err, code, "%.60s: '%.40s' is not a time with a unit", name, text)
                   : KM_OK;
    if (strcmp(what, "weight")) return km_fail(err, code, "unknown key '%.60s'", name);
    s->weight = strtod(text, &end);
    if (end != text && !*end && s->weight >= 0 && s->weight <= 1e6) return KM_OK;
    return km_fail(err, code, "%.60s: '%.40s' is not a number between 0 and 1e6", name, text);
}

const km_train_set *km_train_config_set(const km_train_config *c, const char *name)
{
    for (int i = 0; i < c->n_sets; i++)
        if (!strcmp(c->sets[i].name, name)) return &c->sets[i];
    return NULL;
}

static km_status set_one(km_train_config *c, const char *name, const char *text, km_status code, km_err *err)
{
    const key *k = find_key(name);
    if (k) return set_key(c, k, text, code, err);
    if (!strncmp(name, "sets.", 5)) return set_set(c, name, text, code, err);
    /* what these say is looked at when the new model is made */
    if (!strncmp(name, "model.", 6) || !strncmp(name, "sampling.", 9)) return KM_OK;
    return km_fail(err, code, "unknown key '%.60s'", name);
}

/* a.b.c into nested objects; value is taken over. False when a or a.b is a value already, or a.b.c a section. */
static bool put_nested(json_t *object, const char *name, json_t *value)
{
    const char *dot = strchr(name, '.');
    char head[64];
    if (!json_is_object(object) || (!dot && json_object_get(object, name))) {
        json_decref(value);
        return false;
    }
    if (!dot) return json_object_set_new(object, name, value) == 0;
    snprintf(head, sizeof head, "%.*s", (int)(dot - name), name);
    if (!json_object_get(object, head)) json_object_set_new(object, head, json_object());
    return put_nested(json_object_get(object, head), dot + 1, value);
}

static km_status check_order(const km_train_config *c, km_status code, km_err *err)
{
    const char *wrong = c->frames_min > c->frames_max                   ? "frames"
                        : c->forecast_dt_min > c->forecast_dt_max       ? "spacing.forecast"
                        : c->interpolate_dt_min > c->interpolate_dt_max ? "spacing.interpolate"
                                                                        : NULL;
    if (wrong) return km_fail(err, code, "%s.min is larger than %s.max", wrong, wrong);
    for (int i = 0; i < c->n_sets; i++)
        if (c->sets[i].dt_min == 0 || c->sets[i].dt_min > c->sets[i].dt_max)
            return km_fail(err, code, "sets.%s: min and max are needed, min not larger than max", c->sets[i].name);
    return KM_OK;
}

/* The tree is flat: dotted name to string, the sections `model.` and `sampling.` included. */
static km_status resolve(km_train_config *c, km_status code, km_err *err)
{
    json_t *tree = c->tree;
    for (int i = 0; i < N_KEYS; i++)
        if (!json_object_get(tree, keys[i].name)) json_object_set_new(tree, keys[i].name, json_string(keys[i].value));
    const char *name;
    json_t *value, *new_model = json_pack("{s:{}, s:{}}", "model", "sampling");
    km_status status = KM_OK;
    json_object_foreach (tree, name, value) {
        const char *text = json_string_value(value);
        status = text ? set_one(c, name, text, code, err) : km_fail(err, code, "'%.60s' is no text", name);
        bool own = find_key(name) || !strncmp(name, "sets.", 5);
        if (status == KM_OK && !own && !put_nested(new_model, name, km_yaml_scalar(text)))
            status = km_fail(err, code, "'%.60s' is both a value and a section", name);
        if (status < 0) break;
    }
    if (status == KM_OK) status = check_order(c, code, err);
    bool given = json_object_size(json_object_get(new_model, "model")) > 0;
    c->model_json = given ? json_dumps(new_model, JSON_SORT_KEYS | JSON_COMPACT) : km_strdup("");
    json_object_del(new_model, "model");
    given = json_object_size(json_object_get(new_model, "sampling")) > 0;
    c->sampling_json = given ? json_dumps(new_model, JSON_SORT_KEYS | JSON_COMPACT) : km_strdup("");
    json_decref(new_model);
    return status;
}

static km_status finish(km_train_config *c, km_status code, km_train_config **ret, km_err *err)
{
    km_status status = resolve(c, code, err);
    if (status < 0) km_train_config_free(c);
    else *ret = c;
    return status;
}

/* What the file says, before anything overrides it, so that what is wrong can be told with its line. */
static km_status set_file(km_train_config *c, const char *path, const json_t *lines, km_err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach (c->tree, name, value) {
        char place[120];
        if (set_one(c, name, json_string_value(value), KM_INPUT, err) == KM_OK) continue;
        snprintf(place, sizeof place, "%.100s: line %d", path, (int)json_integer_value(json_object_get(lines, name)));
        return km_fail_in(err, place);
    }
    return KM_OK;
}

static km_status set_override(km_train_config *c, const char *text, km_err *err)
{
    const char *equals = strchr(text, '=');
    char name[80];
    if (!equals || equals == text || equals - text >= (long)sizeof name)
        return km_fail(err, KM_USAGE, "'%.60s' is not KEY=VALUE", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    KM_TRY(set_one(c, name, equals + 1, KM_USAGE, err));
    if (json_object_set_new(c->tree, name, json_string(equals + 1)) == 0) return KM_OK;
    return km_fail(err, KM_USAGE, "%.60s: the value is not UTF-8", name);
}

km_status km_train_config_read(const char *path, const char *const *overrides, int n_overrides, km_train_config **ret,
                               km_err *err)
{
    json_t *tree, *lines;
    KM_TRY(km_yaml_read_flat(path, &tree, &lines, err));
    km_train_config *c = KM_NEW(km_train_config);
    c->tree = tree;
    km_status status = set_file(c, path, lines, err);
    json_decref(lines);
    for (int i = 0; i < n_overrides && status == KM_OK; i++) status = set_override(c, overrides[i], err);
    if (status < 0) {
        km_train_config_free(c);
        return status;
    }
    status = finish(c, n_overrides ? KM_USAGE : KM_INPUT, ret, err);
    return status == KM_INPUT ? km_fail_in(err, path) : status;
}

km_status km_train_config_parse(const char *json, km_train_config **ret, km_err *err)
{
    json_t *tree = json_loads(json, 0, NULL);
    if (!json_is_object(tree)) {
        json_decref(tree);
        return km_fail(err, KM_INPUT, "a stored configuration is not readable");
    }
    km_train_config *c = KM_NEW(km_train_config);
    c->tree = tree;
    return finish(c, KM_INPUT, ret, err);
}

char *km_train_config_dump(const km_train_config *c) { return json_dumps(c->tree, JSON_SORT_KEYS | JSON_INDENT(1)); }

void km_train_config_free(km_train_config *c)
{
    if (!c) return;
    json_decref(c->tree);
    free(c->model_json), free(c->sampling_json), free(c->sets);
    free(c);
}
