/* SPDX-License-Identifier: MIT
 * Which weights a program uses, and the trunk's result that goes with them. */
#ifndef TOOLS_WEIGHTS_H
#define TOOLS_WEIGHTS_H

#include "lib/model/model.h"
#include "tools/filter.h"

/* opt_name when given; else the weights of the last km-forecast or km-interp in the provenance, else those of the trunk
 * message, else $KM_WEIGHTS, else `mini` with a remark on standard error. Weights that do not belong to the stream's
 * trunk (digests differ) are refused. Fills f->record. */
km_status km_weights_choose(km_filter *f, const char *opt_name, km_model **ret, km_err *err) KM_MUST_USE;
/* Run the trunk for f->system and set f->trunk. recycles < 0: as the weights say. */
km_status km_weights_run_trunk(km_filter *f, const km_model *m, int recycles, km_err *err) KM_MUST_USE;

#endif
