/* SPDX-License-Identifier: MIT
 * The denoiser: atoms to tokens, the token transformer, tokens to atoms, within EDM's preconditioning for each frame
 * (Karras et al. 2022, table 1; c_noise a quarter of the logarithm of sigma / sigma_data). */
#include <math.h>
#include <stdlib.h>

#include "lib/model/diffusion/diffusion.h"

#define ENCODER "score_model.atom_attention_encoder"
#define DECODER "score_model.atom_attention_decoder"

static void add_temporal(km_diffusion *d, km_nn_temporal *l)
{
    d->temporal = km_realloc(d->temporal, (size_t)(d->n_temporal + 1) * sizeof(km_nn_temporal *));
    l->number = d->n_temporal;
    d->temporal[d->n_temporal++] = l;
}

km_diffusion *km_diffusion_new(const km_config *c, km_params *p)
{
    km_diffusion *d = KM_NEW(km_diffusion);
    km_dim C = c->token_a;
    d->config = *c;
    km_pair_conditioner_init(&d->pair, p, c);
    km_single_conditioner_init(&d->single, p, c);
    km_nn_linear_init(&d->r_to_q, p, ENCODER ".r_to_q_trans", c->atom_s, 3, KM_INIT_ZERO);
    if (c->family->marks && c->temporal)
        d->opt_marks = KM_PARAM(p, KM_INIT_NORMAL, ENCODER ".condition_embed.weight", 2, c->atom_s);
    km_atom_transformer_init(&d->encoder, p, ENCODER ".atom_encoder", c, c->atom_encoder_depth);
    km_nn_linear_init(&d->atom_to_token, p, ENCODER ".atom_to_token_trans.0", C, c->atom_s, KM_INIT_DEFAULT);
    km_nn_norm_linear_init(&d->s_to_a, p, "score_model.s_to_a_linear", C, c->cond_s, KM_INIT_ZERO);
    d->layers = km_token_layers_new(p, c);
    km_nn_norm_init(&d->a_norm, p, "score_model.a_norm", C);
    km_nn_linear_init(&d->a_to_q, p, DECODER ".a_to_q_trans", c->atom_s, C, KM_INIT_ZERO);
    km_atom_transformer_init(&d->decoder, p, DECODER ".atom_decoder", c, c->atom_decoder_depth);
    km_nn_norm_linear_init(&d->position_update, p, DECODER ".atom_feat_to_atom_pos_update", 3, c->atom_s, KM_INIT_ZERO);
    if (c->temporal) {
        km_atom_transformer_init_temporal(&d->encoder, p, ENCODER, c);
        km_atom_transformer_init_temporal(&d->decoder, p, DECODER, c);
        for (int i = 0; i < d->encoder.depth; i++) add_temporal(d, &d->encoder.temporal[i]);
        for (int i = 0; i < c->token_depth; i++) add_temporal(d, &d->layers[i].temporal);
        for (int i = 0; i < d->decoder.depth; i++) add_temporal(d, &d->decoder.temporal[i]);
    }
    return d;
}

void km_diffusion_set_temporal(km_diffusion *d, double beta, bool causal)
{
    for (int i = 0; i < d->n_temporal; i++) {
        KM_ASSERT(!causal || !d->temporal[i]->decay.by_interval);
        d->temporal[i]->decay.beta = beta, d->temporal[i]->decay.causal = causal;
    }
}

/* Floats of a frame that temporal layer i works on. */
static km_dim width_of(const km_diffusion *d, int i, const km_features *f)
{
    bool tokens = i >= d->encoder.depth && i < d->encoder.depth + d->config.token_depth;
    return tokens ? f->N * d->config.token_a : f->A * d->config.atom_s;
}

km_nn_past *km_diffusion_past(const km_backend *be, const km_diffusion *d, const km_features *f, km_dim room)
{
    km_dim *width = KM_NEWN(km_dim, (size_t)d->n_temporal + 1);
    for (int i = 0; i < d->n_temporal; i++) width[i] = width_of(d, i, f);
    km_nn_past *p = km_nn_past_new(be, d->n_temporal, width, room);
    free(width);
    return p;
}

double km_diffusion_past_bytes(const km_backend *be, const km_diffusion *d, const km_features *f)
{
    double bytes = sizeof(float), number = be && be->half ? 2 : sizeof(float);
    for (int i = 0; i < d->n_temporal; i++) bytes += 2 * number * (double)width_of(d, i, f);
    return bytes;
}

void km_diffusion_free(km_diffusion *d)
{
    if (!d) return;
    km_pair_conditioner_clear(&d->pair);
    km_single_conditioner_clear(&d->single);
    km_atom_transformer_clear(&d->encoder);
    km_atom_transformer_clear(&d->decoder);
    free(d->layers);
    free(d->temporal);
    free(d);
}

/* One evaluation's batch, and the four numbers of each frame that scale its input and output. */
typedef struct frames {
    km_nn_frames of;
    km_dim F;
    const int32_t *level;
    float *in, *skip, *out; /* [F] */
    int32_t *marked;        /* [F] */
} frames;

static frames precondition(km_ctx *cx, const km_config *c, km_nn_frames of, const int32_t *level, const float *sigma)
{
    double sigma_data = c->sigma_data;
    km_dim F = of.B * of.T;
    frames f = {of, F, level};
    f.in = km_arena_get(cx->arena, (size_t)F * sizeof(float));
    f.skip = km_arena_get(cx->arena, (size_t)F * sizeof(float));
    f.out = km_arena_get(cx->arena, (size_t)F * sizeof(float));
    f.marked = km_arena_get(cx->arena, (size_t)F * sizeof *f.marked);
    for (km_dim i = 0; i < F; i++) {
        double s = sigma[level[i]], sum = s * s + sigma_data * sigma_data;
        f.in[i] = (float)(1 / sqrt(sum));
        f.skip[i] = (float)(sigma_data * sigma_data / sum);
        f.out[i] = (float)(s * sigma_data / sqrt(sum));
        f.marked[i] = s < c->family->mark_below && (i % of.T == 0 || i % of.T == of.T - 1);
    }
    return f;
}

/* x [F, A, 3] scaled -> q [F, A, atom_s] */
static km_tensor *encode_atoms(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const km_tensor *x,
                               const frames *f)
{
    km_dim A = k->f->A, C = km_size(k->q, 1);
    km_mark mark = km_scope_begin(cx);
    km_tensor *own = k->q;
    if (k->opt_marked) own = km_lookup_rows(cx, KM_RESHAPE(cx, k->opt_marked, 2, A * C), f->marked, f->F);
    km_tensor *q = km_nn_linear_run(cx, &d->r_to_q, km_frame_axpby(cx, x, f->in, NULL, NULL));
    q = km_scope_end(cx, mark, km_add(cx, km_cast(cx, q), own));
    return km_atom_transformer_run(cx, &d->encoder, k->enc_terms, q, k->enc_bias, k->f->atom_mask, &f->of);
}

/* q [F, A, atom_s] -> a [F, N, token_a], with the single conditioning added */
static km_tensor *gather_tokens(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const km_levels *levels,
                                const km_tensor *q, const frames *f)
{
    km_dim N = k->f->N, C = d->config.token_a;
    km_mark mark = km_scope_begin(cx);
    km_tensor *a = km_linear_relu(cx, q, d->atom_to_token.w, d->atom_to_token.b);
    a = km_atom_to_token(cx, a, k->f->atom_token, N);
    km_tensor *s = km_lookup_rows(cx, KM_RESHAPE(cx, levels->s_to_a, levels->L, N * C), f->level, f->F);
    return km_scope_end(cx, mark, km_add(cx, a, KM_RESHAPE(cx, s, f->F, N, C)));
}

/* a [F, N, token_a] and q of the encoder -> r [F, A, 3] */
static km_tensor *decode_atoms(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const km_tensor *a,
                               const km_tensor *q, const frames *f)
{
    km_mark mark = km_scope_begin(cx);
    km_tensor *u = km_nn_linear_run(cx, &d->a_to_q, km_nn_norm_run(cx, &d->a_norm, a));
    km_tensor *r = km_scope_end(cx, mark, km_add(cx, q, km_token_to_atom(cx, u, k->f->atom_token, k->f->A)));
    r = km_atom_transformer_run(cx, &d->decoder, k->dec_terms, r, k->dec_bias, k->f->atom_mask, &f->of);
    return km_nn_norm_linear_run(cx, &d->position_update, r);
}

static km_tensor *denoise(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const km_levels *levels,
                          const km_tensor *x, const int32_t *level, const float *sigma, km_nn_frames of)
{
    km_dim A = k->f->A;
    KM_ASSERT(x->nd == 4 && km_size(x, 2) == A && km_size(x, 3) == 3);
    km_mark mark = km_scope_begin(cx);
    frames f = precondition(cx, &d->config, of, level, sigma);
    km_tensor *rows = KM_RESHAPE(cx, x, f.F, A, 3);
    km_tensor *q = encode_atoms(cx, d, k, rows, &f);
    km_tensor *a = gather_tokens(cx, d, k, levels, q, &f);
    a = km_token_layers_run(cx, d, k, levels, a, level, &f.of);
    km_tensor *r = decode_atoms(cx, d, k, a, q, &f);
    km_tensor *y = km_frame_axpby(cx, rows, f.skip, km_widen(cx, r), f.out);
    return km_scope_end(cx, mark, KM_RESHAPE(cx, y, of.B, of.T, A, 3));
}

km_tensor *km_diffusion_denoise(km_ctx *cx, const km_diffusion *d, const km_conditioning *k, const km_levels *levels,
                                const km_tensor *x, const int32_t *level, const float *sigma, const float *times)
{
    return denoise(cx, d, k, levels, x, level, sigma, (km_nn_frames){km_size(x, 0), km_size(x, 1), times, NULL});
}

km_tensor *km_diffusion_denoise_next(km_ctx *cx, const km_diffusion *d, const km_conditioning *k,
                                     const km_levels *levels, const km_tensor *x, const int32_t *level,
                                     const float *sigma, const float *times, km_nn_past *const *pasts)
{
    km_dim B = km_size(x, 0);
    KM_ASSERT(km_size(x, 1) == 1);
    for (km_dim b = 0; b < B; b++) pasts[b]->times[pasts[b]->T] = times[b];
    return denoise(cx, d, k, levels, x, level, sigma, (km_nn_frames){B, 1, times, pasts});
}
