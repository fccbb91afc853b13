/* SPDX-License-Identifier: MIT
 * Conditioning on the noise level: the single representation with the level's Fourier embedding, and all that adaptive
 * norms and gates of tokens take from it. */
#include <math.h>
#include <stdlib.h>

#include "lib/model/diffusion/diffusion.h"

#define SINGLE "score_model.single_conditioner"

void km_single_conditioner_init(km_single_conditioner *m, km_params *p, const km_config *c)
{
    char name[KM_NN_NAME];
    km_dim C = c->cond_s, D = c->dim_fourier, both = c->token_s + c->inputs_s;
    *m = (km_single_conditioner){.n_transitions = c->conditioning_transitions};
    km_nn_norm_init(&m->norm_single, p, SINGLE ".norm_single", both);
    if (c->family->narrow_single) km_nn_linear_init(&m->embed, p, SINGLE ".single_embed", C, both, KM_INIT_DEFAULT);
    else km_nn_linear_init_bias(&m->embed, p, SINGLE ".single_embed", C, both, KM_INIT_DEFAULT, KM_INIT_DEFAULT);
    m->fourier_w = KM_PARAM(p, KM_INIT_NORMAL, SINGLE ".fourier_embed.proj.weight", D, 1);
    m->fourier_b = KM_PARAM(p, KM_INIT_NORMAL, SINGLE ".fourier_embed.proj.bias", D);
    km_params_freeze(p, SINGLE ".fourier_embed.proj.");
    km_nn_norm_init(&m->norm_fourier, p, SINGLE ".norm_fourier", D);
    km_nn_linear_init(&m->fourier_to_single, p, SINGLE ".fourier_to_single", C, D, KM_INIT_DEFAULT);
    m->transitions = KM_NEWN(km_nn_transition, (size_t)m->n_transitions + 1);
    for (int i = 0; i < m->n_transitions; i++)
        km_nn_transition_init(&m->transitions[i], p, km_nn_name(name, SINGLE ".transitions.%d", i), C, 2 * C);
}

void km_single_conditioner_clear(km_single_conditioner *m) { free(m->transitions); }

km_tensor *km_single_conditioner_embed(km_ctx *cx, const km_single_conditioner *m, const km_tensor *s,
                                       const km_tensor *s_inputs)
{
    km_mark mark = km_scope_begin(cx);
    km_tensor *n = km_nn_norm_run(cx, &m->norm_single, km_concat(cx, s, s_inputs));
    return km_scope_end(cx, mark, km_nn_linear_run(cx, &m->embed, n));
}

/* s [L, N, C] = s_single [N, C] + the level's embedding [L, C] at every token */
static km_tensor *add_level(km_ctx *cx, const km_single_conditioner *m, const km_tensor *s_single, const float *c_noise,
                            km_dim L)
{
    km_dim N = km_size(s_single, 0), C = km_size(s_single, 1);
    km_tensor *e = km_nn_norm_run(cx, &m->norm_fourier, km_fourier(cx, c_noise, L, m->fourier_w, m->fourier_b));
    e = km_nn_linear_run(cx, &m->fourier_to_single, e);
    int32_t *level = km_arena_get(cx->arena, (size_t)(L * N) * sizeof *level);
    for (km_dim i = 0; i < L * N; i++) level[i] = (int32_t)(i / N);
    km_tensor *rows = km_cast(cx, km_lookup_rows(cx, e, level, L * N));
    return km_add(cx, KM_RESHAPE(cx, rows, L, N, C), s_single);
}

km_levels *km_diffusion_levels(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const float *sigma,
                               km_dim L)
{
    const km_single_conditioner *m = &d->single;
    KM_ASSERT(k->s_single);
    km_levels *levels = km_arena_zero(cx->arena, sizeof *levels);
    levels->L = L;
    levels->terms = km_arena_get(cx->arena, (size_t)d->config.token_depth * sizeof *levels->terms);
    float *c_noise = km_arena_get(cx->arena, (size_t)L * sizeof *c_noise);
    for (km_dim l = 0; l < L; l++) c_noise[l] = (float)(log(fmax(sigma[l] / d->config.sigma_data, 1e-20)) / 4);
    km_mark start = km_scope_begin(cx);
    km_tensor *s = km_scope_end(cx, start, add_level(cx, m, k->s_single, c_noise, L));
    km_mark mark = km_scope_begin(cx);
    for (int i = 0; i < m->n_transitions; i++)
        s = km_nn_carry(cx, mark, s, km_nn_transition_add(cx, &m->transitions[i], s, km_nn_place(cx, s)));
    mark = km_scope_begin(cx);
    levels->s_to_a = km_scope_end(cx, mark, km_nn_norm_linear_run(cx, &d->s_to_a, s));
    for (int i = 0; i < d->config.token_depth; i++) {
        levels->terms[i] = km_nn_dit_condition(cx, &d->layers[i].dit, s);
        if (d->config.temporal) levels->terms[i].temporal = km_nn_temporal_condition(cx, &d->layers[i].temporal, s);
    }
    return levels;
}
