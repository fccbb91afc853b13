/* SPDX-License-Identifier: MIT
 * The configuration in the weights' metadata. One table says which key is which field, its default and its range. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/opt.h"
#include "lib/model/model.h"

typedef enum kind { INT, BOOL, REAL, TIME, WORD, PRESETS, FAMILY } kind;

typedef struct field {
    const char *path; /* keys of nested objects, joined by dots */
    kind kind;
    size_t at;
    double normal, low, high;
    bool quiet; /* not written where it is normal: weights from before it was there keep their digests */
} field;

#define DIM(path, member, normal) {path, INT, offsetof(km_config, member), normal, 1, 65536}
#define COUNT(path, member, normal) {path, INT, offsetof(km_config, member), normal, 0, 1024}
#define FLAG(path, member, normal) {path, BOOL, offsetof(km_config, member), normal, 0, 1}
#define NUM(path, member, normal, low, high) {path, REAL, offsetof(km_config, member), normal, low, high}
/* Of modules that only the whole trunk has. */
#define MORE(kind, path, member, normal, low, high) {path, kind, offsetof(km_config, member), normal, low, high, true}

/* Names and values as in Boltz-2's and Kinematic's checkpoints. */
static const field model_fields[] = {
    {"family", FAMILY, offsetof(km_config, family), 0, 0, 0, true},
    DIM("token_s", token_s, 384),
    MORE(INT, "token_inputs", token_inputs, 0, 0, 65536),
    MORE(INT, "token_a", token_a, 0, 0, 65536),
    DIM("token_z", token_z, 128),
    DIM("atom_s", atom_s, 128),
    DIM("atom_z", atom_z, 16),
    DIM("atoms_per_window_queries", atoms_per_window_queries, 32),
    DIM("atoms_per_window_keys", atoms_per_window_keys, 128),
    DIM("atom_feature_dim", atom_feature_dim, 388),
    DIM("embedder_args.atom_encoder_depth", embedder_depth, 3),
    DIM("embedder_args.atom_encoder_heads", embedder_heads, 4),
    MORE(INT, "embedder_args.atom_s", embedder_atom_s, 0, 0, 65536),
    MORE(INT, "embedder_args.atom_z", embedder_atom_z, 0, 0, 65536),
    FLAG("embedder_args.add_method_conditioning", add_method, 1),
    FLAG("embedder_args.add_modified_flag", add_modified, 1),
    FLAG("embedder_args.add_cyclic_flag", add_cyclic, 1),
    FLAG("embedder_args.add_mol_type_feat", add_mol_type, 1),
    COUNT("pairformer_args.num_blocks", pairformer_blocks, 64),
    DIM("pairformer_args.num_heads", pairformer_heads, 16),
    DIM("pairformer_args.pairwise_head_width", pairwise_head_width, 32),
    DIM("pairformer_args.pairwise_num_heads", pairwise_heads, 4),
    MORE(INT, "msa_args.msa_s", msa_s, 64, 1, 65536),
    MORE(INT, "msa_args.msa_blocks", msa_blocks, 0, 0, 1024),
    MORE(INT, "msa_args.pairwise_head_width", msa_head_width, 32, 1, 65536),
    MORE(INT, "msa_args.pairwise_num_heads", msa_heads, 4, 1, 65536),
    MORE(INT, "msa_args.average_heads", msa_average_heads, 8, 1, 65536),
    MORE(INT, "msa_args.average_width", msa_average_width, 32, 1, 65536),
    MORE(INT, "msa_args.outer_width", msa_outer, 32, 1, 65536),
    MORE(BOOL, "msa_args.use_paired_feature", msa_paired, 1, 0, 1),
    MORE(BOOL, "use_templates", templates, 0, 0, 1),
    MORE(BOOL, "use_templates_v2", templates_v2, 0, 0, 1),
    MORE(INT, "template_args.template_dim", template_dim, 64, 1, 65536),
    MORE(INT, "template_args.template_blocks", template_blocks, 2, 0, 1024),
    MORE(INT, "template_args.pairwise_head_width", template_head_width, 32, 1, 65536),
    MORE(INT, "template_args.pairwise_num_heads", template_heads, 4, 1, 65536),
    MORE(BOOL, "bond_type_feature", bond_types, 0, 0, 1),
    MORE(REAL, "conditioning_cutoff_min", contact_min, 4, 0, 1e6),
    MORE(REAL, "conditioning_cutoff_max", contact_max, 0, 0, 1e6),
    COUNT("recycling_steps", recycles, 3),
    NUM("sigma_data", sigma_data, 16, 1e-6, 1e6),
    DIM("dim_fourier", dim_fourier, 256),
    COUNT("conditioning_transition_layers", conditioning_transitions, 2),
    DIM("token_transformer_depth", token_depth, 24),
    DIM("token_transformer_heads", token_heads, 16),
    DIM("token_temporal_heads", token_temporal_heads, 16),
    DIM("atom_encoder_depth", atom_encoder_depth, 3),
    DIM("atom_encoder_heads", atom_encoder_heads, 4),
    DIM("atom_decoder_depth", atom_decoder_depth, 3),
    DIM("atom_decoder_heads", atom_decoder_heads, 4),
    DIM("atom_temporal_heads", atom_temporal_heads, 4),
    FLAG("causal", causal, 0),
    FLAG("temporal", temporal, 1),
    NUM("temporal_beta", beta, 1, 0, 4),
    NUM("temporal_lambda.low", lambda_lo, 0.004, 1e-12, 1e12),
    NUM("temporal_lambda.high", lambda_hi, 0.7, 1e-12, 1e12),
    FLAG("fix_sym_check", fix_sym_check, 0),
    FLAG("cyclic_pos_enc", cyclic_pos_enc, 0),
    FLAG("canonical_pose", canonical_pose, 0),
};

#define SNUM(path, member, normal, low, high) {path, REAL, offsetof(km_sampling, member), normal, low, high}
#define STIME(path, member, normal) {path, TIME, offsetof(km_sampling, member), normal, 0, 9e18}

static const field sampling_fields[] = {
    {"sampler", WORD, offsetof(km_sampling, sampler), 0, 0, 0},
    {"steps", INT, offsetof(km_sampling, steps), 20, 1, 100000},
    {"window", INT, offsetof(km_sampling, window), 10, 1, 100000},
    {"history", INT, offsetof(km_sampling, history), 3, 0, 100000},
    {"stage", INT, offsetof(km_sampling, stage), 0, 0, 100000, true},
    SNUM("sigma_min", sigma_min, 0.0016, 1e-12, 1e9),
    SNUM("sigma_max", sigma_max, 2560, 1e-12, 1e9),
    SNUM("rho", rho, 7, 0.1, 100),
    SNUM("gamma_0", gamma_0, 0.8, 0, 100),
    SNUM("gamma_min", gamma_min, 1.0, 0, 1e9),
    SNUM("noise_scale", noise_scale, 1.75, 0, 100),
    SNUM("step_scale", step_scale, 1.5, 0, 100),
    SNUM("churn.sigma_min", churn_sigma_min, 0.0001, 1e-12, 1e9),
    SNUM("churn.sigma_max", churn_sigma_max, 160, 1e-12, 1e9),
    {"given.noise", REAL, offsetof(km_sampling, given_noise), 0, 0, 1e6, true},
    {"given.sigma", REAL, offsetof(km_sampling, given_sigma), 0, 0, 1e6, true},
    STIME("dt", dt, 100e6),
    STIME("time", time, 1e9),
    STIME("interp_dt", interp_dt, 10e6),
    STIME("min_dt", min_dt, 0),
    STIME("max_dt", max_dt, 0),
    {"hold_stereo", BOOL, offsetof(km_sampling, hold_stereo), 0, 0, 1},
    {"from_scratch", BOOL, offsetof(km_sampling, from_scratch), 0, 0, 1},
    {"causal", BOOL, offsetof(km_sampling, causal), 0, 0, 1},
    {"presets", PRESETS, offsetof(km_sampling, presets), 0, 0, 0},
};

enum {
    N_MODEL = sizeof model_fields / sizeof *model_fields,
    N_SAMPLING = sizeof sampling_fields / sizeof *sampling_fields
};

static void put(const field *f, void *to, double value)
{
    char *at = (char *)to + f->at;
    switch (f->kind) {
    case INT: *(int *)at = (int)value; break;
    case BOOL: *(bool *)at = value != 0; break;
    case REAL: *(double *)at = value; break;
    case TIME: *(int64_t *)at = (int64_t)value; break;
    case WORD: strcpy(at, "af3"); break;
    case PRESETS: *at = 0; break;
    case FAMILY: *(const km_family **)at = km_family_at(0); break;
    }
}

static void set_defaults(const field *fields, int n, void *to)
{
    for (int i = 0; i < n; i++) put(&fields[i], to, fields[i].normal);
}

/* The value at a dotted path, or NULL. */
static const json_t *value_at(const json_t *object, const char *path)
{
    const char *dot = strchr(path, '.');
    if (!dot) return json_object_get(object, path);
    char key[64];
    size_t len = (size_t)(dot - path);
    KM_ASSERT(len < sizeof key);
    memcpy(key, path, len);
    key[len] = 0;
    return value_at(json_object_get(object, key), dot + 1);
}

static km_status read_presets(const json_t *v, char *to, km_err *err);

static km_status read_family(const json_t *v, const km_family **ret, km_err *err)
{
    const char *name = json_string_value(v);
    *ret = name ? km_family_find(name) : NULL;
    if (*ret) return KM_OK;
    return km_fail(err, KM_INPUT, "configuration: no family of models '%.40s' is known here", name ? name : "");
}

static km_status read_field(const field *f, const json_t *v, void *to, km_err *err)
{
    if (f->kind == WORD) {
        const char *word = json_string_value(v);
        if (!word || strlen(word) > 15) return km_fail(err, KM_INPUT, "configuration: '%s' must be a word", f->path);
        strcpy((char *)to + f->at, word);
        return KM_OK;
    }
    if (f->kind == FAMILY) return read_family(v, (const km_family **)((char *)to + f->at), err);
    if (f->kind == PRESETS) return read_presets(v, (char *)to + f->at, err);
    if (f->kind == TIME) {
        if (!json_is_string(v))
            return km_fail(err, KM_INPUT, "configuration: '%s' must be a time with its unit, in quotes", f->path);
        if (km_parse_time(json_string_value(v), (int64_t *)((char *)to + f->at), err) == KM_OK) return KM_OK;
        km_fail_in(err, f->path);
        if (err) err->code = KM_INPUT; /* it stands in a file, not on the command line */
        return KM_INPUT;
    }
    if (f->kind == BOOL ? !json_is_boolean(v) : f->kind == REAL ? !json_is_number(v) : !json_is_integer(v))
        return km_fail(err, KM_INPUT, "configuration: '%s' must be %s", f->path,
                       f->kind == BOOL ? "true or false" : f->kind == REAL ? "a number" : "a whole number");
    double value = json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
    if (!(value >= f->low && value <= f->high))
        return km_fail(err, KM_INPUT, "configuration: '%s' is %g, outside %g to %g", f->path, value, f->low, f->high);
    put(f, to, value);
    return KM_OK;
}

static km_status read_fields(const field *fields, int n, const json_t *object, void *to, km_err *err)
{
    for (int i = 0; i < n; i++) {
        const json_t *v = value_at(object, fields[i].path);
        if (v) KM_TRY(read_field(&fields[i], v, to, err));
    }
    return KM_OK;
}

/* Every key is a field or leads to one. */
static km_status refuse_unknown(const field *fields, int n, json_t *object, const char *above, km_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach(object, key, v)
    {
        char path[128];
        int len = snprintf(path, sizeof path, "%s%s", above, key);
        bool leaf = false, branch = false;
        for (int i = 0; i < n && len < (int)sizeof path; i++) {
            leaf = leaf || strcmp(fields[i].path, path) == 0;
            branch = branch || (strncmp(fields[i].path, path, (size_t)len) == 0 && fields[i].path[len] == '.');
        }
        if (!leaf && !branch) return km_fail(err, KM_INPUT, "configuration: unknown key '%s%s'", above, key);
        if (leaf) continue;
        if (!json_is_object(v)) return km_fail(err, KM_INPUT, "configuration: '%s' must be an object", path);
        strcat(path, ".");
        KM_TRY(refuse_unknown(fields, n, v, path, err));
    }
    return KM_OK;
}

static km_status read_preset(const char *name, json_t *v, km_sampling *s, km_err *err)
{
    if (!*name || strlen(name) > 31 || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_")] ||
        !json_is_object(v) || json_object_get(v, "presets"))
        return km_fail(err, KM_INPUT, "configuration: preset '%.40s': not a name in small letters and what it sets",
                       name);
    KM_TRY(refuse_unknown(sampling_fields, N_SAMPLING, v, "", err));
    return read_fields(sampling_fields, N_SAMPLING, v, s, err);
}

/* Kept as text, since a preset says less than a whole km_sampling. */
static km_status read_presets(const json_t *v, char *to, km_err *err)
{
    const char *name;
    json_t *preset;
    if (!json_is_object(v)) return km_fail(err, KM_INPUT, "configuration: 'presets' must be an object");
    json_object_foreach((json_t *)v, name, preset)
    {
        km_sampling scratch;
        KM_TRY(read_preset(name, preset, &scratch, err));
    }
    size_t n = json_dumpb(v, to, KM_PRESETS - 1, JSON_COMPACT);
    if (n >= KM_PRESETS)
        return km_fail(err, KM_INPUT, "configuration: 'presets' are longer than %d bytes", KM_PRESETS - 1);
    to[n] = 0;
    return KM_OK;
}

km_status km_sampling_preset(km_sampling *s, const char *name, km_err *err)
{
    char known[160] = "";
    const char *key;
    json_t *v;
    km_sampling with = *s;
    json_t *presets = *s->presets ? json_loads(s->presets, 0, NULL) : json_object();
    km_status status = KM_USAGE;
    json_object_foreach(presets, key, v)
    {
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", key);
        if (!strcmp(key, name)) status = read_preset(key, v, &with, err);
    }
    if (status == KM_OK) *s = with;
    else if (status == KM_USAGE)
        km_fail(err, KM_USAGE, "no preset '%.40s': the weights name %s", name, *known ? known : "none");
    json_decref(presets);
    return status;
}

static km_status divides(int whole, int parts, const char *what, km_err *err)
{
    if (whole % parts == 0) return KM_OK;
    return km_fail(err, KM_INPUT, "configuration: %d %s do not divide %d channels", parts, what, whole);
}

/* What a configuration leaves to its family. */
static void settle_widths(km_config *c)
{
    if (!c->token_inputs) c->token_inputs = c->token_s;
    if (!c->token_a) c->token_a = 2 * c->token_s;
    if (!c->embedder_atom_s) c->embedder_atom_s = c->atom_s;
    if (!c->embedder_atom_z) c->embedder_atom_z = c->atom_z;
    c->inputs_s = c->family->inputs_beside ? c->token_inputs + 2 * c->family->classes + 1 : c->token_s;
    c->cond_s = c->family->narrow_single ? c->token_s : 2 * c->token_s;
}

/* What one number cannot say. */
static km_status check_config(const km_config *c, km_err *err)
{
    KM_TRY(divides(c->token_a, c->token_heads, "token_transformer_heads", err));
    KM_TRY(divides(c->atom_s, c->atom_encoder_heads, "atom_encoder_heads", err));
    KM_TRY(divides(c->atom_s, c->atom_decoder_heads, "atom_decoder_heads", err));
    if (c->temporal) {
        KM_TRY(divides(c->token_a, c->token_temporal_heads, "token_temporal_heads", err));
        KM_TRY(divides(c->atom_s, c->atom_temporal_heads, "atom_temporal_heads", err));
    }
    if (c->atoms_per_window_queries % 2 || c->atoms_per_window_keys % c->atoms_per_window_queries)
        return km_fail(err, KM_INPUT, "configuration: windows of %d queries and %d keys", c->atoms_per_window_queries,
                       c->atoms_per_window_keys);
    if (c->atom_feature_dim != 388 + c->family->ref_mask)
        return km_fail(err, KM_INPUT, "configuration: 'atom_feature_dim' is %d; only %d is known", c->atom_feature_dim,
                       388 + c->family->ref_mask);
    if (c->beta < 0.01 && !(c->beta == 0 && c->family->interval_decay))
        return km_fail(err, KM_INPUT, "configuration: 'temporal_beta' is %g, outside 0.01 to 4", c->beta);
    if (c->family->interval_decay && c->causal)
        return km_fail(err, KM_INPUT, "configuration: models of the family %s are not causal", c->family->name);
    if (c->templates && !c->templates_v2)
        return km_fail(err, KM_INPUT, "configuration: the first version of the templates' module is not known here");
    if (c->contact_max != 0 && c->contact_min >= c->contact_max)
        return km_fail(err, KM_INPUT,
                       "configuration: 'conditioning_cutoff_max' is not above 'conditioning_cutoff_min'");
    if (!(c->lambda_lo <= c->lambda_hi)) return km_fail(err, KM_INPUT, "configuration: 'temporal_lambda' is empty");
    return KM_OK;
}

static km_status load(const char *json, json_t **ret, km_err *err)
{
    json_error_t e;
    *ret = json_loads(json, JSON_REJECT_DUPLICATES, &e);
    if (!*ret) return km_fail(err, KM_INPUT, "configuration: line %d: %s", e.line, e.text);
    if (json_is_object(*ret)) return KM_OK;
    json_decref(*ret);
    return km_fail(err, KM_INPUT, "configuration: not an object");
}

static km_status parse_section(const field *fields, int n, json_t *root, const char *name, void *to, km_err *err)
{
    json_t *section = json_object_get(root, name);
    set_defaults(fields, n, to);
    if (!section) return KM_OK;
    if (!json_is_object(section)) return km_fail(err, KM_INPUT, "configuration: '%s' must be an object", name);
    KM_TRY(refuse_unknown(fields, n, section, "", err));
    return read_fields(fields, n, section, to, err);
}

static km_status parse_root(json_t *root, km_config *c, km_sampling *s, km_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach(root, key, v)
        if (strcmp(key, "model") != 0 && strcmp(key, "sampling") != 0)
            return km_fail(err, KM_INPUT, "configuration: unknown key '%s'", key);
    *c = (km_config){0};
    *s = (km_sampling){0};
    KM_TRY(parse_section(model_fields, N_MODEL, root, "model", c, err));
    settle_widths(c);
    KM_TRY(parse_section(sampling_fields, N_SAMPLING, root, "sampling", s, err));
    return check_config(c, err);
}

km_status km_config_parse(const char *json, km_config *ret_config, km_sampling *ret_sampling, km_err *err)
{
    json_t *root;
    KM_TRY(load(json, &root, err));
    km_status status = parse_root(root, ret_config, ret_sampling, err);
    json_decref(root);
    return status;
}

km_status km_config_parse_hyper(const char *json, km_config *ret_config, km_err *err)
{
    json_t *root;
    KM_TRY(load(json, &root, err));
    *ret_config = (km_config){0};
    set_defaults(model_fields, N_MODEL, ret_config);
    km_status status = read_fields(model_fields, N_MODEL, root, ret_config, err);
    if (status == KM_OK) settle_widths(ret_config);
    json_decref(root);
    return status;
}

static json_t *value_of(const field *f, const void *from)
{
    const char *at = (const char *)from + f->at;
    switch (f->kind) {
    case INT: return json_integer(*(const int *)at);
    case BOOL: return json_boolean(*(const bool *)at);
    case REAL: return json_real(*(const double *)at);
    case TIME: return json_sprintf("%" PRId64 "fs", *(const int64_t *)at);
    case WORD: return json_string(at);
    case PRESETS: return json_loads(at, 0, NULL);
    case FAMILY: return json_string((*(const km_family *const *)at)->name);
    }
    KM_BUG("kind %d", (int)f->kind);
}

/* The first family is 0, as it is the normal one. */
static double number_of(const field *f, const void *from)
{
    const char *at = (const char *)from + f->at;
    if (f->kind == FAMILY) return *(const km_family *const *)at != km_family_at(0);
    return f->kind == INT ? *(const int *)at : f->kind == BOOL ? *(const bool *)at : *(const double *)at;
}

static json_t *dump_section(const field *fields, int n, const void *from)
{
    json_t *section = json_object();
    for (int i = 0; i < n; i++) {
        const char *dot = strchr(fields[i].path, '.');
        if (fields[i].kind == PRESETS && !*((const char *)from + fields[i].at)) continue; /* none */
        if (fields[i].quiet && number_of(&fields[i], from) == fields[i].normal) continue;
        if (fields[i].kind == TIME && *(const int64_t *)((const char *)from + fields[i].at) == 0)
            continue; /* not known */
        json_t *to = section;
        const char *leaf = fields[i].path;
        if (dot) {
            char *key = km_asprintf("%.*s", (int)(dot - leaf), leaf);
            if (!json_object_get(section, key)) json_object_set_new(section, key, json_object());
            to = json_object_get(section, key);
            leaf = dot + 1;
            free(key);
        }
        json_object_set_new(to, leaf, value_of(&fields[i], from));
    }
    return section;
}

char *km_config_dump(const km_config *c, const km_sampling *s)
{
    json_t *root = json_object();
    km_config said = *c;
    if (c->token_inputs == c->token_s) said.token_inputs = 0;
    if (c->token_a == 2 * c->token_s) said.token_a = 0;
    if (c->embedder_atom_s == c->atom_s) said.embedder_atom_s = 0;
    if (c->embedder_atom_z == c->atom_z) said.embedder_atom_z = 0;
    json_object_set_new(root, "model", dump_section(model_fields, N_MODEL, &said));
    if (s) json_object_set_new(root, "sampling", dump_section(sampling_fields, N_SAMPLING, s));
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    KM_ASSERT(text);
    return text;
}
