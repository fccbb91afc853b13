/* SPDX-License-Identifier: MIT
 * BioKinema's losses and the gradient of their sum. */
#include "lib/train/recipe.h"
#include "tests/oracle/oracle.h"

/* CA atoms by their number among those that are no ligand's, which is what the Markov model counts by. */
static const int32_t *atoms_of(oracle_case *o, const char *name, const int32_t *ca)
{
    km_dim n = oracle_size(o, name, 0);
    const int32_t *number = oracle_ints(o, name);
    int32_t *atom = km_arena_get(o->cx->arena, (size_t)n * sizeof *atom);
    for (km_dim i = 0; i < n; i++) atom[i] = ca[number[i]];
    return atom;
}

static void take_markov(oracle_case *o, const int32_t *ca, km_recipe_markov *m)
{
    *m = (km_recipe_markov){.P = oracle_size(o, "in/msm_pair_indices_i", 0),
                            .D = oracle_size(o, "in/msm_tica_eigenvalues", 0),
                            .K = oracle_size(o, "in/msm_stationary_distribution", 0),
                            .pair_i = atoms_of(o, "in/msm_pair_indices_i", ca),
                            .pair_j = atoms_of(o, "in/msm_pair_indices_j", ca),
                            .mean = oracle_floats(o, "in/msm_tica_mean"),
                            .components = oracle_floats(o, "in/msm_tica_components"),
                            .eigenvalues = oracle_floats(o, "in/msm_tica_eigenvalues"),
                            .centers = oracle_floats(o, "in/msm_cluster_centers"),
                            .log_vars = oracle_floats(o, "in/msm_cluster_log_vars"),
                            .transitions = oracle_floats(o, "in/msm_transition_matrix"),
                            .stationary = oracle_floats(o, "in/msm_stationary_distribution"),
                            .population = oracle_floats(o, "in/msm_traj_population"),
                            .lags = (int)oracle_number(o, "msm_steps_per_frame", 1)};
}

static void take_inputs(oracle_case *o, km_recipe_inputs *in, km_recipe_markov *m)
{
    const km_dim A = oracle_size(o, "in/x_pred", 1);
    const int32_t *ligand = oracle_ints(o, "in/is_ligand"), *dna = oracle_ints(o, "in/is_dna"),
                  *rna = oracle_ints(o, "in/is_rna"), *index = oracle_ints(o, "in/tokatom_index");
    int32_t *nucleic = km_arena_get(o->cx->arena, (size_t)A * sizeof *nucleic),
            *traced = km_arena_get(o->cx->arena, (size_t)A * sizeof *traced),
            *ca = km_arena_get(o->cx->arena, (size_t)A * sizeof *ca), n = 0;
    for (km_dim a = 0; a < A; a++) {
        nucleic[a] = dna[a] || rna[a];
        traced[a] = ligand[a] || index[a] == 1;
        if (!ligand[a] && index[a] == 1) ca[n++] = (int32_t)a;
    }
    take_markov(o, ca, m);
    *in = (km_recipe_inputs){.T = oracle_size(o, "in/x_pred", 0),
                             .A = A,
                             .n_bonds = oracle_size(o, "in/bonds_polymer_ligand", 0),
                             .n_lig_bonds = oracle_size(o, "in/bonds_ligand", 0),
                             .x_true = oracle_floats(o, "in/x_true"),
                             .sigma = oracle_floats(o, "in/sigma"),
                             .mask = oracle_floats(o, "in/coordinate_mask"),
                             .is_ligand = ligand,
                             .is_nucleic = nucleic,
                             .token = oracle_ints(o, "in/atom_to_token"),
                             .is_traced = traced,
                             .bonds = oracle_ints(o, "in/bonds_polymer_ligand"),
                             .lig_bonds = oracle_ints(o, "in/bonds_ligand"),
                             .opt_markov = m,
                             .sigma_data = oracle_number(o, "sigma_data", 16),
                             .acf_lags = (int)oracle_number(o, "max_acf_lag", 5)};
}

static double weight(const oracle_case *o, bool ensemble, const char *key)
{
    return oracle_number(o, "alpha_diffusion", 0) * (ensemble ? oracle_number(o, "alpha_ensemble", 0) : 1) *
           (key ? oracle_number(o, key, 0) : 1);
}

static void compare_one(oracle_case *o, const char *name, double value)
{
    float x = (float)value;
    oracle_compare(o, name, &x, 1);
}

void oracle_biokinema_losses(oracle_case *o)
{
    static const char *const outs[KM_RECIPE_TERMS] = {
        "out/mse", "out/smooth_lddt", "out/bond", "out/lig_bond", "out/center", "out/rmsf", "out/rel_rmsf",
        "out/local_rmsf", "out/velocity", "out/acf", "out/tica_hmm", "out/tica_population", "out/tica_autocorrelation"};
    static const char *const keys[KM_RECIPE_HMM] = {NULL, "smooth_lddt", "alpha_bond", "alpha_lig_bond", "alpha_center",
                                                    "alpha_rmsf", "alpha_rel_rmsf", "alpha_local_rmsf",
                                                    "alpha_velocity", "alpha_acf"};
    static const char *const parts[] = {"tica_weight_transition", "tica_weight_population",
                                        "tica_weight_autocorrelation"};
    km_recipe_markov m;
    km_recipe_inputs in;
    double weights[KM_RECIPE_TERMS], values[KM_RECIPE_TERMS], dynamics = 0;
    take_inputs(o, &in, &m);
    for (int i = 0; i < KM_RECIPE_HMM; i++) weights[i] = weight(o, i >= KM_RECIPE_RMSF, keys[i]);
    for (int i = KM_RECIPE_HMM; i < KM_RECIPE_TERMS; i++)
        weights[i] = weight(o, true, "alpha_tica_dynamics") * oracle_number(o, parts[i - KM_RECIPE_HMM], 0);
    float *grad = km_arena_get(o->cx->arena, (size_t)(in.T * in.A * 3) * sizeof *grad);
    double total = km_recipe_losses(&in, weights, oracle_floats(o, "in/x_pred"), values, grad);
    for (int i = 0; i < KM_RECIPE_TERMS; i++) compare_one(o, outs[i], values[i]);
    for (int i = 0; i < 3; i++) dynamics += oracle_number(o, parts[i], 0) * values[KM_RECIPE_HMM + i];
    compare_one(o, "out/tica_dynamics", dynamics);
    compare_one(o, "out/total", total);
    oracle_compare(o, "grad/x_pred", grad, in.T * in.A * 3);
}
