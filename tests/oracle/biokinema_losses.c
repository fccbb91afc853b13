/* SPDX-License-Identifier: MIT
 * BioKinema's losses and the gradient of their sum, by what km-train uses. */
#include <math.h>

#include "lib/train/losses.h"
#include "lib/train/slow.h"
#include "tests/oracle/oracle.h"

static double *doubles(oracle_case *o, const char *name, km_dim n, double least)
{
    const float *x = oracle_floats(o, name);
    double *y = km_arena_get(o->cx->arena, (size_t)n * sizeof *y);
    for (km_dim i = 0; i < n; i++) y[i] = fmax(x[i], least);
    return y;
}

/* CA atoms by their number among those that are no ligand's, which is what the Markov model counts by. */
static int32_t *pairs_of(oracle_case *o, const int32_t *ca, km_dim P)
{
    const int32_t *i = oracle_ints(o, "in/msm_pair_indices_i"), *j = oracle_ints(o, "in/msm_pair_indices_j");
    int32_t *pairs = km_arena_get(o->cx->arena, (size_t)(2 * P) * sizeof *pairs);
    for (km_dim p = 0; p < P; p++) pairs[2 * p] = ca[i[p]], pairs[2 * p + 1] = ca[j[p]];
    return pairs;
}

static km_slow take_slow(oracle_case *o, const int32_t *ca)
{
    km_dim P = oracle_size(o, "in/msm_pair_indices_i", 0), D = oracle_size(o, "in/msm_tica_eigenvalues", 0),
           K = oracle_size(o, "in/msm_stationary_distribution", 0);
    return (km_slow){.P = (int)P,
                     .D = (int)D,
                     .K = (int)K,
                     .lag = 1,
                     .pairs = pairs_of(o, ca, P),
                     .mean = doubles(o, "in/msm_tica_mean", P, -INFINITY),
                     .components = doubles(o, "in/msm_tica_components", P * D, -INFINITY),
                     .centres = doubles(o, "in/msm_cluster_centers", K * D, -INFINITY),
                     .log_var = doubles(o, "in/msm_cluster_log_vars", K * D, -6),
                     .transition = doubles(o, "in/msm_transition_matrix", K * K, -INFINITY),
                     .stationary = doubles(o, "in/msm_stationary_distribution", K, -INFINITY),
                     .memory = doubles(o, "in/msm_tica_eigenvalues", D, -INFINITY)};
}

static void take_inputs(oracle_case *o, km_loss_inputs *in, km_markov *m)
{
    const km_dim T = oracle_size(o, "in/x_pred", 0), A = oracle_size(o, "in/x_pred", 1);
    const int32_t *ligand = oracle_ints(o, "in/is_ligand"), *dna = oracle_ints(o, "in/is_dna"),
                  *rna = oracle_ints(o, "in/is_rna"), *index = oracle_ints(o, "in/tokatom_index");
    const float *mask = oracle_floats(o, "in/coordinate_mask"), *unused;
    int32_t *type = km_arena_zero(o->cx->arena, (size_t)A * sizeof *type),
            *ca = km_arena_zero(o->cx->arena, (size_t)A * sizeof *ca), n = 0;
    float *traced = km_arena_zero(o->cx->arena, (size_t)A * sizeof *traced);
    for (km_dim a = 0; a < A; a++) {
        type[a] = ligand[a] ? 3 : dna[a] ? 1 : rna[a] ? 2 : 0;
        traced[a] = (ligand[a] || index[a] == 1) && mask[a] != 0;
        if (!ligand[a] && index[a] == 1) ca[n++] = (int32_t)a;
    }
    *in = (km_loss_inputs){.T = T,
                           .A = A,
                           .n_bonds = oracle_size(o, "in/bonds_polymer_ligand", 0),
                           .n_ligand_bonds = oracle_size(o, "in/bonds_ligand", 0),
                           .x_gt = oracle_floats(o, "in/x_true"),
                           .sigma = oracle_floats(o, "in/sigma"),
                           .atom_mask = mask,
                           .opt_traced = traced,
                           .opt_markov = m,
                           .opt_population = oracle_floats(o, "in/msm_traj_population"),
                           .mol_type = type,
                           .residue = oracle_ints(o, "in/atom_to_token"),
                           .bonds = oracle_ints(o, "in/bonds_polymer_ligand"),
                           .ligand_bonds = oracle_ints(o, "in/bonds_ligand")};
    const km_slow slow = take_slow(o, ca);
    const int64_t spacing = (int64_t)oracle_number(o, "msm_steps_per_frame", 1);
    *m = km_slow_window(o->cx->arena, &slow, in->x_gt, (int)T, (int)A, spacing, &unused);
}

static km_loss_config take_config(const oracle_case *o)
{
    return (km_loss_config){.biokinema = true,
                            .sigma_data = oracle_number(o, "sigma_data", 16),
                            .alpha_bond = oracle_number(o, "alpha_bond", 0),
                            .alpha_ligand_bond = oracle_number(o, "alpha_lig_bond", 0),
                            .alpha_lddt = oracle_number(o, "smooth_lddt", 0),
                            .beta_center = oracle_number(o, "alpha_center", 0),
                            .ensemble = oracle_number(o, "alpha_ensemble", 0),
                            .beta_flex = 1,
                            .beta_abs = oracle_number(o, "alpha_rmsf", 0),
                            .beta_rel_g = oracle_number(o, "alpha_rel_rmsf", 0),
                            .beta_rel_l = oracle_number(o, "alpha_local_rmsf", 0),
                            .velocity = oracle_number(o, "alpha_velocity", 0),
                            .autocorrelation = oracle_number(o, "alpha_acf", 0),
                            .lags = (int)oracle_number(o, "max_acf_lag", 5),
                            .tica = oracle_number(o, "alpha_tica_dynamics", 0),
                            .tica_parts = {(float)oracle_number(o, "tica_weight_transition", 0),
                                           (float)oracle_number(o, "tica_weight_population", 0),
                                           (float)oracle_number(o, "tica_weight_autocorrelation", 0)},
                            .mol_weights = {1, 6, 6, 11}};
}

/* One part of the Markov model's term alone */
static void compare_part(oracle_case *o, const km_loss_inputs *in, const km_tensor *x, const char *name, int part)
{
    float parts[3] = {0};
    parts[part] = 1;
    float *every = km_arena_get(o->cx->arena, (size_t)in->T * sizeof *every);
    for (km_dim t = 0; t < in->T; t++) every[t] = 1;
    const km_tensor *y = km_loss_markov(o->cx, x, in->x_gt, every, in->opt_markov, in->opt_population, parts);
    oracle_compare(o, name, km_read(o->cx, y), 1);
}

void oracle_biokinema_losses(oracle_case *o)
{
    km_markov m;
    km_loss_inputs in;
    km_loss_values v;
    const km_loss_config c = take_config(o);
    const float scale = (float)oracle_number(o, "alpha_diffusion", 1); /* of the total, which we leave at 1 */
    take_inputs(o, &in, &m);
    km_tensor *x = oracle_tensor(o, "in/x_pred");
    x->wants_grad = true;
    o->cx->tape = km_tape_new();
    km_tensor *total = km_scale(o->cx, km_losses_compute(o->cx, &c, &in, x, true, &v), scale);
    km_backprop(o->cx, total, 1);
    const float *const values[] = {&v.structure, &v.lddt, &v.bond, &v.ligand_bond, &v.center, &v.flex_abs,
                                   &v.flex_global, &v.flex_local, &v.velocity, &v.autocorrelation, &v.tica,
                                   km_read(o->cx, total)};
    static const char *const outs[] = {"out/mse", "out/smooth_lddt", "out/bond", "out/lig_bond", "out/center",
                                       "out/rmsf", "out/rel_rmsf", "out/local_rmsf", "out/velocity", "out/acf",
                                       "out/tica_dynamics", "out/total"};
    for (size_t i = 0; i < sizeof outs / sizeof *outs; i++) oracle_compare(o, outs[i], values[i], 1);
    oracle_compare(o, "grad/x_pred", oracle_gradient(o, x), km_numel(x));
    km_tape_free(o->cx->tape);
    o->cx->tape = NULL;
    compare_part(o, &in, x, "out/tica_hmm", 0);
    compare_part(o, &in, x, "out/tica_population", 1);
    compare_part(o, &in, x, "out/tica_autocorrelation", 2);
}
