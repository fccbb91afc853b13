/* SPDX-License-Identifier: MIT
 * Noise schedules: from sigma_max down to sigma_min and then 0 (Karras et al. 2022, equation 5; AlphaFold 3's variant;
 * Boltz-2's, which is that and rigid motions; BioKinema's, whose last level before 0 is one step above sigma_min, and
 * which adds noise to what is given).
 * Tests: tests/unit/test_sampler.c, reference cases of kind `sampler` */
#ifndef LIB_SAMPLE_SCHEDULE_H
#define LIB_SAMPLE_SCHEDULE_H

#include "lib/model/model.h"

typedef enum km_sampler {
    KM_SAMPLER_AF3,
    KM_SAMPLER_KARRAS,
    KM_SAMPLER_EULER,
    KM_SAMPLER_BOLTZ2,
    KM_SAMPLER_BIOKINEMA
} km_sampler;

/* The sampler a word names; KM_USAGE for an unknown one. */
km_status km_sampler_parse(const char *word, km_sampler *ret, km_err *err) KM_MUST_USE;

/* One step: noise is raised from sigma to hat (equal: none is added), x is denoised at hat and moves towards the result
 * by step_scale (next - hat). */
typedef struct km_step {
    double sigma, hat, next;
    double noise;      /* what multiplies a standard normal draw: noise_scale sqrt(hat^2 - sigma^2) */
    double step_scale; /* 1 but for af3 and boltz2 */
} km_step;

typedef struct km_schedule {
    int n_steps, stage; /* stage: evaluations by which a new frame is behind the one before (staircase.h); 0: none */
    double *sigmas; /* [n_steps + 1], angstrom, the last 0 */
    km_step *steps; /* [n_steps] */
    bool turned;    /* a step begins with a frame centred, turned and shifted at random */
    bool turned_as_one; /* the same of windows without a condition, all frames of a window alike */
    bool aligned;   /* and moves it onto the denoised one before it steps towards that */
    bool turned_once; /* a trajectory has a random orientation; a window lies on its first frame, not the last given */
    double given_noise, given_sigma; /* of condition frames, as in km_sampling */
    int n_told;
    float *told; /* [n_told] all that the model can be told of a frame's noise, angstrom; the places of km_told */
} km_schedule;

/* Of a condition; of a frame at step k: this and k; of a staircase, at n_steps behind it, a frame that is done; and one
 * that waits, last. */
typedef enum km_told { KM_TOLD_GIVEN, KM_TOLD_STEP } km_told;

/* All numbers from s (sigmas in angstrom as stored). n_steps at least 1. */
km_schedule *km_schedule_new(const km_sampling *s, km_sampler sampler, int n_steps, double noise_scale,
                             double step_scale);
void km_schedule_free(km_schedule *s);

#endif
