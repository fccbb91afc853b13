/* SPDX-License-Identifier: MIT */
#include "lib/sample/staircase.h"

int km_staircase_levels(int n_steps, int stage) { return 3 + (n_steps + stage - 1) / stage; }

int km_staircase_steps(const km_schedule *s, const km_windows *w)
{
    int made = 0;
    for (km_dim t = 0; t < w->T; t++) made += !w->clean[t];
    return made ? s->n_steps + s->stage * (made - 1) : 0;
}

/* A frame that is at its own step i: below 0 it waits, at n_steps it is done. */
static void stand_at(const km_schedule *s, int i, int step, km_dim f, km_stand *at)
{
    const int n = s->n_steps;
    bool done = i >= n, waits = i < 0;
    const km_step *own = done || waits ? NULL : &s->steps[i];
    at->draw[f] = done ? n + step : i;
    at->raised[f] = own ? (float)own->noise : waits ? 0 : (float)s->given_noise;
    at->factor[f] = own ? (float)(own->step_scale * (own->next - own->hat) / own->hat) : 0;
    at->level[f] = KM_TOLD_STEP + (waits ? n + 1 : done ? n : i);
}

void km_staircase_stand(const km_schedule *s, const km_windows *w, int step, km_dim F, km_stand *at)
{
    int number = 0;
    for (km_dim t = 0; t < w->T; t++) {
        stand_at(s, w->clean[t] ? s->n_steps : step - s->stage * number++, step, t, at);
        if (w->clean[t]) at->level[t] = KM_TOLD_GIVEN;
    }
    for (km_dim f = w->T; f < F; f++) {
        at->draw[f] = at->draw[f - w->T], at->raised[f] = at->raised[f - w->T];
        at->factor[f] = at->factor[f - w->T], at->level[f] = at->level[f - w->T];
    }
}
