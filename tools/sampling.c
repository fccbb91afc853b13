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

km_status km_sampling_beta(const km_model *m, bool given, bool force, double *beta, km_err *err)
{
    const double known = m->config.beta;
    if (!given && known == 0)
        return km_fail(err, KM_USAGE, "the weights %.80s do not say their exponent of time: give it with --beta",
                       m->name);
    if (!given) *beta = known;
    if (known == 0 || *beta == known || force) return KM_OK;
    return km_fail(err, KM_USAGE, "--beta %g: the weights were trained with %g; --force does it all the same", *beta,
                   known);
}

km_stereo *km_sampling_stereo(const km_sampling_choice *c, const km_system *s)
{
    return strcmp(c->stereo, "hold") ? NULL : km_stereo_of(s);
}
