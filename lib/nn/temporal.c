/* SPDX-License-Identifier: MIT */
#include "lib/nn/temporal.h"

#include <math.h>
#include <string.h>

void km_nn_temporal_init(km_nn_temporal *l, km_params *p, const char *prefix, km_dim C, km_dim S, km_dim heads,
                         km_nn_decay decay)
{
    char name[KM_NN_NAME];
    l->adapted = S > 0;
    if (l->adapted) km_nn_adaptive_init(&l->adaptive, p, prefix, C, S);
    else km_nn_norm_init(&l->norm, p, km_nn_name(name, "%s.norm", prefix), C);
    km_nn_linear_init_bias(&l->q, p, km_nn_name(name, "%s.q_proj", prefix), C, C, KM_INIT_DEFAULT, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->k, p, km_nn_name(name, "%s.k_proj", prefix), C, C, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->v, p, km_nn_name(name, "%s.v_proj", prefix), C, C, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->g, p, km_nn_name(name, "%s.gate", prefix), C, C, KM_INIT_DEFAULT);
    km_nn_linear_init(&l->o, p, km_nn_name(name, "%s.out_proj", prefix), C, C, KM_INIT_ZERO);
    l->log_lambda = KM_PARAM(p, KM_INIT_LOG_LAMBDA, km_nn_name(name, "%s.log_lambda", prefix), heads);
    l->decay = decay;
}

km_nn_terms km_nn_temporal_condition(km_ctx *cx, const km_nn_temporal *l, const km_tensor *s)
{
    return l->adapted ? km_nn_adaptive_condition(cx, &l->adaptive, s) : (km_nn_terms){NULL, NULL, NULL};
}

/* q k v g [B, 1, N, C]: every frame to those of its past and itself */
static km_tensor *attend_past(km_ctx *cx, const km_nn_temporal *l, const km_tensor *q, const km_tensor *k,
                              const km_tensor *v, const km_tensor *g, const km_nn_frames *f)
{
    km_dim N = km_size(q, 2), C = km_size(q, 3), frame = N * C;
    KM_ASSERT(f->T == 1 && l->decay.causal && !l->decay.by_interval && !cx->tape);
    km_tensor *y = km_tensor_like(cx, q);
    for (km_dim b = 0; b < f->B; b++) {
        const km_nn_past *p = f->opt_pasts[b];
        const struct km_nn_kept *kept = &p->layers[l->number];
        KM_ASSERT(p->T < p->room);
        const km_dim all[] = {1, p->T + 1, N, C};
        km_tensor *all_k = km_tensor_at(cx, kept->k, k->half, 4, all);
        km_tensor *all_v = km_tensor_at(cx, kept->v, v->half, 4, all);
        km_copy(cx, all_k, p->T * frame, km_slice(cx, k, b, 1));
        km_copy(cx, all_v, p->T * frame, km_slice(cx, v, b, 1));
        km_tensor *one = km_temporal_attention(cx, km_slice(cx, q, b, 1), all_k, all_v, km_slice(cx, g, b, 1),
                                               l->log_lambda, p->times + p->T, p->times, (float)l->decay.beta, 0, true);
        km_copy(cx, y, b * frame, one);
    }
    return y;
}

/* With t = D i, D (lambda |i - j|)^beta is D^(1 - beta) lambda^beta |t_i - t_j|^beta. */
static km_tensor *attend_all(km_ctx *cx, const km_nn_temporal *l, const km_tensor *q, const km_tensor *k,
                             const km_tensor *v, const km_tensor *g, const km_nn_frames *f)
{
    const km_tensor *log_lambda = l->log_lambda;
    double beta = l->decay.beta, interval = f->T > 1 ? f->times[1] - f->times[0] : 1, least = 0;
    if (l->decay.by_interval) {
        float *unit = km_arena_get(cx->arena, sizeof *unit);
        *unit = (float)((1 - beta) * log(interval));
        log_lambda = km_add(cx, km_scale(cx, log_lambda, (float)beta),
                            km_tensor_at(cx, km_floats(cx, unit, 1), false, KM_SHAPE(1)));
        least = interval * pow(1e-6, beta);
    }
    return km_temporal_attention(cx, q, k, v, g, log_lambda, f->times, f->times, (float)beta, (float)least,
                                 l->decay.causal);
}

km_tensor *km_nn_temporal_run(km_ctx *cx, const km_nn_temporal *l, const km_nn_terms *terms, km_tensor *x,
                              const km_nn_frames *f, const int32_t *level)
{
    km_dim N = km_size(x, 1), C = km_size(x, 2);
    KM_ASSERT(km_size(x, 0) == f->B * f->T);
    km_tensor *n = l->adapted ? km_adaln(cx, x, terms->scale, terms->shift, level) : km_nn_norm_run(cx, &l->norm, x);
    n = KM_RESHAPE(cx, n, f->B, f->T, N, C);
    km_tensor *q = km_nn_linear_run(cx, &l->q, n), *k = km_nn_linear_run(cx, &l->k, n);
    km_tensor *v = km_nn_linear_run(cx, &l->v, n), *g = km_nn_linear_run(cx, &l->g, n);
    km_tensor *y = f->opt_pasts ? attend_past(cx, l, q, k, v, g, f) : attend_all(cx, l, q, k, v, g, f);
    if (!l->adapted) return km_nn_linear_add(cx, &l->o, y, x, km_nn_place(cx, x));
    y = KM_RESHAPE(cx, km_nn_linear_run(cx, &l->o, y), f->B * f->T, N, C);
    return km_gate_add(cx, x, terms->gate, y, level, km_nn_place(cx, x));
}
