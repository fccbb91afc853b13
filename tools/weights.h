/* SPDX-License-Identifier: MIT
 * Which weights a program uses, and the trunk's result that goes with them. */
#ifndef TOOLS_WEIGHTS_H
#define TOOLS_WEIGHTS_H

#include "lib/chem/msa.h"
#include "lib/model/model.h"
#include "tools/filter.h"

/* opt_name when given; else the weights of the last km-forecast or km-interp in the provenance, else those of the trunk
 * message, else $KM_WEIGHTS, else `mini` with a remark on standard error. Weights that do not belong to the stream's
 * trunk (digests differ) are refused. Fills f->record. */
km_status km_weights_choose(km_filter *f, const char *opt_name, km_model **ret, km_err *err) KM_MUST_USE;
/* How to run the trunk. */
typedef struct km_trunk_choice {
    int recycles;      /* < 0: as the weights say */
    int msa_depth;     /* rows of the alignment to draw for a pass, the query among them; 0: as the family */
    int64_t memory;    /* bytes that the run may take; 0: what is available */
    const char *cache; /* a folder of results (formats/trunk_h5.h) to look in and to add to, or NULL */
} km_trunk_choice;
#define KM_TRUNK_CHOICE_DEFAULT {.recycles = -1}
/* Run the trunk for f->system with what there is of alignment and templates, and set f->trunk. */
km_status km_weights_run_trunk(km_filter *f, const km_model *m, const km_trunk_choice *choice, km_err *err) KM_MUST_USE;

#endif
