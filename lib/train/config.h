/* SPDX-License-Identifier: MIT
 * A training run's configuration: YAML, any key overridden by KEY=VALUE, resolved and stored with the run.
 * Tests: tests/unit/test_train_config.c, tests/unit/test_train_page.c */
#ifndef LIB_TRAIN_CONFIG_H
#define LIB_TRAIN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

/* What the configuration says of a data set, by the name that km-strip stored in its files. */
typedef struct km_train_set {
    char name[32];
    double weight;                      /* share of the samples, relative to the other sets' */
    int64_t dt_min, dt_max, dt_usual;   /* fs; dt_usual 0: none */
} km_train_set;

typedef struct km_train_config {
    /* the loop */
    int64_t seed;
    int threads, max_steps, checkpoint_every, validate_every, log_every, validation_windows;
    int validation_samples;     /* groups of windows that are generated in a validation, too */
    int overfit;                /* only so many groups of windows, over and over; 0: all that there is */
    int read_ahead;             /* steps whose samples are read while others are computed */
    double spike;               /* a loss so many times the running mean is left out; 0: none is */
    int max_skipped;            /* so many steps left out one after the other end the run */
    int patience;               /* validations without a better loss that end the run, 0: any number */
    /* a batch: `batch` groups of `windows` windows, each group of one system; `shards` fixes how gradients are summed,
     * so that the result does not depend on the number of threads */
    int batch, windows, shards;
    int frames_min, frames_max; /* T is uniform between them, one for a group */
    int frames_200, frames_500, frames_beyond; /* T by the number of tokens instead (0: no), at most frames_max */
    int crop_tokens;            /* larger systems are cut to so many tokens, 0: never */
    double crop_spatial;        /* share of cuts that take what is near one place; the others take runs of sequence */
    /* optimiser: linear warm-up, then constant or (lr_final < 1) a cosine down to lr_final of it */
    double lr, lr_final, beta1, beta2, eps, weight_decay, max_grad_norm, ema;
    int warmup;
    bool muon;                  /* matrices go by Muon (lib/nn/muon.h), all else by Adam */
    /* noise as masking */
    double p_mean, p_std;       /* ln(sigma / sigma_data) is normal with these */
    double shared_level;        /* probability that all noisy frames of a window share one level */
    double interpolate;         /* probability of an interpolation window; the others forecast */
    double history;             /* share of forecasts with several history frames */
    double free;                /* share of windows without a condition frame */
    double reverse;             /* share of windows that run backwards in time */
    double history_noise, history_noise_share; /* angstrom, up to; share of windows */
    double translation;         /* standard deviation of the random shift, angstrom */
    int64_t forecast_dt_min, forecast_dt_max, interpolate_dt_min, interpolate_dt_max; /* fs */
    double usual;               /* share of windows at their set's usual spacing */
    km_train_set *sets;         /* none: systems are drawn alike, spacings as above; else by set, then by system */
    int n_sets;
    /* the trunk's input and passes, stored or in the step: rows drawn of an alignment, with which seed; passes after
     * the first, < 0 as the weights say */
    int msa_depth, trunk_recycles;
    int64_t msa_seed;
    /* losses */
    double alpha_bond, alpha_ligand_bond, alpha_lddt, beta_flex, beta_abs, beta_rel_g, beta_rel_l, beta_center;
    double ensemble, velocity, autocorrelation; /* the first multiplies flexibility and the other two */
    int autocorrelation_lags;
    double tica, tica_path, tica_shares, tica_memory; /* against a Markov model of slow motions, and its parts */
    int64_t tica_lag;           /* fs */
    int tica_components, tica_states;
    double weight_protein, weight_dna, weight_rna, weight_ligand;
    bool flex_seed, bond_all, unbinding;
    bool biokinema;             /* losses as km_loss_config.biokinema has them */
    bool causal;                /* temporal layers are made causal, whatever the weights say */
    const char *train;          /* which parameters: name patterns separated by blanks, `*` any run of characters */
    double validation_share;    /* of the systems, by a hash of the sequence, when there is no split file */
    char *model_json;           /* {"model": {...}, "sampling": {...}} of a new model; "" when the file has none */
    char *sampling_json;        /* {"sampling": {...}} when the file says how to sample, else "" */
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
/* NULL when the configuration does not name it. */
const km_train_set *km_train_config_set(const km_train_config *c, const char *name);

#endif
