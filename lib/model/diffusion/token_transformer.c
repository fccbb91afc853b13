/* SPDX-License-Identifier: MIT
 * The token transformer: in a block spatial attention, temporal attention, transition. */
#include "lib/model/diffusion/diffusion.h"

km_token_layer *km_token_layers_new(km_params *p, const km_config *c)
{
    char name[KM_NN_NAME];
    km_dim C = c->token_a;
    km_token_layer *layers = KM_NEWN(km_token_layer, (size_t)c->token_depth);
    for (int i = 0; i < c->token_depth; i++) {
        km_nn_dit_init(&layers[i].dit, p, km_nn_name(name, "score_model.token_transformer.layers.%d", i), C, c->cond_s,
                       c->family->two_factors);
        if (c->temporal)
            km_nn_temporal_init(&layers[i].temporal, p,
                                km_nn_name(name, "score_model.token_transformer.layers.%d.temporal_attn", i), C,
                                c->family->gated_time ? c->cond_s : 0, c->token_temporal_heads, km_decay_of(c));
    }
    return layers;
}

km_tensor *km_token_layers_run(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const km_levels *levels,
                               km_tensor *a, const int32_t *level, const km_nn_frames *f)
{
    km_mark mark = km_scope_begin(cx);
    for (int i = 0; i < d->config.token_depth; i++) {
        const km_token_layer *l = &d->layers[i];
        const km_nn_dit_terms *terms = &levels->terms[i];
        a = km_nn_carry(cx, mark, a,
                        km_nn_dit_attend(cx, &l->dit, terms, a, k->token_bias[i], k->f->token_mask, level));
        if (d->config.temporal)
            a = km_nn_carry(cx, mark, a, km_nn_temporal_run(cx, &l->temporal, &terms->temporal, a, f, level));
        a = km_nn_carry(cx, mark, a, km_nn_dit_transit(cx, &l->dit, terms, a, level));
    }
    return a;
}
