/* SPDX-License-Identifier: MIT
 * Losses, and a whole training step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/nn/adam.h"
#include "lib/train/losses.h"
#include "tests/oracle/oracle.h"

static km_loss_config loss_config(const oracle_case *o)
{
    static const char *const types[4] = {"protein", "dna", "rna", "ligand"};
    km_loss_config c = {.sigma_data = oracle_number(o, "sigma_data", 16),
                        .alpha_bond = oracle_number(o, "alpha_bond", 1),
                        .alpha_lddt = 1,
                        .beta_flex = oracle_number(o, "beta_flex", 1),
                        .beta_abs = oracle_number(o, "beta_abs", 1),
                        .beta_rel_g = oracle_number(o, "beta_rel_g", 1),
                        .beta_rel_l = oracle_number(o, "beta_rel_l", 1),
                        .beta_center = oracle_number(o, "beta_center", 1),
                        .ensemble = 1,
                        .unbinding = strcmp(oracle_word(o, "mode"), "unbinding") == 0};
    const json_t *weights = json_object_get(o->config, "mol_weights");
    for (int i = 0; i < 4; i++) c.mol_weights[i] = json_number_value(json_object_get(weights, types[i]));
    return c;
}

static km_loss_inputs loss_inputs(oracle_case *o)
{
    km_loss_inputs in = {.T = oracle_size(o, "in/x_gt", 0),
                         .A = oracle_size(o, "in/x_gt", 1),
                         .n_bonds = oracle_size(o, "in/bond_indices", 0),
                         .x_gt = oracle_floats(o, "in/x_gt"),
                         .sigma = oracle_floats(o, "in/sigma"),
                         .mol_type = oracle_ints(o, "in/mol_type"),
                         .residue = oracle_ints(o, "in/residue_of_atom"),
                         .bonds = oracle_ints(o, "in/bond_indices"),
                         .bond_lengths = oracle_floats(o, "in/bond_lengths"),
                         .opt_bond_mask = oracle_floats(o, "in/bond_mask")};
    const float *present = oracle_floats(o, "in/atom_mask"), *observed = oracle_floats(o, "in/observed_mask");
    float *valid = km_arena_get(o->cx->arena, (size_t)in.A * sizeof *valid);
    for (km_dim a = 0; a < in.A; a++) valid[a] = present[a] * observed[a];
    in.atom_mask = valid;
    return in;
}

static void compare_losses(oracle_case *o, const km_loss_values *v)
{
    oracle_compare(o, "out/loss", &v->total, 1);
    oracle_compare(o, "out/l_struct", &v->structure, 1);
    oracle_compare(o, "out/l_bond", &v->bond, 1);
    oracle_compare(o, "out/l_lddt", &v->lddt, 1);
    oracle_compare(o, "out/l_flex", &v->flex, 1);
    oracle_compare(o, "out/l_abs", &v->flex_abs, 1);
    oracle_compare(o, "out/l_rel_g", &v->flex_global, 1);
    oracle_compare(o, "out/l_rel_l", &v->flex_local, 1);
    oracle_compare(o, "out/l_center", &v->center, 1);
}

void oracle_losses(oracle_case *o)
{
    km_loss_config c = loss_config(o);
    km_loss_inputs in = loss_inputs(o);
    km_loss_values v;
    km_tensor *x = oracle_tensor(o, "in/x_pred");
    x->wants_grad = true;
    o->cx->tape = km_tape_new();
    km_tensor *total = km_losses_compute(o->cx, &c, &in, x, true, &v);
    km_backprop(o->cx, total, 1);
    compare_losses(o, &v);
    oracle_compare(o, "grad/x_pred", oracle_gradient(o, x), km_numel(x));
    km_tape_free(o->cx->tape);
    o->cx->tape = NULL;
}

/* Forward and backward of the whole network; the denoised frames are compared on the way. Gradients go to
 * cx->param_grad. */
static void backprop_case(oracle_case *o, oracle_network *n, km_loss_values *v)
{
    km_ctx *cx = o->cx;
    km_loss_config c = loss_config(o);
    km_loss_inputs in = loss_inputs(o);
    const float *noise = oracle_floats(o, "in/noise");
    int32_t *level = km_arena_get(cx->arena, (size_t)in.T * sizeof *level);
    float *noisy = km_arena_get(cx->arena, (size_t)(in.T * in.A * 3) * sizeof *noisy);
    for (km_dim t = 0; t < in.T; t++) {
        level[t] = (int32_t)t;
        for (km_dim i = t * in.A * 3; i < (t + 1) * in.A * 3; i++) noisy[i] = in.x_gt[i] + in.sigma[t] * noise[i];
    }
    cx->tape = km_tape_new();
    km_conditioning *k = km_diffusion_condition(cx, n->diffusion, n->features, &n->trunk);
    km_levels *levels = km_diffusion_levels(cx, n->diffusion, k, in.sigma, in.T);
    km_tensor *x = KM_TENSOR_OF(cx, noisy, 1, in.T, in.A, 3);
    km_tensor *y =
        km_diffusion_denoise(cx, n->diffusion, k, levels, x, level, in.sigma, oracle_floats(o, "in/timestamps"));
    oracle_compare_tensor(o, "out/x_denoised", y, NULL, 0);
    km_tensor *total = km_losses_compute(cx, &c, &in, KM_RESHAPE(cx, y, in.T, in.A, 3), false, v);
    km_backprop(cx, total, 1);
    km_tape_free(cx->tape);
    cx->tape = NULL;
}

static void compare_params(oracle_case *o, const km_params *p, const char *key, const float *block)
{
    char name[512];
    for (int i = 0; i < km_params_count(p); i++) {
        const km_tensor *t = km_params_at(p, i);
        if (!km_params_trained(p, i)) continue;
        snprintf(name, sizeof name, "%s/%s", key, km_params_name(p, i));
        oracle_compare(o, name, block + t->param_offset, km_numel(t));
    }
}

static void optimise(oracle_case *o, km_params *p, const float *grad)
{
    const json_t *set = json_object_get(o->config, "optimizer"), *betas = json_object_get(set, "betas");
    double norm = km_adam_norm(p, grad);
    float norm_f = (float)norm;
    oracle_compare(o, "out/grad_norm", &norm_f, 1);
    compare_params(o, p, "grad", grad);
    km_adam *a = km_adam_new(p, 0);
    a->lr = json_number_value(json_object_get(set, "lr"));
    a->beta1 = json_number_value(json_array_get(betas, 0));
    a->beta2 = json_number_value(json_array_get(betas, 1));
    a->eps = json_number_value(json_object_get(set, "eps"));
    a->max_grad_norm = json_number_value(json_object_get(set, "max_grad_norm"));
    km_adam_step(a, p, grad, norm);
    compare_params(o, p, "after", km_params_block(p));
    km_adam_free(a);
}

void oracle_train_step(oracle_case *o)
{
    oracle_network n;
    if (!oracle_network_init(o, &n)) return;
    if (km_params_check(n.params, (const char *const[]){"", NULL}, &o->err) < 0) {
        oracle_fail(o, o->err.msg);
    } else {
        km_params_train(n.params, "*");
        km_params_to(n.params, o->cx->be);
        km_dim size = km_params_size(n.params);
        km_tensor grads = {.data = o->cx->param_grad = km_zeros(o->cx, size), .nd = 1, .shape = {size}};
        km_loss_values v;
        backprop_case(o, &n, &v);
        const float *grad = km_read(o->cx, &grads);
        km_params_from(n.params);
        compare_losses(o, &v);
        optimise(o, n.params, grad);
        o->cx->param_grad = NULL;
    }
    oracle_network_clear(&n);
}
