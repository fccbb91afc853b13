/* SPDX-License-Identifier: MIT
 * The configuration that a PyTorch checkpoint implies. */
#ifndef LIB_MODEL_CHECKPOINT_CONFIG_H
#define LIB_MODEL_CHECKPOINT_CONFIG_H

#include "lib/model/checkpoint.h"

/* JSON as weights have it in their metadata, from hyper-parameters (JSON) and tensors under our names; the caller frees
 * it. A family's weights have no hyper-parameters, and beta is known of them or 0. KM_INPUT: no model that is known
 * here. */
km_status km_checkpoint_config(const km_st_tensor *tensors, int n, const char *hyper, const km_family *opt_family,
                               double beta, char **ret, km_err *err) KM_MUST_USE;

#endif
