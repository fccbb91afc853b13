/* SPDX-License-Identifier: MIT */
#include "tools/sampling.h"

#include <string.h>

void km_sampling_settle(km_sampling_choice *c, const km_sampling *s)
{
    if (!c->sampler) c->sampler = s->sampler;
    if (!c->stereo) c->stereo = s->hold_stereo ? "hold" : "free";
    bool boltz2 = !strcmp(c->sampler, "boltz2") && strcmp(s->sampler, "boltz2");
    if (!c->steps_set) c->steps = boltz2 ? 200 : s->steps;
    if (!c->noise_set) c->noise_scale = boltz2 ? 1.003 : s->noise_scale;
    if (!c->step_set) c->step_scale = s->step_scale;
}

km_stereo *km_sampling_stereo(const km_sampling_choice *c, const km_system *s)
{
    return strcmp(c->stereo, "hold") ? NULL : km_stereo_of(s);
}
