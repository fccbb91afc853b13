/* SPDX-License-Identifier: MIT
 * Sources: Boltz-2's hyper-parameters (2.2) and the defaults of its modules and of the Python Kinematic's. */
#include "lib/model/checkpoint_config.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/model/model.h"

/* What a tensor's shape says, divided by what another key has, for hyper-parameters that are absent. */
static const struct {
    const char *key, *tensor;
    int dim;
    const char *by;
} sizes[] = {
    {"token_s", "diffusion_conditioning.atom_encoder.s_to_c_trans.0.weight", 0},
    {"token_z", "diffusion_conditioning.atom_encoder.z_to_p_trans.0.weight", 0},
    {"atom_s", "diffusion_conditioning.atom_encoder.embed_atom_features.weight", 0},
    {"atom_feature_dim", "diffusion_conditioning.atom_encoder.embed_atom_features.weight", 1},
    {"atom_z", "diffusion_conditioning.atom_encoder.embed_atompair_ref_pos.weight", 0},
    {"dim_fourier", "score_model.single_conditioner.fourier_embed.proj.weight", 0},
    {"token_transformer_heads", "diffusion_conditioning.token_trans_proj_z.0.1.weight", 0},
    {"atom_encoder_heads", "diffusion_conditioning.atom_enc_proj_z.0.1.weight", 0},
    {"atom_decoder_heads", "diffusion_conditioning.atom_dec_proj_z.0.1.weight", 0},
    {"token_temporal_heads", "score_model.token_transformer.layers.0.temporal_attn.log_lambda", 0},
    {"atom_temporal_heads", "score_model.atom_attention_encoder.temporal_layers.0.log_lambda", 0},
    {"pairformer_args.num_heads", "pairformer_module.layers.0.attention.proj_z.1.weight", 0},
    {"pairformer_args.pairwise_num_heads", "pairformer_module.layers.0.tri_att_start.linear.weight", 0},
    {"pairformer_args.pairwise_head_width", "pairformer_module.layers.0.tri_att_start.mha.linear_q.weight", 0,
     "pairformer_args.pairwise_num_heads"},
    {"embedder_args.atom_encoder_heads", "input_embedder.atom_enc_proj_z.1.weight", 0,
     "embedder_args.atom_encoder_depth"},
    {"embedder_args.atom_encoder_heads", "input_embedder.atom_enc_proj_z.0.1.weight", 0},
    {"token_s", "s_norm.weight", 0},
    {"token_z", "z_norm.weight", 0},
    {"embedder_args.atom_s", "input_embedder.atom_encoder.embed_atom_features.weight", 0},
    {"atom_feature_dim", "input_embedder.atom_encoder.embed_atom_features.weight", 1},
    {"embedder_args.atom_z", "input_embedder.atom_encoder.embed_atompair_ref_pos.weight", 0},
    {"token_inputs", "input_embedder.atom_attention_encoder.atom_to_token_trans.0.weight", 0},
    {"token_a", "score_model.a_norm.weight", 0},
    {"msa_args.msa_s", "msa_module.msa_proj.weight", 0},
    {"msa_args.outer_width", "msa_module.layers.0.outer_product_mean.proj_a.weight", 0},
    {"msa_args.average_heads", "msa_module.layers.0.pair_weighted_averaging.proj_z.weight", 0},
    {"msa_args.average_width", "msa_module.layers.0.pair_weighted_averaging.proj_m.weight", 0,
     "msa_args.average_heads"},
    {"msa_args.pairwise_num_heads", "msa_module.layers.0.pairformer_layer.tri_att_start.linear.weight", 0},
    {"msa_args.pairwise_head_width", "msa_module.layers.0.pairformer_layer.tri_att_start.mha.linear_q.weight", 0,
     "msa_args.pairwise_num_heads"},
};

/* How many layers there are; where `always`, whatever the hyper-parameters say, as Boltz-2 itself overrides them. */
static const struct {
    const char *key, *prefix;
    bool always;
} depths[] = {
    {"token_transformer_depth", "diffusion_conditioning.token_trans_proj_z.", false},
    {"atom_encoder_depth", "diffusion_conditioning.atom_enc_proj_z.", false},
    {"atom_decoder_depth", "diffusion_conditioning.atom_dec_proj_z.", false},
    {"conditioning_transition_layers", "diffusion_conditioning.pairwise_conditioner.transitions.", false},
    {"embedder_args.atom_encoder_depth",
     "input_embedder.atom_attention_encoder.atom_encoder.diffusion_transformer.layers.", false},
    {"pairformer_args.num_blocks", "pairformer_module.layers.", true},
    {"msa_args.msa_blocks", "msa_module.layers.", true},
};

/* Optional parts: is this tensor there? */
static const struct {
    const char *key, *tensor;
} parts[] = {
    {"embedder_args.add_method_conditioning", "input_embedder.method_conditioning_init.weight"},
    {"embedder_args.add_modified_flag", "input_embedder.modified_conditioning_init.weight"},
    {"embedder_args.add_cyclic_flag", "input_embedder.cyclic_conditioning_init.weight"},
    {"embedder_args.add_mol_type_feat", "input_embedder.mol_type_conditioning_init.weight"},
    {"use_templates", "template_module.z_norm.weight"},
    {"bond_type_feature", "token_bonds_type.weight"},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* The object that holds the value at "key" or "outer.key", made where there is none. */
static json_t *holder(json_t *top, const char **path)
{
    const char *dot = strchr(*path, '.');
    if (!dot) return top;
    char *outer = km_asprintf("%.*s", (int)(dot - *path), *path);
    json_t *to = json_object_get(top, outer);
    if (!json_is_object(to)) json_object_set_new(top, outer, to = json_object());
    free(outer);
    *path = dot + 1;
    return to;
}

static void set(json_t *top, const char *path, json_t *value, bool replace)
{
    json_t *to = holder(top, &path);
    const json_t *old = json_object_get(to, path);
    if (replace || !old || json_is_null(old)) json_object_set_new(to, path, value);
    else json_decref(value);
}

static int64_t divisor(json_t *top, const char *opt_path)
{
    if (!opt_path) return 1;
    const json_t *in = holder(top, &opt_path);
    int64_t by = json_integer_value(json_object_get(in, opt_path));
    return by > 0 ? by : 1;
}

/* Keys of a section, that say more than those around it, into the whole. */
static void lift(json_t *top, const char *section, const char *opt_key)
{
    const char *key;
    json_t *v, *from = json_object_get(top, section);
    json_object_foreach(from, key, v)
        if (!opt_key || strcmp(key, opt_key) == 0) json_object_set(top, key, v);
}

typedef struct list {
    const km_st_tensor *tensors;
    int n;
} list;

static const km_st_tensor *find(const list *l, const char *name)
{
    int i = 0;
    while (i < l->n && strcmp(l->tensors[i].name, name) != 0) i++;
    return i < l->n ? &l->tensors[i] : NULL;
}

static int count_layers(const list *l, const char *prefix)
{
    int most = 0;
    size_t n = strlen(prefix);
    for (int i = 0; i < l->n; i++) {
        if (strncmp(l->tensors[i].name, prefix, n) != 0) continue;
        long layer = strtol(l->tensors[i].name + n, NULL, 10);
        if (layer >= most && layer < INT_MAX) most = (int)layer + 1;
    }
    return most;
}

static void ask_tensors(const list *c, json_t *top)
{
    for (int i = 0; i < COUNT(depths); i++) {
        int layers = count_layers(c, depths[i].prefix);
        if (layers) set(top, depths[i].key, json_integer(layers), depths[i].always);
    }
    for (int i = 0; i < COUNT(sizes); i++) {
        const km_st_tensor *t = find(c, sizes[i].tensor);
        if (t && t->nd > sizes[i].dim)
            set(top, sizes[i].key, json_integer(t->shape[sizes[i].dim] / divisor(top, sizes[i].by)), false);
    }
    for (int i = 0; i < COUNT(parts); i++)
        set(top, parts[i].key, json_boolean(find(c, parts[i].tensor) != NULL), false);
    if (find(c, "contact_conditioning.encoder.weight"))
        set(top, "conditioning_cutoff_max", json_real(20), false);
}

/* Temporal layers that are still to be made have as many heads as the layers beside them. */
static void add_temporal_heads(json_t *top)
{
    json_t *token = json_object_get(top, "token_transformer_heads"), *atom = json_object_get(top, "atom_encoder_heads");
    if (token) set(top, "token_temporal_heads", json_incref(token), false);
    if (atom) set(top, "atom_temporal_heads", json_incref(atom), false);
}

static const char *how_to_sample(bool temporal)
{
    return temporal ? "{\"window\": 40, \"history\": 10, \"dt\": \"5ns\", \"time\": \"1us\", \"interp_dt\": \"100ps\"}"
                    : "{\"sampler\": \"boltz2\", \"steps\": 200, \"noise_scale\": 1.003, \"window\": 1,"
                      " \"history\": 0, \"from_scratch\": true}";
}

static km_status read_sampling(const char *json, km_sampling *ret, km_err *err)
{
    km_config unused;
    char *text = km_asprintf("{\"sampling\": %s}", json);
    km_status status = km_config_parse(text, &unused, ret, err);
    free(text);
    return status;
}

km_status km_checkpoint_config(const km_st_tensor *tensors, int n, const char *hyper, const km_family *opt_family,
                               double beta, char **ret, km_err *err)
{
    km_config config;
    km_sampling sampling;
    const list l = {tensors, n};
    const bool temporal = find(&l, KM_CHECKPOINT_TEMPORAL), own = temporal && opt_family;
    *ret = NULL;
    if (!find(&l, "s_init.weight") && !find(&l, "score_model.a_norm.weight"))
        return km_fail(err, KM_INPUT, "neither a trunk nor a diffusion module");
    json_t *top = json_loads(opt_family ? opt_family->opt_hyper : hyper, 0, NULL);
    if (!json_is_object(top)) KM_BUG("hyper-parameters are not JSON");
    lift(top, "score_model_args", NULL);
    lift(top, "diffusion_process_args", "sigma_data");
    ask_tensors(&l, top);
    add_temporal_heads(top);
    if (opt_family) {
        set(top, "temporal", json_boolean(temporal), true);
        set(top, "temporal_beta", json_real(beta), true);
    }
    char *text = json_dumps(top, JSON_COMPACT);
    json_decref(top);
    km_status status = read_sampling(own ? opt_family->opt_sampling : how_to_sample(temporal), &sampling, err);
    if (status == KM_OK) status = km_config_parse_hyper(text, &config, err);
    free(text);
    if (status < 0) return status;
    if (!own) {
        sampling.sigma_max = 160 * config.sigma_data; /* both samplers' levels are multiples of it */
        sampling.sigma_min = 0.0001 * config.sigma_data;
    }
    *ret = km_config_dump(&config, &sampling);
    return KM_OK;
}
