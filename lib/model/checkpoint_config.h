/* SPDX-License-Identifier: MIT
 * The configuration that a PyTorch checkpoint implies. */
#ifndef LIB_MODEL_CHECKPOINT_CONFIG_H
#define LIB_MODEL_CHECKPOINT_CONFIG_H

#include "lib/model/checkpoint.h"

/* JSON as weights have it in their metadata, from hyper-parameters (JSON) and tensors; the caller frees it. KM_INPUT:
 * they describe no model that is known here. */
km_status km_checkpoint_config(const km_checkpoint *c, const char *hyper, char **ret, km_err *err) KM_MUST_USE;

#endif
