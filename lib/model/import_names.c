/* SPDX-License-Identifier: MIT
 * Names of BioKinema and Protenix 0.2 beside ours, and how a table of names is read. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/model/import_impl.h"

typedef km_import_row row;

static const row attention[] = {{"linear_q.", "proj_q."}, {"linear_k.", "proj_k."}, {"linear_v.", "proj_v."},
                                {"linear_g.", "proj_g."}, {"linear_o.", "proj_o."}, {0}};
static const row adaptive[] = {
    {"layernorm_s.", "s_norm."}, {"linear_s.", "s_scale."}, {"linear_nobias_s.", "s_bias."}, {0}};
static const row transition[] = {{"layernorm1.", "norm."},
                                 {"linear_no_bias_a.", "fc1."},
                                 {"linear_no_bias_b.", "fc2."},
                                 {"linear_no_bias.", "fc3."},
                                 {0}};
static const row temporal[] = {{"layernorm_a.", "adaln.", adaptive},
                               {"linear_a_last.", "output_projection_linear."},
                               {"attention.linear_q.", "q_proj."},
                               {"attention.linear_k.", "k_proj."},
                               {"attention.linear_v.", "v_proj."},
                               {"attention.linear_g.", "gate."},
                               {"attention.linear_o.", "out_proj."},
                               {"attention.slopes_param", "log_lambda", NULL, KM_IMPORT_LOG},
                               {0}};
static const row block[] = {{"attention_pair_bias.layernorm_a.", "adaln.", adaptive},
                            {"attention_pair_bias.linear_a_last.", "output_projection_linear."},
                            {"attention_pair_bias.attention.", "pair_bias_attn.", attention},
                            {"conditioned_transition_block.adaln.", "transition.adaln.", adaptive},
                            {"conditioned_transition_block.linear_nobias_a1.", "transition.swish_gate.0."},
                            {"conditioned_transition_block.linear_nobias_a2.", "transition.a_to_b."},
                            {"conditioned_transition_block.linear_nobias_b.", "transition.b_to_a."},
                            {"conditioned_transition_block.linear_s.", "transition.output_projection.0."},
                            {0}};
static const row multiplication[] = {{"layer_norm_in.", "norm_in."},
                                     {"layer_norm_out.", "norm_out."},
                                     {"linear_a_p.", "p_in.", NULL, KM_IMPORT_FIRST},
                                     {"linear_b_p.", "p_in.", NULL, KM_IMPORT_SECOND},
                                     {"linear_a_g.", "g_in.", NULL, KM_IMPORT_FIRST},
                                     {"linear_b_g.", "g_in.", NULL, KM_IMPORT_SECOND},
                                     {"linear_z.", "p_out."},
                                     {"linear_g.", "g_out."},
                                     {0}};
static const row pairs[] = {{"tri_mul_out.", "tri_mul_out.", multiplication},
                            {"tri_mul_in.", "tri_mul_in.", multiplication},
                            {"tri_att_start.", "tri_att_start."},
                            {"tri_att_end.", "tri_att_end."},
                            {"pair_transition.", "transition_z.", transition},
                            {0}};
static const row alignment[] = {
    {"outer_product_mean_msa.layer_norm.", "outer_product_mean.norm."},
    {"outer_product_mean_msa.linear_1.", "outer_product_mean.proj_a."},
    {"outer_product_mean_msa.linear_2.", "outer_product_mean.proj_b."},
    {"outer_product_mean_msa.linear_out.", "outer_product_mean.proj_o."},
    {"msa_stack.msa_pair_weighted_averaging.layernorm_m.", "pair_weighted_averaging.norm_m."},
    {"msa_stack.msa_pair_weighted_averaging.layernorm_z.", "pair_weighted_averaging.norm_z."},
    {"msa_stack.msa_pair_weighted_averaging.linear_no_bias_mv.", "pair_weighted_averaging.proj_m."},
    {"msa_stack.msa_pair_weighted_averaging.linear_no_bias_mg.", "pair_weighted_averaging.proj_g."},
    {"msa_stack.msa_pair_weighted_averaging.linear_no_bias_z.", "pair_weighted_averaging.proj_z."},
    {"msa_stack.msa_pair_weighted_averaging.linear_no_bias_out.", "pair_weighted_averaging.proj_o."},
    {"msa_stack.transition_m.", "msa_transition.", transition},
    {"pair_stack.", "pairformer_layer.", pairs},
    {0}};
static const row pairformer[] = {{"attention_pair_bias.layernorm_a.", "pre_norm_s."},
                                 {"attention_pair_bias.attention.", "attention.", attention},
                                 {"attention_pair_bias.layernorm_z.", "attention.proj_z.0."},
                                 {"attention_pair_bias.linear_nobias_z.", "attention.proj_z.1."},
                                 {"single_transition.", "transition_s.", transition},
                                 {"", "", pairs},
                                 {0}};
static const row atoms[] = {{"linear_no_bias_f.", "embed_atom_features."},
                            {"linear_no_bias_d.", "embed_atompair_ref_pos.", NULL, KM_IMPORT_NEGATIVE},
                            {"linear_no_bias_invd.", "embed_atompair_ref_dist."},
                            {"linear_no_bias_v.", "embed_atompair_mask."},
                            {"linear_no_bias_cl.", "c_to_p_trans_q.1."},
                            {"linear_no_bias_cm.", "c_to_p_trans_k.1."},
                            {"small_mlp.", "p_mlp."},
                            {"layernorm_s.", "s_to_c_trans.0."},
                            {"linear_no_bias_s.", "s_to_c_trans.1."},
                            {"layernorm_z.", "z_to_p_trans.0."},
                            {"linear_no_bias_z.", "z_to_p_trans.1."},
                            {0}};

#define TRANSFORMER ".atom_transformer.diffusion_transformer.blocks.#."
#define BIAS TRANSFORMER "attention_pair_bias."
#define LAYERS ".diffusion_transformer.layers.#."
#define ENCODER "atom_attention_encoder"
#define DECODER "atom_attention_decoder"
#define CONDITIONING "diffusion_module.diffusion_conditioning."
#define TOKENS "diffusion_module.diffusion_transformer.blocks.#."
#define SINGLE "score_model.single_conditioner."
#define PAIRWISE "diffusion_conditioning.pairwise_conditioner."

static const row table[] = {
    {"input_embedder." ENCODER BIAS "layernorm_z.", "input_embedder.atom_enc_proj_z.#.0."},
    {"input_embedder." ENCODER BIAS "linear_nobias_z.", "input_embedder.atom_enc_proj_z.#.1."},
    {"input_embedder." ENCODER TRANSFORMER, "input_embedder." ENCODER ".atom_encoder" LAYERS, block},
    {"input_embedder." ENCODER ".linear_no_bias_q.", "input_embedder." ENCODER ".atom_to_token_trans.0."},
    {"input_embedder." ENCODER ".", "input_embedder.atom_encoder.", atoms},
    {"relative_position_encoding.linear_no_bias.", "rel_pos_encoder.linear_layer."},
    {"linear_no_bias_sinit.", "s_init."},
    {"linear_no_bias_zinit1.", "z_init_1."},
    {"linear_no_bias_zinit2.", "z_init_2."},
    {"linear_no_bias_token_bond.", "token_bonds."},
    {"linear_no_bias_z_cycle.", "z_recycle."},
    {"layernorm_z_cycle.", "z_norm."},
    {"linear_no_bias_s.", "s_recycle."},
    {"layernorm_s.", "s_norm."},
    {"msa_module.linear_no_bias_m.", "msa_module.msa_proj."},
    {"msa_module.linear_no_bias_s.", "msa_module.s_proj."},
    {"msa_module.blocks.#.", "msa_module.layers.#.", alignment},
    {"pairformer_stack.blocks.#.", "pairformer_module.layers.#.", pairformer},
    {CONDITIONING "relpe.linear_no_bias.", "diffusion_conditioning.rel_pos_encoder.linear_layer."},
    {CONDITIONING "layernorm_z.", PAIRWISE "dim_pairwise_init_proj.0."},
    {CONDITIONING "linear_no_bias_z.", PAIRWISE "dim_pairwise_init_proj.1."},
    {CONDITIONING "transition_z1.", PAIRWISE "transitions.0.", transition},
    {CONDITIONING "transition_z2.", PAIRWISE "transitions.1.", transition},
    {CONDITIONING "layernorm_s.", SINGLE "norm_single."},
    {CONDITIONING "linear_no_bias_s.", SINGLE "single_embed."},
    {CONDITIONING "fourier_embedding.w", SINGLE "fourier_embed.proj.weight", NULL, KM_IMPORT_COLUMN},
    {CONDITIONING "fourier_embedding.b", SINGLE "fourier_embed.proj.bias"},
    {CONDITIONING "layernorm_n.", SINGLE "norm_fourier."},
    {CONDITIONING "linear_no_bias_n.", SINGLE "fourier_to_single."},
    {CONDITIONING "transition_s1.", SINGLE "transitions.0.", transition},
    {CONDITIONING "transition_s2.", SINGLE "transitions.1.", transition},
    {"diffusion_module." ENCODER BIAS "layernorm_z.", "diffusion_conditioning.atom_enc_proj_z.#.0."},
    {"diffusion_module." ENCODER BIAS "linear_nobias_z.", "diffusion_conditioning.atom_enc_proj_z.#.1."},
    {"diffusion_module." ENCODER TRANSFORMER "attention_time.", "score_model." ENCODER ".temporal_layers.#.", temporal},
    {"diffusion_module." ENCODER TRANSFORMER, "score_model." ENCODER ".atom_encoder" LAYERS, block},
    {"diffusion_module." ENCODER ".linear_no_bias_q.", "score_model." ENCODER ".atom_to_token_trans.0."},
    {"diffusion_module." ENCODER ".linear_no_bias_r.", "score_model." ENCODER ".r_to_q_trans."},
    {"diffusion_module." ENCODER ".condition_embed.", "score_model." ENCODER ".condition_embed."},
    {"diffusion_module." ENCODER ".", "diffusion_conditioning.atom_encoder.", atoms},
    {"diffusion_module." DECODER BIAS "layernorm_z.", "diffusion_conditioning.atom_dec_proj_z.#.0."},
    {"diffusion_module." DECODER BIAS "linear_nobias_z.", "diffusion_conditioning.atom_dec_proj_z.#.1."},
    {"diffusion_module." DECODER TRANSFORMER "attention_time.", "score_model." DECODER ".temporal_layers.#.", temporal},
    {"diffusion_module." DECODER TRANSFORMER, "score_model." DECODER ".atom_decoder" LAYERS, block},
    {"diffusion_module." DECODER ".linear_no_bias_a.", "score_model." DECODER ".a_to_q_trans."},
    {"diffusion_module." DECODER ".layernorm_q.", "score_model." DECODER ".atom_feat_to_atom_pos_update.0."},
    {"diffusion_module." DECODER ".linear_no_bias_out.", "score_model." DECODER ".atom_feat_to_atom_pos_update.1."},
    {TOKENS "attention_pair_bias.layernorm_z.", "diffusion_conditioning.token_trans_proj_z.#.0."},
    {TOKENS "attention_pair_bias.linear_nobias_z.", "diffusion_conditioning.token_trans_proj_z.#.1."},
    {TOKENS "attention_time.", "score_model.token_transformer.layers.#.temporal_attn.", temporal},
    {TOKENS, "score_model.token_transformer.layers.#.", block},
    {"diffusion_module.layernorm_s.", "score_model.s_to_a_linear.0."},
    {"diffusion_module.linear_no_bias_s.", "score_model.s_to_a_linear.1."},
    {"diffusion_module.layernorm_a.", "score_model.a_norm."},
    {0},
};

#define TRUNK                                                                                                          \
    "input_embedder.", "relative_position_encoding.", "msa_module.", "pairformer_stack.", "linear_no_bias_",           \
        "layernorm_"

static const char *const known_by[] = {"pairformer_stack.", "diffusion_module.", NULL}, *const trunk[] = {TRUNK, NULL},
                         *const run[] = {TRUNK, "diffusion_module.", NULL},
                         *const left[] = {"input_embedder." ENCODER ".condition_embed.", NULL};

const km_import_names km_import_protenix = {known_by, trunk, run, left, table};

bool km_import_begins(const char *name, const char *const *list)
{
    while (*list && strncmp(name, *list, strlen(*list)) != 0) list++;
    return *list != NULL;
}

/* What of name comes behind the pattern, NULL where it does not fit; *number is where its # lies. */
static const char *behind(const char *name, const char *pattern, const char **number)
{
    for (; *pattern; pattern++) {
        if (*pattern != '#') {
            if (*name++ != *pattern) return NULL;
            continue;
        }
        if (!isdigit((unsigned char)*name)) return NULL;
        for (*number = name; isdigit((unsigned char)*name);) name++;
    }
    return name;
}

static bool is_leaf(const char *rest)
{
    for (; *rest; rest++)
        if (!islower((unsigned char)*rest) && !isdigit((unsigned char)*rest) && !strchr("._", *rest)) return false;
    return true;
}

/* before + name rewritten, or NULL; back: from ours to theirs */
static char *rewrite(const row *rows, const char *before, const char *name, bool back, km_import_how *how)
{
    for (; rows->theirs; rows++) {
        const char *number = "", *to = back ? rows->theirs : rows->ours;
        const char *rest = behind(name, back ? rows->ours : rows->theirs, &number), *mark = strchr(to, '#');
        if (!rest || (!rows->rest && !is_leaf(rest))) continue;
        char *so_far = !mark ? km_asprintf("%s%s", before, to)
                             : km_asprintf("%s%.*s%.*s%s", before, (int)(mark - to), to,
                                           (int)strspn(number, "0123456789"), number, mark + 1);
        if (how) *how = rows->how;
        char *whole = rows->rest ? rewrite(rows->rest, so_far, rest, back, how) : km_asprintf("%s%s", so_far, rest);
        free(so_far);
        if (whole) return whole;
    }
    return NULL;
}

char *km_import_rewrite(const km_import_names *names, const char *theirs, km_import_how *ret_how)
{
    return rewrite(names->table, "", theirs, false, ret_how);
}

char *km_import_original(const km_import_names *names, const char *ours)
{
    return rewrite(names->table, "", ours, true, NULL);
}

bool km_import_left(const km_import_names *names, const char *theirs)
{
    return km_import_begins(theirs, names->left) || !km_import_begins(theirs, names->run);
}
