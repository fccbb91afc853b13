/* SPDX-License-Identifier: MIT
 * Reference cases: files of weights, inputs and expected outputs that public implementations made. A case knows its
 * kind and configuration; a kind's check computes and compares.
 *
 * Layout of a file: metadata km_case, config (JSON), rtol, grad_rtol; tensors param/NAME, in/NAME, out/NAME, grad/NAME,
 * after/NAME and mask/KEY for the tensor KEY or its leading dimensions. The error of an output is max|got - want| /
 * max(rms(want), 1e-6) over unmasked entries. */
#ifndef TESTS_ORACLE_ORACLE_H
#define TESTS_ORACLE_ORACLE_H

#include <jansson.h>

#include "lib/model/model.h"

typedef struct oracle_case {
    const char *path;
    km_safetensors *file;
    json_t *config;
    const char *config_text;
    double rtol, grad_rtol, grad_floor;
    int failed; /* outputs that were off */
    km_ctx *cx;
    km_err err;
    bool *seen; /* of each of the file's tensors: was it compared? */
} oracle_case;

/* A tensor of the case as a constant, converted to floats, or NULL when it is absent, where the context computes; its
 * numbers, and integers likewise, where the host reads them. In the case's arena. */
km_tensor *oracle_tensor(oracle_case *o, const char *name);
float *oracle_floats(oracle_case *o, const char *name);
int32_t *oracle_ints(oracle_case *o, const char *name);
km_dim oracle_size(const oracle_case *o, const char *name, int dim); /* 0 when absent */

double oracle_number(const oracle_case *o, const char *key, double otherwise);
bool oracle_flag(const oracle_case *o, const char *key);
const char *oracle_word(const oracle_case *o, const char *key);

/* Compare a tensor of the case's context with NAME, under mask[n_mask] (NULL: the file's own). */
void oracle_compare_tensor(oracle_case *o, const char *name, const km_tensor *got, const float *opt_mask,
                           km_dim n_mask);
/* The gradient at x, where the host reads it. */
const float *oracle_gradient(oracle_case *o, const km_tensor *x);
/* Compare got[count] with the tensor NAME ("out/x") and print a line. Does nothing when the case lacks it. */
void oracle_compare(oracle_case *o, const char *name, const float *got, km_dim count);
/* The same under a mask that the file does not hold: mask[n_mask], each entry for count / n_mask numbers. */
void oracle_compare_masked(oracle_case *o, const char *name, const float *got, km_dim count, const float *mask,
                           km_dim n_mask);
/* Fail the case for another reason than a number. */
void oracle_fail(oracle_case *o, const char *why);

/* What stays the same for a molecule, from the case's in/ tensors; absent ones are zero. */
km_features *oracle_features(oracle_case *o);

/* The case's configuration; false after a failure, which is noted. */
bool oracle_config(oracle_case *o, km_config *c);
/* Fill a store that was made (all modules have asked) from the case's parameters under Boltz-2's names: each there, and
 * none too many; false after a failure, which is noted. */
bool oracle_fill_params(oracle_case *o, km_params *p);

typedef void oracle_check(oracle_case *o);
oracle_check oracle_temporal_attention, oracle_pairformer, oracle_input_embedder;
oracle_check oracle_msa_module, oracle_template_module, oracle_trunk;
oracle_check oracle_conditioning, oracle_denoise, oracle_sampler, oracle_boltz2_sample;
oracle_check oracle_losses, oracle_train_step;
oracle_check oracle_of_input;
oracle_check oracle_biokinema_trunk, oracle_biokinema_denoise, oracle_biokinema_sample;
oracle_check oracle_biokinema_losses;

/* The diffusion module of a case, shared by the kinds that evaluate it. params are the case's; the caller frees. NULL
 * after a failure, which is noted. */
typedef struct oracle_network {
    km_config config;
    km_params *params;
    km_diffusion *diffusion;
    km_features *features;
    km_trunk_out trunk;
} oracle_network;
bool oracle_network_init(oracle_case *o, oracle_network *n);
void oracle_network_clear(oracle_network *n);

#endif
