/* SPDX-License-Identifier: MIT
 * A training run's configuration: YAML, any key overridden by KEY=VALUE, resolved and stored with the run.
 * Tests: tests/unit/test_train_config.c */
#ifndef LIB_TRAIN_CONFIG_H
#define LIB_TRAIN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

typedef struct km_train_config {
    /* the loop */
    int64_t seed;
    int threads, max_steps, checkpoint_every, validate_every, log_every, validation_windows;
    /* a batch: `batch` groups of `windows` windows, each group of one system; `shards` fixes how gradients are summed,
     * so that the result does not depend on the number of threads */
    int batch, windows, shards;
    int frames_min, frames_max; /* T is uniform between them, one for a group */
    /* optimiser: linear warm-up, then constant or (lr_final < 1) a cosine down to lr_final of it */
    double lr, lr_final, beta1, beta2, eps, weight_decay, max_grad_norm, ema;
    int warmup;
    /* noise as masking */
    double p_mean, p_std;       /* ln(sigma / sigma_data) is normal with these */
    double shared_level;        /* probability that all noisy frames of a window share one level */
    double interpolate;         /* probability of an interpolation window; the others forecast */
    double history_noise, history_noise_share; /* angstrom, up to; share of windows */
    double translation;         /* standard deviation of the random shift, angstrom */
    int64_t forecast_dt_min, forecast_dt_max, interpolate_dt_min, interpolate_dt_max; /* fs */
    /* the trunk's input and passes, stored or in the step: rows drawn of an alignment, with which seed; passes after
     * the first, < 0 as the weights say */
    int msa_depth, trunk_recycles;
    int64_t msa_seed;
    /* losses */
    double alpha_bond, alpha_lddt, beta_flex, beta_abs, beta_rel_g, beta_rel_l, beta_center;
    double weight_protein, weight_dna, weight_rna, weight_ligand;
    bool flex_seed, bond_all, unbinding;
    const char *train;          /* which parameters: name patterns separated by blanks, `*` any run of characters */
    double validation_share;    /* of the systems, by a hash of the sequence, when there is no split file */
    char *model_json;           /* {"model": {...}, "sampling": {...}} of a new model; "" when the file has none */
    void *tree;                 /* the resolved JSON tree, owner of every string here */
} km_train_config;

/* Read PATH and apply overrides ("lr=1e-3", "spacing.forecast.max=50ps"). KM_INPUT for the file, KM_USAGE for an
 * override; the message names the key and the line. */
km_status km_train_config_read(const char *path, const char *const *overrides, int n_overrides, km_train_config **ret,
                               km_err *err) KM_MUST_USE;
/* From the text that km_train_config_dump made. */
km_status km_train_config_parse(const char *json, km_train_config **ret, km_err *err) KM_MUST_USE;
/* The resolved configuration as JSON text, the same for the same configuration. The caller frees it. */
char *km_train_config_dump(const km_train_config *c);
void km_train_config_free(km_train_config *c);

#endif
