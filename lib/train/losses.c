/* SPDX-License-Identifier: MIT */
#include "lib/train/losses.h"

#include "lib/base/err.h"
#include "lib/train/losses_impl.h"

typedef struct weights {
    float *target, *share, *frame, *atom; /* [T], [T], [T], [A] in the arena: they must outlive backward */
    int targets;
} weights;

/* A target frame's share of them; that times the EDM weight (sigma^2 + sd^2) / (sigma sd + 1e-8)^2; atoms by molecule
 * type over the number of valid ones. */
static weights make_weights(km_ctx *cx, const km_loss_config *c, const km_loss_inputs *in)
{
    const size_t frames = (size_t)in->T * sizeof(float);
    weights w = {km_arena_zero(cx->arena, frames), km_arena_zero(cx->arena, frames), km_arena_zero(cx->arena, frames),
                 km_arena_zero(cx->arena, (size_t)in->A * sizeof(float)), 0};
    double sd = c->sigma_data, valid = 0;
    for (km_dim t = 0; t < in->T; t++) w.targets += in->sigma[t] > 0;
    for (km_dim t = 0; t < in->T; t++) {
        double s = in->sigma[t], d = s * sd + 1e-8;
        if (!(s > 0)) continue;
        w.target[t] = 1, w.share[t] = 1.0f / (float)w.targets;
        w.frame[t] = (float)((s * s + sd * sd) / (d * d) / w.targets);
    }
    for (km_dim a = 0; a < in->A; a++) valid += in->atom_mask[a] != 0;
    for (km_dim a = 0; a < in->A; a++) {
        KM_ASSERT(in->mol_type[a] >= 0 && in->mol_type[a] < 4);
        if (in->atom_mask[a] != 0) w.atom[a] = (float)(c->mol_weights[in->mol_type[a]] / valid);
    }
    return w;
}

static km_tensor *flex(km_ctx *cx, const km_loss_config *c, const km_loss_inputs *in, const weights *w,
                       const km_tensor *x, float abs, float global, float local)
{
    float *parts = km_arena_get(cx->arena, 3 * sizeof(float));
    parts[0] = abs, parts[1] = global, parts[2] = local;
    return km_loss_flex(cx, x, in->x_gt, w->target, in->atom_mask, in->residue, in->mol_type, parts, c->flex_seed);
}

static void flex_parts(km_ctx *cx, const km_loss_config *c, const km_loss_inputs *in, const weights *w,
                       const km_tensor *x, km_loss_values *v)
{
    km_tape *tape = cx->tape;
    cx->tape = NULL;
    v->flex_abs = km_read(cx, flex(cx, c, in, w, x, 1, 0, 0))[0];
    v->flex_global = km_read(cx, flex(cx, c, in, w, x, 0, 1, 0))[0];
    v->flex_local = km_read(cx, flex(cx, c, in, w, x, 0, 0, 1))[0];
    cx->tape = tape;
}

static km_tensor *plus(km_ctx *cx, km_tensor *sum, const km_tensor *part, double factor)
{
    return km_add(cx, sum, km_scale(cx, part, (float)factor));
}

static km_tensor *motion(km_ctx *cx, const km_loss_config *c, const km_loss_inputs *in, const weights *w,
                         const km_tensor *x, km_tensor *total, km_loss_values *v)
{
    if (c->velocity > 0) {
        km_tensor *y = km_loss_motion(cx, x, in->x_gt, w->target, w->atom, in->atom_mask, (float[3]){1}, 0);
        v->velocity = km_read(cx, y)[0];
        total = plus(cx, total, y, c->ensemble * c->velocity);
    }
    if (c->autocorrelation > 0) {
        km_tensor *y = km_loss_motion(cx, x, in->x_gt, w->target, w->atom, in->opt_traced, (float[3]){0, 1}, c->lags);
        v->autocorrelation = km_read(cx, y)[0];
        total = plus(cx, total, y, c->ensemble * c->autocorrelation);
    }
    if (c->tica > 0 && in->opt_markov) {
        km_tensor *y =
            km_loss_markov(cx, x, in->x_gt, w->target, in->opt_markov, in->opt_population, c->tica_parts);
        v->tica = km_read(cx, y)[0];
        total = plus(cx, total, y, c->ensemble * c->tica);
    }
    return total;
}

km_tensor *km_losses_compute(km_ctx *cx, const km_loss_config *c, const km_loss_inputs *in, const km_tensor *x_pred,
                             bool parts, km_loss_values *v)
{
    *v = (km_loss_values){0};
    if (c->biokinema) return km_losses_biokinema(cx, c, in, x_pred, parts, v);
    weights w = make_weights(cx, c, in);
    km_tensor *total = km_loss_struct(cx, x_pred, in->x_gt, w.frame, w.atom);
    v->structure = km_read(cx, total)[0];
    if (in->n_bonds > 0) {
        km_tensor *bond =
            km_loss_bond(cx, x_pred, in->x_gt, w.share, in->bonds, in->bond_lengths, in->opt_bond_mask, in->n_bonds);
        v->bond = km_read(cx, bond)[0];
        total = plus(cx, total, bond, c->alpha_bond);
    }
    if (c->alpha_lddt > 0) {
        km_tensor *lddt = km_loss_lddt(cx, x_pred, in->x_gt, w.target, in->atom_mask, NULL, 15);
        v->lddt = km_read(cx, lddt)[0];
        total = plus(cx, total, lddt, c->alpha_lddt);
    }
    if (c->unbinding) {
        km_tensor *center = km_loss_center(cx, x_pred, in->x_gt, w.share, in->mol_type);
        v->center = km_read(cx, center)[0];
        total = plus(cx, total, center, c->beta_center);
    } else if (c->beta_flex > 0) {
        km_tensor *f = flex(cx, c, in, &w, x_pred, (float)c->beta_abs, (float)c->beta_rel_g, (float)c->beta_rel_l);
        v->flex = km_read(cx, f)[0];
        total = plus(cx, total, f, c->ensemble * c->beta_flex);
        if (parts) flex_parts(cx, c, in, &w, x_pred, v);
    }
    total = motion(cx, c, in, &w, x_pred, total, v);
    v->total = km_read(cx, total)[0];
    return total;
}
