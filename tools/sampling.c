/* SPDX-License-Identifier: MIT */
#include "tools/sampling.h"

#include <string.h>

void km_sampling_settle(km_sampling_choice *c, const km_sampling *s)
{
    if (!c->sampler) c->sampler = s->sampler;
    if (!c->stereo) c->stereo = s->hold_stereo ? "hold" : "free";
    if (!c->steps_set) c->steps = s->steps;
    if (!c->noise_set) c->noise_scale = s->noise_scale;
    if (!c->step_set) c->step_scale = s->step_scale;
}

km_stereo *km_sampling_stereo(const km_sampling_choice *c, const km_system *s)
{
    return strcmp(c->stereo, "hold") ? NULL : km_stereo_of(s);
}
