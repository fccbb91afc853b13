/* SPDX-License-Identifier: MIT
 * Continuing trajectories frame after frame: every earlier frame is history, known by its keys and values.
 *
 * All frames of a trajectory are superposed on one, the last given (from noise: the first), and stand where that one
 * has its centroid at the origin; a frame that is made is superposed so, too, before it becomes a part of the past.
 * Tests: tests/unit/test_causal.c, tests/cli/forecast.bats */
#ifndef LIB_SAMPLE_CAUSAL_H
#define LIB_SAMPLE_CAUSAL_H

#include "lib/sample/forecast.h"

/* Trajectories that go on side by side; the next ones begin when these are done. */
enum { KM_CAUSAL_MOST = 16 };

/* As km_forecast, o->window and o->history apart, by a model whose temporal layers are causal
 * (km_diffusion_set_temporal). Histories hold all frames there are and keep all that are made. KM_SYSTEM, on a device
 * KM_DEVICE, before anything is made when the pasts would not fit into o->memory. */
km_status km_forecast_causal(const km_model *m, const km_features *f, const km_trunk_result *t,
                             const km_forecast_options *o, km_history *histories, int n, km_emit *emit, void *arg,
                             km_err *err) KM_MUST_USE;

#endif
