/* SPDX-License-Identifier: MIT
 * Sampling: a batch of windows from noise to coordinates, condition frames held.
 * Tests: tests/unit/test_sampler.c, reference cases of kind `sampler` */
#ifndef LIB_SAMPLE_WINDOW_H
#define LIB_SAMPLE_WINDOW_H

#include "lib/chem/stereo.h"
#include "lib/sample/schedule.h"

/* Fill draw [A, 3] with standard normal numbers for frame t of window b: step -1 is the noise a frame starts from.
 * A clean frame is asked for too where the schedule adds noise to it. Called from several threads at once. */
typedef void km_noise(void *arg, int step, km_dim b, km_dim t, float *draw);

/* The motion of such a frame at a step: after its mean is at the origin, x becomes rot x + shift; rot [3, 3] row-major.
 * Where all frames of a window move as one it is that of t 0. */
typedef void km_turn(void *arg, int step, km_dim b, km_dim t, double rot[9], double shift[3]);

typedef struct km_windows {
    km_dim B, T;
    float *x;           /* [B, T, A, 3] angstrom: clean frames on entry, all frames on return */
    const float *times; /* [B, T] ns */
    const bool *clean;  /* [T] which frames are conditions, the same in every window */
    km_noise *noise;
    void *noise_arg;
    km_nn_past *const *opt_pasts; /* [B], T 1: what came before, of a causal model */
    const km_stereo *opt_stereo; /* centres whose hand is held in every denoised frame */
    km_turn *opt_turn;           /* given noise_arg; wanted where the schedule turns frames */
    const km_levels *opt_levels; /* of all that the schedule tells; NULL: an evaluation makes those that it needs */
    /* of a run that was begun on a device */
    void *there, *fetch;
    int n_steps;
    km_dim A;
} km_windows;

/* KM_USAGE, with what would help, where a window of T frames is more than the model can see. */
km_status km_windows_check(const km_model *m, int64_t T, const char *advice, km_err *err) KM_MUST_USE;
/* Noise every frame that is not clean (sigma_0 x draw -1) and run the schedule. The result of a window does not depend
 * on the others in the batch. Returns KM_INTERRUPTED between steps when a signal came. NaN in the result is KM_INPUT
 * naming the step, on a device the last. */
km_status km_windows_sample(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s,
                            km_windows *w, km_err *err) KM_MUST_USE;
/* The same in two parts. On a device it is only asked for by the first, and all that w points to must stay until the
 * second, which waits for the coordinates; other windows may be begun between. After a failure of the first there is no
 * second. On the processor the first does it all. */
km_status km_windows_begin(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s,
                           km_windows *w, km_err *err) KM_MUST_USE;
km_status km_windows_end(km_ctx *cx, km_windows *w, km_err *err) KM_MUST_USE;
/* The same from x as it is, without the first noise (the reference cases give their own). */
km_status km_windows_run(km_ctx *cx, const km_model *m, const km_conditioning *k, const km_schedule *s, km_windows *w,
                         km_err *err) KM_MUST_USE;

#endif
