/* SPDX-License-Identifier: MIT
 * What every sampling run makes once for a system: a context, the trunk's tensors, the conditioning, the noise levels;
 * and the noise keyed as the design has it, so that a frame's noise depends on its trajectory and time alone. */
#ifndef LIB_SAMPLE_PREPARE_H
#define LIB_SAMPLE_PREPARE_H

#include "lib/base/rng.h"
#include "lib/sample/window.h"

typedef struct km_prepared {
    km_ctx *cx;
    km_trunk_out trunk;
    km_conditioning *k;
    km_levels *opt_levels; /* of all that a schedule tells */
} km_prepared;
/* s: the schedule whose levels are to be kept, NULL: each evaluation makes its own. */
km_prepared *km_prepare(const km_model *m, const km_features *f, const km_trunk_result *t, const km_schedule *opt_s,
                        int threads);
void km_prepared_free(km_prepared *p);

/* For km_windows.noise: times and trajectories of the windows' frames. */
typedef struct km_keyed_noise {
    uint64_t seed;
    km_dim A, T;
    const int64_t *times;         /* [B, T] fs */
    const int32_t *trajectories;  /* [B] */
} km_keyed_noise;
/* The stream of frame t of window b; as km_windows.noise, with which windows draw where they are computed. */
km_rng km_draw_key(const km_keyed_noise *k, int step, km_dim b, km_dim t);
void km_draw_keyed(void *keyed, int step, km_dim b, km_dim t, float *draw);
/* A random orientation, which a trajectory has in all its windows */
void km_turn_trajectory(uint64_t seed, int32_t trajectory, double rot[9]);
/* For km_windows.opt_turn: any rotation alike, and a shift of standard normal components in angstrom. */
void km_turn_keyed(void *keyed, int step, km_dim b, km_dim t, double rot[9], double shift[3]);

#endif
