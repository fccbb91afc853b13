/* SPDX-License-Identifier: MIT
 * One optimiser step's gradient: groups of windows dealt to shards, each shard with a context and a gradient block of
 * its own, the blocks added in order. Which thread ran a shard does not matter.
 * Tests: tests/unit/test_train_run.c */
#ifndef LIB_TRAIN_STEP_H
#define LIB_TRAIN_STEP_H

#include "lib/train/data.h"
#include "lib/train/losses.h"
#include "lib/train/ranks.h"
#include "lib/train/trunks.h"

/* Sums over windows of what the log shows; divide by windows. */
typedef struct km_step_sums {
    double total, structure, bond, lddt, flex, center, velocity, autocorrelation, tica;
    int windows;
    int worst;         /* the group with the largest loss, or one that is not finite */
    double worst_loss; /* of a window of it; INFINITY where it is not finite */
} km_step_sums;

void km_step_sums_add(km_step_sums *to, const km_step_sums *v); /* all but worst */

typedef struct km_stepper km_stepper;
/* opt_trunks: stored results of the trunk; NULL: it runs in the step. opt_ranks: others that work on the same steps;
 * they outlive the stepper, as all of this. */
km_stepper *km_stepper_new(km_model *m, const km_train_config *c, km_trunk_store *opt_trunks, km_ranks *opt_ranks,
                           int threads);
/* Is any parameter of the trunk trained? Then a system's stored result is none. */
bool km_stepper_trains_trunk(const km_stepper *s);
void km_stepper_free(km_stepper *s);
/* Forward and backward over n groups; ret_grad [km_params_size] is the gradient of the mean over windows of the loss.
 * Valid until the next call. NULL: the losses only, of these groups alone; else gradient and sums (but worst) are of
 * all ranks, which have equally many groups each. Fails when a stored result of the trunk cannot be read. */
km_status km_stepper_run(km_stepper *s, const km_group *groups, int n, const float **opt_ret_grad,
                         km_step_sums *ret_sums, km_err *err) KM_MUST_USE;
/* What the trunk says of a group's system, on the context; opt_stored: the whole system's result. */
km_trunk_out km_stepper_trunk(const km_stepper *s, km_ctx *cx, const km_group *g, const km_trunk_result *opt_stored);
/* Bytes that a step will take at most, besides the stored results, found by running it with kernels that compute
 * nothing, or on a device, whose memory it then is, by rehearsing it; opt_largest: the system that takes most. */
double km_stepper_footprint(const km_stepper *s, const km_dataset *d, const km_train_system **opt_largest);
size_t km_stepper_peak(const km_stepper *s); /* bytes of the arenas, gradient blocks and stored results */

#endif
