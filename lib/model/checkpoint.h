/* SPDX-License-Identifier: MIT
 * Files of weights, safetensors or PyTorch checkpoints (told by their content), under our names and with our metadata.
 *
 * A tensor of a checkpoint's state_dict has its parameter's name, `structure_module.score_model.` and `rel_pos.` become
 * `score_model.` and `rel_pos_encoder.`; any other keeps the keys that lead to it ("ema/ema_weights/..."). Metadata
 * that this program wrote into a checkpoint are taken as they are. Without them `hyper_parameters` is the checkpoint's
 * own as JSON, and `config` is made from it: hyper-parameters decide; where they say nothing, the tensors' shapes and
 * numbers of layers; how to sample is as Boltz-2 or, where there are temporal layers, as Kinematic does.
 *
 * BioKinema's and Protenix's (a dict whose `model` is the state_dict, names with or without `module.`) keep the names
 * that they have there, in a checkpoint and in safetensors made from one; what they come to under ours is in `ours`.
 * The configuration is made of shapes and of what is known of the family; beta is read from the file's name ("sqrt",
 * "beta0.25") and 0 where that does not say it.
 * Tests: tests/unit/test_checkpoint.c, tests/cli/weights.bats */
#ifndef LIB_MODEL_CHECKPOINT_H
#define LIB_MODEL_CHECKPOINT_H

#include "formats/torch.h"
#include "lib/model/import.h"

typedef struct km_checkpoint {
    km_safetensors *safetensors; /* one of these two is NULL */
    km_torch *torch;
    int n;
    km_st_tensor *tensors;           /* [n] sorted by name; data NULL where km_checkpoint_data has to copy */
    const km_torch_tensor **sources; /* [n] of a checkpoint */
    const km_family *opt_family;     /* whose names these are, if not ours: */
    km_imported ours;                /* what they come to */
    int n_meta;
    km_st_meta *meta;
    km_err problem; /* why there is no `config`, where one is to be made and none can be */
    km_safetensors *view;            /* km_checkpoint_file of a checkpoint, and what it had to copy */
    void **copies;
} km_checkpoint;

km_status km_checkpoint_open(const char *path, km_checkpoint **ret, km_err *err) KM_MUST_USE;
void km_checkpoint_close(km_checkpoint *c);
const km_st_tensor *km_checkpoint_find(const km_checkpoint *c, const char *name); /* NULL: absent */
const char *km_checkpoint_meta(const km_checkpoint *c, const char *key);          /* NULL: absent */
/* The elements of tensors[i] in row-major order: mapped, or in *scratch, which is allocated anew (free it at the end).
 * They need not be aligned. */
const void *km_checkpoint_data(const km_checkpoint *c, int i, void **scratch);
/* The same as f32, allocated: the caller frees it. */
float *km_checkpoint_f32(const km_checkpoint *c, int i);
/* What tells a checkpoint of PyTorch from others without reading it: SHA-256 of name, type, shape, strides, place and
 * record (length and the archive's CRC-32) of every tensor whose name begins with one of the NULL-ended prefixes, and
 * of `with`. A record whose checksum the archive leaves out is read. */
void km_checkpoint_digest(const km_checkpoint *c, const char *const *prefixes, const char *with, char out[65]);
/* The tensors whose names begin with one of the NULL-ended prefixes, or those of `ours`, as an open file; it goes with
 * c. What does not lie in row-major order is copied. */
km_safetensors *km_checkpoint_file(km_checkpoint *c, const char *const *prefixes);
/* The name in the state_dict that the Python Kinematic loads, "state_dict/" first; what it does not know is put under
 * "rest/". Of weights in another family's names: that in its `model`. The caller frees it. */
char *km_checkpoint_export_name(const km_checkpoint *c, const char *name);
/* Put the exponent of time into the configuration of weights that do not say it. KM_USAGE where they say another. */
km_status km_checkpoint_set_beta(km_checkpoint *c, double beta, km_err *err) KM_MUST_USE;

/* What a file written by km_torch_write has our metadata under. */
#define KM_CHECKPOINT_META "kinematic"
/* A parameter of ours that weights with layers across frames have. */
#define KM_CHECKPOINT_TEMPORAL "score_model.token_transformer.layers.0.temporal_attn.log_lambda"

#endif
