/* SPDX-License-Identifier: MIT
 * Between the definitions of losses.h. */
#ifndef LIB_TRAIN_LOSSES_IMPL_H
#define LIB_TRAIN_LOSSES_IMPL_H

#include "lib/train/losses.h"

/* km_losses_compute with c->biokinema; *v is zero before. */
km_tensor *km_losses_biokinema(km_ctx *cx, const km_loss_config *c, const km_loss_inputs *in, const km_tensor *x,
                               bool parts, km_loss_values *v);

#endif
