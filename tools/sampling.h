/* SPDX-License-Identifier: MIT
 * The options of every program that samples: what each is, and what it is when it is not given. */
#ifndef TOOLS_SAMPLING_H
#define TOOLS_SAMPLING_H

#include "lib/base/opt.h"
#include "lib/sample/window.h"

typedef struct km_sampling_choice {
    const char *sampler, *stereo;
    int steps;
    double noise_scale, step_scale;
    int64_t memory;
    bool steps_set, noise_set, step_set;
} km_sampling_choice;

/* The rows of a program's option table, of a km_sampling_choice c. */
#define KM_SAMPLING_OPTIONS(c)                                                                                         \
    {"steps", 0, KM_OPT_INT, &(c).steps, "N", "denoising steps", .min = 1, .max = 10000, .set = &(c).steps_set},       \
    {"sampler", 0, KM_OPT_CHOICE, &(c).sampler, "NAME", "af3, karras, euler, biokinema, or boltz2 (structures alone)", \
     .choices = "af3|karras|euler|boltz2|biokinema"},                                                                  \
    {"noise-scale", 0, KM_OPT_DOUBLE, &(c).noise_scale, "X", "factor of the noise added in a step", .min = 0,          \
     .max = 100, .set = &(c).noise_set},                                                                               \
    {"step-scale", 0, KM_OPT_DOUBLE, &(c).step_scale, "X", "factor of a step's length", .min = 1e-3, .max = 100,       \
     .set = &(c).step_set},                                                                                            \
    {"stereo", 0, KM_OPT_CHOICE, &(c).stereo, "HOW", "hold the hand of stereo centres, or leave it free",              \
     .choices = "hold|free"},                                                                                          \
    {"memory", 0, KM_OPT_SIZE, &(c).memory, "SIZE", "take no more memory than this (what is available)"}

/* What the command line left open becomes what the weights say; of boltz2, where they have another sampler, what
 * Boltz-2 does. */
void km_sampling_settle(km_sampling_choice *c, const km_sampling *s);
/* The exponent of time that the network is run with, which must be known: what --beta says where the weights do not;
 * KM_USAGE where they say another, unless `force`, or neither does. */
km_status km_sampling_beta(const km_model *m, bool given, bool force, double *beta, km_err *err) KM_MUST_USE;
/* The centres to hold of a system, or NULL: all are left free. The caller's. */
km_stereo *km_sampling_stereo(const km_sampling_choice *c, const km_system *s);

#endif
