/* SPDX-License-Identifier: MIT */
#include "lib/sample/prepare.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/superpose.h"

km_prepared *km_prepare(const km_model *m, const km_features *f, const km_trunk_result *t, const km_schedule *opt_s,
                        int threads)
{
    km_prepared *p = KM_NEW(km_prepared);
    p->cx = km_model_ctx(m, threads);
    km_dim N = t->n_tokens;
    p->trunk.s_inputs = km_cast(p->cx, KM_TENSOR_OF(p->cx, t->s_inputs, N, t->inputs_s));
    p->trunk.s = km_cast(p->cx, KM_TENSOR_OF(p->cx, t->s, N, t->token_s));
    p->trunk.z = km_cast(p->cx, KM_TENSOR_OF(p->cx, t->z, N, N, t->token_z));
    p->k = km_diffusion_condition(p->cx, m->diffusion, f, &p->trunk);
    if (opt_s) p->opt_levels = km_diffusion_levels(p->cx, m->diffusion, p->k, opt_s->told, opt_s->n_told);
    return p;
}

void km_prepared_free(km_prepared *p)
{
    if (!p) return;
    km_ctx_free(p->cx);
    free(p);
}

km_rng km_draw_key(const km_keyed_noise *k, int step, km_dim b, km_dim t)
{
    km_purpose purpose = step < 0 ? KM_RNG_INIT : KM_RNG_STEP;
    return km_rng_of(k->seed, purpose, (uint32_t)k->trajectories[b], k->times[b * k->T + t],
                     step < 0 ? 0 : (uint32_t)step);
}

void km_draw_keyed(void *keyed, int step, km_dim b, km_dim t, float *draw)
{
    const km_keyed_noise *k = keyed;
    km_rng r = km_draw_key(k, step, b, t);
    for (km_dim a = 0; a < k->A; a++) km_rng_normal3(&r, (uint32_t)a, draw + 3 * a);
}

static void draw_turn(const km_rng *r, double rot[9], double shift[3])
{
    float draw[3][3];
    for (uint32_t i = 0; i < 3; i++) km_rng_normal3(r, i, draw[i]);
    double q[4] = {draw[0][0], draw[0][1], draw[0][2], draw[1][0]}, square = 0;
    for (int i = 0; i < 4; i++) square += q[i] * q[i];
    for (int i = 0; i < 4; i++) q[i] /= sqrt(square);
    km_rotation_of(q, rot);
    for (int i = 0; i < 3; i++) shift[i] = draw[2][i];
}

void km_turn_keyed(void *keyed, int step, km_dim b, km_dim t, double rot[9], double shift[3])
{
    const km_keyed_noise *k = keyed;
    km_rng r = km_rng_of(k->seed, KM_RNG_ROTATION, (uint32_t)k->trajectories[b], k->times[b * k->T + t],
                         (uint32_t)step);
    draw_turn(&r, rot, shift);
}

void km_turn_trajectory(uint64_t seed, int32_t trajectory, double rot[9])
{
    double shift[3];
    km_rng r = km_rng_of(seed, KM_RNG_ROTATION, (uint32_t)trajectory, INT64_MIN, 0);
    draw_turn(&r, rot, shift);
}
