/* SPDX-License-Identifier: MIT
 * The model: configuration, weights, trunk and diffusion module, named as checkpoints name them.
 *
 * Weights are PyTorch checkpoints (checkpoint.h) or safetensors whose metadata holds the configuration (key `config`,
 * JSON with the sections below) and the digests
 * (`trunk_digest`, `digest`). lib/model/README.md lists modules, parameter names and what a further family would need.
 * Tests: tests/unit/test_model.c, tests/oracle.c (reference cases) */
#ifndef LIB_MODEL_MODEL_H
#define LIB_MODEL_MODEL_H

#include <stdbool.h>

#include "lib/base/alignment.h"
#include "lib/base/system.h"
#include "lib/model/family.h"
#include "lib/nn/params.h"
#include "lib/nn/past.h"
#include "lib/tensor/ops.h"

/* Dimensions and switches, under the names of checkpoints' hyper-parameters. */
typedef struct km_config {
    const km_family *family;
    int token_s, token_z, atom_s, atom_z;
    int token_inputs;     /* what the input embedder makes of a token's atoms */
    int token_a;          /* the token transformer's stream */
    int inputs_s, cond_s; /* s_inputs and the single conditioning; they follow from the family */
    int atoms_per_window_queries, atoms_per_window_keys, atom_feature_dim;
    /* trunk */
    int embedder_depth, embedder_heads;        /* the input embedder's atom encoder */
    int embedder_atom_s, embedder_atom_z;      /* its widths */
    bool add_method, add_modified, add_cyclic, add_mol_type; /* its optional terms */
    int pairformer_blocks, pairformer_heads, pairwise_head_width, pairwise_heads;
    int msa_s, msa_blocks, msa_head_width, msa_heads; /* the alignment's module; no blocks: none */
    int msa_average_heads, msa_average_width, msa_outer; /* of averaging over tokens; of outer products */
    bool msa_paired;                                  /* it reads msa_paired */
    bool templates, templates_v2;                     /* is there a templates' module, and of which kind */
    int template_dim, template_blocks, template_head_width, template_heads;
    bool bond_types;                     /* token bonds have a type */
    double contact_min, contact_max;     /* angstrom; contact_max 0: no bonds and contacts between tokens */
    int recycles;
    /* diffusion */
    double sigma_data;
    int dim_fourier, conditioning_transitions;
    int token_depth, token_heads, token_temporal_heads;
    int atom_encoder_depth, atom_encoder_heads, atom_decoder_depth, atom_decoder_heads, atom_temporal_heads;
    bool causal, temporal; /* temporal false: no temporal layers (plain Boltz-2) */
    double beta; /* 0: not known, in a family whose weights may not say it */
    double lambda_lo, lambda_hi; /* range over which decay rates start, per ns */
    bool fix_sym_check, cyclic_pos_enc;
    bool canonical_pose; /* windows are seen in one orientation (lib/sample/pose.h) */
} km_config;

enum { KM_PRESETS = 2048 };

/* What the weights say about how to sample; all times in fs. Angstrom for sigmas. */
typedef struct km_sampling {
    char sampler[16]; /* af3, karras, euler, boltz2, biokinema */
    int steps, window, history, stage; /* stage: as in km_schedule */
    double sigma_min, sigma_max, rho, gamma_0, gamma_min, noise_scale, step_scale;
    double churn_sigma_min, churn_sigma_max; /* the pair for karras and euler */
    double given_noise,
        given_sigma; /* what is added to frames that are given, in every step; what they are told to have */
    int64_t dt, time, interp_dt, min_dt, max_dt; /* trained range of spacings */
    bool hold_stereo;                            /* keep the hand of stereo centres (lib/chem/stereo.h) */
    bool from_scratch;                           /* trained for windows without a start frame */
    bool causal;                                 /* frame after frame */
    char presets[KM_PRESETS];                    /* named changes to all this, as JSON; empty: none */
} km_sampling;

/* JSON of the metadata, {"model": {...}, "sampling": {...}}, to structs and back. An absent key has the value of the
 * published model; an unknown one is KM_INPUT, as is a value out of range. */
km_status km_config_parse(const char *json, km_config *ret_config, km_sampling *ret_sampling, km_err *err) KM_MUST_USE;
/* Hyper-parameters of a checkpoint or a reference case, the model's keys without a section: unknown ones are left
 * alone. */
km_status km_config_parse_hyper(const char *json, km_config *ret_config, km_err *err) KM_MUST_USE;
/* Change what the preset of this name sets. KM_USAGE, listing what there is, when there is no such. */
km_status km_sampling_preset(km_sampling *s, const char *name, km_err *err) KM_MUST_USE;
char *km_config_dump(const km_config *c, const km_sampling *s); /* the caller frees it */

/* The model's inputs that stay the same for a system, as flat arrays. N tokens, A atoms, S alignment rows. */
typedef struct km_features {
    km_dim N, A;
    const float *token_mask, *atom_mask;                     /* [N], [A] 0/1 */
    const float *there;    /* [A] 0/1: those by which frames are centred and superposed; the model does not see it */
    const int32_t *atom_token;                               /* [A], -1 for padded atoms */
    const float *ref_pos, *ref_charge;                       /* [A, 3], [A] */
    const float *ref_mask; /* [A] 0/1: does the conformer know the atom; NULL where the family does not ask */
    const int32_t *ref_element, *ref_name, *ref_space_uid;   /* [A], [A, 4] (character - 32), [A] */
    const int32_t *asym_id, *entity_id, *sym_id, *residue_index, *token_index, *cyclic_period; /* [N] */
    const int32_t *res_type, *mol_type, *modified, *method;  /* [N] */
    const float *profile, *deletion_mean; /* [N, classes], [N]: of the alignment, or of the sequence alone */
    /* Of the trunk alone. Pairs of tokens, each array NULL where all of it is 0. */
    const float *token_bonds;            /* [N, N] 0/1 */
    const int32_t *type_bonds;           /* [N, N] KM_BOND_NONE ... */
    const int32_t *contact_conditioning; /* [N, N] 0 unspecified, 1 unselected, 2 to 4 kinds of contact */
    const float *contact_threshold;      /* [N, N] angstrom, of contacts */
    km_dim S;                            /* rows of the alignment; 0: the alignment's module is left out */
    km_dim draws;                        /* of rows, for the passes in turn (D below); 0 counts as 1 */
    const int32_t *msa;                  /* [D, S, N] residue class */
    const float *has_deletion, *deletion_value, *msa_paired, *msa_mask; /* [D, S, N]; 0/1 but for deletion_value */
    km_dim n_templates;                  /* 0: the templates' module is left out; arrays as km_templates has them */
    const int32_t *template_restype, *visibility_ids;
    const float *template_frame_rot, *template_frame_t, *template_cb, *template_ca;
    const float *template_mask_cb, *template_mask_frame, *template_mask;
} km_features;
/* From a tokenised system and what is known beside it, whose n_tokens must be the system's; the templates' arrays are
 * used in place and must outlive the features. Without an alignment: the sequence as its only row. In the classes of
 * the family. Free with km_features_free. */
km_features *km_features_of(const km_family *family, const km_system *s, const km_msa *opt_msa,
                            const km_templates *opt_templates);
void km_features_free(km_features *f);
/* The alignment's rows are so many draws (km_chem_msa_draw). */
void km_features_set_draws(km_features *f, km_dim draws);

/* -- weights and modules */
typedef struct km_trunk km_trunk;
typedef struct km_diffusion km_diffusion;

typedef struct km_model {
    km_config config;
    km_sampling sampling;
    km_params *params;
    km_trunk *trunk;         /* NULL when the weights have none */
    km_diffusion *diffusion; /* NULL when the weights have none */
    km_safetensors *file;    /* what params are mapped from, or NULL */
    struct km_checkpoint *weights; /* the file's owner */
    const km_backend *opt_be; /* what it was made ready for; NULL: nothing, and the processor runs it */
    char *name, *path;        /* as the user asked, and where it was found */
    /* of the elements; as km_checkpoint_digest makes it of a checkpoint that has none of ours */
    char digest[65], trunk_digest[65];
} km_model;

/* name: a file, a training run's directory (its best.safetensors), or the name of an installed model, looked for in
 * $KM_DATA,
 * ../share/kinematic beside the program, and pipelines/NAME/NAME.safetensors of a build tree. Packed for inference on
 * be when not NULL. */
km_status km_model_open(const char *name, const km_backend *opt_be, km_model **ret, km_err *err) KM_MUST_USE;
/* A new model with made parameters. */
km_status km_model_make(const km_config *c, const km_sampling *s, uint64_t seed, km_model **ret,
                        km_err *err) KM_MUST_USE;
void km_model_free(km_model *m);
/* A context on the backend that m is ready for. */
km_ctx *km_model_ctx(const km_model *m, int threads);
/* Where the model of this name lies; the caller frees the path. */
km_status km_model_find(const char *name, char **ret_path, km_err *err) KM_MUST_USE;
/* All parameters, with configuration and digests in the metadata. block: values to write instead of the store's (EMA),
 * laid out like the training block, or NULL. */
km_status km_model_save(const km_model *m, const float *opt_block, const char *path, km_err *err) KM_MUST_USE;
/* What make demo warns about: one line on what this model is good for, or NULL. */
const char *km_model_remark(const km_model *m);

/* -- trunk (lib/model/trunk/) */
km_trunk *km_trunk_new(const km_config *c, km_params *p);
void km_trunk_free(km_trunk *t);
typedef struct km_trunk_out {
    km_tensor *s_inputs, *s, *z; /* [N, inputs_s], [N, token_s], [N, N, token_z] */
} km_trunk_out;
/* recycles + 1 passes; on a tape only the last pass is recorded (s and z from earlier passes are constants), as Boltz-2
 * trains. */
km_trunk_out km_trunk_run(km_ctx *cx, const km_trunk *t, const km_features *f, int recycles);

/* What a run's result depends on, in hexadecimal. input: every feature that the trunk reads; key: these, the trunk's
 * digest and the recycles. */
void km_trunk_key(const km_model *m, const km_features *f, int recycles, char key[65], char input[65]);

/* -- diffusion (lib/model/diffusion/) */
km_diffusion *km_diffusion_new(const km_config *c, km_params *p);
void km_diffusion_free(km_diffusion *d);

/* What temporal layers do, where it is not as trained: the exponent of time, and whether a frame sees only those up to
 * itself. */
void km_diffusion_set_temporal(km_diffusion *d, double beta, bool causal);

/* What depends on the system alone, once per system: relative positions, pair conditioning, atom features, all biases.
 */
typedef struct km_conditioning {
    const km_features *f;
    km_tensor *s_single; /* [N, cond_s]: single_embed(norm([s, s_inputs])), before noise; NULL without s_inputs */
    km_tensor *q, *c;                    /* [A, atom_s] */
    km_tensor *opt_marked;               /* [2, A, atom_s] q of frames without and with the mark of a condition */
    km_tensor **enc_bias, **dec_bias;    /* [depth] of [heads, W, Q, K] */
    km_tensor **token_bias;              /* [depth] of [heads, N, N] */
    km_tensor *rel_pos;                  /* [N, N, token_z] */
    struct km_nn_dit_terms *enc_terms, *dec_terms; /* [depth]: adaptive norms and gates of atoms, [1, A, atom_s] */
} km_conditioning;
/* Lies in the context's arena. f must outlive it. */
km_conditioning *km_diffusion_condition(km_ctx *cx, const km_diffusion *d, const km_features *f, const km_trunk_out *t);

/* What depends on the noise level too: L levels (sigma, angstrom; 0 is a clean frame) give everything that adaptive
 * norms and gates of tokens need; atom-level ones depend on c alone and are made with the conditioning. */
typedef struct km_levels km_levels;
km_levels *km_diffusion_levels(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const float *sigma,
                               km_dim L);

/* One evaluation: x [B, T, A, 3] angstrom, level [B T] into sigma [L], times [B, T] ns -> denoised x [B, T, A, 3].
 * Frames of sigma 0 come out as they went in. */
km_tensor *km_diffusion_denoise(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const km_levels *levels,
                                const km_tensor *x, const int32_t *level, const float *sigma, const float *times);

/* -- frame after frame, with causal temporal layers */
/* The past of a trajectory, without a frame and with room for some (km_nn_past_free), and how many bytes a frame adds
 * to it. */
km_nn_past *km_diffusion_past(const km_backend *be, const km_diffusion *d, const km_features *f, km_dim room);
double km_diffusion_past_bytes(const km_backend *be, const km_diffusion *d, const km_features *f);
/* As km_diffusion_denoise over all frames so far, for the last one alone: x [B, 1, A, 3], times [B], pasts [B] of the
 * frames before, which were clean when they were added. Raising a past's T after an evaluation at sigma 0 adds this
 * frame. */
km_tensor *km_diffusion_denoise_next(km_ctx *cx, const km_diffusion *d, const km_conditioning *k,
                                     const km_levels *levels, const km_tensor *x, const int32_t *level,
                                     const float *sigma, const float *times, km_nn_past *const *pasts);

#endif
