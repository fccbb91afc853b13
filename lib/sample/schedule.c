/* SPDX-License-Identifier: MIT */
#include "lib/sample/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

km_status km_sampler_parse(const char *word, km_sampler *ret, km_err *err)
{
    if (!strcmp(word, "af3")) *ret = KM_SAMPLER_AF3;
    else if (!strcmp(word, "karras")) *ret = KM_SAMPLER_KARRAS;
    else if (!strcmp(word, "euler")) *ret = KM_SAMPLER_EULER;
    else if (!strcmp(word, "boltz2")) *ret = KM_SAMPLER_BOLTZ2;
    else if (!strcmp(word, "biokinema")) *ret = KM_SAMPLER_BIOKINEMA;
    else return km_fail(err, KM_USAGE, "no sampler '%.40s': there are af3, karras, euler, boltz2 and biokinema", word);
    return KM_OK;
}

/* From max to min in `last` steps, of which n levels are taken. */
static void levels(double *sigmas, int n, int last, double min, double max, double rho)
{
    double a = pow(max, 1 / rho), b = pow(min, 1 / rho);
    for (int k = 0; k < n; k++) sigmas[k] = pow(a + (last > 0 ? (double)k / last : 0) * (b - a), rho);
    sigmas[n] = 0;
}

static void tell(km_schedule *s)
{
    s->n_told = KM_TOLD_STEP + s->n_steps + (s->stage ? 2 : 0);
    s->told = KM_NEWN(float, (size_t)s->n_told);
    s->told[KM_TOLD_GIVEN] = (float)s->given_sigma;
    for (int k = 0; k < s->n_steps; k++) s->told[KM_TOLD_STEP + k] = (float)s->steps[k].hat;
    if (!s->stage) return;
    s->told[KM_TOLD_STEP + s->n_steps] = (float)s->given_noise;
    s->told[KM_TOLD_STEP + s->n_steps + 1] = (float)s->sigmas[0];
}

km_schedule *km_schedule_new(const km_sampling *s, km_sampler sampler, int n_steps, double noise_scale,
                             double step_scale)
{
    km_schedule *out = KM_NEW(km_schedule);
    bool biokinema = sampler == KM_SAMPLER_BIOKINEMA;
    bool af3 = sampler == KM_SAMPLER_AF3 || sampler == KM_SAMPLER_BOLTZ2 || biokinema;
    out->n_steps = n_steps, out->stage = s->stage;
    out->turned = out->aligned = sampler == KM_SAMPLER_BOLTZ2;
    out->sigmas = KM_NEWN(double, (size_t)n_steps + 1), out->steps = KM_NEWN(km_step, (size_t)n_steps);
    out->turned_as_one = out->turned_once = biokinema;
    if (biokinema) out->given_noise = s->given_noise, out->given_sigma = s->given_sigma;
    levels(out->sigmas, n_steps, biokinema ? n_steps : n_steps - 1, af3 ? s->sigma_min : s->churn_sigma_min,
           af3 ? s->sigma_max : s->churn_sigma_max, s->rho);
    for (int k = 0; k < n_steps; k++) {
        double gamma = 0, now = out->sigmas[k], next = out->sigmas[k + 1];
        /* the next level decides, as Boltz-2 has it; of a staircase the one before, as BioKinema does */
        if (af3) gamma = (s->stage ? now : next) > s->gamma_min ? s->gamma_0 : 0;
        if (sampler == KM_SAMPLER_KARRAS) gamma = fmin(step_scale / n_steps, sqrt(2) - 1);
        double hat = now * (1 + gamma);
        out->steps[k] =
            (km_step){now, hat, next, noise_scale * sqrt(fmax(hat * hat - now * now, 0)), af3 ? step_scale : 1};
    }
    tell(out);
    return out;
}

void km_schedule_free(km_schedule *s)
{
    if (!s) return;
    free(s->sigmas), free(s->steps), free(s->told);
    free(s);
}
